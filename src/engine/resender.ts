/**
 * Sends records again whose shared command failed, each in a command of its
 * own, so that only the guilty ones are rejected.
 *
 * Why nothing else may be in flight: their order. What is sent again comes
 * after everything that was sent before, so the lane is emptied first, and
 * where the order could show, all later records are sent again too, in order
 * (see coalescing.ts).
 *
 * @module
 */
import type { Batch } from "./batch.ts";
import type { BatchPool } from "./batch_pool.ts";
import type { Lane } from "./lane.ts";
import type { Ledger } from "./ledger.ts";
import type { RaceSlot } from "./race_slot.ts";
import { RecordLocator } from "./record_locator.ts";
import type { Rows } from "./rows.ts";
import type { Summary } from "./summary.ts";

/** Rounds of sending again after which rows share no commands any more. */
const MOST_ROUNDS = 3;

/** Errors that say that rows cannot share commands on this server. */
const NOT_HERE = /^(NOPERM|CROSSSLOT|ERR unknown command)/;

/** Sends records again whose shared command failed. */
export class Resender {
  readonly #ledger: Ledger;
  readonly #lane: Lane;
  readonly #rows: Rows;
  readonly #summary: Summary;
  readonly #end: RaceSlot;
  #rounds = 0;

  /**
   * Makes a resender for one load.
   *
   * @param ledger The ledger, which holds the batches back.
   * @param lane The lane to send through.
   * @param rows Where batches come from.
   * @param summary Told when rows share no commands any more.
   * @param end What ends the load; nothing is sent any more then.
   */
  constructor(
    ledger: Ledger,
    lane: Lane,
    rows: Rows,
    summary: Summary,
    end: RaceSlot,
  ) {
    this.#ledger = ledger;
    this.#lane = lane;
    this.#rows = rows;
    this.#summary = summary;
    this.#end = end;
  }

  /** Sends again what the ledger holds back, if it does. */
  async sendHeld(): Promise<void> {
    const ledger = this.#ledger;
    if (!ledger.hasHeld) return;
    await this.#lane.settle();
    const error = ledger.sharedError ?? "";
    if (++this.#rounds === MOST_ROUNDS || NOT_HERE.test(error)) {
      this.#rows.stopCoalescing();
      this.#summary.coalescingStopped = error;
    }
    let isBehindFailure = false;
    for (let batch; (batch = ledger.nextHeld()) !== undefined;) {
      // Whoever waited for this has ended the load.
      if (this.#end.error !== undefined) return;
      const again = copyOf(batch, this.#rows.pool, isBehindFailure);
      isBehindFailure ||= batch.failedShares !== undefined;
      ledger.enterAgain(again, batch);
      if (again.encoded === 0) continue;
      await this.#lane.send({
        bytes: again.output.view(),
        weight: again.weight,
        withdrawn: () => ledger.withdraw(again),
      });
    }
  }
}

/** A batch of those records that have to be sent again, one by one. */
function copyOf(
  batch: Batch,
  pool: BatchPool,
  isBehindFailure: boolean,
): Batch {
  const { format, chunk, start, place } = batch;
  const again = pool.begin(format, chunk, start, place);
  again.end = batch.end;
  again.after = batch.after;
  again.records = batch.records;
  again.rejects.push(...batch.rejects);
  const selection = format.coalescing?.replay === "rest"
    ? restOf(batch, isBehindFailure)
    : failedOf(batch);
  const locator = new RecordLocator(batch);
  for (const index of selection) locator.encode(index, again.output);
  again.encoded = selection.length;
  again.selection = selection;
  return again;
}

/** The records of the commands that failed. */
function failedOf(batch: Batch): number[] {
  return (batch.failedShares ?? []).flatMap((command) =>
    batch.sharersOf(command)
  );
}

/** The records from the first command on that failed, in any batch. */
function restOf(batch: Batch, isBehindFailure: boolean): number[] {
  const failed = batch.failedShares?.[0] ?? batch.commands;
  const first = isBehindFailure ? 0 : batch.recordsIn(failed);
  return Array.from({ length: batch.encoded - first }, (_, i) => first + i);
}
