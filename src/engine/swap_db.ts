/**
 * The spare database: a load goes into a database that nobody reads, which then
 * takes the place of the other one in a single step.
 *
 * Why it has this shape: a load may end in any way, the kill of its process
 * included, and the next one must know whether what stands in the spare
 * database may be thrown away. So a marker stands there from before the first
 * record until the swap, and beside it a lock, which tells a load that runs from
 * one that has died. Both are within the transaction that swaps, which is
 * conditional on the lock: the marker goes, and the lock is put into the
 * database that is spare from then on. So whoever loses the reply of EXEC can
 * ask what became of it: lock and marker are there before the swap, the lock
 * alone behind it, and neither where the server has lost its data.
 *
 * @module
 */
import {
  ConnectionError,
  NotReadyError,
  StoppedError,
  UsageError,
} from "../errors.ts";
import { quoteBytes } from "../protocol/quote.ts";
import {
  errorIn,
  itemsIn,
  numberIn,
  type Reply,
  textIn,
} from "../protocol/reply.ts";
import type { Command } from "../transport/ask.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import { retry } from "../transport/retry.ts";
import { isSameProcess, type ServerInfo } from "../transport/server_info.ts";
import { withUri } from "../transport/uri.ts";
import { counted } from "./counted.ts";
import type { LoadEnd } from "./load_end.ts";
import { Lock, LOCK_TTL } from "./lock.ts";
import { PATIENCE_UNDER_WAY } from "./patience.ts";
import { againIfLost, SideConnection } from "./side_connection.ts";
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
  /** How many keys were replaced; none where the server's answer was lost. */
  readonly replaced: number | null;
}

/** What a swap needs. */
interface SwapOptions {
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
  /** The server that has it, where it has told what it is. */
  #markedIn: ServerInfo | undefined;
  /** The swap was sent, and what became of it is not known. */
  #mayBeSwapped = false;

  /**
   * Asks nobody yet.
   *
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
    const count = (numberIn(size) ?? 0) - 1;
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
      this.#setLock,
      ["SET", MARKER, this.#own.value],
      ["EXEC"],
    ]));
    this.#isMarked = true;
    this.#markedIn = (await this.#side.open()).server;
  }

  async confirm(): Promise<void> {
    this.#refuseLoss();
    await this.#own.confirm();
  }

  /** Refuses to swap where the server may have forgotten what was loaded. */
  #refuseLoss(): void {
    const { spare, summary } = this.#options;
    if (summary.mayBeLost === 0) return;
    throw new StoppedError(
      `Cannot swap database ${spare} with ${this.#database}: ` +
        `${counted(summary.mayBeLost, "record")} may be lost, since the ` +
        `server was started anew, or another took its place; ${this.asItWas}`,
    );
  }

  /** Swaps both databases, and throws the old data away. */
  async conclude(): Promise<void> {
    const { spare, summary } = this.#options;
    let replaced: number | null;
    try {
      replaced = await this.#swap();
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      replaced = await this.#swapAfterLoss();
    }
    this.#isMarked = false;
    await this.#own.conclude();
    this.#side.close();
    summary.swapped = { database: this.#database, spare, replaced };
  }

  /** Swaps; gives how many keys were replaced. */
  async #swap(): Promise<number> {
    const { spare, lock, summary } = this.#options;
    const here = ["SELECT", String(spare)];
    const there = ["SELECT", String(this.#database)];
    for (;;) {
      const isHeld = await this.#watch([
        [there, lock],
        [here, this.#own],
      ]);
      if (!isHeld) throw this.#lost();
      // The lock may have been kept, and what was loaded behind it not.
      summary.concludesOn(await this.#side.open());
      this.#refuseLoss();
      this.#mayBeSwapped = true;
      const results = await this.#change([
        there,
        // The lock is no key of the data that goes.
        lock === undefined ? there : ["MOVE", lock.key, String(spare)],
        ["DBSIZE"],
        here,
        ["DEL", MARKER, MARKER_LOCK],
        ["SWAPDB", String(this.#database), String(spare)],
        ["FLUSHDB", "ASYNC"],
        this.#setLock,
      ]);
      this.#mayBeSwapped = false;
      if (results !== undefined) return numberIn(results[2]) ?? 0;
      // A lock was renewed in between, or lost: the next look tells.
    }
  }

  /** The same when a connection was lost: it may have been done already. */
  async #swapAfterLoss(): Promise<number | null> {
    const { spare, server, patience, onNotice } = this.#options;
    try {
      return await retry(
        async () => {
          try {
            const isDone = this.#mayBeSwapped && await this.#isSwapped();
            return isDone ? null : await this.#swap();
          } catch (error) {
            if (!(error instanceof ConnectionError)) throw error;
            const { message, address } = error;
            throw new NotReadyError(message, address, { cause: error });
          }
        },
        {
          limit: patience ?? PATIENCE_UNDER_WAY,
          onWait: onNotice,
          signal: server.signal,
        },
      );
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      error.message += "; " +
        (this.#mayBeSwapped
          ? `whether database ${spare} has taken the place of database ` +
            `${this.#database} is not known`
          : this.asItWas);
      throw error;
    }
  }

  /** Finds out whether a swap was done whose reply was lost. */
  async #isSwapped(): Promise<boolean> {
    const { spare } = this.#options;
    const here = ["SELECT", String(spare)];
    for (;;) {
      const isHeld = await this.#watch([[here, this.#own]]);
      const [marker] = await this.#ask([["GET", MARKER]]);
      const isMarked = textIn(marker) === this.#own.value;
      if (!isHeld) {
        // Without the lock a swap that is on its way is none.
        if (isMarked) throw this.#lost();
        throw new StoppedError(
          `Cannot tell whether database ${spare} has taken the place of ` +
            `database ${this.#database}: the connection was lost, and then ` +
            "the lock; look which data is there",
        );
      }
      if (!isMarked) return true;
      // It may be on its way still. Any change of the lock keeps it away.
      if (await this.#change([this.#setLock]) !== undefined) {
        this.#mayBeSwapped = false;
        return false;
      }
    }
  }

  /** Empties the spare database; the old data stands. */
  async abandon(): Promise<void> {
    const { spare, onNotice } = this.#options;
    try {
      if (this.#isMarked) {
        await againIfLost(() => this.#empty());
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

  async #empty(): Promise<void> {
    const { spare, summary } = this.#options;
    const here = ["SELECT", String(spare)];
    const isHeld = await this.#watch([[here, this.#own]]);
    if (!isHeld && !await this.#isForgotten()) {
      throw new StoppedError("its lock was lost");
    }
    // What is on its way may come in behind this: it stays marked then.
    await this.#change([
      ["FLUSHDB", "ASYNC"],
      ...(isHeld ? [this.#setLock] : []),
      ...(summary.unknown > 0 ? [["SET", MARKER, this.#own.value]] : []),
    ]);
  }

  /**
   * Whether the server was started anew and has neither lock nor marker: what
   * is there this load has written since, and the next one would take it for
   * somebody's data. The lock must be watched, so that nobody takes it meanwhile.
   */
  async #isForgotten(): Promise<boolean> {
    const { server } = await this.#side.open();
    if (isSameProcess(this.#markedIn, server) !== false) return false;
    const [left] = await this.#ask([["EXISTS", MARKER, MARKER_LOCK]]);
    return numberIn(left) === 0;
  }

  /** Watches locks, each in its database; whether they are all held. */
  async #watch(
    locks: readonly (readonly [select: Command, lock: Lock | undefined])[],
  ): Promise<boolean> {
    for (const [select, lock] of locks) {
      if (lock === undefined) continue;
      const { key, value } = lock;
      const [, , held] = await this.#ask([
        select,
        ["WATCH", key],
        ["GET", key],
      ]);
      if (textIn(held) !== value) return false;
    }
    return true;
  }

  /** Runs a transaction; gives nothing where a watched key has changed. */
  async #change(commands: readonly Command[]): Promise<Reply[] | undefined> {
    const replies = await this.#ask([["MULTI"], ...commands, ["EXEC"]]);
    return itemsIn(replies.at(-1));
  }

  async #ask(commands: readonly Command[]): Promise<Reply[]> {
    const { spare } = this.#options;
    const replies = await this.#side.ask(commands, PATIENCE);
    const refused = replies.findIndex((reply) => errorIn(reply) !== undefined);
    if (refused === -1) return replies;
    const text = errorIn(replies[refused])!;
    throw new StoppedError(
      `Cannot use database ${spare} for --swap-db: the server answered ` +
        `${JSON.stringify(text)} to ${commands[refused][0]}; ${this.asItWas}`,
      text,
    );
  }

  #lost(): StoppedError {
    const { spare } = this.#options;
    return new StoppedError(
      `Cannot swap database ${spare} with ${this.#database}: the lock was ` +
        `lost; ${this.asItWas}`,
    );
  }

  /** What to say where nothing was swapped. */
  get asItWas(): string {
    return `the data in database ${this.#database} is as it was`;
  }

  /** Puts the lock where it is, and lasts as long as any. */
  get #setLock(): Command {
    return ["SET", MARKER_LOCK, this.#own.value, "PX", String(LOCK_TTL)];
  }
}

/** One of the keys that SCAN has found, but for the lock. */
function anyOf(scanned: Reply): string {
  const [, keys] = itemsIn(scanned) ?? [];
  for (const key of itemsIn(keys) ?? []) {
    if (key.kind !== "bulk" || key.body === undefined) continue;
    const quoted = quoteBytes(key.body);
    if (quoted !== `"${MARKER_LOCK}"`) return `, such as ${quoted},`;
  }
  return "";
}
