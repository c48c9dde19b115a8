/** Places that are kept for each kind of error. */
const PLACES = 3;
/** Kinds that are told apart; further ones are counted together. */
const MOST_KINDS = 100;
/** What the kinds past {@linkcode MOST_KINDS} are counted as. */
const OTHERS = "other errors";

/** One kind of error: how often it came, and where first. */
export interface ErrorKind {
  /** The server's or the reader's text, the first of its kind. */
  error: string;
  /** How many records or commands it hit. */
  count: number;
  /** The first places, as `file:line`, or as the command's ordinal. */
  first: string[];
}

/**
 * Counts errors by kind, so that two million of one kind are one line.
 *
 * @example
 * ```ts
 * import { ErrorTally } from "./error_tally.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const tally = new ErrorTally();
 * tally.add("ERR no such key 'a'", "f.csv:2");
 * tally.add("ERR no such key 'b'", "f.csv:9");
 * assertEquals(tally.kinds(), [
 *   { error: "ERR no such key 'a'", count: 2, first: ["f.csv:2", "f.csv:9"] },
 * ]);
 * ```
 */
export class ErrorTally {
  readonly #kinds = new Map<string, ErrorKind>();

  /**
   * Counts one error.
   *
   * @param error Its text. What stands in quotes in it, and numbers, do not
   * make a kind of its own.
   * @param place Where it happened.
   * @returns How many of its kind there are now.
   */
  add(error: string, place: string): number {
    const key = error.replace(/'[^']*'|"[^"]*"|\d+/g, "?");
    const kind = this.#kinds.get(key) ?? this.#begin(key, error);
    kind.count++;
    if (kind.first.length < PLACES) kind.first.push(place);
    return kind.count;
  }

  /**
   * Lists what was counted.
   *
   * @returns The kinds in the order in which they first appeared.
   */
  kinds(): ErrorKind[] {
    return [...this.#kinds.values()];
  }

  #begin(key: string, error: string): ErrorKind {
    if (this.#kinds.size >= MOST_KINDS) {
      [key, error] = [OTHERS, OTHERS];
      const others = this.#kinds.get(OTHERS);
      if (others !== undefined) return others;
    }
    const kind: ErrorKind = { error: error.trimEnd(), count: 0, first: [] };
    this.#kinds.set(key, kind);
    return kind;
  }
}
