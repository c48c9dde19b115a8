/**
 * Makes batches of a source: splits what was read into records, and encodes
 * them.
 *
 * What whole records there are in a chunk become a batch, so that a slow
 * producer's rows go out as they come, and a fast one's in large pieces.
 *
 * @module
 */
import { Coalescer } from "../codec/coalescer.ts";
import type { RecordReader } from "../codec/format.ts";
import type { Place } from "../codec/place.ts";
import { Step } from "../codec/step.ts";
import { type InputError, UsageError } from "../errors.ts";
import type { Source } from "../transport/source.ts";
import { type Batch, LARGE_BATCH } from "./batch.ts";
import type { BatchPool } from "./batch_pool.ts";
import { type Fingerprint, isSame } from "./checkpoint.ts";
import type { ChunkFeed } from "./chunk_feed.ts";
import { OpenedSource } from "./opened_source.ts";
import type { Reject } from "./reject.ts";
import type { RowFormat, RowPlan } from "./row_plan.ts";

/**
 * Batches that are encoded without looking for rows to share a command, after
 * one in which there were none. Comparing every row with the one before costs
 * a quarter more of the encoder's time where it is in vain: 1.06 s against
 * 0.86 s of CPU for 4,000,000 rows of drivers.csv; this way it is 0.92 s.
 */
const BATCHES_ALONE = 15;

/** Reads one source into batches. */
export class Batcher {
  /** Whether rows may share commands. */
  coalesce: boolean;
  readonly #source: OpenedSource;
  readonly #feed: ChunkFeed;
  readonly #pool: BatchPool;
  readonly #coalescer: Coalescer | undefined;
  /** Batches whose rows are not compared: none of the last one's were alike. */
  #alone = 0;
  #failure: InputError | undefined;
  /** Lines with nothing on them in front of the first record to read. */
  #blankLinesBefore = 0;

  private constructor(
    source: OpenedSource,
    pool: BatchPool,
    coalesce: boolean,
  ) {
    this.#source = source;
    this.#feed = source.feed;
    this.#pool = pool;
    this.coalesce = coalesce;
    const { coalescing, header } = source.format ?? {};
    if (coalescing !== undefined && header !== undefined && coalesce) {
      this.#coalescer = new Coalescer(coalescing, header);
    }
  }

  /**
   * Begins a source: reads its header and resolves the template against it.
   *
   * @param plan How they are read and what they become.
   * @param coalesce Whether rows may share commands.
   * @param fromLine The line of the first record to read, counting from 1.
   * @returns A batcher in front of that record.
   * @throws {UsageError} When the template does not fit the header, or the line
   * is within a record, or farther than right behind the last one.
   * @throws {InputError} When there is no header, or none that can be read.
   */
  static async open(
    source: Source,
    plan: RowPlan,
    pool: BatchPool,
    coalesce: boolean,
    fromLine = 1,
  ): Promise<Batcher> {
    const [opened, reader] = await OpenedSource.open(source, plan, pool);
    const batcher = new Batcher(opened, pool, coalesce);
    if (fromLine > 1) await batcher.#seek(reader, fromLine);
    return batcher;
  }

  /** What the records are, for people. */
  get kind(): string {
    return this.#source.kind;
  }

  /** What the source looks like, where it may not be read as it was meant. */
  get hint(): string | undefined {
    return this.#source.hint;
  }

  /** Bytes of the source read so far. */
  get bytesRead(): number {
    return this.#feed.bytesRead;
  }

  /** Lines with nothing on them that were passed over so far. */
  get blankLines(): number {
    return this.#reader.blankLines - this.#blankLinesBefore;
  }

  /** Records of the source in front of the next batch. */
  get records(): number {
    return this.#reader.records;
  }

  /**
   * Goes on at a place where an earlier load left off; no batch was made yet.
   *
   * A source that can be sought is; of another one what comes before is read
   * and dropped.
   *
   * @param place A place between two records.
   * @param tail What the bytes in front of it were then.
   * @throws {UsageError} When they are others now.
   */
  async goTo(place: Place, tail: Fingerprint): Promise<void> {
    const feed = this.#feed;
    const found = await feed.goTo(place.offset, tail.bytes);
    if (found === undefined || !isSame(found.before, tail)) {
      throw new UsageError(
        `Cannot go on at ${this.#feed.name}:${place.line}: what comes ` +
          "before is not what was loaded; without the file of --state, or the " +
          "key of --exactly-once, the load begins anew",
        "--state",
      );
    }
    const { input, format } = this.#source;
    feed.hand(input.reader(place, format?.header.length), found.at);
    this.#blankLinesBefore = 0;
  }

  /**
   * Makes the next batch.
   *
   * @param limit Records that it may have at the most, 1 or more.
   * @returns The batch, or nothing at the end of the source.
   * @throws {InputError} When the source cannot be read on; the batches made
   * so far are good.
   */
  async next(limit = Infinity): Promise<Batch | undefined> {
    const feed = this.#feed;
    while (!feed.isDone) {
      if (feed.isWaiting) await feed.fill();
      feed.readAhead();
      const batch = this.#encode(limit);
      if (batch !== undefined) return batch;
      if (this.#failure !== undefined) throw this.#failure;
    }
    return undefined;
  }

  /** What reads the records; the source's start was walked over already. */
  get #reader(): RecordReader {
    return this.#feed.walker as RecordReader;
  }

  /** Passes over the records that begin in front of a line. */
  async #seek(reader: RecordReader, line: number): Promise<void> {
    const where = `line ${line} of ${this.#feed.name}`;
    for (;;) {
      const step = this.#feed.step(reader);
      this.#blankLinesBefore = reader.blankLines;
      if (step === Step.Broken) throw this.#source.inputError(reader.fault!);
      if (step === Step.NeedInput && this.#feed.isDone) {
        // A load of all its records left off right behind them.
        if (reader.place().line === line) return;
        throw new UsageError(
          `Cannot begin at ${where}: ` +
            (reader.records === 0
              ? "there is no record in it"
              : `its last record begins on line ${reader.line}`),
          "--from-line",
        );
      }
      if (step === Step.NeedInput) await this.#feed.fill();
      else if (reader.line >= line) break;
      else if (reader.place().line > line) {
        throw new UsageError(
          `Cannot begin at ${where}: it is within the record that begins on ` +
            `line ${reader.line}`,
          "--from-line",
        );
      }
    }
    reader.unread();
  }

  /** Encodes what records there are in the chunk; none: more is needed. */
  #encode(limit: number): Batch | undefined {
    const { format } = this.#source;
    const feed = this.#feed;
    const reader = this.#reader;
    if (format === undefined) {
      feed.isDone = true;
      return undefined;
    }
    const { encoder } = format;
    const coalescer = this.coalesce && this.#alone-- <= 0
      ? this.#coalescer
      : undefined;
    const batch = this.#pool.begin(
      format,
      feed.chunk,
      reader.boundary,
      reader.place(),
    );
    const out = batch.output;
    const before = reader.records;
    let encoded = 0;
    let step: Step = Step.Record;
    while (reader.records - before < limit && out.length < LARGE_BATCH) {
      const left = limit - (reader.records - before);
      if (coalescer === undefined) {
        const count = reader.encodePlain(encoder, out, left);
        encoded += count;
        if (count === left || out.length >= LARGE_BATCH) break;
      } else {
        const count = coalescer.addPlain(reader, out, left);
        encoded += count;
        if (count > 0) continue;
      }
      step = reader.next();
      if (step === Step.NeedInput && feed.isExhausted) {
        step = feed.finish(reader);
        if (step !== Step.NeedInput && this.#source.hasCrLines(reader)) {
          feed.isDone = true;
          this.#pool.release(batch);
          throw this.#source.crLines();
        }
      }
      if (step === Step.Record) {
        if (coalescer === undefined) encoder.encode(reader.record, out);
        else coalescer.add(reader.record, out);
        encoded++;
      } else if (step === Step.Reject) {
        batch.rejects.push(this.#malformed(reader, format));
      } else {
        break;
      }
    }
    if (step === Step.Broken) {
      this.#failure = this.#source.inputError(reader.fault!);
    }
    if (coalescer !== undefined) {
      const shares = coalescer.close(out);
      batch.shares = shares;
      this.#alone = shares.length === encoded ? BATCHES_ALONE : 0;
    }
    batch.records = encoded + batch.rejects.length;
    batch.encoded = encoded;
    // What the input breaks off in is no record: from there it goes on, mended.
    const { line, offset } = reader;
    batch.after = step === Step.Broken
      ? { records: before + batch.records, line, offset }
      : reader.place();
    batch.end = batch.start + batch.after.offset - batch.place.offset;
    if (step === Step.NeedInput && !feed.isExhausted) feed.readOn();
    if (batch.records > 0) return batch;
    this.#pool.release(batch);
    return undefined;
  }

  #malformed(reader: RecordReader, format: RowFormat): Reject {
    const { raw, records, line, offset, fault } = reader;
    return {
      source: this.#feed.name,
      record: records,
      line,
      offset,
      error: fault!.offset === offset
        ? fault!.reason
        : `${fault!.reason}, at byte ${fault!.offset}`,
      bytes: raw.slice(),
      kind: format.input.kind,
      header: format.headerBytes,
    };
  }
}
