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
import type { Ledger } from "./ledger.ts";
import type { Recovery } from "./recovery.ts";
import type { Router } from "./router.ts";
import type { Shipment } from "./shipment.ts";
import type { Summary } from "./summary.ts";
import type { Wait } from "./wait.ts";

/**
 * The most that batches which are not committed may weigh, in bytes, before
 * nothing more is read (I4).
 */
export const MOST_UNCOMMITTED = 64 * 1024 * 1024;

/** What a stream connects. */
export interface StreamParts {
  /** Where batches are entered and committed. */
  readonly ledger: Ledger;
  /** What acts on errors. */
  readonly recovery: Recovery;
  /** Where commands go. */
  readonly router: Router;
  /** Where commands and bytes are counted. */
  readonly summary: Summary;
  /** Where it waits. */
  readonly wait: Wait;
}

/** Ships batches, and rewinds. */
export class Stream {
  readonly #parts: StreamParts;

  /**
   * Connects the parts.
   *
   * @param parts The parts.
   */
  constructor(parts: StreamParts) {
    this.#parts = parts;
  }

  /**
   * Ships all batches.
   *
   * @param batches The batches, in the order of the input.
   * @throws What ends the load early.
   */
  async run(batches: AsyncIterator<Batch, void, void>): Promise<void> {
    const { ledger, router, wait } = this.#parts;
    for (;;) {
      const next = batches.next();
      const outcome = wait.watch(next);
      await this.#until(() => outcome.isKnown);
      const { value: batch } = await next;
      if (batch === undefined) return;
      ledger.enter(batch);
      this.#ship(batch);
      await this.#until(() =>
        ledger.weight <= MOST_UNCOMMITTED &&
        router.lanes.every((lane) => lane.hasRoom)
      );
    }
  }

  /**
   * Closes every lane with a sentinel, once everything is settled.
   *
   * @throws What ends the load early.
   */
  async finish(): Promise<void> {
    const { recovery, router, wait } = this.#parts;
    do {
      if (recovery.isPending) await this.#rewind();
      for (const lane of router.lanes) lane.finish();
      await wait.until(() =>
        recovery.isPending || router.lanes.every((lane) => lane.isFinished)
      );
    } while (recovery.isPending);
  }

  /**
   * Sends nothing more and waits for the replies to what was sent.
   *
   * @param patience How long to wait, in ms.
   */
  async drain(patience: number): Promise<void> {
    const { router, wait } = this.#parts;
    for (const lane of router.lanes) {
      for (const shipment of lane.withdraw()) this.#withdraw(shipment);
    }
    await wait.atMost(
      patience,
      () => router.lanes.every((lane) => lane.isIdle),
    );
  }

  /** Waits as {@linkcode Wait.until} does, and rewinds meanwhile. */
  async #until(holds: () => boolean): Promise<void> {
    const { recovery, wait } = this.#parts;
    for (;;) {
      await wait.until(() => recovery.isPending || holds());
      if (!recovery.isPending) return;
      await this.#rewind();
    }
  }

  async #rewind(): Promise<void> {
    const { ledger, recovery, router, wait } = this.#parts;
    await wait.until(() => router.lanes.every((lane) => lane.isIdle));
    recovery.mend();
    for (const batch of ledger.rewind()) {
      this.#ship(batch);
      // Another rewind takes over where this one stopped.
      await wait.until(() =>
        recovery.isPending || router.lanes.every((lane) => lane.hasRoom)
      );
      if (recovery.isPending) return;
    }
  }

  #ship(batch: Batch): void {
    const { ledger, recovery, router, summary } = this.#parts;
    router.ship(batch, recovery.mayShare);
    for (const { bytes, commands } of batch.open) {
      summary.commands += commands;
      summary.bytesOut += bytes.length;
    }
    // Without commands it is settled already.
    ledger.commit();
  }

  #withdraw(shipment: Shipment<BatchOrigin>): void {
    const { batch } = shipment.origin;
    const { summary } = this.#parts;
    summary.commands -= shipment.commands;
    summary.bytesOut -= shipment.bytes.length;
    batch.close(shipment);
    batch.isShipped = false;
  }
}
