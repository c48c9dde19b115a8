/**
 * The ledger: the batches in the order of the input. It alone counts.
 *
 * Why it has this shape: replies come in the order of each lane's commands, so
 * batches are settled in any order; but a reject file, a count and the place
 * to go on from must not depend on which lane was faster. So the ledger
 * commits batches strictly in the input's order, each record once (I1), and
 * nothing at or behind the mark of a rewind that is not finished (I2), or a
 * reject that could not be told. Until its commit a batch keeps its input
 * bytes; their sum is what bounds memory (I4).
 *
 * What must change together: what makes a batch settled (batch.ts), and
 * {@linkcode Ledger.close}, which counts the part of a batch that is.
 *
 * @module
 */
import type { Place } from "../codec/place.ts";
import type { Batch, BatchOrigin, Failure } from "./batch.ts";
import { type Checkpoint, fingerprintOf, TAIL } from "./checkpoint.ts";
import { Queue } from "./queue.ts";
import { RecordLocator } from "./record_locator.ts";
import type { OnReject, Reject } from "./reject.ts";
import type { Shipment } from "./shipment.ts";
import type { Summary } from "./summary.ts";

/** What a ledger needs of the load that it belongs to. */
interface LedgerOptions {
  /** The counts to keep up to date. */
  readonly summary: Summary;
  /**
   * Told about each reject, in the order of the input; where it is missing,
   * rejects are not spelled out.
   */
  readonly onReject?: OnReject | undefined;
  /** Told what that has thrown: nothing is committed any more. */
  onUntold(error: unknown): void;
  /** Told when records were committed. */
  onCommit?(): void;
  /** Told when nobody needs a batch's input any more. */
  onDone(batch: Batch): void;
}

/** A record by its place. */
export interface RecordPlace {
  /** The source's name. */
  readonly source: string;
  /** The record's ordinal in its source, counting from 1. */
  readonly record: number;
  /** The physical line on which it begins, counting from 1. */
  readonly line: number;
  /** Bytes of the source before it. */
  readonly offset: number;
}

/** Where a rewind begins. */
export interface Mark {
  /** The batch. */
  readonly batch: Batch;
  /** The record's index among those that the batch has encoded. */
  readonly record: number;
}

/** Commits batches in the order of the input. */
export class Ledger {
  /** Bytes that the batches which are not committed weigh. */
  weight = 0;
  /** What telling about a reject has failed with. */
  untold: unknown;
  /** The first record that was never entered; none where none was. */
  end: RecordPlace | undefined;
  readonly #options: LedgerOptions;
  readonly #batches = new Queue<Batch>();
  /** Where the rewind begins that is asked for; nothing commits from there. */
  #mark: Mark | undefined;
  /** Whether nothing is committed before the accounts are closed. */
  #isHeld = false;
  /** Where the first record stands that is not committed, and what is before. */
  #settled:
    | { source: number; place: Place; tail: Uint8Array }
    | undefined;
  #checkpoint: Checkpoint | undefined;

  /** Makes an empty ledger. */
  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** The first batch that is not committed. */
  get first(): Batch | undefined {
    return this.#batches.first;
  }

  /**
   * Records of the first batch that are in, in front of what is not answered or
   * goes again.
   */
  get answered(): number {
    const { first } = this.#batches;
    if (first === undefined) return 0;
    const open = this.#firstOpen(first);
    const refused = first.failures.filter(({ record }) => record < open);
    return open - new Set(refused.map(({ record }) => record)).size;
  }

  /** Whether every batch is committed. */
  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /**
   * How far everything is committed.
   *
   * @returns The same object as before where nothing was committed since;
   * nothing where nothing ever was.
   */
  get checkpoint(): Checkpoint | undefined {
    if (this.#settled === undefined) return undefined;
    // A hash for each batch can be felt: 2.5 ms per million rows.
    const { source, place, tail } = this.#settled;
    return this.#checkpoint ??= { source, ...place, tail: fingerprintOf(tail) };
  }

  /**
   * Whether nothing is committed any more, as a reject could not be told: who
   * goes on begins in front of it.
   */
  get isStuck(): boolean {
    return this.untold !== undefined;
  }

  /** Enters the next batch of the input, before it is shipped. */
  enter(batch: Batch): void {
    this.#options.summary.records += batch.records;
    this.weight += batch.weight;
    this.#batches.push(batch);
    this.end = placeOf(batch, batch.after);
  }

  /**
   * Notes that records of a batch must be shipped again, and all behind them.
   *
   * @param mark The first of them; the earliest of several counts. What is in
   * a transaction goes again with it.
   */
  mark({ batch, record }: Mark): void {
    const mark = { batch, record: batch.startOf(record) };
    const known = this.#mark;
    if (known === undefined || this.#isBefore(mark, known)) this.#mark = mark;
  }

  /**
   * Commits nothing before {@linkcode close}: the server has refused a record as
   * it would refuse every other one, so the load ends. Which records are to
   * blame is known when all that was sent is answered.
   */
  hold(): void {
    this.#isHeld = true;
  }

  /**
   * Makes everything from the mark on unshipped again, and lifts the mark; and
   * those commands in front of it that were noted in their batches' `again`.
   *
   * No lane may have anything of it in flight (I3).
   *
   * @returns The batches to ship again, in order.
   */
  rewind(): Batch[] {
    const mark = this.#mark;
    this.#mark = undefined;
    let isBehind = false;
    const again: Batch[] = [];
    for (const batch of this.#batches) {
      const isMarked = batch === mark?.batch;
      const mayStay = !isMarked && !isBehind && batch.again.length === 0;
      if (mayStay && batch.isShipped) continue;
      if (!batch.isShipped && !batch.wasSent) {
        // It came when the rewind was asked for already.
        again.push(batch);
        continue;
      }
      const marked = isBehind ? 0 : isMarked ? mark.record : batch.encoded;
      isBehind ||= isMarked;
      // What an unfinished rewind has not shipped yet stays to be shipped.
      if (batch.isShipped) [batch.from, batch.only] = [batch.encoded, []];
      batch.from = Math.min(batch.from, marked);
      const each = batch.format.encoder.commandsPerRecord;
      const behind = batch.from * each;
      // A transaction is noted again for each command that was refused.
      const ids = new Set([...batch.only, ...batch.again]);
      batch.only = [...ids].filter((id) => id < behind).sort((a, b) => a - b);
      batch.again = [];
      batch.failures = batch.failures.filter(({ record, command }) =>
        record < batch.from && !ids.has(record * each + command)
      );
      batch.isShipped = false;
      const isRefused = batch.isUndone || batch.unshared === batch.commands;
      if (isBehind) batch.mayBeIn ||= batch.wasSent && !isRefused;
      batch.unshared = 0;
      batch.wasSent = true;
      again.push(batch);
    }
    // What a lost lane had answered before that was known to be written.
    this.commit();
    return again;
  }

  /**
   * Notes that a shipment is written and answered, and commits what that
   * settles.
   */
  done(shipment: Shipment<BatchOrigin>): void {
    const { batch } = shipment.origin;
    batch.close(shipment);
    this.commit();
  }

  /**
   * Finds the batches at the end of which nothing was sent. One in the middle
   * is none of them: it has to be sent, or what is behind it were unknown.
   */
  unsent(): Set<Batch> {
    const unsent = new Set<Batch>();
    for (const batch of this.#batches) {
      if (!batch.isUnsent) unsent.clear();
      else unsent.add(batch);
    }
    return unsent;
  }

  /** Commits the settled batches in front, up to the mark. */
  commit(): void {
    while (!this.#isHeld && !this.isStuck) {
      const { first } = this.#batches;
      if (first === undefined || !first.isSettled) return;
      if (first === this.#mark?.batch) return;
      if (!this.#settle(first, first.encoded, first.after)) return;
      this.#batches.shift();
      this.#leave(first);
    }
  }

  /**
   * Ends the accounts of a load that does not go on.
   *
   * What was never sent counts as not read, and so does what is refused as
   * everything behind it is: the records are not to blame. Of the first batch
   * that is not settled, the records in front that are get committed; whatever
   * is behind them is unknown.
   *
   * @returns The first record that is not committed; nothing where none was
   * read.
   */
  close(): RecordPlace | undefined {
    this.#isHeld = false;
    const unread = this.#unread();
    while (unread !== undefined) {
      const last = this.#batches.last!;
      const isFirst = last === unread.batch;
      this.#withdraw(last, isFirst ? unread.record : 0);
      if (isFirst) break;
    }
    this.commit();
    const { first } = this.#batches;
    if (first === undefined) return this.end;
    const open = this.#firstOpen(first);
    const place = open === first.encoded
      ? first.after
      : new RecordLocator(first).placeOf(open);
    const isTold = !this.isStuck && this.#settle(first, open, place);
    for (const batch of this.#batches) this.#leave(batch);
    return placeOf(first, isTold ? place : first.place);
  }

  /**
   * Finds the first record that can count as not read: from it on nothing was
   * sent, or every command was refused, its own as all others would be.
   */
  #unread(): Mark | undefined {
    let unread: Mark | undefined;
    for (const batch of [...this.#batches].reverse()) {
      if (batch.isUnsent) {
        unread = { batch, record: 0 };
        continue;
      }
      if (!batch.isSettled || batch.mayBeIn) break;
      const each = batch.format.encoder.commandsPerRecord;
      const isTransaction = batch.format.transaction === "whole";
      const failed = new Uint32Array(batch.encoded);
      const stops = new Set<number>();
      for (const failure of batch.failures) {
        // A transaction's commands are all undone, or those that were good stay.
        const isWhole = isTransaction && isAborted(failure.error);
        failed[failure.record] += isWhole ? each : isTransaction ? 0 : 1;
        if (failure.stops) stops.add(failure.record);
      }
      let record = batch.encoded;
      while (record > 0 && failed[record - 1] >= each) {
        if (stops.has(--record)) unread = { batch, record };
      }
      if (unread?.batch === batch) {
        // What was queued in front of it is undone.
        unread = { batch, record: batch.startOf(unread.record) };
      }
      if (record > 0) break;
    }
    return unread;
  }

  /** The first record of a batch that is not answered, or that goes again. */
  #firstOpen(batch: Batch): number {
    const isMarked = batch === this.#mark?.batch;
    return Math.min(
      batch.firstOpen,
      isMarked ? this.#mark!.record : batch.encoded,
    );
  }

  /** Takes the last batch's records from one on for not read. */
  #withdraw(batch: Batch, from: number): void {
    const { summary } = this.#options;
    const place = from === 0
      ? batch.place
      : new RecordLocator(batch).placeOf(from);
    const left = batch.after.records - place.records;
    summary.records -= left;
    this.end = placeOf(batch, place);
    if (from === 0) {
      this.#batches.pop();
      return this.#leave(batch);
    }
    batch.records -= left;
    batch.encoded = from;
    batch.after = place;
    batch.failures = batch.failures.filter(({ record }) => record < from);
  }

  #isBefore(one: Mark, other: Mark): boolean {
    if (one.batch === other.batch) return one.record < other.record;
    for (const batch of this.#batches) {
      if (batch === one.batch) return true;
      if (batch === other.batch) return false;
    }
    return false;
  }

  /**
   * Counts the first records of a batch: so many encoded ones, and all up to a
   * place. A reject counts only where it is told, so `next` never passes one
   * that nobody has.
   *
   * @returns Whether they are counted.
   */
  #settle(batch: Batch, encoded: number, place: Place): boolean {
    const { summary, onCommit } = this.#options;
    const failures = batch.failures.filter(({ record }) => record < encoded);
    const behind = place.records;
    const rejects = batch.rejects.filter(({ record }) => record <= behind);
    const { refused, partly } = this.#refused(batch, failures);
    if (refused.length > 0) {
      rejects.push(...refused);
      rejects.sort((a, b) => a.record - b.record);
    }
    if (!this.#tell(rejects)) return false;
    summary.loaded += encoded - refused.length;
    summary.rejected += rejects.length;
    summary.partly += partly;
    for (const { error, source, line } of rejects) {
      summary.errors.add(error, `${source}:${line}`);
    }
    if (behind !== batch.place.records) {
      this.#note(batch, place);
      onCommit?.();
    }
    return true;
  }

  /** Notes that everything in front of a place is committed. */
  #note(batch: Batch, place: Place): void {
    const { source, chunk, start } = batch;
    const end = start + place.offset - batch.place.offset;
    const tail = chunk.bytes.slice(Math.max(start, end - TAIL), end);
    this.#settled = { source, place, tail };
    this.#checkpoint = undefined;
  }

  /**
   * The rejects of a batch's records that the server has refused, and of how
   * many of them other commands may have been executed.
   */
  #refused(
    batch: Batch,
    failures: Failure[],
  ): { refused: readonly Reject[]; partly: number } {
    if (failures.length === 0) return NONE_REFUSED;
    // Of several commands of one record, the first that failed is its reason.
    failures.sort((a, b) => a.record - b.record || a.command - b.command);
    const { onReject } = this.#options;
    const commands = batch.format.encoder.commandsPerRecord;
    const isTransaction = batch.format.transaction === "whole";
    const locator = new RecordLocator(batch);
    const refused: Reject[] = [];
    let partly = 0;
    for (let i = 0, behind = 0; i < failures.length; i = behind) {
      const { record, command, error } = failures[i];
      while (failures[behind]?.record === record) behind++;
      const extent = isTransaction
        ? extentWithin(commands - 2, failures[behind - 1].error)
        : extentOf(behind - i, commands);
      if (extent.isPartly) partly++;
      const isTold = onReject !== undefined;
      refused.push({
        ...locator.reject(record, command, error, isTold),
        failed: extent.failed,
      });
    }
    return { refused, partly };
  }

  #tell(rejects: readonly Reject[]): boolean {
    const { onReject, onUntold } = this.#options;
    try {
      for (const reject of rejects) {
        onReject?.(reject, reject === rejects.at(-1));
      }
    } catch (error) {
      this.untold = error ?? new Error("Cannot tell about a reject");
      onUntold(this.untold);
    }
    return !this.isStuck;
  }

  #leave(batch: Batch): void {
    this.weight -= batch.weight;
    this.#options.onDone(batch);
  }
}

const NONE_REFUSED = { refused: [], partly: 0 };

/** How much of a rejected record has failed. */
interface Extent {
  /** Such as `2 of 3`. */
  readonly failed: string;
  /** Whether others of its commands may have been executed. */
  readonly isPartly: boolean;
}

function extentOf(failed: number, commands: number): Extent {
  return { failed: `${failed} of ${commands}`, isPartly: failed < commands };
}

/**
 * Of a transaction's commands all are undone that were queued, or else those
 * stay that did not fail while they were executed: EXEC's reply tells the first.
 */
function extentWithin(commands: number, error: string): Extent {
  return isAborted(error)
    ? extentOf(commands, commands)
    : { failed: `1 or more of ${commands}`, isPartly: commands > 1 };
}

function isAborted(error: string): boolean {
  return error.startsWith("EXECABORT");
}

/** The record that begins at a place. */
function placeOf(batch: Batch, place: Place): RecordPlace {
  const { records, line, offset } = place;
  return { source: batch.format.source, record: records + 1, line, offset };
}
