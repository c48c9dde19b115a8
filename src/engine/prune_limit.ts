import { UsageError } from "../errors.ts";

/** The limit where none is given. */
const DEFAULT = "20%";

/**
 * How many stale keys may be deleted: a number, or a share of what matches.
 *
 * @example
 * ```ts
 * import { PruneLimit } from "./prune_limit.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(PruneLimit.parse("20%").of(1_000), 200);
 * assertEquals(PruneLimit.parse("7").of(1_000), 7);
 * assertEquals(PruneLimit.parse("0").isNothing, true);
 * ```
 */
export class PruneLimit {
  /** The limit as it was given. */
  readonly text: string;
  readonly #count: number;
  readonly #share: number;

  private constructor(text: string, count: number, share: number) {
    this.text = text;
    this.#count = count;
    this.#share = share;
  }

  /**
   * Reads a limit.
   *
   * @param text `N`, or `N%` of the keys that match; 20% by default.
   * @throws {UsageError} When it is neither.
   */
  static parse(text: string = DEFAULT): PruneLimit {
    const share = /^([0-9]{1,3}(?:\.[0-9]+)?)%$/.exec(text);
    if (share !== null && Number(share[1]) <= 100) {
      return new PruneLimit(text, Infinity, Number(share[1]) / 100);
    }
    if (/^[0-9]{1,15}$/.test(text)) {
      return new PruneLimit(text, Number(text), 1);
    }
    throw new UsageError(
      `Cannot parse --prune-limit ${JSON.stringify(text)}: must be a whole ` +
        "number of keys, or a share such as 20%",
      "--prune-limit",
    );
  }

  /** Whether nothing is to be deleted, whatever there is. */
  get isNothing(): boolean {
    return this.#count === 0 || this.#share === 0;
  }

  /** How many of so many keys may be deleted. */
  of(matching: number): number {
    return Math.min(this.#count, Math.floor(this.#share * matching));
  }
}
