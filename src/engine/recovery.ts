/**
 * The recovery: acts on error replies and lost lanes, and mends what asks for a
 * rewind.
 *
 * What is shipped again follows from one question, whether the template's
 * commands may be repeated in order (protocol/command_traits.ts):
 *
 * - They may, and the order of what was refused and what was not can be in
 *   doubt: everything from the first refused or unanswered record on goes
 *   again, so the last one to write a key is the last one of the input (I3).
 * - They may not: just the commands that were refused go again, and only where
 *   none behind them succeeded. An unanswered one may have been executed;
 *   sending it twice is the user's to allow.
 * - A redirection refuses every command for a key from one moment on, so just
 *   those commands go again, too. (A slot that moves away and back again while
 *   commands are in flight would be an exception; moving takes much longer.)
 *
 * What must change together: the kinds of verdicts (verdict.ts), the causes
 * here, and how a router mends them (router.ts).
 *
 * @module
 */
import { type ConnectionError, StoppedError } from "../errors.ts";
import { backoff } from "../transport/retry.ts";
import type { Batch, BatchOrigin } from "./batch.ts";
import { counted } from "./counted.ts";
import type { Flight } from "./flight.ts";
import type { Ledger } from "./ledger.ts";
import { RecordLocator } from "./record_locator.ts";
import type { Router } from "./router.ts";
import type { Summary } from "./summary.ts";
import { verdictOf } from "./verdict.ts";
import type { Wait } from "./wait.ts";

/** How long a server is waited for once records are in, in ms. */
export const PATIENCE_UNDER_WAY = 30_000;

/** What is said of a command that nobody takes. */
const REDIRECTED = {
  advice: "the nodes of the cluster keep passing it on; see CLUSTER NODES",
};

/** What helps keys into one hash slot. */
export const HASH_TAGS =
  "the same hash tag puts keys into one slot, as in {user:1}:name and " +
  "{user:1}:mail";

/** What a recovery may do. */
export interface RecoveryOptions {
  /** Where failures are noted and rewinds are marked. */
  readonly ledger: Ledger;
  /** Where rewinds are counted. */
  readonly summary: Summary;
  /** What an error ends. */
  readonly wait: Wait;
  /**
   * Whether every record makes commands with as many arguments; see
   * `VerdictContext`.
   */
  readonly sameShape: boolean;
  /** Whether the template's commands may be repeated in order. */
  readonly isRepeatable: boolean;
  /** Whether unanswered commands may be sent again where they may not. */
  readonly atLeastOnce: boolean;
  /** Whether a record's commands are one transaction. */
  readonly isTransaction: boolean;
  /**
   * How long a server is waited for, in ms. Default: 30 s once a record is
   * committed, 0 before.
   */
  readonly patience: number | undefined;
  /** Pauses for so many ms. */
  pause(ms: number): Promise<void>;
  /** Told in a sentence what is waited for, and when that is over. */
  readonly onNotice?: ((sentence: string) => void) | undefined;
  /** Has rows share no commands any more. */
  stopSharing(): void;
}

/** Acts on what goes wrong, and mends it. */
export class Recovery {
  /** Whether commands that rows share may be sent. */
  mayShare = true;
  readonly #options: RecoveryOptions;
  /** The error that says that rows cannot share a command. */
  #unshared: string | undefined;
  /** What to throw if commands are redirected for ever. */
  #redirected: StoppedError | undefined;
  /** What has to pass, or to be connected anew; what to throw if it does not. */
  #trouble: ConnectionError | StoppedError | undefined;
  /**
   * Flights in which commands were refused that cannot be repeated, with how
   * many had succeeded by then.
   */
  readonly #refusedAt = new Map<Flight<BatchOrigin>, number>();
  /** When the trouble began that nothing was committed since. */
  #since: number | undefined;
  #attempts = 0;
  #router: Router | undefined;

  /**
   * Makes a recovery for one load.
   *
   * @param options What it may do.
   */
  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** Whether a rewind is asked for. */
  get isPending(): boolean {
    return this.#unshared !== undefined ||
      this.#redirected !== undefined || this.#trouble !== undefined;
  }

  /** Says whose lanes are to be mended. */
  attend(router: Router): void {
    this.#router = router;
  }

  /** Notes that records were committed: what was wrong is over. */
  progress(): void {
    if (this.#attempts === 0) return;
    this.#attempts = 0;
    this.#since = undefined;
  }

  /**
   * Acts on an error reply at once, whatever the stream waits for: a lane wakes
   * it after each read (I6).
   *
   * @param error The server's text.
   * @param origin Where the shipment with the command comes from.
   * @param command The command's index in the shipment.
   * @param flight The flight that the shipment is in.
   */
  act(
    error: string,
    origin: BatchOrigin,
    command: number,
    flight: Flight<BatchOrigin>,
  ): void {
    const { ledger, summary, sameShape } = this.#options;
    const { batch } = origin;
    const record = origin.recordOf(command);
    const isMade = origin.isShared &&
      batch.format.coalescing?.sameKey === false;
    const isCluster = this.#router?.isCluster === true;
    const verdict = verdictOf(error, { isMade, sameShape, isCluster });
    switch (verdict.kind) {
      case "unshare":
        this.#unshared ??= error;
        ledger.mark({ batch, record });
        return;
      case "redirect":
        summary.redirections++;
        this.#redirected ??= this.#stopped(error, batch, record, REDIRECTED);
        this.#shipAgain(origin, command);
        this.#router?.redirect?.(error, origin, command, flight);
        return;
      case "wait":
        if (this.#patience <= 0) break;
        this.#trouble ??= this.#stopped(error, batch, record, verdict);
        if (this.#options.isRepeatable) ledger.mark({ batch, record });
        else {
          this.#shipAgain(origin, command);
          if (!this.#refusedAt.has(flight)) {
            this.#refusedAt.set(flight, flight.successes);
          }
        }
        return;
    }
    const ordinal = origin.ordinalOf(command);
    const behind = record + origin.sharersOf(command);
    const text = isCluster && error.startsWith("CROSSSLOT")
      ? `${error}; ${HASH_TAGS}`
      : error;
    const stops = verdict.kind !== "reject";
    for (let i = record; i < behind; i++) {
      batch.failures.push({ record: i, command: ordinal, error: text, stops });
    }
    if (!stops) return;
    ledger.hold();
    if (this.#options.isRepeatable) ledger.mark({ batch, record });
    const { wait } = this.#options;
    if (wait.error !== undefined) return;
    wait.fail(this.#stopped(error, batch, record, verdict));
  }

  /**
   * Acts on a lost lane.
   *
   * @param flight What was not answered.
   * @param error What has happened.
   */
  lose(flight: Flight<BatchOrigin>, error: ConnectionError): void {
    const { ledger, summary, wait, isRepeatable, atLeastOnce } = this.#options;
    const mayRepeat = isRepeatable || atLeastOnce;
    if (
      this.#patience <= 0 || wait.error !== undefined ||
      !mayRepeat && flight.isAmbiguous
    ) return wait.fail(error);
    this.#trouble ??= error;
    for (const shipment of flight.abandon()) {
      const { origin, answered, commands, sentAt } = shipment;
      const { batch } = origin;
      if (answered < commands) {
        const record = origin.recordOf(answered);
        if (isRepeatable) ledger.mark({ batch, record });
        else {
          for (let i = answered; i < commands; i++) this.#shipAgain(origin, i);
          if (sentAt > 0) {
            summary.repeated += recordsFrom(origin, answered, commands);
          }
        }
      }
      batch.close(shipment);
    }
    wait.wake();
  }

  /**
   * Mends what asked for the rewind; the lanes are empty.
   *
   * @throws What was in the way, when it has not passed in time.
   */
  async mend(): Promise<void> {
    const { summary, stopSharing } = this.#options;
    summary.rewinds++;
    if (this.#unshared !== undefined) {
      this.mayShare = false;
      summary.coalescingStopped = this.#unshared;
      stopSharing();
      this.#unshared = undefined;
    }
    if (this.#redirected ?? this.#trouble) await this.#retry();
  }

  /** Has the router mend its lanes, with pauses that grow. */
  async #retry(): Promise<void> {
    const { summary, pause, onNotice } = this.#options;
    const trouble = this.#trouble;
    const began = performance.now();
    this.#since ??= began;
    const patience = trouble === undefined
      ? Math.max(this.#patience, PATIENCE_UNDER_WAY)
      : this.#patience;
    const left = patience - (began - this.#since);
    if (left <= 0 || !this.#isInOrder) throw trouble ?? this.#redirected;
    const isFirst = this.#attempts++ === 0;
    const isTold = trouble !== undefined && isFirst;
    if (isTold) {
      onNotice?.(
        `${trouble.message}; trying again for up to ` +
          `${Math.ceil(left / 1000)} s (--retry)`,
      );
    }
    // A slot that has moved is served at once by its new node.
    if (trouble !== undefined || !isFirst) {
      await pause(backoff(this.#attempts));
    }
    // What the mending itself runs into is new trouble.
    this.#redirected = undefined;
    this.#trouble = undefined;
    await this.#router?.mend?.(left, trouble !== undefined);
    const seconds = (performance.now() - began) / 1000;
    if (trouble !== undefined) summary.secondsWaiting += seconds;
    if (!isTold) return;
    onNotice?.(
      `Going on after ${seconds.toFixed(1)} s; ` +
        `${counted(summary.unknown, "record")} were not settled`,
    );
  }

  /**
   * Whether commands that were refused, and go again by themselves, come behind
   * all that succeeded: else a list would have them in another order.
   */
  get #isInOrder(): boolean {
    const before = [...this.#refusedAt];
    this.#refusedAt.clear();
    return before.every(([flight, successes]) =>
      flight.successes === successes
    );
  }

  /** How long a server is waited for now, in ms. */
  get #patience(): number {
    const { patience, summary } = this.#options;
    // A lane may be lost before the router is known: then it tells later.
    const router = this.#router;
    if (router !== undefined && router.mend === undefined) return 0;
    const isUnderWay = summary.loaded + summary.rejected > 0;
    return patience ?? (isUnderWay ? PATIENCE_UNDER_WAY : 0);
  }

  /** Notes that a command of a shipment has to be shipped again by itself. */
  #shipAgain(origin: BatchOrigin, command: number): void {
    const { isTransaction } = this.#options;
    const { batch } = origin;
    const each = batch.format.encoder.commandsPerRecord;
    const record = origin.recordOf(command);
    const behind = record + origin.sharersOf(command);
    for (let i = record; i < behind; i++) {
      if (!isTransaction) {
        batch.again.push(i * each + origin.ordinalOf(command));
      } else if (batch.again.at(-1) !== i * each + each - 1) {
        for (let k = 0; k < each; k++) batch.again.push(i * each + k);
      }
    }
  }

  #stopped(
    error: string,
    batch: Batch,
    record: number,
    { advice }: { readonly advice: string },
  ): StoppedError {
    const { line } = new RecordLocator(batch).placeOf(record);
    return new StoppedError(
      `Stopped at ${batch.format.source}:${line}: the server answered ` +
        `${JSON.stringify(error)}: ${advice}`,
      error,
    );
  }
}

/** How many records the commands of a shipment from one to another belong to. */
function recordsFrom(origin: BatchOrigin, first: number, end: number): number {
  let records = 0;
  let last = -1;
  for (let i = first; i < end; i++) {
    const record = origin.recordOf(i);
    if (record !== last) records += origin.sharersOf(i);
    last = record;
  }
  return records;
}
