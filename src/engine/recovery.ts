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
 *   those commands go again, too. (A slot that moves twice while commands are in
 *   flight would be an exception; moving takes much longer.)
 * - While a slot moves, a command or a transaction with several keys is refused
 *   where only some of them are there, and a later one with others may be taken.
 *   What may be repeated goes again from there on; else it is said.
 *
 * What must change together: the kinds of verdicts (verdict.ts), the causes
 * here, and how a router mends them (router.ts).
 *
 * @module
 */
import { type ConnectionError, StoppedError } from "../errors.ts";
import type { Batch, BatchOrigin } from "./batch.ts";
import type { Flight } from "./flight.ts";
import type { Ledger } from "./ledger.ts";
import {
  Patience,
  PATIENCE_UNDER_WAY,
  type PatienceOptions,
} from "./patience.ts";
import { RecordLocator } from "./record_locator.ts";
import { ROW_WORDS } from "./record_words.ts";
import type { Router } from "./router.ts";
import type { Rows } from "./rows.ts";
import type { Shipment } from "./shipment.ts";
import { TAKEN_OVER, takenOver } from "./transaction_flight.ts";
import { OF_NO_RECORD, verdictOf } from "./verdict.ts";
import { alsoSay } from "./wind_up.ts";

/** What is said of a command that nobody takes. */
const REDIRECTED = {
  advice: "the nodes of the cluster keep passing it on; see CLUSTER NODES",
};

/** What is said of commands whose MULTI was refused. */
const OUTSIDE = "what was on its way was executed outside of a transaction: " +
  "the unknown records may be in, and would be in twice when the load goes on";

/** What helps keys into one hash slot. */
export const HASH_TAGS =
  "the same hash tag puts keys into one slot, as in {user:1}:name and " +
  "{user:1}:mail";

/** What a recovery may do. */
export interface RecoveryOptions extends PatienceOptions {
  /** Where batches come from. */
  readonly rows: Pick<Rows, "sameShape" | "isRepeatable" | "stopCoalescing">;
  /** Whether what may have been executed is sent again in any case. */
  readonly atLeastOnce?: boolean | undefined;
  /** What each shipment's transaction is known by, where they are ones. */
  readonly transactions?: ShipmentTransactions | undefined;
  /**
   * Whether it goes on where every record will be rejected, as a pipe does.
   * Default: false.
   */
  readonly goesOn?: boolean | undefined;
}

/** What a recovery has to know of shipments that are transactions. */
export interface ShipmentTransactions {
  /** The key that tells. */
  readonly key: string;
  /** Whether the one was in that was in doubt last. */
  readonly wasIn: boolean;
}

/** Acts on what goes wrong, and mends it. */
export class Recovery {
  /** Whether commands that rows share may be sent. */
  mayShare = true;
  readonly #ledger: Ledger;
  readonly #options: RecoveryOptions;
  readonly #patience: Patience;
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
  /** Whether a transaction was aborted that is to be sent again. */
  #isAborted = false;
  /** The transaction whose reply was lost. */
  #doubtful: Shipment<BatchOrigin> | undefined;
  /** Lanes that were lost before there was a router, which can mend them. */
  readonly #early: (() => void)[] = [];
  /** Whether it was said that commands may have been overtaken. */
  #isTold = false;
  #router: Router | undefined;

  /**
   * Makes a recovery for one load.
   *
   * @param ledger Where failures are noted and rewinds are marked.
   */
  constructor(ledger: Ledger, options: RecoveryOptions) {
    this.#ledger = ledger;
    this.#options = options;
    this.#patience = new Patience(options);
  }

  /** Whether a rewind is asked for. */
  get isPending(): boolean {
    return this.#isAborted || this.#unshared !== undefined ||
      this.#redirected !== undefined || this.#trouble !== undefined;
  }

  /** Says whose lanes are to be mended. */
  attend(router: Router): void {
    this.#router = router;
    for (const lose of this.#early.splice(0)) lose();
  }

  /** Notes that records were committed: what was wrong is over. */
  progress(): void {
    this.#patience.end();
  }

  /**
   * Acts on an error reply at once, whatever the stream waits for: a lane wakes
   * it after each read (I6).
   *
   * @param error The server's text.
   * @param origin Where the shipment with the command comes from.
   * @param command The command's index in the shipment.
   * @param flight The flight that the shipment is in.
   * @param isQueued Whether the command was refused while its transaction was
   * queued, so that nothing of that was executed.
   */
  act(
    error: string,
    origin: BatchOrigin,
    command: number,
    flight: Flight<BatchOrigin>,
    isQueued = false,
  ): void {
    const { summary, rows: { sameShape }, transactions } = this.#options;
    const ledger = this.#ledger;
    const { batch } = origin;
    const record = origin.recordOf(command);
    const isMade = origin.isShared &&
      batch.format.coalescing?.sameKey === false;
    const isCluster = this.#router?.isCluster === true;
    const verdict = verdictOf(error, { isMade, sameShape, isCluster });
    // What a transaction has executed is never sent again.
    const isFinal = transactions !== undefined && !isQueued;
    if (!isFinal) {
      switch (verdict.kind) {
        case "unshare":
          this.#unshared ??= error;
          batch.unshared++;
          ledger.mark({ batch, record });
          return;
        case "redirect":
          summary.redirections++;
          this.#redirected ??= this.#stopped(error, batch, record, REDIRECTED);
          this.#router?.redirect?.(error, origin, command, flight);
          if (this.#isPartial(error, origin, command)) {
            if (this.#isRepeatable) {
              return ledger.mark({ batch, record });
            }
            this.#tellOvertaken(batch, record);
          }
          this.#shipAgain(origin, command);
          return;
        case "wait":
          if (!this.#mayWait) break;
          this.#trouble ??= this.#stopped(error, batch, record, verdict);
          if (this.#isRepeatable) ledger.mark({ batch, record });
          else {
            this.#shipAgain(origin, command);
            if (!this.#refusedAt.has(flight)) {
              this.#refusedAt.set(flight, flight.successes);
            }
          }
          return;
      }
    }
    const isStop = verdict.kind === "wait" ||
      verdict.kind === "stop" && !this.#options.goesOn;
    if (isQueued && isStop) {
      // Of this transaction nothing is in, so nothing is settled either.
      this.#shipAgain(origin, command);
      return this.#options.wait.fail(
        this.#stopped(error, batch, record, verdict),
      );
    }
    const ordinal = origin.ordinalOf(command);
    const behind = record + origin.sharersOf(command);
    const text = isCluster && error.startsWith("CROSSSLOT")
      ? `${error}; ${HASH_TAGS}`
      : error;
    const stops = isStop && !isFinal;
    for (let i = record; i < behind; i++) {
      batch.failures.push({ record: i, command: ordinal, error: text, stops });
    }
    if (stops) {
      ledger.hold();
      if (this.#isRepeatable) ledger.mark({ batch, record });
    }
    const { wait } = this.#options;
    if (!isStop || wait.error !== undefined) return;
    wait.fail(this.#stopped(error, batch, record, verdict));
  }

  /**
   * Acts on a transaction of which nothing was executed: what was not refused
   * goes again, and so does what a rewind finds behind it.
   *
   * @param shipment The transaction.
   * @param refused Its commands that were refused, with the server's texts.
   * @param problem What was said against it as a whole.
   * @param flight The flight that it was in.
   * @param isOutside Whether it was none, and may be in.
   */
  abort(
    shipment: Shipment<BatchOrigin>,
    refused: ReadonlyMap<number, string>,
    problem: string | undefined,
    flight: Flight<BatchOrigin>,
    isOutside: boolean,
  ): void {
    const { origin, commands } = shipment;
    this.#isAborted = true;
    for (let i = 0; i < commands; i++) {
      const error = refused.get(i);
      if (error === undefined) this.#shipAgain(origin, i);
      else this.act(error, origin, i, flight, true);
    }
    if (problem !== undefined) this.#oppose(problem, origin, isOutside);
    const { batch } = origin;
    const isUndone = batch.again.length > 0;
    // Where all of it was refused, it is settled.
    this.#ledger.done(shipment);
    batch.isUndone = isUndone && !isOutside;
    this.#options.wait.wake();
  }

  /** Acts on what was said against a transaction as a whole. */
  #oppose(problem: string, origin: BatchOrigin, isOutside: boolean): void {
    const { transactions, wait } = this.#options;
    const { batch } = origin;
    const verdict = verdictOf(problem, OF_NO_RECORD);
    const stopped = problem === TAKEN_OVER
      ? new StoppedError(`Stopped: ${takenOver(transactions!.key)}`)
      : this.#stopped(
        problem,
        batch,
        origin.recordOf(0),
        "advice" in verdict
          ? verdict
          : { advice: "it does not take the transaction (--exactly-once)" },
      );
    if (verdict.kind === "wait" && this.#mayWait && !isOutside) {
      this.#trouble ??= stopped;
    } else wait.fail(stopped);
    // Another transaction's end may have been refused before.
    if (isOutside) alsoSay(wait.error, OUTSIDE);
  }

  /**
   * Acts on a lost lane.
   *
   * @param flight What was not answered.
   */
  lose(flight: Flight<BatchOrigin>, error: ConnectionError): void {
    if (this.#router === undefined) {
      this.#early.push(() => this.lose(flight, error));
      return;
    }
    const { summary, wait, atLeastOnce, transactions } = this.#options;
    const isRepeatable = this.#isRepeatable;
    const answered = flight.takeAnswered();
    answered?.origin.batch.close(answered);
    const mayRepeat = isRepeatable || atLeastOnce || transactions !== undefined;
    if (
      !this.#mayWait || wait.error !== undefined ||
      !mayRepeat && flight.isAmbiguous
    ) return wait.fail(error);
    this.#trouble ??= error;
    const { doubtful } = flight;
    for (const shipment of flight.abandon()) {
      const { origin, answered, commands, sentAt } = shipment;
      const { batch } = origin;
      if (shipment === doubtful && answered < commands) {
        this.#doubtful = shipment;
        continue;
      }
      if (answered < commands) {
        const record = origin.recordOf(answered);
        if (isRepeatable) this.#ledger.mark({ batch, record });
        else {
          for (let i = answered; i < commands; i++) this.#shipAgain(origin, i);
          if (sentAt > 0 && transactions === undefined) {
            summary.repeated += recordsFrom(origin, answered, commands);
            batch.mayBeIn = true;
          }
        }
      }
      batch.close(shipment);
      batch.isUndone = transactions !== undefined && batch.again.length > 0;
    }
    wait.wake();
  }

  /**
   * Mends what asked for the rewind; the lanes are empty.
   *
   * @throws What was in the way, when it has not passed in time.
   */
  async mend(): Promise<void> {
    const { summary, rows } = this.#options;
    summary.rewinds++;
    this.#isAborted = false;
    if (this.#unshared !== undefined) {
      this.mayShare = false;
      summary.coalescingStopped = this.#unshared;
      rows.stopCoalescing();
      this.#unshared = undefined;
    }
    if (this.#redirected ?? this.#trouble) await this.#retry();
  }

  /** Has the router mend its lanes, with pauses that grow. */
  async #retry(): Promise<void> {
    const trouble = this.#trouble;
    const left = this.#patience.left(
      trouble === undefined ? PATIENCE_UNDER_WAY : 0,
    );
    if (left <= 0 || !this.#isInOrder) throw trouble ?? this.#redirected;
    await this.#patience.mend(trouble, left, async () => {
      // What the mending itself runs into is new trouble.
      this.#redirected = undefined;
      this.#trouble = undefined;
      await this.#router?.mend?.(left, trouble !== undefined);
      this.#settleDoubtful();
    });
  }

  /** Settles the transaction whose reply was lost: the key has told. */
  #settleDoubtful(): void {
    const shipment = this.#doubtful;
    if (shipment === undefined) return;
    this.#doubtful = undefined;
    const { summary, transactions } = this.#options;
    const { origin, answered, commands } = shipment;
    if (transactions!.wasIn) {
      summary.repliesLost += recordsFrom(origin, answered, commands);
      return this.#ledger.done(shipment);
    }
    for (let i = 0; i < commands; i++) this.#shipAgain(origin, i);
    origin.batch.close(shipment);
    origin.batch.isUndone = true;
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

  /**
   * Whether all commands that were read may be sent again, in order; in
   * transactions nothing is sent again that may be in.
   */
  get #isRepeatable(): boolean {
    const { rows, transactions } = this.#options;
    return rows.isRepeatable && transactions === undefined;
  }

  /** Whether a server that is away, or not ready, is waited for. */
  get #mayWait(): boolean {
    return this.#router?.mend !== undefined && this.#patience.length > 0;
  }

  /** Whether a redirection may be for the sake of some of several keys. */
  #isPartial(error: string, origin: BatchOrigin, command: number): boolean {
    if (/\bMOVED \d/.test(error)) return false;
    const { batch } = origin;
    const each = batch.format.encoder.commandsPerRecord;
    const id = origin.recordOf(command) * each + origin.ordinalOf(command);
    // MULTI, one command, EXEC: it has one key, or says TRYAGAIN.
    return /\bTRYAGAIN\b/.test(error) || batch.unitOf(id).count > 3;
  }

  /** Says once that the order of some commands may not be the input's. */
  #tellOvertaken(batch: Batch, record: number): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const { onNotice, words = ROW_WORDS } = this.#options;
    const place = new RecordLocator(batch).placeOf(record);
    onNotice?.(
      `${words.at(batch.format.source, place)}: its slot is on its way to ` +
        `another node, so it goes again; later ${words.one}s with only some ` +
        "of its keys may have overtaken it",
    );
  }

  /** Notes that a command of a shipment has to be shipped again by itself. */
  #shipAgain(origin: BatchOrigin, command: number): void {
    const { batch } = origin;
    const each = batch.format.encoder.commandsPerRecord;
    const record = origin.recordOf(command);
    const behind = record + origin.sharersOf(command);
    for (let i = record; i < behind; i++) {
      const id = i * each + origin.ordinalOf(command);
      const { first, count } = batch.unitOf(id);
      if (count > 1 && batch.again.at(-1) === first + count - 1) continue;
      for (let k = 0; k < count; k++) batch.again.push(first + k);
    }
  }

  #stopped(
    error: string,
    batch: Batch,
    record: number,
    { advice }: { readonly advice: string },
  ): StoppedError {
    const place = new RecordLocator(batch).placeOf(record);
    const { words = ROW_WORDS } = this.#options;
    const where = words.at(batch.format.source, place);
    return new StoppedError(
      `Stopped at ${where}: the server answered ` +
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
