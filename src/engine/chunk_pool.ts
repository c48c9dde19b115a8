import { OVERRUN } from "../codec/record_writer.ts";

/** A buffer of input bytes that several batches may share. */
export interface Chunk {
  /** The bytes, with {@linkcode CHUNK_SLACK} more at the end than are filled. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many batches and readers still need it. */
  users: number;
}

/**
 * Bytes at the end of a chunk that are never filled: the writer of records
 * may read past the last one.
 */
export const CHUNK_SLACK = OVERRUN;

/**
 * Bytes of free chunks that are kept for later, at the most: more than a
 * window's batches use at once. A chunk that is dropped would be memory until
 * the next full collection of garbage, which seldom comes.
 */
const KEPT = 16 * 1024 * 1024;

/**
 * Bytes of the largest ordinary chunk: that of records of 512 KiB. Larger
 * records get chunks of their own.
 */
const LARGEST_ORDINARY = 2 * 1024 * 1024;

/**
 * Hands out input buffers and takes them back, so that a load of any size runs
 * in the same few of them.
 */
export class ChunkPool {
  /** Bytes that an ordinary chunk can be filled with. */
  #size: number;
  readonly #free: Chunk[] = [];

  /**
   * Makes an empty pool.
   *
   * @param size Bytes that an ordinary chunk can be filled with.
   */
  constructor(size: number) {
    this.#size = size;
  }

  /** Bytes that an ordinary chunk can be filled with. */
  get size(): number {
    return this.#size;
  }

  /**
   * Makes ordinary chunks larger: else each record of a size that they are too
   * small for would be moved from one to the next.
   *
   * @param record Bytes that are to fit four times.
   */
  growFor(record: number): void {
    let size = this.#size;
    while (size < 4 * record && size < LARGEST_ORDINARY) size *= 2;
    if (size === this.#size) return;
    this.#size = size;
    this.#free.length = 0;
  }

  /**
   * Hands out a chunk with one user.
   *
   * @param size Bytes that it must have room for; more than an ordinary chunk
   * has where one record is that large.
   * @returns The chunk; its contents mean nothing.
   */
  take(size: number = this.#size): Chunk {
    if (size <= this.#size) {
      const chunk = this.#free.pop();
      if (chunk !== undefined) {
        chunk.users = 1;
        return chunk;
      }
      size = this.#size;
    }
    return { bytes: new Uint8Array(size + CHUNK_SLACK), users: 1 };
  }

  /**
   * Notes that a user is done with a chunk.
   *
   * @param chunk The chunk; free for the next when this was its last user.
   */
  release(chunk: Chunk): void {
    if (--chunk.users > 0) return;
    const ordinary = chunk.bytes.length === this.#size + CHUNK_SLACK;
    const kept = this.#free.length * chunk.bytes.length;
    if (ordinary && kept < KEPT) this.#free.push(chunk);
  }
}
