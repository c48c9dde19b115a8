import type { Summary } from "../engine/summary.ts";
import { StoppedError, UsageError } from "../errors.ts";
import { reasonOf } from "../transport/reason.ts";
import { isSameFile } from "../transport/same_file.ts";
import { formatMetrics, lastSuccessIn } from "./metrics.ts";

/** Where metrics go, and under which name. */
export interface MetricsOptions {
  /** The file's path. */
  readonly path: string;
  /** What the series are called. */
  readonly job: string;
}

/**
 * A file of metrics that is replaced as a whole, so that whoever reads it sees
 * one load or the next one.
 *
 * The file beside it, which becomes it, is made at once: a path that cannot be
 * written is found before anything is sent.
 */
export class MetricsFile {
  readonly #options: MetricsOptions;
  readonly #made: string;
  readonly #lastSuccess: number | undefined;

  /**
   * Looks at the file before, and makes the one that will replace it.
   *
   * @param options Where.
   * @param inputs Paths that must not be replaced.
   * @throws {UsageError} When it cannot be written, or is an input.
   */
  constructor(options: MetricsOptions, inputs: readonly string[]) {
    const { path, job } = this.#options = options;
    this.#made = `${path}.tmp`;
    if (inputs.some((input) => isSameFile(path, input))) {
      throw new UsageError(
        `Cannot write metrics to ${path}: it is an input file`,
        "--metrics",
      );
    }
    try {
      this.#lastSuccess = lastSuccessIn(readIfThere(path), job);
      Deno.writeTextFileSync(this.#made, "");
    } catch (error) {
      const files = `${path},${this.#made}`;
      throw new UsageError(
        `Cannot write --metrics ${path}: ` +
          reasonOf(error, `--allow-read=${files} --allow-write=${files}`),
        "--metrics",
      );
    }
  }

  /**
   * Writes the metrics.
   *
   * @param summary The counts.
   * @param exitCode How the load ended.
   * @throws {StoppedError} When they cannot be written.
   */
  write(summary: Summary, exitCode: number): void {
    const { path, job } = this.#options;
    try {
      const text = formatMetrics({
        job,
        exitCode,
        data: summary.toJSON(),
        lastSuccess: this.#lastSuccess,
      });
      Deno.writeTextFileSync(this.#made, text);
      Deno.renameSync(this.#made, path);
    } catch (error) {
      const files = `${path},${this.#made}`;
      throw new StoppedError(
        `Cannot write --metrics ${path}: ` +
          reasonOf(error, `--allow-read=${files} --allow-write=${files}`),
      );
    }
  }
}

/** The text of a file; empty where there is none. */
function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
