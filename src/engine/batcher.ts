/**
 * Makes batches of a source: reads, splits into records, encodes.
 *
 * Why it has this shape: one read of the source fills a chunk, and what whole
 * records there are in it become a batch, so that a slow producer's rows go
 * out as they come, and a fast one's in large pieces. Awaits happen per chunk.
 * The unfinished record at a chunk's end is copied to the front of the next
 * one; a chunk that one record fills is replaced by one twice its size.
 *
 * The next read is under way while a chunk is encoded (`#readAhead`) where the
 * chunk is full; where it is not, the next read goes behind what is in it, once
 * the chunk is done: a slow producer's rows are few, and need no second chunk.
 *
 * What must change together: whoever hands the reader bytes (`#fill`) and the
 * batch's bounds, which are indices into the same chunk.
 *
 * @module
 */
import { Coalescer } from "../codec/coalescer.ts";
import type { Dialect } from "../codec/dialect.ts";
import {
  DerivedFormat,
  type Format,
  type RecordReader,
} from "../codec/format.ts";
import type { Place } from "../codec/place.ts";
import { Header } from "../codec/header.ts";
import { SourceStart } from "../codec/source_start.ts";
import { type RecordFault, Step } from "../codec/step.ts";
import { CR_LINES, endsLinesInCr, suspectHeader } from "../codec/suspicion.ts";
import { InputError, UsageError } from "../errors.ts";
import type { Source } from "../transport/source.ts";
import type { Batch } from "./batch.ts";
import type { BatchPool } from "./batch_pool.ts";
import { type Fingerprint, isSame } from "./checkpoint.ts";
import { type Chunk, CHUNK_SLACK } from "./chunk_pool.ts";
import type { Reject } from "./reject.ts";
import type { RowCoding, RowFormat, RowPlan } from "./row_plan.ts";

/**
 * Bytes of RESP at which a batch ends even though its chunk has more records:
 * commands may be many times larger than their rows.
 */
const LARGE_BATCH = 1024 * 1024;

/**
 * Batches that are encoded without looking for rows to share a command, after
 * one in which there were none. Comparing every row with the one before costs
 * a quarter more of the encoder's time where it is in vain: 1.06 s against
 * 0.86 s of CPU for 4,000,000 rows of drivers.csv; this way it is 0.92 s.
 */
const BATCHES_ALONE = 15;

/** A chunk with less room than this is not read into any more. */
const LEAST_ROOM = 32 * 1024;

/** Reads one source into batches. */
export class Batcher {
  /** Bytes of the source read so far. */
  bytesRead = 0;
  /** Whether rows may share commands. */
  coalesce: boolean;
  /** What the source looks like, where it may not be read as it was meant. */
  hint: string | undefined;
  readonly #source: Source;
  readonly #pool: BatchPool;
  readonly #plan: RowPlan;
  readonly #start: SourceStart;
  /** There is none before the source's start was passed over. */
  #reader: RecordReader | undefined;
  /** What the source was found to be. */
  #input: Format | undefined;
  #dialect: Dialect;
  /** What its records become, where they need no header for that. */
  #coding: RowCoding | undefined;
  #format: RowFormat | undefined;
  #coalescer: Coalescer | undefined;
  /** Batches whose rows are not compared: none of the last one's were alike. */
  #alone = 0;
  #chunk: Chunk;
  /** Index in the chunk behind the last byte that was read into it. */
  #filled = 0;
  #reading: Promise<number | null> | undefined;
  /** The chunk that is being read into, where that is not the current one. */
  #ahead: Chunk | undefined;
  /** Bytes that it has in front of what is read. */
  #headroom = 0;
  /** The reader can do nothing before the read under way has ended. */
  #isWaiting = false;
  /** The source has no more bytes; the reader may still have records. */
  #exhausted = false;
  #done = false;
  #failure: InputError | undefined;
  /** Lines with nothing on them in front of the first record to read. */
  #blankLinesBefore = 0;

  private constructor(
    source: Source,
    plan: RowPlan,
    pool: BatchPool,
    coalesce: boolean,
  ) {
    this.#source = source;
    this.coalesce = coalesce;
    this.#pool = pool;
    this.#plan = plan;
    this.#dialect = plan.dialect;
    this.#chunk = pool.chunks.take();
    this.#start = new SourceStart(plan.skipLines);
    this.#readOn();
  }

  /**
   * Begins a source: reads its header and resolves the template against it.
   *
   * @param source Where the bytes come from.
   * @param plan How they are read and what they become.
   * @param pool Where batches come from.
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
    const batcher = new Batcher(source, plan, pool, coalesce);
    const reader = await batcher.#readStart();
    await batcher.#begin(reader);
    if (fromLine > 1) await batcher.#seek(reader, fromLine);
    return batcher;
  }

  /** What the records are, for people. */
  get kind(): string {
    return this.#input?.kind ?? "";
  }

  /**
   * Lines with nothing on them that were passed over so far.
   *
   * @returns How many.
   */
  get blankLines(): number {
    return (this.#reader?.blankLines ?? 0) - this.#blankLinesBefore;
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
    if (this.#reading !== undefined) await this.#fill();
    const from = place.offset - tail.bytes;
    const { bytes } = this.#chunk;
    let offset = this.bytesRead;
    if (offset < place.offset) {
      const kept = Math.max(0, offset - from);
      bytes.copyWithin(0, this.#filled - kept, this.#filled);
      this.#filled = kept;
      if (offset < from && this.#source.seek !== undefined) {
        await this.#source.seek(from);
        offset = from;
      }
    }
    while (offset < place.offset && !this.#exhausted) {
      const end = offset < from ? from - offset : bytes.length - CHUNK_SLACK;
      const room = bytes.subarray(this.#filled, end);
      const count = await this.#source.read(room);
      this.#exhausted = count === null;
      offset += count ?? 0;
      this.bytesRead += count ?? 0;
      if (offset > from) this.#filled += count ?? 0;
    }
    const at = this.#filled - (offset - place.offset);
    const before = bytes.subarray(Math.max(0, at - tail.bytes), at);
    if (offset < place.offset || !isSame(before, tail)) {
      throw new UsageError(
        `Cannot go on at ${this.#source.name}:${place.line} (--state): what ` +
          "comes before is not what was loaded; without its file the load " +
          "begins anew",
        "--state",
      );
    }
    const fields = this.#format?.header.length;
    const input = this.#format?.input ?? this.#input!;
    this.#reader = input.reader(place, fields);
    this.#reader.feed(bytes, at, this.#filled);
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
    while (!this.#done) {
      if (this.#isWaiting) await this.#fill();
      this.#readAhead();
      const batch = this.#encode(limit);
      if (batch !== undefined) return batch;
      if (this.#failure !== undefined) throw this.#failure;
    }
    return undefined;
  }

  /** Passes over what stands in front of the first record. */
  async #readStart(): Promise<RecordReader> {
    const start = this.#start;
    for (;;) {
      await this.#fill();
      if (start.read(this.#exhausted)) {
        if (start.fault !== undefined) throw this.#inputError(start.fault);
        if (this.#detect()) break;
      }
      this.#readOn();
    }
    const reader = this.#input!.reader(start.place());
    reader.feed(this.#chunk.bytes, start.boundary, this.#filled);
    this.#reader = reader;
    return reader;
  }

  /** Finds out what the source is; says whether there was enough of it. */
  #detect(): boolean {
    const start = this.#start;
    const first = this.#chunk.bytes.subarray(start.boundary, this.#filled);
    const plan = this.#plan;
    const found = plan.detect(this.#source.name, first, this.#exhausted);
    if (found === undefined) return false;
    if (found.isRemark) start.passLine();
    if (found.format === "jsonl") {
      this.#coding = plan.namedCoding();
      this.#input = this.#coding.input;
    } else {
      const input = plan.csv(found.delimiter);
      this.#dialect = input.dialect;
      this.#input = input;
    }
    return true;
  }

  /** Finds out what the columns are, and what their records become. */
  async #begin(reader: RecordReader): Promise<void> {
    if (this.#coding !== undefined) {
      return this.#encodeAs(this.#coding, new Uint8Array());
    }
    const plan = this.#plan;
    const dialect = this.#dialect;
    let header = plan.columns;
    let headerBytes = new Uint8Array();
    if (plan.header || header === undefined) {
      let step = this.#step(reader);
      while (step === Step.NeedInput && !this.#done) {
        await this.#fill();
        step = this.#step(reader);
      }
      const { record } = reader;
      if (step === Step.NeedInput) {
        if (!plan.header) return;
        throw new InputError(
          `Cannot read ${this.#source.name}: it is empty, not even a header ` +
            "is in it",
          { source: this.#source.name, line: 1, offset: 0 },
        );
      }
      if (this.#hasCrLines(reader)) throw this.#crLines();
      if (step !== Step.Record) {
        const line = record.bytes.subarray(record.start, record.end);
        const suspicion = suspectHeader(Header.ofLine(line), dialect);
        throw this.#inputError(reader.fault!, suspicion);
      }
      if (plan.header) {
        header ??= Header.fromRecord(record);
        headerBytes = record.bytes.slice(record.start, record.end);
        reader.records--;
      } else {
        header = Header.numbered(record.fieldCount);
        reader.unread();
      }
    }
    reader.fields = header.length;
    const suspicion = suspectHeader(header, dialect);
    try {
      const coding = plan.codingFor(header, this.#input);
      this.#encodeAs(coding, headerBytes);
      this.hint = suspicion;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(
        `${this.#source.name}: ${error.message}` +
          (suspicion === undefined ? "" : `; ${suspicion}`),
      );
    }
  }

  #encodeAs(coding: RowCoding, headerBytes: Uint8Array): void {
    const { input, header, coalescing } = coding;
    this.#format = { ...coding, source: this.#source.name, headerBytes };
    if (input !== this.#input && input instanceof DerivedFormat) {
      this.#reader = input.derive(this.#reader!);
      this.#reader.feed(
        this.#chunk.bytes,
        this.#reader.boundary,
        this.#filled,
      );
    }
    if (coalescing !== undefined && this.coalesce) {
      this.#coalescer = new Coalescer(coalescing, header);
    }
  }

  /** Passes over the records that begin in front of a line. */
  async #seek(reader: RecordReader, line: number): Promise<void> {
    const where = `line ${line} of ${this.#source.name}`;
    for (;;) {
      const step = this.#step(reader);
      this.#blankLinesBefore = reader.blankLines;
      if (step === Step.Broken) throw this.#inputError(reader.fault!);
      if (step === Step.NeedInput && this.#done) {
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
      if (step === Step.NeedInput) await this.#fill();
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
    const format = this.#format;
    const reader = this.#reader;
    if (format === undefined || reader === undefined) {
      this.#done = true;
      return undefined;
    }
    const { encoder } = format;
    const coalescer = this.coalesce && this.#alone-- <= 0
      ? this.#coalescer
      : undefined;
    const batch = this.#pool.begin(
      format,
      this.#chunk,
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
      if (step === Step.NeedInput && this.#exhausted) {
        step = this.#finish(reader);
        if (step !== Step.NeedInput && this.#hasCrLines(reader)) {
          this.#done = true;
          this.#pool.release(batch);
          throw this.#crLines();
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
      this.#failure = this.#inputError(reader.fault!);
      const counted = encoded + batch.rejects.length;
      if (reader.records - before > counted) {
        batch.rejects.push(this.#malformed(reader, format));
      }
    }
    if (coalescer !== undefined) {
      const shares = coalescer.close(out);
      batch.shares = shares;
      this.#alone = shares.length === encoded ? BATCHES_ALONE : 0;
    }
    batch.records = reader.records - before;
    batch.encoded = encoded;
    batch.end = reader.boundary;
    batch.after = reader.place();
    if (step === Step.NeedInput && !this.#exhausted) this.#readOn();
    if (batch.records > 0) return batch;
    this.#pool.release(batch);
    return undefined;
  }

  /** One step of the reader, which is told when there is no more input. */
  #step(reader: RecordReader): Step {
    const step = reader.next();
    if (step !== Step.NeedInput) return step;
    if (this.#exhausted) return this.#finish(reader);
    this.#readOn();
    return step;
  }

  #finish(reader: RecordReader): Step {
    const step = reader.finish();
    this.#done = step === Step.NeedInput;
    return step;
  }

  /** What is fed with the input now. */
  get #walker(): SourceStart | RecordReader {
    return this.#reader ?? this.#start;
  }

  /** Sees to it that more input is on its way. */
  #readOn(): void {
    this.#isWaiting = true;
    if (this.#reading !== undefined) return;
    if (this.#room < LEAST_ROOM) {
      const { pending } = this.#walker;
      this.#moveTo(this.#pool.chunks.take(pending * 2), 0);
    }
    this.#read(this.#chunk, this.#filled);
  }

  /** Starts the next read where the current chunk can take no more. */
  #readAhead(): void {
    if (this.#reading !== undefined || this.#exhausted) return;
    if (this.#room >= LEAST_ROOM) return;
    this.#ahead = this.#pool.chunks.take();
    this.#headroom = this.#pool.headroom;
    this.#read(this.#ahead, this.#headroom);
  }

  #read({ bytes }: Chunk, at: number): void {
    const room = bytes.subarray(at, bytes.length - CHUNK_SLACK);
    this.#reading = this.#source.read(room);
    // A failure is seen by whoever awaits the read; until then it is nobody's.
    this.#reading.catch(() => {});
  }

  async #fill(): Promise<void> {
    const count = await this.#reading!;
    this.#reading = undefined;
    this.#isWaiting = false;
    this.bytesRead += count ?? 0;
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead === undefined) this.#filled += count ?? 0;
    else if (count === null) this.#pool.chunks.release(ahead);
    else this.#goOnIn(ahead, count);
    this.#exhausted = count === null;
    const walker = this.#walker;
    walker.feed(this.#chunk.bytes, walker.boundary, this.#filled);
  }

  /** Goes on in the chunk that was read ahead, behind its headroom. */
  #goOnIn(ahead: Chunk, count: number): void {
    const pool = this.#pool.chunks;
    const { pending } = this.#walker;
    if (pending <= this.#headroom) {
      this.#moveTo(ahead, this.#headroom - pending);
    } else {
      pool.growFor(pending);
      this.#moveTo(pool.take(pending * 2 + count), 0);
      const from = this.#headroom;
      this.#chunk.bytes.set(ahead.bytes.subarray(from, from + count), pending);
      pool.release(ahead);
    }
    this.#filled += count;
  }

  /** Moves the unfinished record to an index of another chunk. */
  #moveTo(next: Chunk, at: number): void {
    const walker = this.#walker;
    const { boundary } = walker;
    next.bytes.set(this.#chunk.bytes.subarray(boundary, this.#filled), at);
    this.#pool.chunks.release(this.#chunk);
    this.#chunk = next;
    this.#filled += at - boundary;
    walker.feed(next.bytes, at, this.#filled);
  }

  /** Bytes that can still be read into the current chunk. */
  get #room(): number {
    return this.#chunk.bytes.length - CHUNK_SLACK - this.#filled;
  }

  /**
   * Whether the current record begins its source, and has a CR where each of
   * its lines would end.
   */
  #hasCrLines({ raw, offset }: RecordReader): boolean {
    if (this.#coding !== undefined) return false;
    const { quote } = this.#dialect;
    return offset === this.#start.place().offset &&
      endsLinesInCr(raw, quote);
  }

  #crLines(): InputError {
    const { name } = this.#source;
    return new InputError(
      `Cannot read ${name}: ${CR_LINES}`,
      { source: name, line: 1, offset: 0 },
    );
  }

  #malformed(reader: RecordReader, format: RowFormat): Reject {
    const { raw, records, line, offset, fault } = reader;
    return {
      source: this.#source.name,
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

  #inputError(fault: RecordFault, suspicion?: string): InputError {
    const { name } = this.#source;
    return new InputError(
      `Cannot read ${name} beyond line ${fault.line} (byte ` +
        `${fault.offset}): ${fault.reason}` +
        (suspicion === undefined ? "" : `; ${suspicion}`),
      { source: name, line: fault.line, offset: fault.offset },
    );
  }
}
