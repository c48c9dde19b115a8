import { StoppedError, UsageError } from "../errors.ts";
import { counted, formatCount } from "./counted.ts";
import type { Summary } from "./summary.ts";

/** Records before a share of rejects means something. */
const LEAST_RECORDS = 1000;

/** The counts that a limit judges: those of records that are committed. */
type Counts = Pick<Summary, "loaded" | "rejected">;

/** How many rejects are too many: a number, or a share of the records. */
export class ErrorLimit {
  readonly #text: string;
  readonly #count: number;
  readonly #share: number;

  private constructor(text: string, count: number, share: number) {
    this.#text = text;
    this.#count = count;
    this.#share = share;
  }

  /**
   * Reads a limit.
   *
   * @param text `N`, or `N%` of the records; without it there is no limit.
   * @throws {UsageError} When it is neither.
   */
  static parse(text: string | undefined): ErrorLimit {
    if (text === undefined) return new ErrorLimit("", Infinity, Infinity);
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
    const records = loaded + rejected;
    const isEnough = records >= LEAST_RECORDS || isEnd;
    if (
      rejected <= this.#count &&
      !(isEnough && rejected > this.#share * records)
    ) return undefined;
    const of = isEnd ? "" : "the first ";
    return new StoppedError(
      `${isEnd ? "Too many rejects" : "Stopped"}: ${
        formatCount(rejected)
      } of ` +
        `${of}${counted(records, "record")} were rejected, more than ` +
        `--max-errors ${this.#text} allows`,
    );
  }
}
