import type { Place } from "../codec/place.ts";
import type { ByteBuffer } from "../protocol/byte_buffer.ts";
import type { Chunk } from "./chunk_pool.ts";
import type { Reject } from "./reject.ts";
import type { RowFormat } from "./row_format.ts";

/**
 * A run of encoded commands with its origin.
 *
 * It keeps the input bytes that it was made from until every reply has come,
 * so that an error can be traced to its record by reading them again, and rows
 * that succeed cost no bookkeeping.
 */
export class Batch {
  /** Records read, malformed ones among them. */
  records = 0;
  /** Records that became commands. */
  encoded = 0;
  /** Commands whose replies have come. */
  answered = 0;
  /** Index among the encoded records of the last that failed. */
  lastFailed = -1;
  /** The place behind the last record. */
  after: Place;
  /** Index in the chunk behind the last record's last byte. */
  end: number;
  /** What did not make it, so far in the order in which it was found out. */
  readonly rejects: Reject[] = [];

  /**
   * Begins an empty batch.
   *
   * @param output An empty buffer for the RESP to send.
   * @param format How its records are read and encoded.
   * @param chunk The input bytes; the batch is one of its users.
   * @param start Index in the chunk of the first record's first byte.
   * @param place Where in the source the first record stands.
   */
  constructor(
    readonly output: ByteBuffer,
    readonly format: RowFormat,
    readonly chunk: Chunk,
    readonly start: number,
    readonly place: Place,
  ) {
    this.end = start;
    this.after = place;
  }

  /**
   * How many replies the batch is owed in all.
   *
   * @returns The number of its commands.
   */
  get commands(): number {
    return this.encoded * this.format.encoder.commandsPerRecord;
  }
}
