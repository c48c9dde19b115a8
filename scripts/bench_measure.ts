import { findProgram } from "./find_program.ts";

/** What one run of a shell line took. */
export interface Measured {
  /** From the start to the exit, in ms. */
  wall: number;
  /** User and system time of all its processes, in s. */
  cpu?: number;
  /** The largest peak of memory among its processes, in bytes. */
  memory?: number;
}

const decoder = new TextDecoder();

/** Runs shell lines and measures them; with GNU time where that is there. */
export class Meter {
  readonly #time: string | undefined;
  readonly #report: string;

  private constructor(time: string | undefined, report: string) {
    this.#time = time;
    this.#report = report;
  }

  /**
   * Looks for GNU time.
   *
   * @param folder A folder for its report
   * @returns The meter
   */
  static async find(folder: string): Promise<Meter> {
    // The one of BSD and macOS knows no --version.
    const time = await findProgram("/usr/bin/time", "gtime");
    return new Meter(time, `${folder}/time`);
  }

  /**
   * Runs a line to its end.
   *
   * @param line What `sh -c` takes; of a single program with `exec` in front,
   * so that the shell is no part of what is measured
   * @param env Variables to set
   * @returns What it took
   * @throws {Error} Where it does not exit with 0
   */
  async run(
    line: string,
    env: Record<string, string> = {},
  ): Promise<Measured> {
    const words = ["sh", "-c", line];
    const [program, ...args] = this.#time === undefined
      ? words
      : [this.#time, "-f", "%U %S %M", "-o", this.#report, ...words];
    const start = performance.now();
    const { code, stderr } = await new Deno.Command(program, {
      args,
      env,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    const wall = performance.now() - start;
    if (code !== 0) {
      const said = decoder.decode(stderr).trim();
      throw new Error(`Cannot run ${line}: exit code ${code}; ${said}`);
    }
    if (this.#time === undefined) return { wall };
    const [user, system, kilobytes] = (await Deno.readTextFile(this.#report))
      .trim().split(" ").map(Number);
    return { wall, cpu: user + system, memory: kilobytes * 1024 };
  }
}

/**
 * Finds the middle one of some figures.
 *
 * @param values The figures, at least one
 * @returns The median; with an even number of them the mean of the middle two
 */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[half]
    : (sorted[half - 1] + sorted[half]) / 2;
}
