import type { Place } from "../codec/place.ts";
import type { ByteBuffer } from "../protocol/byte_buffer.ts";
import type { Chunk } from "./chunk_pool.ts";
import type { Reject } from "./reject.ts";
import type { RowFormat } from "./row_plan.ts";

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
  /** How many records each command is shared by, where commands are shared. */
  shares: number[] | undefined;
  /** Shared commands that failed, whose records are to be sent again. */
  failedShares: number[] | undefined;
  /**
   * Which of the records in its input are encoded, by index among the good
   * ones, where not all are: records that are sent again.
   */
  selection: readonly number[] | undefined;
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
    return this.shares?.length ??
      this.encoded * this.format.encoder.commandsPerRecord;
  }

  /**
   * What it counts for in a lane's window.
   *
   * @returns Bytes of its RESP; or a quarter of its input's, where that is
   * more: commands may be much smaller than the rows that are kept for them.
   */
  get weight(): number {
    return Math.max(this.output.length, (this.end - this.start) >> 2);
  }

  /**
   * How many records' commands are all among the first ones.
   *
   * @param commands How many commands.
   * @returns How many records; it is also the index, among the encoded ones, of
   * the record that the next command belongs to.
   */
  recordsIn(commands: number): number {
    if (this.shares === undefined) {
      return Math.floor(commands / this.format.encoder.commandsPerRecord);
    }
    let records = 0;
    for (let i = 0; i < commands; i++) records += this.shares[i];
    return records;
  }

  /**
   * Which records share a command.
   *
   * @param command The command's index; records must share commands here.
   * @returns Their indices among the encoded ones.
   */
  sharersOf(command: number): number[] {
    const first = this.recordsIn(command);
    return Array.from({ length: this.shares![command] }, (_, i) => first + i);
  }
}
