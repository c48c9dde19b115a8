import { UsageError } from "../errors.ts";

/** Records before a share of rejects means something. */
const LEAST_RECORDS = 1000;

/**
 * How many rejects are too many: a number, or a share of the records so far.
 *
 * @example
 * ```ts
 * import { ErrorLimit } from "./error_limit.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(ErrorLimit.parse("10").isCountExceeded(11), true);
 * assertEquals(ErrorLimit.parse("1%").isShareExceeded(11, 999), false);
 * assertEquals(ErrorLimit.parse("1%").isShareExceeded(11, 1000), true);
 * ```
 */
export class ErrorLimit {
  /** The limit as the user wrote it. */
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
   * @param text `N`, or `N%` of the records so far, judged from 1,000 on.
   * @returns The limit.
   * @throws {UsageError} When it is neither.
   */
  static parse(text: string): ErrorLimit {
    const share = /^([0-9]{1,3}(?:\.[0-9]+)?)%$/.exec(text);
    if (share !== null && Number(share[1]) <= 100) {
      return new ErrorLimit(text, Infinity, Number(share[1]) / 100);
    }
    if (/^[0-9]{1,15}$/.test(text)) {
      return new ErrorLimit(text, Number(text), Infinity);
    }
    throw new UsageError(
      `Cannot parse --max-errors ${JSON.stringify(text)}: must be a whole ` +
        "number, or a share such as 0.5%",
      "--max-errors",
    );
  }

  /**
   * Judges a number of rejects.
   *
   * @param rejected Records rejected so far.
   * @returns Whether they are more than allowed; never where a share is.
   */
  isCountExceeded(rejected: number): boolean {
    return rejected > this.#count;
  }

  /**
   * Judges a share of rejects.
   *
   * @param rejected How many records were rejected.
   * @param records Of how many whose fate is known.
   * @returns Whether they are more than allowed; never where a number is.
   */
  isShareExceeded(rejected: number, records: number): boolean {
    return records >= LEAST_RECORDS && rejected / records > this.#share;
  }
}
