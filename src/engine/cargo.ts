import { ByteBuffer } from "../protocol/byte_buffer.ts";
import type { Batch, BatchOrigin } from "./batch.ts";

/** Bytes that a cargo begins with, and most that one is kept with. */
const SIZE = { first: 32 * 1024, kept: 1024 * 1024 };

/**
 * The commands of one batch for one lane of a cluster, while they are gathered
 * and until they are answered.
 *
 * A command costs no object: its bytes go behind the ones before, its id is one
 * number, and where records share commands there is one more.
 */
export class Cargo implements BatchOrigin {
  /** The commands. */
  readonly output = new ByteBuffer(SIZE.first);
  /** How many commands there are; those that were refused by ASK count twice. */
  commands = 0;
  isShared = false;
  #batch: Batch | undefined;
  #ids = new Uint32Array(1024);
  #shares = new Uint32Array(1024);
  #each = 1;

  /** The batch that the commands come from. */
  get batch(): Batch {
    return this.#batch!;
  }

  /** Whether it is small enough to be used again. */
  get isKept(): boolean {
    return this.output.bytes.length <= SIZE.kept;
  }

  /** Begins anew for a batch. */
  begin(batch: Batch, isShared: boolean): void {
    this.#batch = batch;
    this.#each = batch.format.encoder.commandsPerRecord;
    this.isShared = isShared;
    this.commands = 0;
    this.output.clear();
  }

  /**
   * Adds a command.
   *
   * @param id Its id, or its first record's where records share it.
   * @param bytes A buffer with its RESP.
   */
  add(
    id: number,
    shares: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (this.commands === this.#ids.length) this.#grow();
    this.#ids[this.commands] = id;
    this.#shares[this.commands++] = shares;
    this.output.append(bytes, start, end);
  }

  recordOf(command: number): number {
    return Math.floor(this.#ids[command] / this.#each);
  }

  sharersOf(command: number): number {
    return this.#shares[command];
  }

  ordinalOf(command: number): number {
    return this.#ids[command] % this.#each;
  }

  #grow(): void {
    const [ids, shares] = [this.#ids, this.#shares];
    this.#ids = new Uint32Array(ids.length * 2);
    this.#shares = new Uint32Array(ids.length * 2);
    this.#ids.set(ids);
    this.#shares.set(shares);
  }
}
