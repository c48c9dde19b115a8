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
   * Judges an error reply.
   *
   * @param reject The record that it answered.
   * @returns Why the load should stop, if it should.
   */
  judge(reject: Reject): StoppedError | undefined {
    const stopping = stoppingError(reject.error, this.#sameShape);
    if (stopping === undefined) return this.judgeCounts();
    return new StoppedError(
      `Stopped at ${reject.source}:${reject.line}: the server answered ` +
        `${JSON.stringify(reject.error)}: ${stopping.advice}`,
      reject.error,
    );
  }

  /**
   * Judges how many rejects there are.
   *
   * @returns Why the load should stop, if it should.
   */
  judgeCounts(): StoppedError | undefined {
    const { loaded, rejected } = this.#summary;
    if (!this.#limit?.isExceeded(rejected, loaded + rejected)) return undefined;
    return new StoppedError(
      `Stopped: ${formatCount(rejected)} of the first ` +
        `${counted(loaded + rejected, "record")} were ` +
        `rejected, more than --max-errors ${this.#limit.text} allows`,
    );
  }
}
