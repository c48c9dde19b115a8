import { UsageError } from "../errors.ts";
import type { LoadEnd } from "./load_end.ts";
import type { Summary } from "./summary.ts";
import type { Wait } from "./wait.ts";

/** Into how many batches the records of a second are cut. */
const BATCHES = 20;

/**
 * How much of what was missed while the server or the input was slow may be made
 * up for at once, in ms.
 */
const MADE_UP = 1_000;

/** Reads so many records a second, evenly. */
export class Rate implements LoadEnd {
  /** Records that a batch may have. */
  readonly mostRecords: number;
  readonly #perMs: number;
  readonly #summary: Summary;
  readonly #wait: Wait;
  /** When the first record would have been read, had all been on time. */
  #began: number | undefined;

  /**
   * Begins with the first batch.
   *
   * @throws {UsageError} When the rate is none.
   */
  constructor(rate: number, summary: Summary, wait: Wait) {
    if (!Number.isSafeInteger(rate) || rate < 1) {
      throw new UsageError(
        `Cannot use --rate ${rate}: must be 1 record a second or more`,
        "--rate",
      );
    }
    this.mostRecords = Math.max(1, Math.floor(rate / BATCHES));
    this.#perMs = rate / 1000;
    this.#summary = summary;
    this.#wait = wait;
  }

  beforeBatch(): Promise<void> | undefined {
    const now = performance.now();
    const took = this.#summary.records / this.#perMs;
    const began = Math.max(this.#began ?? now, now - took - MADE_UP);
    this.#began = began;
    const left = began + took - now;
    return left > 0 ? this.#wait.pause(left) : undefined;
  }
}
