import { ConnectionError, LockedError, StoppedError } from "../errors.ts";
import { errorIn, itemsIn, type Reply, textIn } from "../protocol/reply.ts";
import type { Command } from "../transport/ask.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import type { NodeMap } from "../transport/node_map.ts";
import type { LoadEnd } from "./load_end.ts";
import { againIfLost, SideConnection } from "./side_connection.ts";
import type { Wait } from "./wait.ts";

/**
 * How long a lock stays when nobody renews it, in ms: longer than a load waits
 * for a server that was lost (30 s), and soon enough after a crash.
 */
export const LOCK_TTL = 60_000;

/** How often it is renewed within that time. */
const RENEWALS = 12;

/** How long to wait before looking again whether it is free, in ms. */
const PAUSE = 500;

/** How long giving it back may take, in ms. */
const RETURN_PATIENCE = 2_000;

/** What a lock is made of. */
interface LockOptions {
  /** The key. */
  readonly key: string;
  /** Where it is. */
  readonly server: ConnectOptions;
  /** Where nodes of a cluster can be reached from here. */
  readonly map?: NodeMap | undefined;
  /** What its loss ends. */
  readonly wait: Wait;
  /** How long to wait for whoever holds it, in ms. Default: 0. */
  readonly patience?: number | undefined;
  /** How long it stays when nobody renews it, in ms. */
  readonly ttl?: number | undefined;
  /** Told in a sentence what is waited for. */
  readonly onNotice?: ((sentence: string) => void) | undefined;
}

/**
 * A key that only one load can hold at a time, over all machines.
 *
 * It is taken with SET NX PX, and renewed and deleted only where it still has
 * this load's value: WATCH makes the comparison and the change one step, without
 * the permission to run scripts. A process that was stopped for longer than the
 * lock stays cannot know that before it goes on: it notices at the first look,
 * and sends nothing more.
 */
export class Lock implements LoadEnd {
  /** The key. */
  readonly key: string;
  /** What this load writes there. */
  readonly value: string;
  readonly #options: LockOptions;
  readonly #side: SideConnection;
  readonly #ttl: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** One exchange at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Until when it is held for sure, as `performance.now()`. */
  #heldUntil = -Infinity;
  /** It was asked for, and may have been given. */
  #mayBeHeld = false;
  /** It is not, or not any more, this load's. */
  #isOver = true;

  /** Asks nobody yet. */
  constructor(options: LockOptions) {
    this.#options = options;
    this.key = options.key;
    this.#ttl = options.ttl ?? LOCK_TTL;
    this.#side = new SideConnection(options.server, options.map);
    this.value = JSON.stringify({
      host: hostName(),
      pid: Deno.pid,
      since: new Date().toISOString(),
      token: crypto.randomUUID(),
    });
  }

  /**
   * Takes the lock, or waits for it.
   *
   * @throws {LockedError} When another load holds it for so long.
   */
  async prepare(): Promise<void> {
    const { key, wait, patience = 0, onNotice } = this.#options;
    const deadline = performance.now() + patience;
    let isTold = false;
    for (;;) {
      const asked = performance.now();
      const holder = await wait.for(this.#inTurn(() => this.#take()));
      if (holder === undefined) {
        this.#heldUntil = asked + this.#ttl;
        break;
      }
      const left = deadline - performance.now();
      const held = `the lock ${JSON.stringify(key)} is held by ${holder}`;
      if (left <= 0) {
        throw new LockedError(
          `Cannot begin: ${held}` +
            (patience > 0
              ? `; waited for ${patience / 1000} s (--retry)`
              : "; nothing was sent"),
          key,
        );
      }
      if (!isTold) {
        onNotice?.(`${held}; waiting for up to ${Math.ceil(left / 1000)} s`);
      }
      isTold = true;
      await wait.pause(Math.min(left, PAUSE * (0.5 + Math.random() / 2)));
    }
    // Finds out now whether the server lets it be renewed and given back.
    const renewing = this.#inTurn(() =>
      this.#change(["PEXPIRE", key, String(this.#ttl)])
    );
    await wait.for(renewing);
    this.#isOver = false;
    this.#schedule();
  }

  /** Makes sure that it is held now. */
  async confirm(): Promise<void> {
    if (!this.#isOver) await this.#renew();
    await this.#options.wait.until(() => true);
  }

  /** Gives it back. */
  async conclude(): Promise<void> {
    await this.abandon();
  }

  /** Gives it back, if it is held; where that fails, it expires by itself. */
  async abandon(): Promise<void> {
    const { key, onNotice } = this.#options;
    clearTimeout(this.#timer);
    this.#isOver = true;
    // One that hangs has the connection; closing it ends both.
    const timer = setTimeout(() => this.#side.close(), RETURN_PATIENCE);
    try {
      await this.#inTurn(async () => {
        if (!this.#mayBeHeld) return;
        await againIfLost(() =>
          this.#change(["DEL", key], RETURN_PATIENCE, "give back")
        );
      });
    } catch (error) {
      const { message } = error as Error;
      onNotice?.(
        (error instanceof StoppedError
          ? message
          : `Cannot give back the lock ${JSON.stringify(key)}: ${message}`) +
          `; it expires by itself within ${this.#ttl / 1000} s`,
      );
    } finally {
      clearTimeout(timer);
      this.#side.close();
    }
  }

  /** Takes it; says who holds it where it is not free. */
  async #take(): Promise<string | undefined> {
    const { key } = this.#options;
    await this.#side.open();
    const wasAskedFor = this.#mayBeHeld;
    this.#mayBeHeld = true;
    const [taken, held] = await this.#side.askForKey([
      ["SET", key, this.value, "NX", "PX", String(this.#ttl)],
      ["GET", key],
    ]);
    const refusal = errorIn(taken);
    if (refusal !== undefined) {
      this.#mayBeHeld = wasAskedFor;
      throw this.#refused(refusal, "take");
    }
    if (taken.kind === "simple") return undefined;
    // An answer that was lost may have been a yes.
    return textIn(held) === this.value ? undefined : holderIn(held);
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      this.#renew().finally(() => {
        if (!this.#isOver) this.#schedule();
      });
    }, this.#ttl / RENEWALS);
  }

  /** Renews it; tells the wait when it is lost. */
  async #renew(): Promise<void> {
    const { key } = this.#options;
    const asked = performance.now();
    const left = this.#heldUntil - asked;
    let why: string;
    try {
      const patience = Math.min(this.#ttl / 2, Math.max(left, 1_000));
      const held = await this.#inTurn(() =>
        this.#change(["PEXPIRE", key, String(this.#ttl)], patience)
      );
      if (held === undefined) {
        this.#heldUntil = asked + this.#ttl;
        return;
      }
      why = held === "" ? "it is gone" : `it is held by ${held}`;
      this.#mayBeHeld = false;
    } catch (error) {
      if (error instanceof ConnectionError && left > 0) return;
      why = (error as Error).message;
    }
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.wait.fail(
      new StoppedError(
        `Stopped: the lock ${JSON.stringify(key)} was lost: ${why}`,
      ),
    );
  }

  /**
   * Runs a command if the key still has this load's value.
   *
   * @returns Nothing when it did, else who holds it; `""` where nobody does.
   */
  async #change(
    command: Command,
    patience?: number,
    what?: "give back",
  ): Promise<string | undefined> {
    const { key } = this.#options;
    const [watched, held] = await this.#side.askForKey(
      [["WATCH", key], ["GET", key]],
      patience,
    );
    const refusal = errorIn(watched) ?? errorIn(held);
    if (refusal !== undefined) throw this.#refused(refusal, what);
    if (textIn(held) !== this.value) return holderIn(held);
    const replies = await this.#side.ask(
      [["MULTI"], command, ["EXEC"]],
      patience,
    );
    const done = replies[2];
    const error = errorIn(replies[1]) ?? errorIn(done);
    if (error !== undefined) throw this.#refused(error, what);
    const [count] = itemsIn(done) ?? [];
    if (count?.kind === "integer" && count.value === 1) return undefined;
    const [now] = await this.#side.ask([["GET", key]], patience);
    // Something else than the value was changed: a new attempt may do.
    if (textIn(now) === this.value) {
      return await this.#change(command, patience, what);
    }
    return holderIn(now);
  }

  #inTurn<T>(exchange: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(exchange);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  #refused(reply: string, what = "keep"): StoppedError {
    return new StoppedError(
      `Cannot ${what} the lock ${JSON.stringify(this.key)}: the server ` +
        `answered ${JSON.stringify(reply)}`,
      reply,
    );
  }
}

/** The machine's name; nothing where Deno does not permit to know it. */
function hostName(): string | undefined {
  const { state } = Deno.permissions.querySync({
    name: "sys",
    kind: "hostname",
  });
  return state === "granted" ? Deno.hostname() : undefined;
}

/** Says who holds a lock, by what stands in it; `""` where it is free. */
function holderIn(reply: Reply): string {
  const text = textIn(reply);
  if (text === undefined) return "";
  try {
    const { host, pid, since } = JSON.parse(text);
    if (typeof pid === "number" && typeof since === "string") {
      const where = typeof host === "string" ? ` on ${host}` : "";
      return `process ${pid}${where}, since ${since}`;
    }
  } catch {
    // Somebody else's value is shown as it is.
  }
  return JSON.stringify(text);
}
