import { UsageError } from "../errors.ts";

/**
 * How many of all are allowed: a number, or a share.
 *
 * @example
 * ```ts
 * import { Allowance } from "./allowance.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const parse = (text: string) => Allowance.parse(text, "--most", "a number");
 * assertEquals(parse("20%").of(1_000), 200);
 * assertEquals(parse("7").of(1_000), 7);
 * assertEquals(parse("0").isNothing, true);
 * ```
 */
export class Allowance {
  /** The number or the share as it was given. */
  readonly text: string;
  /** Whether it is a share. */
  readonly isShare: boolean;
  readonly #number: number;

  private constructor(text: string, isShare: boolean, number: number) {
    this.text = text;
    this.isShare = isShare;
    this.#number = number;
  }

  /**
   * Reads an allowance.
   *
   * @param text `N`, or `N%`.
   * @param rule What is said that it must be.
   * @throws {UsageError} When it is neither.
   */
  static parse(text: string, flag: string, rule: string): Allowance {
    const share = /^([0-9]{1,3}(?:\.[0-9]+)?)%$/.exec(text);
    if (share !== null && Number(share[1]) <= 100) {
      return new Allowance(text, true, Number(share[1]) / 100);
    }
    if (/^[0-9]{1,15}$/.test(text)) {
      return new Allowance(text, false, Number(text));
    }
    throw new UsageError(
      `Cannot parse ${flag} ${JSON.stringify(text)}: must be ${rule}`,
      flag,
    );
  }

  /** Whether it is nothing, whatever there is. */
  get isNothing(): boolean {
    return this.#number === 0;
  }

  /** How many of so many. */
  of(all: number): number {
    return this.isShare
      ? Math.floor(this.#number * all)
      : Math.min(this.#number, all);
  }
}
