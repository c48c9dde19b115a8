import type { CommandKeys } from "../protocol/command_keys.ts";
import { openEach } from "../transport/idle_timeout.ts";
import type { Batch } from "./batch.ts";
import { BatchPool } from "./batch_pool.ts";
import { CommandBatcher } from "./command_batcher.ts";
import type { PipeOptions } from "./pipe.ts";
import type { BatchSource } from "./stream.ts";
import type { Summary } from "./summary.ts";

/** Bytes of input that are read at once. */
const CHUNK = 256 * 1024;

/**
 * The batches of all sources of a pipe, one source after the other: what the
 * rows are for a load.
 *
 * Whether commands may be repeated is known when they are read: as long as all
 * of them may, what was never answered is sent again; then it ends the pipe.
 */
export class PipedCommands implements BatchSource {
  readonly pool = new BatchPool(CHUNK);
  readonly sameShape = false;
  readonly #options: PipeOptions;
  readonly #keys: CommandKeys;
  readonly #summary: Summary;
  #batcher: CommandBatcher | undefined;
  /** Whether all commands of the sources before it may be repeated. */
  #wasRepeatable = true;

  /**
   * Opens nothing yet.
   *
   * @param keys Tells what cannot be sent to a cluster.
   * @param summary Counts what is read.
   */
  constructor(
    options: PipeOptions,
    keys: CommandKeys,
    summary: Summary,
  ) {
    this.#options = options;
    this.#keys = keys;
    this.#summary = summary;
  }

  /** Whether all commands so far may be sent again, in order. */
  get isRepeatable(): boolean {
    return this.#wasRepeatable && this.#batcher?.isRepeatable !== false;
  }

  stopCoalescing(): void {}

  /**
   * Reads all sources.
   *
   * @yields Batches in the order of the input.
   * @throws {InputError} When a source cannot be read on, or has what cannot be
   * sent.
   */
  async *batches(): AsyncGenerator<Batch, void, void> {
    const { sources, idleTimeout } = this.#options;
    const summary = this.#summary;
    let commands = 0;
    for await (const source of openEach(sources, idleTimeout)) {
      summary.source = source.name;
      const { bytesIn } = summary;
      this.#wasRepeatable = this.isRepeatable;
      const batcher = this.#batcher = new CommandBatcher(
        source,
        this.pool,
        this.#keys,
        commands,
      );
      try {
        for (;;) {
          const batch = await batcher.next();
          summary.bytesIn = bytesIn + batcher.bytesRead;
          if (batch === undefined) break;
          yield batch;
        }
      } finally {
        summary.bytesIn = bytesIn + batcher.bytesRead;
      }
      commands = batcher.commands;
    }
    this.#options.onTransferred?.();
  }
}
