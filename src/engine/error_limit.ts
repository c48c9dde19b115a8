import { StoppedError } from "../errors.ts";
import { Allowance } from "./allowance.ts";
import { counted, formatCount } from "./counted.ts";
import type { Summary } from "./summary.ts";

/** Records before a share of rejects means something. */
const LEAST_RECORDS = 1000;

/** The counts that a limit judges: those of records that are committed. */
type Counts = Pick<Summary, "loaded" | "rejected">;

/** How many rejects are too many: a number, or a share of the records. */
export class ErrorLimit {
  readonly #allowed: Allowance | undefined;

  private constructor(allowed: Allowance | undefined) {
    this.#allowed = allowed;
  }

  /**
   * Reads a limit.
   *
   * @param text `N`, or `N%` of the records; without it there is no limit.
   * @throws {UsageError} When it is neither.
   */
  static parse(text: string | undefined): ErrorLimit {
    const rule = "a whole number, or a share such as 0.5%";
    return new ErrorLimit(
      text === undefined
        ? undefined
        : Allowance.parse(text, "--max-errors", rule),
    );
  }

  /**
   * Judges the records that are committed so far.
   *
   * @param isEnd Whether they are all: a share is judged before only where it
   * means something.
   * @returns Why the load should stop, or has failed; nothing where it should
   * not.
   */
  judge(
    { loaded, rejected }: Counts,
    isEnd: boolean,
  ): StoppedError | undefined {
    const allowed = this.#allowed;
    const records = loaded + rejected;
    if (allowed === undefined || rejected <= allowed.of(records)) {
      return undefined;
    }
    if (allowed.isShare && records < LEAST_RECORDS && !isEnd) return undefined;
    const of = isEnd ? "" : "the first ";
    return new StoppedError(
      `${isEnd ? "Too many rejects" : "Stopped"}: ${
        formatCount(rejected)
      } of ` +
        `${of}${counted(records, "record")} were rejected, more than ` +
        `--max-errors ${allowed.text} allows`,
    );
  }
}
