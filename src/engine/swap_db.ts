/**
 * The spare database: a load goes into a database that nobody reads, which then
 * takes the place of the other one in a single step.
 *
 * Why it has this shape: a load may end in any way, the kill of its process
 * included, and the next one must know whether what stands in the spare
 * database may be thrown away. So a marker stands there from before the first
 * record until the swap, and beside it a lock, which tells a load that runs from
 * one that has died. Marker and lock go within the transaction that swaps, and
 * that is conditional on the lock.
 *
 * @module
 */
import { ConnectionError, StoppedError, UsageError } from "../errors.ts";
import { quoteBytes } from "../protocol/quote.ts";
import { errorIn, type Reply } from "../protocol/reply.ts";
import type { Command } from "../transport/ask.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import { withUri } from "../transport/uri.ts";
import { counted } from "./counted.ts";
import type { LoadEnd } from "./load_end.ts";
import { Lock } from "./lock.ts";
import { SideConnection } from "./side_connection.ts";
import type { Summary } from "./summary.ts";
import type { Wait } from "./wait.ts";

/** The key that marks a database as filled by a load that is not done. */
export const MARKER = "respipe:swap-db";

/** The key that the load which is under way holds. */
export const MARKER_LOCK = "respipe:swap-db:lock";

/** How long the swap may take, in ms. */
const PATIENCE = 60_000;

/** What came of a swap. */
export interface Swapped {
  /** The database that has the new data now. */
  readonly database: number;
  /** The database that was loaded into, and is empty now. */
  readonly spare: number;
  /** How many keys were replaced. */
  readonly replaced: number;
}

/** What a swap needs. */
export interface SwapOptions {
  /** The database to load into. */
  readonly spare: number;
  /** The server, with the database that is to be replaced. */
  readonly server: ConnectOptions;
  /** Where it tells what it did. */
  readonly summary: Summary;
  /** What a lost lock ends. */
  readonly wait: Wait;
  /** A lock in the database that is replaced: it goes over to the new one. */
  readonly lock: Lock | undefined;
  /** How long another load is waited for, in ms. */
  readonly patience?: number | undefined;
  /** Told in a sentence what is unusual. */
  readonly onNotice?: ((sentence: string) => void) | undefined;
}

/** Loads into a spare database, and swaps it with the one that is read. */
export class SwapDb implements LoadEnd {
  readonly #options: SwapOptions;
  readonly #side: SideConnection;
  readonly #own: Lock;
  readonly #database: number;
  /** The marker is this load's, so the database may be emptied. */
  #isMarked = false;

  /**
   * Asks nobody yet.
   *
   * @param options What it needs.
   * @throws {UsageError} When both databases are the same.
   */
  constructor(options: SwapOptions) {
    const { spare, server, wait, patience, onNotice } = this.#options = options;
    this.#database = withUri(server, "url").database ?? 0;
    if (spare === this.#database) {
      throw new UsageError(
        `Cannot load into database ${spare} and swap it with itself; give ` +
          "--swap-db another one",
        "--swap-db",
      );
    }
    this.#side = new SideConnection(server);
    this.#own = new Lock({
      key: MARKER_LOCK,
      server: { ...server, database: spare },
      wait,
      patience,
      onNotice,
    });
  }

  /**
   * Sees that the spare database is empty, and marks it.
   *
   * @throws {UsageError} When somebody's data is there, or in a cluster.
   * @throws {LockedError} When another load uses it.
   */
  async prepare(): Promise<void> {
    const { spare, wait, onNotice } = this.#options;
    const connection = await wait.for(this.#side.open());
    if (connection.server?.cluster === true) {
      throw new UsageError(
        `Cannot use --swap-db: ${connection.address} is a node of a cluster, ` +
          "which has one database only",
        "--swap-db",
      );
    }
    await this.#own.prepare();
    const [, size, marked, keys] = await wait.for(this.#ask([
      ["SELECT", String(spare)],
      ["DBSIZE"],
      ["EXISTS", MARKER],
      ["SCAN", "0", "COUNT", "100"],
      // Whether it is allowed is better known before the load.
      ["SWAPDB", String(spare), String(spare)],
    ]));
    const count = numberIn(size) - 1;
    if (numberIn(marked) === 1) {
      onNotice?.(
        `database ${spare} has ${counted(count - 1, "key")} of a ` +
          "--swap-db that was not done; it is emptied first",
      );
    } else if (count > 0) {
      throw new UsageError(
        `Cannot load into database ${spare}: it holds ` +
          `${counted(count, "key")}${anyOf(keys)} that no --swap-db has left ` +
          "there; give --swap-db an empty one",
        "--swap-db",
      );
    }
    await wait.for(this.#ask([
      ["MULTI"],
      // It does not begin where somebody else writes.
      ["FLUSHDB", "ASYNC"],
      ["SET", MARKER_LOCK, this.#own.value, "PX", "60000"],
      ["SET", MARKER, this.#own.value],
      ["EXEC"],
    ]));
    this.#isMarked = true;
  }

  async confirm(): Promise<void> {
    await this.#own.confirm();
  }

  /** Swaps both databases, and throws the old data away. */
  async conclude(): Promise<void> {
    const { spare, summary, lock } = this.#options;
    const here = ["SELECT", String(spare)];
    const there = ["SELECT", String(this.#database)];
    const isHeld = await this.#watch([
      [there, lock],
      [here, this.#own],
    ]);
    if (!isHeld) throw this.#lost();
    let results: Reply[] | undefined;
    try {
      results = await this.#change([
        there,
        ["DBSIZE"],
        ...(lock === undefined ? [] : [["MOVE", lock.key, String(spare)]]),
        here,
        ["DEL", MARKER, MARKER_LOCK],
        ["SWAPDB", String(this.#database), String(spare)],
        ["FLUSHDB", "ASYNC"],
      ]);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      // The answer was lost. The marker goes with the swap.
      const [, marked] = await this.#ask([here, ["EXISTS", MARKER]]);
      if (numberIn(marked) === 1) throw error;
      results = [];
    }
    if (results === undefined) throw this.#lost();
    this.#isMarked = false;
    this.#own.wasMoved();
    await this.#own.conclude();
    this.#side.close();
    summary.swapped = {
      database: this.#database,
      spare,
      replaced: results.length === 0 ? 0 : numberIn(results[1]),
    };
  }

  /** Empties the spare database; the old data stands. */
  async abandon(): Promise<void> {
    const { spare, summary, onNotice } = this.#options;
    try {
      if (this.#isMarked) {
        const here = ["SELECT", String(spare)];
        if (!await this.#watch([[here, this.#own]])) throw this.#lost();
        // What is on its way may come in behind this: it stays marked then.
        await this.#change([
          ["FLUSHDB", "ASYNC"],
          ...(summary.unknown > 0 ? [["SET", MARKER, this.#own.value]] : []),
        ]);
        this.#own.wasMoved();
      }
    } catch (error) {
      onNotice?.(
        `database ${spare} is not emptied: ${(error as Error).message}; the ` +
          "next --swap-db does it",
      );
    }
    await this.#own.abandon();
    this.#side.close();
  }

  /** Watches locks, each in its database; whether they are all held. */
  async #watch(
    locks: readonly (readonly [select: Command, lock: Lock | undefined])[],
  ): Promise<boolean> {
    for (const [select, lock] of locks) {
      if (lock === undefined) continue;
      const { key, value } = lock;
      const [, , held] = await this.#ask([select, ["WATCH", key], [
        "GET",
        key,
      ]]);
      const isHeld = held.kind === "bulk" && held.body !== undefined &&
        new TextDecoder().decode(held.body) === value;
      if (!isHeld) return false;
    }
    return true;
  }

  /** Runs a transaction; gives nothing where a watched key has changed. */
  async #change(commands: readonly Command[]): Promise<Reply[] | undefined> {
    const replies = await this.#ask([["MULTI"], ...commands, ["EXEC"]]);
    const done = replies[replies.length - 1];
    return done.kind === "array" ? done.items : undefined;
  }

  async #ask(commands: readonly Command[]): Promise<Reply[]> {
    const { spare } = this.#options;
    const replies = await this.#side.ask(commands, PATIENCE);
    const refused = replies.findIndex((reply) => errorIn(reply) !== undefined);
    if (refused === -1) return replies;
    const text = errorIn(replies[refused])!;
    throw new StoppedError(
      `Cannot use database ${spare} for --swap-db: the server answered ` +
        `${JSON.stringify(text)} to ${commands[refused][0]}; the data in ` +
        `database ${this.#database} is as it was`,
      text,
    );
  }

  #lost(): StoppedError {
    const { spare } = this.#options;
    return new StoppedError(
      `Cannot swap database ${spare} with ${this.#database}: the lock was ` +
        `lost; the data in database ${this.#database} is as it was`,
    );
  }
}

/** One of the keys that SCAN has found, but for the lock. */
function anyOf(scanned: Reply): string {
  if (scanned.kind !== "array") return "";
  const [, keys] = scanned.items;
  if (keys?.kind !== "array") return "";
  for (const key of keys.items) {
    if (key.kind !== "bulk" || key.body === undefined) continue;
    const quoted = quoteBytes(key.body);
    if (quoted !== `"${MARKER_LOCK}"`) return `, such as ${quoted},`;
  }
  return "";
}

function numberIn(reply: Reply): number {
  return reply.kind === "integer" ? Number(reply.value) : 0;
}
