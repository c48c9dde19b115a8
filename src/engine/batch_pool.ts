import type { Place } from "../codec/place.ts";
import { ByteBuffer } from "../protocol/byte_buffer.ts";
import { Batch, type BatchFormat } from "./batch.ts";
import { type Chunk, ChunkPool } from "./chunk_pool.ts";

/**
 * Bytes of output buffers that are kept for later, at the most, for the same
 * reason as chunks (chunk_pool.ts).
 */
const KEPT = 16 * 1024 * 1024;

/** An output buffer larger than this, in bytes, is not kept. */
const LARGEST_KEPT = 4 * 1024 * 1024;

/** In place of an output that was taken back. */
const NOTHING = new ByteBuffer(0);

/** Begins batches in buffers that earlier ones are done with. */
export class BatchPool {
  /** Where input buffers come from. */
  readonly chunks: ChunkPool;
  readonly #outputs: ByteBuffer[] = [];
  /** Bytes of them. */
  #kept = 0;
  readonly #size: number;

  /**
   * Makes an empty pool.
   *
   * @param size Bytes of input that are read at once.
   */
  constructor(size: number) {
    this.#size = size;
    this.chunks = new ChunkPool(size + (size >> 3));
  }

  /**
   * Bytes at a chunk's start that a read ahead leaves free for the unfinished
   * record of the chunk before it.
   *
   * @returns An eighth of what is read at once; a quarter of a chunk that was
   * made larger, which is what the records are that it was made for.
   */
  get headroom(): number {
    const { size } = this.chunks;
    return size >= 2 * this.#size ? size >> 2 : this.#size >> 3;
  }

  /**
   * Begins a batch.
   *
   * @param format How its records are read and encoded.
   * @param chunk The input bytes.
   * @param start Index in the chunk of the first record's first byte.
   * @param place Where in the source the first record stands.
   */
  begin(
    format: BatchFormat,
    chunk: Chunk,
    start: number,
    place: Place,
  ): Batch {
    chunk.users++;
    const kept = this.#outputs.pop();
    this.#kept -= kept?.bytes.length ?? 0;
    const output = kept ?? new ByteBuffer(this.#size);
    return new Batch(output, format, chunk, start, place);
  }

  /**
   * Takes back what a batch used.
   *
   * @param batch A batch whose input and output nobody needs any more.
   */
  release(batch: Batch): void {
    this.chunks.release(batch.chunk);
    this.releaseOutput(batch);
  }

  /**
   * Takes back a batch's RESP alone, which is somewhere else now.
   *
   * @param batch A batch that is encoded again, if it is ever shipped again.
   */
  releaseOutput(batch: Batch): void {
    const { output } = batch;
    batch.output = NOTHING;
    const size = output.bytes.length;
    if (output === NOTHING || size > LARGEST_KEPT) return;
    if (this.#kept + size > KEPT) return;
    output.clear();
    this.#outputs.push(output);
    this.#kept += size;
  }
}
