import type { Coalescing } from "../codec/coalescing.ts";
import type { RecordReader } from "../codec/format.ts";
import type { Place } from "../codec/place.ts";
import type { RowEncoder } from "../codec/row_encoder.ts";
import type { ByteBuffer } from "../protocol/byte_buffer.ts";
import type { Chunk } from "./chunk_pool.ts";
import type { Reject } from "./reject.ts";
import type { Shipment } from "./shipment.ts";

/**
 * Bytes of RESP at which a batch ends even though its chunk has more records:
 * commands may be many times larger than their rows.
 */
export const LARGE_BATCH = 1024 * 1024;

const NO_UNITS: ReadonlyMap<number, number> = new Map();

/** A command of a record that the server has refused. */
export interface Failure {
  /** The record's index among those that the batch has encoded. */
  readonly record: number;
  /** Which of the record's commands, counting from 0. */
  readonly command: number;
  /** The server's text. */
  readonly error: string;
  /** Whether it is no fault of the record: every other one would be refused. */
  readonly stops?: boolean;
}

/**
 * What a batch must know to find its records, and make their commands, again:
 * of rows a `RowFormat`, of piped commands less.
 */
export interface BatchFormat {
  /** The source's name in messages. */
  readonly source: string;
  /** Its header as it stands there; empty where there is none. */
  readonly headerBytes: Uint8Array;
  /** The columns. */
  readonly header: { readonly length: number };
  /** How records are read. */
  readonly input: {
    readonly kind: string;
    reader(
      place: Place,
      fields: number,
    ): Pick<
      RecordReader,
      | "feed"
      | "next"
      | "finish"
      | "record"
      | "raw"
      | "records"
      | "line"
      | "offset"
    >;
  };
  /** How they become commands. */
  readonly encoder: Pick<RowEncoder, "commandsPerRecord" | "encode">;
  /** How they may share commands, where they may. */
  readonly coalescing?: Coalescing | undefined;
  /**
   * Whether there is a transaction within each record's commands, or these are
   * one as a whole, MULTI to EXEC.
   */
  readonly transaction?: "within" | "whole" | undefined;
}

/**
 * A run of encoded commands with its origin.
 *
 * It keeps the input bytes that it was made from until it is committed, so
 * that an error can be traced to its record, and its commands made again, by
 * reading them again; rows that succeed cost no bookkeeping.
 */
export class Batch {
  /** Which of the sources it is from, counting from 0. */
  source = 0;
  /** Records read, malformed ones among them. */
  records = 0;
  /** Records that became commands. */
  encoded = 0;
  /** How many records each command is shared by, where commands are shared. */
  shares: number[] | undefined;
  /** The place behind the last record. */
  after: Place;
  /** Index in the chunk behind the last record's last byte. */
  end: number;
  /** Records that the reader has rejected, in the input's order. */
  readonly rejects: Reject[] = [];

  /** What the server has refused, in the order of its replies. */
  failures: Failure[] = [];
  /**
   * Index of the first encoded record from which on everything is to be
   * shipped; the number of them where nothing is.
   */
  from = 0;
  /** Single commands that are to be shipped again, in order, by their ids. */
  only: number[] = [];
  /** Whether all of that was handed to lanes. */
  isShipped = false;
  /** Commands that the next rewind has to ship again, by their ids. */
  again: number[] = [];
  /** Its shipments that are not done. */
  readonly open: Shipment<BatchOrigin>[] = [];
  /** Whether one of its shipments was sent, or is made again. */
  wasSent = false;
  /** Whether that was in vain: nothing of it was executed. */
  isUndone = false;
  /** Commands that were refused only because records share them. */
  unshared = 0;
  /** Whether what is shipped again may be in already. */
  mayBeIn = false;
  /**
   * Of piped commands those from MULTI to EXEC, which go together: the id of
   * each MULTI, and how many commands it begins.
   */
  units: ReadonlyMap<number, number> = NO_UNITS;
  #weight: number | undefined;

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
    public output: ByteBuffer,
    readonly format: BatchFormat,
    readonly chunk: Chunk,
    readonly start: number,
    readonly place: Place,
  ) {
    this.end = start;
    this.after = place;
  }

  /** How many commands its records are, as they were encoded first. */
  get commands(): number {
    return this.shares?.length ??
      this.encoded * this.format.encoder.commandsPerRecord;
  }

  /** Whether every record is shipped, and every reply is in and final. */
  get isSettled(): boolean {
    return this.isShipped && this.open.length === 0 && this.again.length === 0;
  }

  /**
   * What it counts for in windows and in the bound of memory, in bytes.
   *
   * @returns Bytes of its RESP as it was encoded first; or a quarter of its
   * input's, where that is more: commands may be much smaller than the rows
   * that are kept for them.
   */
  get weight(): number {
    return this.#weight ??= Math.max(
      this.output.length,
      (this.end - this.start) >> 2,
    );
  }

  /** Whether no command of it may have been executed. */
  get isUnsent(): boolean {
    return (!this.wasSent || this.isUndone) &&
      this.open.every(({ sentAt }) => sentAt === 0);
  }

  /**
   * The commands that go together with one, in a transaction.
   *
   * @returns The first of them, and how many there are.
   */
  unitOf(id: number): { readonly first: number; readonly count: number } {
    const { encoder, transaction } = this.format;
    if (transaction !== undefined) {
      const count = encoder.commandsPerRecord;
      return { first: id - id % count, count };
    }
    for (const [first, count] of this.units) {
      if (first <= id && id < first + count) return { first, count };
    }
    return { first: id, count: 1 };
  }

  /** The first record of those whose commands go together with one's. */
  startOf(record: number): number {
    const each = this.format.encoder.commandsPerRecord;
    return Math.floor(this.unitOf(record * each).first / each);
  }

  /** Notes that a shipment is done, lost, or will never be sent. */
  close(shipment: Shipment<BatchOrigin>): void {
    if (shipment.sentAt > 0) this.wasSent = true;
    this.isUndone = false;
    this.open.splice(this.open.indexOf(shipment), 1);
  }

  /**
   * The first record whose replies are not all in.
   *
   * @returns Its index among the encoded ones; their number where there is
   * none.
   */
  get firstOpen(): number {
    const each = this.format.encoder.commandsPerRecord;
    const waiting = this.isShipped
      ? this.again
      : [...this.again, ...this.only, this.from * each];
    let first = this.encoded;
    for (const id of waiting) first = Math.min(first, Math.floor(id / each));
    for (const { origin, answered, commands } of this.open) {
      if (answered < commands) {
        first = Math.min(first, origin.recordOf(answered));
      }
    }
    // What was queued since MULTI is not in.
    return this.startOf(first);
  }
}

/**
 * Which records the commands of a shipment belong to.
 *
 * A command's id in its batch is its record's index times the commands of each
 * record, plus its ordinal among those.
 */
export interface BatchOrigin {
  /** The batch. */
  readonly batch: Batch;
  /** Whether records share its commands. */
  readonly isShared: boolean;
  /**
   * Finds the first record of a command.
   *
   * @param command The command's index in the shipment.
   * @returns The record's index among those that the batch has encoded.
   */
  recordOf(command: number): number;
  /**
   * Finds out how many records share a command.
   *
   * @param command The command's index in the shipment.
   */
  sharersOf(command: number): number;
  /**
   * Finds out which of its record's commands a command is.
   *
   * @param command The command's index in the shipment.
   */
  ordinalOf(command: number): number;
}

/** Commands of which each belongs to one record. */
export class PlainOrigin implements BatchOrigin {
  readonly isShared = false;
  readonly #ids: ArrayLike<number> | undefined;
  readonly #each: number;

  /** Describes a shipment of all commands of a batch, or of some. */
  constructor(readonly batch: Batch, ids?: ArrayLike<number>) {
    this.#ids = ids;
    this.#each = batch.format.encoder.commandsPerRecord;
  }

  recordOf(command: number): number {
    return Math.floor(this.#idOf(command) / this.#each);
  }

  sharersOf(): number {
    return 1;
  }

  ordinalOf(command: number): number {
    return this.#idOf(command) % this.#each;
  }

  #idOf(command: number): number {
    return this.#ids === undefined ? command : this.#ids[command];
  }
}

/** Records that share commands with the ones next to them. */
export class SharedOrigin implements BatchOrigin {
  readonly isShared = true;
  readonly #shares: readonly number[];

  /**
   * Describes a shipment of all records.
   *
   * @param batch The batch; it has shares.
   */
  constructor(readonly batch: Batch) {
    this.#shares = batch.shares ?? [];
  }

  recordOf(command: number): number {
    let record = 0;
    for (let i = 0; i < command; i++) record += this.#shares[i];
    return record;
  }

  sharersOf(command: number): number {
    return this.#shares[command];
  }

  ordinalOf(): number {
    return 0;
  }
}
