import { StoppedError } from "../errors.ts";
import { counted, formatCount } from "./counted.ts";
import { stoppingError } from "./error_kind.ts";
import type { ErrorLimit } from "./error_limit.ts";
import type { Reject } from "./reject.ts";
import type { Summary } from "./summary.ts";

/** Decides when going on is pointless, or not wanted. */
export class StopRule {
  readonly #summary: Summary;
  readonly #limit: ErrorLimit | undefined;
  readonly #sameShape: boolean;
  /** Records of the batches that are wholly answered. */
  #settled = 0;
  #settledRejects = 0;

  /**
   * Makes a rule.
   *
   * @param summary The counts to judge.
   * @param limit How many rejects are too many; none: any number is fine.
   * @param sameShape Whether every record makes commands with as many
   * arguments.
   */
  constructor(
    summary: Summary,
    limit: ErrorLimit | undefined,
    sameShape: boolean,
  ) {
    this.#summary = summary;
    this.#limit = limit;
    this.#sameShape = sameShape;
  }

  /**
   * Tells whether an error would hit every record.
   *
   * @param error The server's text.
   * @returns Whether going on would be pointless.
   */
  isStopping(error: string): boolean {
    return stoppingError(error, this.#sameShape) !== undefined;
  }

  /**
   * Judges an error reply.
   *
   * @param reject The record that it answered.
   * @returns Why the load should stop, if it should.
   */
  judge(reject: Reject): StoppedError | undefined {
    const stopping = stoppingError(reject.error, this.#sameShape);
    if (stopping === undefined) return this.#judgeCount();
    return new StoppedError(
      `Stopped at ${reject.source}:${reject.line}: the server answered ` +
        `${JSON.stringify(reject.error)}: ${stopping.advice}`,
      reject.error,
    );
  }

  /**
   * Judges a batch whose last reply has come.
   *
   * A share is judged by whole batches: within one, rejects are known at once,
   * and what is loaded only in the end.
   *
   * @param records How many records it has.
   * @param rejected How many of them were rejected.
   * @returns Why the load should stop, if it should.
   */
  judgeBatch(records: number, rejected: number): StoppedError | undefined {
    this.#settled += records;
    this.#settledRejects += rejected;
    if (this.#limit?.isShareExceeded(this.#settledRejects, this.#settled)) {
      return this.#tooMany(
        `${formatCount(this.#settledRejects)} of the first ` +
          `${counted(this.#settled, "record")} were rejected`,
      );
    }
    return this.#judgeCount();
  }

  #judgeCount(): StoppedError | undefined {
    const { rejected } = this.#summary;
    if (!this.#limit?.isCountExceeded(rejected)) return undefined;
    return this.#tooMany(`rejects so far: ${formatCount(rejected)}`);
  }

  #tooMany(what: string): StoppedError {
    return new StoppedError(
      `Stopped: ${what}, more than --max-errors ${this.#limit?.text} allows`,
    );
  }
}
