import type { BatchOrigin } from "./batch.ts";
import { StoppedError } from "../errors.ts";
import type { Ledger } from "./ledger.ts";
import { RecordLocator } from "./record_locator.ts";
import type { Summary } from "./summary.ts";
import { verdictOf } from "./verdict.ts";
import type { Wait } from "./wait.ts";

/** What a recovery needs of the load that it belongs to. */
export interface RecoveryOptions {
  /** Where failures are noted and rewinds are marked. */
  readonly ledger: Ledger;
  /** Where rewinds are counted. */
  readonly summary: Summary;
  /** What an error wakes, or ends. */
  readonly wait: Wait;
  /**
   * Whether every record makes commands with as many arguments; see
   * `VerdictContext`.
   */
  readonly sameShape: boolean;
  /** Has rows share no commands any more. */
  stopSharing(): void;
}

/** Acts on error replies: notes them, ends the load, or asks for a rewind. */
export class Recovery {
  readonly #options: RecoveryOptions;
  /** Whether commands that rows share may be sent. */
  mayShare = true;
  /** The error that asks for a rewind. */
  #cause: string | undefined;

  /**
   * Makes a recovery for one load.
   *
   * @param options What it acts on.
   */
  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** Whether a rewind is asked for. */
  get isPending(): boolean {
    return this.#cause !== undefined;
  }

  /**
   * Acts on an error reply at once, whatever the stream waits for: a lane wakes
   * it after each read (I6).
   *
   * @param error The server's text.
   * @param origin Where the shipment with the command comes from.
   * @param command The command's index in the shipment.
   */
  act(error: string, origin: BatchOrigin, command: number): void {
    const { ledger, wait, sameShape } = this.#options;
    const { batch } = origin;
    const record = origin.recordOf(command);
    const isMade = origin.isShared &&
      batch.format.coalescing?.sameKey === false;
    const verdict = verdictOf(error, { isMade, sameShape });
    if (verdict.kind === "unshare") {
      this.#cause ??= error;
      ledger.mark({ batch, record });
      return;
    }
    const ordinal = origin.ordinalOf(command);
    const behind = record + origin.sharersOf(command);
    for (let i = record; i < behind; i++) {
      batch.failures.push({ record: i, command: ordinal, error });
    }
    if (verdict.kind !== "stop" || wait.error !== undefined) return;
    const { line } = new RecordLocator(batch).placeOf(record);
    wait.fail(
      new StoppedError(
        `Stopped at ${batch.format.source}:${line}: the server answered ` +
          `${JSON.stringify(error)}: ${verdict.advice}`,
        error,
      ),
    );
  }

  /** Mends what asked for the rewind; the lanes are empty. */
  mend(): void {
    const { summary, stopSharing } = this.#options;
    summary.rewinds++;
    summary.coalescingStopped = this.#cause;
    this.mayShare = false;
    stopSharing();
    this.#cause = undefined;
  }
}
