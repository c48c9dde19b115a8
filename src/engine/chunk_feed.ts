/**
 * Reads a source chunk by chunk, and feeds whatever walks over its bytes.
 *
 * Why it has this shape: one read of the source fills a chunk. Awaits happen per
 * chunk. The unfinished record at a chunk's end is copied to the front of the
 * next one; a chunk that one record fills is replaced by one twice its size.
 *
 * The next read is under way while a chunk is encoded (`readAhead`) where the
 * chunk is full; where it is not, the next read goes behind what is in it, once
 * the chunk is done: a slow producer's rows are few, and need no second chunk.
 *
 * What must change together: whoever hands the walker bytes (`fill`) and a
 * batch's bounds, which are indices into the same chunk.
 *
 * @module
 */
import type { RecordReader } from "../codec/format.ts";
import { Step } from "../codec/step.ts";
import type { Source } from "../transport/source.ts";
import type { BatchPool } from "./batch_pool.ts";
import { type Chunk, CHUNK_SLACK } from "./chunk_pool.ts";

/** A chunk with less room than this is not read into any more. */
const LEAST_ROOM = 32 * 1024;

/** What is fed. */
export interface Walker {
  /** Index in the chunk of the first byte that it has not passed over. */
  readonly boundary: number;
  /** How many bytes from there on must come first again. */
  readonly pending: number;
  /** Shows it its next input, the pending bytes first. */
  feed(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): void;
}

/** Feeds one source. */
export class ChunkFeed {
  /** Of rows, what stands in front of the records, then their reader. */
  walker: Walker;
  /** The walker can do nothing before the read under way has ended. */
  isWaiting = false;
  /** The source has no more bytes; the reader may still have records. */
  isExhausted = false;
  /** Nor has the reader. */
  isDone = false;
  /** Bytes of the source read so far. */
  bytesRead = 0;
  readonly #source: Source;
  readonly #pool: BatchPool;
  #chunk: Chunk;
  /** Index in the chunk behind the last byte that was read into it. */
  #filled = 0;
  #reading: Promise<number | null> | undefined;
  /** The chunk that is being read into, where that is not the current one. */
  #ahead: Chunk | undefined;
  /** Bytes that it has in front of what is read. */
  #headroom = 0;

  /** Begins to read. */
  constructor(source: Source, walker: Walker, pool: BatchPool) {
    this.#source = source;
    this.walker = walker;
    this.#pool = pool;
    this.#chunk = pool.chunks.take();
    this.readOn();
  }

  /** What to call the source in messages. */
  get name(): string {
    return this.#source.name;
  }

  /** What was read and not passed over is in here. */
  get chunk(): Chunk {
    return this.#chunk;
  }

  /** What the walker has not passed over. */
  get rest(): Uint8Array<ArrayBuffer> {
    return this.#chunk.bytes.subarray(this.walker.boundary, this.#filled);
  }

  /** Has a reader go on at an index in the chunk. */
  hand(reader: RecordReader, at: number): void {
    reader.feed(this.#chunk.bytes, at, this.#filled);
    this.walker = reader;
  }

  /** One step of the reader, which is told when there is no more input. */
  step(reader: RecordReader): Step {
    const step = reader.next();
    if (step !== Step.NeedInput) return step;
    if (this.isExhausted) return this.finish(reader);
    this.readOn();
    return step;
  }

  /** The reader's last steps, when there is no more input. */
  finish(reader: RecordReader): Step {
    const step = reader.finish();
    this.isDone = step === Step.NeedInput;
    return step;
  }

  /**
   * Goes to an offset, by seeking where the source can be sought; else what
   * comes before is read and dropped.
   *
   * @param tail How many bytes in front of it are wanted.
   * @returns Its index in the chunk, and those bytes; nothing where the source
   * ends before.
   */
  async goTo(
    offset: number,
    tail: number,
  ): Promise<{ at: number; before: Uint8Array } | undefined> {
    if (this.#reading !== undefined) await this.fill();
    const from = offset - tail;
    const { bytes } = this.#chunk;
    let reached = this.bytesRead;
    if (reached < offset) {
      const kept = Math.max(0, reached - from);
      bytes.copyWithin(0, this.#filled - kept, this.#filled);
      this.#filled = kept;
      if (reached < from && this.#source.seek !== undefined) {
        await this.#source.seek(from);
        reached = from;
      }
    }
    while (reached < offset && !this.isExhausted) {
      const end = reached < from ? from - reached : bytes.length - CHUNK_SLACK;
      const room = bytes.subarray(this.#filled, end);
      const count = await this.#source.read(room);
      this.isExhausted = count === null;
      reached += count ?? 0;
      this.bytesRead += count ?? 0;
      if (reached > from) this.#filled += count ?? 0;
    }
    if (reached < offset) return undefined;
    const at = this.#filled - (reached - offset);
    return { at, before: bytes.subarray(Math.max(0, at - tail), at) };
  }

  /** Sees to it that more input is on its way. */
  readOn(): void {
    this.isWaiting = true;
    if (this.#reading !== undefined) return;
    if (this.#room < LEAST_ROOM) {
      const { pending } = this.walker;
      this.#moveTo(this.#pool.chunks.take(pending * 2), 0);
    }
    this.#read(this.#chunk, this.#filled);
  }

  /** Starts the next read where the current chunk can take no more. */
  readAhead(): void {
    if (this.#reading !== undefined || this.isExhausted) return;
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

  /** Waits for the read under way, and feeds the walker. */
  async fill(): Promise<void> {
    const count = await this.#reading!;
    this.#reading = undefined;
    this.isWaiting = false;
    this.bytesRead += count ?? 0;
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead === undefined) this.#filled += count ?? 0;
    else if (count === null) this.#pool.chunks.release(ahead);
    else this.#goOnIn(ahead, count);
    this.isExhausted = count === null;
    const { walker } = this;
    walker.feed(this.#chunk.bytes, walker.boundary, this.#filled);
  }

  /** Goes on in the chunk that was read ahead, behind its headroom. */
  #goOnIn(ahead: Chunk, count: number): void {
    const pool = this.#pool.chunks;
    const { pending } = this.walker;
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
    const { walker } = this;
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
}
