import { UsageError } from "../errors.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import { parseNodeMap } from "../transport/node_map.ts";
import { Allowance } from "./allowance.ts";
import { STALL_TIMEOUT } from "./lane.ts";
import type { LoadOptions } from "./load.ts";
import type { LoadEnd } from "./load_end.ts";
import { Lock } from "./lock.ts";
import { MemoryWatch } from "./memory_forecast.ts";
import { Prune } from "./prune.ts";
import { Rate } from "./rate.ts";
import { primariesOf } from "./side_connection.ts";
import type { Summary } from "./summary.ts";
import { SwapDb } from "./swap_db.ts";
import type { Wait } from "./wait.ts";
import { WaitReplicas } from "./wait_replicas.ts";
import { WrittenKeys } from "./written_keys.ts";

/** The default of {@linkcode EndOptions.pruneLimit}. */
const PRUNE_LIMIT = "20%";

/** What is to be done before a load and behind it. */
export interface EndOptions {
  /**
   * A key that is held while the load runs, so that no other load with the same
   * one does. With the server's `retry` it is waited for.
   */
  lock?: string | undefined;
  /**
   * The number of a spare database to load into; when every record is in, it is
   * swapped with the server's `database`. Without `maxErrors` no reject is
   * borne then.
   */
  swapDb?: number | undefined;
  /**
   * When every record is in, keys that match this pattern and that the load has
   * not written are deleted.
   */
  prune?: string | undefined;
  /**
   * How many keys may be deleted so: `N`, or `N%` of those that match. With 0
   * nothing is, and the summary has what would be. Default: 20%.
   */
  pruneLimit?: string | undefined;
  /** Records a second, evenly. Default: as fast as the server takes them. */
  rate?: number | undefined;
  /**
   * How many replicas must have acknowledged what was sent, while the load runs
   * and in the end, within the stall timeout.
   */
  wait?: number | undefined;
}

/**
 * The ends of one load: what frames it, in the order in which it is prepared.
 * It is concluded the other way round; whatever was not concluded when the load
 * is over is abandoned.
 */
export class LoadEnds implements AsyncDisposable {
  /** The server to load into. */
  readonly server: ConnectOptions | undefined;
  /** How many rejects are too many where that is not said; all by default. */
  readonly maxErrors: string | undefined;
  /** Records that a batch may have. */
  readonly mostRecords: number = Infinity;
  /** Which keys the load writes, where that is wanted. */
  readonly written: WrittenKeys | undefined;
  readonly #ends: LoadEnd[] = [];
  readonly #swap: SwapDb | undefined;

  /**
   * Makes the ends that the options ask for; nothing is connected yet.
   *
   * @throws {UsageError} When an option cannot work.
   */
  constructor(options: LoadOptions, summary: Summary, wait: Wait) {
    const { server, connection, signal, swapDb } = options;
    checkWholeness(options);
    const { retry: patience, onNotice } = server ?? {};
    const map = parseNodeMap(options.nodeMap);
    const own = { server: { signal, ...server }, map, wait, onNotice };
    const lock = options.lock === undefined
      ? undefined
      : new Lock({ ...own, key: options.lock, patience });
    if (lock !== undefined) this.#ends.push(lock);
    if (options.wait !== undefined) {
      this.#ends.push(
        new WaitReplicas({
          count: options.wait,
          servers: () => primariesOf(own.server, map),
          timeout: options.stallTimeout ?? STALL_TIMEOUT,
          summary,
          wait,
        }),
      );
    }
    this.server = server;
    if (swapDb !== undefined) {
      const swap = { ...own, spare: swapDb, summary, lock, patience };
      this.#ends.push(this.#swap = new SwapDb(swap));
      this.server = { ...server, database: swapDb };
      this.maxErrors = "0";
    }
    if (options.prune !== undefined) {
      const written = this.written = new WrittenKeys(options.commands);
      if (lock !== undefined) {
        written.hashes.add(new TextEncoder().encode(lock.key));
      }
      this.#ends.push(
        new Prune({
          pattern: options.prune,
          limit: Allowance.parse(
            options.pruneLimit ?? PRUNE_LIMIT,
            "--prune-limit",
            "a whole number of keys, or a share such as 20%",
          ),
          servers: () => primariesOf(own.server, map),
          written,
          isWhole: options.checkpoint === undefined,
          summary,
          wait,
          onNotice,
        }),
      );
    }
    if (this.#ends.length > 0 && connection !== undefined) {
      throw new UsageError(
        "What frames a load needs connections of its own: give a server " +
          "instead of a connection",
      );
    }
    if (connection === undefined) {
      const server = { signal, ...this.server };
      this.#ends.push(new MemoryWatch({ server, summary, wait, onNotice }));
    }
    if (options.rate !== undefined) {
      this.#ends.push(new Rate(options.rate, summary, wait));
    }
    for (const { mostRecords = Infinity } of this.#ends) {
      this.mostRecords = Math.min(this.mostRecords, mostRecords);
    }
  }

  /** Lets every end look, and waits for those that want it, one by one. */
  async beforeBatch(): Promise<void> {
    for (const end of this.#ends) await end.beforeBatch?.();
  }

  /** Does what is to be done before the load. */
  async prepare(): Promise<void> {
    for (const end of this.#ends) await end.prepare?.();
  }

  /** Does what is to be done when every record is in that may be. */
  async conclude(): Promise<void> {
    for (const end of this.#ends) await end.confirm?.();
    for (let end; (end = this.#ends.at(-1)) !== undefined;) {
      await end.conclude?.();
      this.#ends.pop();
    }
  }

  /**
   * Notes what a load has ended with that was not concluded.
   *
   * @returns The same, with what has become of the old data.
   */
  failed(error: unknown): unknown {
    // Where the usage is wrong, nobody expects anything to have been done.
    const isKnown = error instanceof Error && !(error instanceof UsageError);
    if (this.#swap !== undefined && isKnown) {
      error.message += `; ${this.#swap.asItWas}`;
    }
    return error;
  }

  /** Abandons what was not concluded. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends.toReversed()) await end.abandon?.();
  }
}

/** Refuses what would lose good data, or what makes no sense. */
function checkWholeness(options: LoadOptions): void {
  const { prune, swapDb, limit, from, onCheckpoint } = options;
  const refuse = (flag: string, other: string, why: string): UsageError =>
    new UsageError(`${flag} and ${other} exclude each other: ${why}`, flag);
  if (swapDb !== undefined) {
    const why = "what replaces all that is there must be a whole load";
    if (from !== undefined) throw refuse("--swap-db", "--from-line", why);
    if (onCheckpoint !== undefined) {
      throw refuse(
        "--swap-db",
        "--state",
        "a load that ends early leaves nothing to go on with",
      );
    }
  }
  if (prune === undefined) {
    if (options.pruneLimit === undefined) return;
    throw new UsageError(
      "--prune-limit means nothing without --prune PATTERN",
      "--prune-limit",
    );
  }
  const why = "it deletes what a whole load has not written";
  if (limit !== undefined) throw refuse("--prune", "--limit", why);
  if (from !== undefined) throw refuse("--prune", "--from-line", why);
  if (swapDb !== undefined) {
    throw refuse("--prune", "--swap-db", "a swap leaves no stale keys");
  }
  if (prune !== "") return;
  throw new UsageError(
    "Cannot use --prune without a pattern; * is every key",
    "--prune",
  );
}
