import { UsageError } from "../errors.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { counted } from "./counted.ts";
import { differencesOf, type LoadFingerprint } from "./load_state.ts";

/** A place in one of the sources. */
export type SourcePlace = Pick<Checkpoint, "source" | "records" | "line">;

/** What the value says. */
export interface OnceData extends LoadFingerprint {
  readonly respipe: "exactly once";
  readonly version: 1;
  /** Records that were settled in front of `from`. */
  readonly loaded: number;
  readonly rejected: number;
  /** In front of the last transaction; none at the very beginning. */
  readonly from: Checkpoint | null;
  /** Behind it, where nothing is known to be settled but by it. */
  readonly next: SourcePlace | null;
  readonly note: unknown;
}

/**
 * The most bytes of what stays the same: a value of 1 MiB is read whole, and
 * there is room for places and notes.
 */
const LONGEST_HEAD = 960 * 1024;

/**
 * The value of the key of `--exactly-once`: JSON that says which load it is of,
 * and how far that is.
 */
export class OnceValue {
  readonly #key: string;
  readonly #is: LoadFingerprint;
  /** What it begins with: all that stays the same. */
  readonly #head: string;

  /**
   * Makes the constant part.
   *
   * @param key The key's name.
   * @param is What the load is known by.
   * @throws {UsageError} When that is too much for a value.
   */
  constructor(key: string, is: LoadFingerprint) {
    this.#key = key;
    this.#is = is;
    const head = { respipe: "exactly once", version: 1, ...is };
    this.#head = JSON.stringify(head).slice(0, -1);
    const { length } = new TextEncoder().encode(this.#head);
    if (length <= LONGEST_HEAD) return;
    throw new UsageError(
      `Cannot use --exactly-once ${key}: what ` +
        `${counted(is.sources.length, "source")} are known by does not fit ` +
        "into it; give fewer of them at once",
      "--exactly-once",
    );
  }

  /** Writes how far the load is. */
  write(
    rest: Omit<OnceData, keyof LoadFingerprint | "respipe" | "version">,
  ): string {
    return `${this.#head},${JSON.stringify(rest).slice(1)}`;
  }

  /**
   * Reads a value.
   *
   * @param text The value; an empty one is that of a load that has just begun.
   * @returns What it says.
   * @throws {UsageError} When it is something else, or another load's.
   */
  read(text: string): OnceData | undefined {
    if (text === "") return undefined;
    let data: OnceData | undefined;
    try {
      data = JSON.parse(text);
    } catch {
      // Said below.
    }
    if (data?.respipe !== "exactly once" || data.version !== 1) {
      throw new UsageError(
        `Cannot use --exactly-once ${this.#key}: what is in it was not ` +
          "written by this version of respipe; name another key",
        "--exactly-once",
      );
    }
    const differences = differencesOf(data, this.#is);
    if (differences.length === 0) return data;
    const { next } = data;
    const where = next === null
      ? ""
      : ` at ${data.sources[next.source].name}:${next.line}`;
    throw new UsageError(
      `Cannot go on${where}, where the key ${this.#key} says: ` +
        `${differences.join("; ")}; to begin anew, delete the key`,
      "--exactly-once",
    );
  }
}

/** Whether a place comes before another one. */
export function isBefore(
  one: Pick<SourcePlace, "source" | "records">,
  other: Pick<SourcePlace, "source" | "records">,
): boolean {
  return one.source < other.source ||
    one.source === other.source && one.records < other.records;
}
