import { UsageError } from "../errors.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import type { LoadEnd } from "./load_end.ts";
import { Lock } from "./lock.ts";
import type { Pacing } from "./rows.ts";
import type { Summary } from "./summary.ts";
import { SwapDb } from "./swap_db.ts";
import type { Wait } from "./wait.ts";

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
}

/** What the ends need to know of a load besides. */
interface LoadFrame extends EndOptions {
  readonly server?: ConnectOptions | undefined;
  readonly connection?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The ends of one load: what frames it, in the order in which it is prepared.
 * It is concluded the other way round; whatever was not concluded when the load
 * is over is abandoned.
 */
export class LoadEnds implements Pacing, AsyncDisposable {
  /** The server to load into. */
  readonly server: ConnectOptions | undefined;
  /** How many rejects are too many where that is not said; all by default. */
  readonly maxErrors: string | undefined;
  /** Waited for in front of each batch; none where nothing is to be paced. */
  readonly beforeBatch: Pacing["beforeBatch"];
  readonly #ends: LoadEnd[] = [];

  /**
   * Makes the ends that the options ask for; nothing is connected yet.
   *
   * @param options What is asked for.
   * @param summary Where they tell what they did.
   * @param wait What their failure ends.
   * @throws {UsageError} When an option cannot work.
   */
  constructor(options: LoadFrame, summary: Summary, wait: Wait) {
    const { server, connection, signal, swapDb } = options;
    const { retry: patience, onNotice } = server ?? {};
    const own = { server: { signal, ...server }, wait, onNotice };
    const lock = options.lock === undefined
      ? undefined
      : new Lock({ ...own, key: options.lock, patience });
    if (lock !== undefined) this.#ends.push(lock);
    this.server = server;
    if (swapDb !== undefined) {
      this.#ends.push(
        new SwapDb({ ...own, spare: swapDb, summary, lock, patience }),
      );
      this.server = { ...server, database: swapDb };
      this.maxErrors = "0";
    }
    if (this.#ends.length > 0 && connection !== undefined) {
      throw new UsageError(
        "What frames a load needs connections of its own: give a server " +
          "instead of a connection",
      );
    }
    const pacing = this.#ends.filter((end) => end.beforeBatch !== undefined);
    if (pacing.length === 0) return;
    this.beforeBatch = async () => {
      for (const end of pacing) await end.beforeBatch?.();
    };
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

  /** Abandons what was not concluded. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends.toReversed()) await end.abandon?.();
  }
}
