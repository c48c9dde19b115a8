import { UsageError } from "../errors.ts";
import { areRepeatable } from "../protocol/command_traits.ts";
import { isSameFile } from "../transport/same_file.ts";
import type { Source } from "../transport/source.ts";
import { StateFile } from "../transport/state_file.ts";
import type { HeaderLine, Validator } from "../transport/url_source.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { counted } from "./counted.ts";
import type { RowOptions } from "./row_plan.ts";
import {
  compareSource,
  markOf,
  type SourceComparison,
  type SourceMark,
  watchContent,
} from "./source_mark.ts";
import type { Summary } from "./summary.ts";

/** The version of what stands in the file. */
const VERSION = 1;

/** A file of rejects, and how much of it belongs to the checkpoint. */
export interface KeptFile {
  /** Its path. */
  readonly path: string;
  /** Its size then, in bytes. */
  readonly size: number;
}

/** What a load is known by. */
export interface LoadFingerprint {
  readonly template: RowOptions["commands"];
  readonly reading: Record<string, unknown>;
  readonly sources: readonly SourceMark[];
}

/** What stands in the file. */
interface StateData extends LoadFingerprint {
  readonly respipe: "state of a load";
  readonly version: number;
  /** Running, too, where the process was killed. */
  readonly status: "running" | "stopped" | "complete";
  /** Whether the whole input is in, and all that was asked for is done. */
  readonly hasSucceeded: boolean;
  readonly savedAt: string;
  /** What the sources' contents are known by, where that was asked for. */
  readonly validators?: readonly (Validator | null)[] | undefined;
  /** The first record that is not committed; none where none was. */
  readonly next: Checkpoint | null;
  /** Of this load, earlier runs included. */
  readonly loaded: number;
  readonly rejected: number;
  /** Records behind `next` that may be in. */
  readonly unknown: number;
  readonly rejects: readonly KeptFile[];
}

/** What a load is, as far as going on with it is concerned. */
interface LoadIdentity {
  /** Paths of the sources; `-` is standard input. */
  readonly sources: readonly string[];
  /** How they are read, and what rows become. */
  readonly rows: RowOptions;
  /** Whether records may be sent again that may be in. */
  readonly atLeastOnce: boolean;
}

/**
 * The state of a load in a file: how far it got, so that the same command goes
 * on from there, after any ending.
 *
 * What is told apart: a load that is complete or was never begun (it begins
 * anew); one that stopped, or was killed (it goes on); and one of other sources
 * or another template (a mistake, and nothing is sent).
 */
export class LoadState {
  /** Where to go on; nothing where the load begins at the start. */
  readonly from: Checkpoint | undefined;
  /** Files with the rejects of earlier runs, which are kept. */
  readonly rejects: readonly KeptFile[];
  /** Records that earlier runs have loaded. */
  readonly loaded: number;
  /** Records that earlier runs have rejected. */
  readonly rejected: number;
  /** Says from where the load goes on. */
  readonly sentence: string | undefined;
  readonly #file: StateFile;
  readonly #load: LoadIdentity;
  readonly #is: LoadFingerprint;
  readonly #earlier: StateData | undefined;
  #validators: (Validator | null)[] | undefined;
  #last: Pick<StateData, "next" | "rejects">;

  private constructor(
    file: StateFile,
    load: LoadIdentity,
    is: LoadFingerprint,
    found: StateData | undefined,
    earlier: StateData | undefined,
  ) {
    this.#file = file;
    this.#load = load;
    this.#is = is;
    this.#earlier = found;
    // Sources that were read before are not read again.
    this.#validators = earlier?.validators && [...earlier.validators];
    this.from = earlier?.next ?? undefined;
    this.rejects = earlier?.rejects ?? [];
    this.loaded = earlier?.loaded ?? 0;
    this.rejected = earlier?.rejected ?? 0;
    this.#last = { next: this.from ?? null, rejects: this.rejects };
    if (this.from === undefined) return;
    const { source, line } = this.from;
    const settled = this.loaded + this.rejected;
    this.sentence = `Going on at ${is.sources[source].name}:${line}, as ` +
      `${file.path} says: ${counted(settled, "record")} before it ` +
      `${settled === 1 ? "is" : "are"} settled already`;
  }

  /**
   * Reads the state, where there is one, and compares it with the load.
   *
   * @param load The load that is to go on.
   * @returns The state, with where to go on.
   * @throws {LockedError} When another process uses the file.
   * @throws {UsageError} When the file is none of this kind or cannot be
   * written, when the load is another one, or when going on might do harm.
   */
  static open(path: string, load: LoadIdentity): LoadState {
    for (const source of load.sources) {
      if (!isSameFile(source, path)) continue;
      throw new UsageError(
        `Cannot use --state ${path}: it is an input file`,
        "--state",
      );
    }
    const is = takeFingerprint(load);
    const file = new StateFile(path, "--state");
    file.hold();
    const text = file.read();
    const earlier = text === undefined ? undefined : parse(text, path);
    const isKept = earlier !== undefined && mayGoOn(earlier, is, load, path);
    return new LoadState(file, load, is, earlier, isKept ? earlier : undefined);
  }

  /**
   * Compares the sources with those of the last load, if that has succeeded.
   *
   * @param headers What to send with the request for a URL.
   * @returns What was found, up to the first source that is not the same.
   * @throws {InputError} When a source cannot be read or reached.
   */
  async compare(headers?: readonly HeaderLine[]): Promise<SourceComparison[]> {
    const is = this.#is;
    const then = this.#earlier?.hasSucceeded ? this.#earlier : undefined;
    const [other] = then === undefined ? [] : differencesOf(then, {
      ...is,
      // Of the sources themselves only which they are.
      sources: is.sources.map((mark, i) => {
        const was = then.sources[i];
        return was?.name === mark.name ? was : mark;
      }),
    });
    if (other !== undefined) {
      return [{ source: is.sources[0].name, result: "changed", by: other }];
    }
    const found: SourceComparison[] = [];
    for (const [i, path] of this.#load.sources.entries()) {
      const kept = then && {
        mark: then.sources[i],
        validator: then.validators?.[i],
      };
      const one = await compareSource(path, is.sources[i], kept, headers);
      found.push(one);
      if (one.result !== "same") break;
    }
    return found;
  }

  /**
   * Keeps, too, what a source's content is known by, once it has been read.
   *
   * @param source The source, of which nothing was read.
   * @param index Which of the sources it is.
   * @returns What to read instead.
   */
  watch(source: Source, index: number): Promise<Source> {
    const validators = this.#validators ??= this.#is.sources.map(() => null);
    return watchContent(source, (validator) => {
      validators[index] = validator;
    });
  }

  /**
   * Saves how far the load is.
   *
   * @param status Whether it goes on.
   * @param summary The counts of this run, taken now.
   * @param checkpoint The place; as before where there is no new one.
   * @param rejects The files with rejects, up to that place.
   * @param hasSucceeded Whether the whole input is in for sure, and all else is
   * done.
   * @throws {StoppedError} When it cannot be saved.
   */
  async save(
    status: StateData["status"],
    { loaded, rejected, unknown }: Summary,
    checkpoint: Checkpoint | undefined,
    rejects: readonly KeptFile[],
    hasSucceeded: boolean,
  ): Promise<void> {
    if (checkpoint !== undefined) this.#last = { next: checkpoint, rejects };
    const data: StateData = {
      respipe: "state of a load",
      version: VERSION,
      status,
      hasSucceeded,
      savedAt: new Date().toISOString(),
      ...this.#is,
      validators: this.#validators,
      ...this.#last,
      loaded: this.loaded + loaded,
      rejected: this.rejected + rejected,
      unknown,
    };
    await this.#file.write(`${JSON.stringify(data, undefined, 2)}\n`);
  }

  /** Lets another process use the file. */
  close(): void {
    this.#file.release();
  }
}

/**
 * Takes down what a load is.
 *
 * @param load Its sources, and what rows become.
 * @returns What another load has to be, too, to be the same.
 */
export function takeFingerprint(
  { rows: { commands, ...rows }, sources }: Pick<
    LoadIdentity,
    "sources" | "rows"
  >,
): LoadFingerprint {
  return {
    template: commands,
    reading: readingOf(rows),
    sources: sources.map(markOf),
  };
}

/** What decides how records are found, and not how many or how fast. */
function readingOf(rows: Omit<RowOptions, "commands">): StateData["reading"] {
  const { limit: _, coalesce: __, maxRecord: ___, from: ____, ...reading } =
    rows;
  // As it comes back from the file, without what is undefined.
  return JSON.parse(JSON.stringify(reading));
}

function parse(text: string, path: string): StateData {
  let data: StateData | undefined;
  try {
    data = JSON.parse(text);
  } catch {
    // Said below.
  }
  if (data?.respipe === "state of a load" && data.version === VERSION) {
    return data;
  }
  throw new UsageError(
    `Cannot use --state ${path}: it is not the state of a load that this ` +
      "version of respipe has written; name another file, or remove it",
    "--state",
  );
}

/** Whether a load goes on where an earlier one ended, or begins anew. */
function mayGoOn(
  earlier: StateData,
  is: LoadFingerprint,
  { rows, atLeastOnce }: LoadIdentity,
  path: string,
): boolean {
  const { status, next, unknown } = earlier;
  if (status === "complete") return false;
  const isDoubtful = status === "running" || unknown > 0;
  const mayRepeat = areRepeatable(rows.commands) || atLeastOnce;
  if (next === null && (mayRepeat || !isDoubtful)) return false;
  const differences = differencesOf(earlier, is);
  const where = next === null
    ? ""
    : ` at ${earlier.sources[next.source].name}:${next.line}`;
  if (differences.length > 0) {
    throw new UsageError(
      `Cannot go on${where}, where --state ${path} says: ` +
        `${differences.join("; ")}; to begin anew, remove ${path}`,
      "--state",
    );
  }
  if (mayRepeat || !isDoubtful) return true;
  const [name] = rows.commands[0];
  throw new UsageError(
    `Cannot go on${where}, where --state ${path} says: the last run ` +
      `${status === "running" ? "was killed" : "ended early"}, and ` +
      `records behind that may be in already, which ${name} would put in ` +
      "twice; --at-least-once allows that",
    "--state",
  );
}

/**
 * Compares a load with an earlier one.
 *
 * @returns What was otherwise, in a few words each.
 */
export function differencesOf(
  then: LoadFingerprint,
  now: LoadFingerprint,
): string[] {
  const found: string[] = [];
  if (!isEqual(then.template, now.template)) {
    found.push("the command template was another one");
  }
  const names = new Set([
    ...Object.keys(then.reading),
    ...Object.keys(now.reading),
  ]);
  for (const name of names) {
    const [one, other] = [then.reading[name], now.reading[name]];
    if (isEqual(one, other)) continue;
    const was = one === undefined ? "not given" : JSON.stringify(one);
    found.push(`${name} was ${was}`);
  }
  const files = (marks: readonly SourceMark[]): string =>
    marks.map(({ name }) => name).join(" ");
  if (files(then.sources) !== files(now.sources)) {
    return [...found, `the input was ${files(then.sources)}`];
  }
  for (const [i, one] of then.sources.entries()) {
    const other = now.sources[i];
    if (isEqual(one, other)) continue;
    const { name, size } = one;
    const how = size === null || other.size === null
      ? "was not a file then, or is none now"
      : size !== other.size
      ? `had ${counted(size, "byte")}, and has ${counted(other.size, "byte")}`
      : !isEqual(one.head, other.head)
      ? "begins with other bytes"
      : `was changed at ${other.modified}`;
    found.push(`${name} ${how}`);
  }
  return found;
}

function isEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
