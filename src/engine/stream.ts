/**
 * The stream: batches in the input's order through a router into lanes, and
 * the one way back, the rewind.
 *
 * Why it has this shape: nothing but this file decides when something is
 * shipped. While it waits, for the next batch or for room, it looks whether a
 * rewind is asked for; so an error acts at once, however slow the producer is
 * (I6). A rewind ships nothing new, lets the lanes run empty (I3), has the
 * cause mended, and ships again what the ledger says, in order.
 *
 * @module
 */
import type { Batch, BatchOrigin } from "./batch.ts";
import type { BatchPool } from "./batch_pool.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { counted, formatCount } from "./counted.ts";
import type { ErrorLimit } from "./error_limit.ts";
import type { LaneEvents } from "./lane.ts";
import { Ledger, type RecordPlace } from "./ledger.ts";
import {
  Recovery,
  type RecoveryOptions,
  type ShipmentTransactions,
} from "./recovery.ts";
import type { OnReject } from "./reject.ts";
import type { BatchLane, Router } from "./router.ts";
import { type RecordWords, ROW_WORDS } from "./record_words.ts";
import type { Rows } from "./rows.ts";
import type { Shipment } from "./shipment.ts";
import type { Summary } from "./summary.ts";
import { alsoSay, PATIENCE, windUp } from "./wind_up.ts";
import type { WrittenKeys } from "./written_keys.ts";

/**
 * The most that batches which are not committed may weigh, in bytes, before
 * nothing more is read (I4).
 */
const MOST_UNCOMMITTED = 64 * 1024 * 1024;

/** A router for as long as there are no lanes. */
const NOWHERE: Router = {
  lanes: [],
  isCluster: false,
  ship: () => {},
  stop: () => Promise.resolve(),
};

/** What a stream must know of what it ships. */
export interface BatchSource extends
  Pick<
    Rows,
    | "batches"
    | "stopCoalescing"
    | "sameShape"
    | "isRepeatable"
  > {
  /** Where the batches go in the end. */
  readonly pool: Pick<BatchPool, "release" | "releaseOutput">;
}

/** What a stream belongs to. */
interface StreamOptions extends RecoveryOptions {
  readonly rows: BatchSource;
  readonly transactions?: StreamTransactions | undefined;
  /** How many rejects are too many. */
  readonly limit: ErrorLimit;
  /** Told which keys are written. */
  readonly written?: Pick<WrittenKeys, "note"> | undefined;
  /** Told when records were committed. */
  readonly onCommit?: (() => void) | undefined;
  /** Told about each record that does not make it, in the input's order. */
  readonly onReject?: OnReject | undefined;
  /** Says why a full server is full, where it tells. */
  explain?: ((reply: string) => Promise<string | undefined>) | undefined;
}

/** Shipments that are transactions, and go on where an earlier load ended. */
interface StreamTransactions extends ShipmentTransactions {
  /**
   * Notes in a batch that is in already what is known to be refused of it;
   * returns how many records, and nothing where it is not in.
   */
  recall(batch: Batch): number | undefined;
}

/** Ships batches, and rewinds. */
export class Stream {
  /** What the lanes tell. */
  readonly events: LaneEvents<BatchOrigin>;
  readonly #options: StreamOptions;
  readonly #ledger: Ledger;
  readonly #recovery: Recovery;
  #router: Router = NOWHERE;
  /** Whether there is nothing more to read. */
  #isRead = false;

  /** Makes a stream that goes nowhere yet. */
  constructor(options: StreamOptions) {
    const { rows, summary, wait, limit, onReject } = options;
    this.#options = options;
    const ledger = this.#ledger = new Ledger({
      summary,
      onReject,
      onCommit: () => {
        recovery.progress();
        options.onCommit?.();
        wait.fail(limit.judge(summary, false));
      },
      onUntold: (error) => wait.fail(error),
      onDone: (batch) => rows.pool.release(batch),
    });
    const recovery = this.#recovery = new Recovery(ledger, options);
    this.events = {
      counts: summary,
      onError: (error, shipment, command, flight) =>
        recovery.act(error, shipment!.origin, command, flight),
      onDone: (shipment) => ledger.done(shipment),
      onLost: (flight, error) => recovery.lose(flight, error),
      onAborted: (...aborted) => recovery.abort(...aborted),
    };
  }

  /** The first batch that is not committed. */
  get first(): Batch | undefined {
    return this.#ledger.first;
  }

  /** Records that are in, and not committed: all before are. */
  get answered(): number {
    return this.#ledger.answered;
  }

  /** Where what was read ends; nothing where no record was. */
  get end(): RecordPlace | undefined {
    return this.#ledger.end;
  }

  /**
   * Whether nothing more is to be executed: a rewind is asked for, or nothing is
   * committed any more.
   */
  get isHalted(): boolean {
    return this.#recovery.isPending || this.#ledger.isStuck;
  }

  /** How far everything is committed; nothing where nothing is. */
  get checkpoint(): Checkpoint | undefined {
    return this.#ledger.checkpoint;
  }

  /**
   * Ships everything, and closes every lane with a sentinel.
   *
   * @param router Where commands go, through lanes that tell
   * {@linkcode events}.
   * @throws What ended it early, when all that is known has been counted.
   */
  async run(router: Router): Promise<void> {
    const { rows, summary, explain, words = ROW_WORDS } = this.#options;
    this.#router = router;
    this.#recovery.attend(router);
    const batches = rows.batches();
    try {
      await this.#ship(batches);
      await this.#finish();
      if (!this.#ledger.isEmpty) {
        throw new Error("Cannot end the load: not all of it is settled");
      }
    } catch (error) {
      const failure = await windUp(error, {
        finish: () => this.#finish(),
        drain: () => this.#drain(),
        close: () => {
          const { records } = summary;
          summary.next = this.#ledger.close();
          // Nothing was withdrawn, and nothing is behind.
          const isAll = this.#isRead && summary.records === records;
          return howFar(summary, words, isAll, this.#ledger.isStuck);
        },
        explain,
      });
      alsoSay(failure, this.#ledger.untold);
      throw failure;
    } finally {
      // A read under way may never come back, so its end is not waited for.
      batches.return().catch(() => {});
    }
  }

  async #ship(batches: AsyncIterator<Batch, void, void>): Promise<void> {
    const { wait } = this.#options;
    const ledger = this.#ledger;
    for (;;) {
      const next = batches.next();
      const outcome = wait.watch(next);
      await this.#until(() => outcome.isKnown);
      const { value: batch } = await next;
      if (batch === undefined) {
        this.#isRead = true;
        return;
      }
      ledger.enter(batch);
      // A lane may be lost while the batch comes, and takes nothing then.
      if (!this.#recovery.isPending) this.#hand(batch);
      await this.#until(() =>
        ledger.weight <= MOST_UNCOMMITTED &&
        this.#lanes.every((lane) => lane.hasRoom)
      );
    }
  }

  async #finish(): Promise<void> {
    const { wait } = this.#options;
    const recovery = this.#recovery;
    do {
      if (recovery.isPending) await this.#rewind();
      for (const lane of this.#lanes) lane.finish();
      await wait.until(() =>
        recovery.isPending || this.#lanes.every((lane) => lane.isFinished)
      );
    } while (recovery.isPending);
  }

  async #drain(): Promise<void> {
    const { wait } = this.#options;
    const unsent = this.#ledger.unsent();
    for (const lane of this.#lanes) {
      for (
        const shipment of lane.withdraw(({ origin }) =>
          unsent.has(origin.batch)
        )
      ) {
        this.#withdraw(shipment);
      }
    }
    await wait.atMost(
      PATIENCE,
      () => this.#lanes.every((lane) => lane.isIdle),
    );
  }

  get #lanes(): readonly BatchLane[] {
    return this.#router.lanes;
  }

  /** Waits as {@linkcode Wait.until} does, and rewinds meanwhile. */
  async #until(holds: () => boolean): Promise<void> {
    const { wait } = this.#options;
    const recovery = this.#recovery;
    for (;;) {
      await wait.until(() => recovery.isPending || holds());
      if (!recovery.isPending) return;
      await this.#rewind();
    }
  }

  async #rewind(): Promise<void> {
    const { wait } = this.#options;
    const recovery = this.#recovery;
    await wait.until(() => this.#lanes.every((lane) => lane.isIdle));
    await recovery.mend();
    // A lane that was lost meanwhile would take nothing.
    if (recovery.isPending) return;
    for (const batch of this.#ledger.rewind()) {
      this.#hand(batch);
      // Another rewind takes over where this one stopped.
      await wait.until(() =>
        recovery.isPending || this.#lanes.every((lane) => lane.hasRoom)
      );
      if (recovery.isPending) return;
    }
  }

  #hand(batch: Batch): void {
    const { rows, summary, transactions, written } = this.#options;
    const isFirst = !batch.wasSent;
    const recalled = transactions?.recall(batch);
    if (recalled !== undefined) {
      batch.isShipped = true;
      summary.repliesLost += batch.encoded - recalled;
    } else this.#router.ship(batch, this.#recovery.mayShare);
    // For each node there is a copy of its part.
    if (this.#router.isCluster) rows.pool.releaseOutput(batch);
    for (const shipment of batch.open) {
      summary.commands += shipment.commands;
      summary.bytesOut += shipment.bytes.length;
      // What is shipped again has the same keys.
      if (isFirst) written?.note(shipment);
    }
    // Without commands it is settled already.
    this.#ledger.commit();
  }

  #withdraw(shipment: Shipment<BatchOrigin>): void {
    const { batch } = shipment.origin;
    const { summary } = this.#options;
    summary.commands -= shipment.commands;
    summary.bytesOut -= shipment.bytes.length;
    batch.close(shipment);
    batch.isShipped = false;
  }
}

/** Says how far a load got that does not go on. */
function howFar(
  { loaded, rejected, unknown, next }: Summary,
  { one, done, at }: RecordWords,
  isAll: boolean,
  isStuck: boolean,
): string {
  if (next === undefined) return `no ${one} was read`;
  let text = `${done} so far: ${counted(loaded, one)}, rejected: ` +
    formatCount(rejected);
  if (unknown > 0) {
    const why = isStuck
      ? "rejects among them could not be kept"
      : "in flight, or to be sent again";
    text += `, unknown: ${formatCount(unknown)} (${why})`;
  }
  if (isAll && unknown === 0) return `${text}; all of the input was read`;
  const what = unknown > 0 ? "the first of them" : `the next ${one}`;
  const where = at(next.source, { ...next, records: next.record - 1 });
  return `${text}; ${what} is ${where}`;
}
