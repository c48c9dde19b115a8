/**
 * Exactly once: a key on the server that says how far a load got, written by
 * the same transaction that takes it there.
 *
 * Why it has this shape. Whether a transaction is in whose reply was lost, only
 * the server knows, and so does whoever comes later: the key has the place
 * behind the last transaction that was executed. It is read whenever a load
 * begins or connects again, and written in the same breath (APPEND of a line
 * break): a transaction that the server still reads from a connection that was
 * given up has watched the key before, and fails.
 *
 * The key's value also has the place in front of that transaction, with the
 * counts up to there. The records in between are in, but what was said of them
 * is in nobody's hands if the load was killed: they are read again, for what the
 * reader rejects, and not sent.
 *
 * What must change together: the frame here and the replies that a flight
 * expects (transaction_flight.ts); what the value says is in once_value.ts.
 *
 * @module
 */
import { ConnectionError, StoppedError, UsageError } from "../errors.ts";
import { sameBytes } from "../protocol/byte_buffer.ts";
import { encodeCommand } from "../protocol/encode_command.ts";
import { errorIn, type Reply } from "../protocol/reply.ts";
import { askWithin, type Command, joined } from "../transport/ask.ts";
import type { Connection } from "../transport/connection.ts";
import type { Batch } from "./batch.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { counted } from "./counted.ts";
import { type LoadFingerprint, takeFingerprint } from "./load_state.ts";
import {
  isBefore,
  type OnceData,
  OnceValue,
  type SourcePlace,
} from "./once_value.ts";
import { recall } from "./recall.ts";
import type { KnownReject } from "./reject.ts";
import type { RowOptions } from "./row_plan.ts";
import { type GoOn, LOAD_CHUNK } from "./rows.ts";
import type { Stream } from "./stream.ts";
import type { Summary } from "./summary.ts";
import { takenOver, type TransactionFrame } from "./transaction_flight.ts";
import { OF_NO_RECORD, verdictOf } from "./verdict.ts";

/** How to have each record in exactly once. */
export interface ExactlyOnceOptions {
  /** The key that says how far the load got, in the load's database. */
  readonly key: string;
  /**
   * Called in front of the end of each transaction: what it gives is kept with
   * the place, as JSON.
   */
  readonly note?: (() => unknown) | undefined;
  /**
   * Told before anything is read whether the load goes on where an earlier run
   * ended, and from where. It may give what it knows of that run's rejects: of
   * its last transaction the replies are lost otherwise.
   */
  readonly onBegin?:
    | ((
      earlier: EarlierRun | undefined,
    ) => Promise<readonly KnownReject[] | undefined> | undefined)
    | undefined;
}

/** Where an earlier run of the same load got to. */
export interface EarlierRun {
  /** Records that are settled by it, those included whose replies were lost. */
  readonly settled: number;
  /** Those of them that were rejected, as far as that is known. */
  readonly rejected: number;
  /** What its caller has noted; nothing where it never did. */
  readonly note: unknown;
  /** Says from where the load goes on. */
  readonly sentence: string;
}

/** What the transactions need of their load. */
export interface TransactionsOptions {
  readonly exactlyOnce: ExactlyOnceOptions;
  /** Names of the sources. */
  readonly sources: readonly string[];
  /** How they are read, and what rows become. */
  readonly rows: RowOptions;
  readonly summary: Summary;
  /** Ships them; it is asked for when something is shipped. */
  readonly stream: () => Pick<Stream, "checkpoint" | "first" | "isHalted">;
}

/** How long an answer may take, in ms. */
const PATIENCE = 10_000;

/** A round trip in which the server executes a chunk's commands, in ms. */
const SHORT_TRIP = 2;

/** The largest chunk, in those that a load reads at once. */
const LARGEST_CHUNK = 16;

/** What is no mistake of whoever gave the command, though nothing was sent. */
const FULL = /^(OOM|MISCONF) /;

/** What no key holds that has a value. */
const NOBODYS = new Uint8Array();

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The transactions of one load, and the key that they write. */
export class Transactions implements TransactionFrame {
  readonly opening: Uint8Array;
  readonly discard: Uint8Array = encodeCommand(["DISCARD"]);
  readonly key: string;
  /** Whether the one was in that was in doubt last. */
  wasIn = false;
  readonly #options: TransactionsOptions;
  readonly #is: LoadFingerprint;
  readonly #once: OnceValue;
  /** The key's value behind the last transaction that is in. */
  #value = "";
  /** The same in bytes, with what reading it has appended. */
  #bytes: Uint8Array = new Uint8Array();
  /** The same behind the one whose reply has not come. */
  #next: string | undefined;
  /** Where the last transaction ended that is in, and the one in doubt. */
  #reached: SourcePlace | undefined;
  #reaching: SourcePlace | undefined;
  /** What was settled by earlier runs. */
  #earlier: Pick<OnceData, "from" | "loaded" | "rejected"> = {
    from: null,
    loaded: 0,
    rejected: 0,
  };
  #hasBegun = false;
  /** Whether its end was tried before. */
  #isEnding = false;
  /** Where the last run's unsettled transaction ended. */
  #isInUntil: SourcePlace | undefined;
  /** What is known of its rejects. */
  #known: readonly KnownReject[] = [];

  /** Looks at the sources; the server is not asked yet. */
  constructor(options: TransactionsOptions) {
    this.#options = options;
    this.key = options.exactlyOnce.key;
    this.#is = takeFingerprint(options);
    this.#once = new OnceValue(this.key, this.#is);
    this.opening = joined([["WATCH", this.key], ["GET", this.key], ["MULTI"]]);
  }

  get isHalted(): boolean {
    return this.#options.stream().isHalted;
  }

  get length(): number {
    return this.#bytes.length;
  }

  isMine(value: Uint8Array): boolean {
    return sameBytes(value, this.#bytes);
  }

  closing(): Uint8Array {
    const { checkpoint, first } = this.#options.stream();
    // All in front of it is committed.
    const { source, after: { records, line } } = first!;
    this.#reaching = { source, records, line };
    const from = checkpoint ?? this.#earlier.from;
    this.#next = this.#text(from, this.#reaching);
    return joined([["SET", this.key, this.#next], ["EXEC"]]);
  }

  executed(): void {
    this.#options.summary.transactions++;
    this.#value = this.#next!;
    this.#bytes = encoder.encode(this.#value);
    this.#reached = this.#reaching;
    this.#next = undefined;
  }

  aborted(): void {
    this.#next = undefined;
  }

  /**
   * Notes in a batch that is in by an earlier run's transaction what is known to
   * be refused of it.
   *
   * @returns How many of its records; nothing where it is not in.
   */
  recall(batch: Batch): number | undefined {
    const until = this.#isInUntil;
    const { source, after: { records } } = batch;
    return until === undefined || isBefore(until, { source, records })
      ? undefined
      : recall(batch, this.#known);
  }

  /**
   * Reads the key, and makes it this load's.
   *
   * @param connection The first connection.
   * @returns Where to go on.
   * @throws {UsageError} When the key is something else's or another load's, or
   * when there can be no transactions.
   */
  async begin(connection: Connection): Promise<GoOn> {
    if (connection.server?.cluster === true) {
      throw this.#refused(
        `${connection.address} is a node of a cluster, where a transaction ` +
          "has the keys of one hash slot only",
      );
    }
    const [found] = await this.#ask(connection, ["GET", this.key]);
    this.#parse(this.#textOf(found));
    const earlier = this.#parse(await this.#fence(connection));
    try {
      const goOn = await this.#goOn(earlier);
      this.#hasBegun = true;
      return goOn;
    } catch (error) {
      // Nothing was begun that there would be something to say of.
      if (this.#value === "") await this.#ask(connection, ["DEL", this.key]);
      throw error;
    }
  }

  /**
   * How much input a transaction should have: one is answered before the next
   * is executed, so a link with a delay needs larger ones. While it executes one
   * the server does nothing else; 1 MB of commands takes some 30 ms.
   *
   * @param connection The connection that it goes through.
   * @returns Bytes.
   */
  chunkFor({ roundTrip = 0 }: Connection): number {
    const times = Math.ceil(roundTrip / SHORT_TRIP);
    return LOAD_CHUNK * Math.max(1, Math.min(times, LARGEST_CHUNK));
  }

  /** Finds out, and tells, where to go on. */
  async #goOn(earlier: OnceData | undefined): Promise<GoOn> {
    const { exactlyOnce, summary } = this.#options;
    const next = earlier?.next ?? undefined;
    const from = earlier?.from ?? undefined;
    if (earlier !== undefined && next !== undefined) {
      const { loaded, rejected, note } = this.#earlier = earlier;
      this.#isInUntil = this.#reached = next;
      summary.resumedAt = {
        source: this.#is.sources[next.source].name,
        record: next.records + 1,
        line: next.line,
      };
      const { source, line } = summary.resumedAt;
      const settled = loaded + rejected +
        (next.source === from?.source
          ? next.records - from.records
          : next.records);
      const known = await exactlyOnce.onBegin?.({
        settled,
        rejected,
        note,
        sentence: `Going on at ${source}:${line}, as the key ${this.key} ` +
          `says: ${counted(settled, "record")} before it ` +
          `${settled === 1 ? "is" : "are"} settled already`,
      });
      this.#known = known ?? [];
      return {
        checkpoint: from,
        settled: loaded + rejected,
        isInUntil: next,
      };
    }
    await exactlyOnce.onBegin?.(undefined);
    return { checkpoint: undefined, settled: 0, isInUntil: undefined };
  }

  /**
   * Finds out on a new connection, before anything is sent, whether the
   * transaction is in whose reply was lost.
   *
   * @param connection The connection.
   * @throws {StoppedError} When the key says something else altogether.
   * @throws {ConnectionError} When it does not answer.
   */
  async reconnect(connection: Connection): Promise<void> {
    const value = await this.#fence(connection);
    // Of one whose reply had begun it was known already.
    this.wasIn = this.#next === undefined || value === this.#next;
    const found = this.#bytes;
    if (value === this.#next) this.executed();
    this.#next = undefined;
    const isMine = value === this.#value;
    // What is not this load's, or older, it must not write over in the end.
    this.#bytes = isMine ? found : NOBODYS;
    if (!isMine) throw this.#foreign();
  }

  /**
   * Ends it: a complete load leaves no key, another one where it goes on.
   *
   * @param connection A connection on which nothing is in flight.
   * @param isComplete Whether all records are settled.
   * @throws {StoppedError} When somebody else has written the key.
   * @throws {ConnectionError} When the connection is lost.
   */
  async end(connection: Connection, isComplete: boolean): Promise<void> {
    const isAgain = this.#isEnding;
    const key = this.key;
    const reached = this.#reached;
    const from = this.#options.stream().checkpoint;
    // It says more than is known here, or as much.
    const isBest = this.#next !== undefined ||
      from === undefined && reached !== undefined;
    if (!isComplete && isBest) return;
    this.#isEnding = true;
    const [, reply] = await this.#ask(
      connection,
      ["WATCH", key],
      ["GET", key],
    );
    // The reply to an attempt before this one may have been lost.
    if (isAgain && isComplete && reply.kind === "null") return;
    // A line break more is another load's, which goes on from here.
    const isMine = reply.kind === "bulk" && reply.body !== undefined &&
      this.isMine(reply.body);
    if (!isMine) throw this.#foreign();
    const text = isComplete || from === undefined ? undefined : this.#text(
      from,
      reached !== undefined && isBefore(from, reached) ? reached : from,
    );
    const [, , exec] = await this.#ask(
      connection,
      ["MULTI"],
      text === undefined ? ["DEL", key] : ["SET", key, text],
      ["EXEC"],
    );
    if (exec.kind === "null") throw this.#foreign();
  }

  /**
   * Writes the key, so that no transaction of another connection comes after,
   * and reads it.
   */
  async #fence(connection: Connection): Promise<string> {
    const [, , , exec] = await this.#ask(
      connection,
      ["MULTI"],
      ["APPEND", this.key, "\n"],
      ["GET", this.key],
      ["EXEC"],
    );
    if (exec.kind === "array") {
      const [, value] = exec.items;
      if (value.kind === "bulk") this.#bytes = value.body ?? this.#bytes;
      return this.#textOf(value);
    }
    throw this.#refused("the server gave no reply to EXEC");
  }

  /** Sends some commands, and has none of them fail. */
  async #ask(
    connection: Connection,
    ...commands: Command[]
  ): Promise<Reply[]> {
    const { address } = connection;
    const replies = await askWithin(connection, commands, PATIENCE);
    for (const [i, reply] of replies.entries()) {
      const error = errorIn(reply);
      if (error === undefined) continue;
      const verdict = verdictOf(error, OF_NO_RECORD);
      // It may soon be ready, or another one may be.
      if (verdict.kind === "wait" || error.startsWith("NOREPLICAS ")) {
        throw new ConnectionError(
          `Cannot use ${address}: it says ${JSON.stringify(error)}`,
          address,
        );
      }
      const advice = "advice" in verdict ? `: ${verdict.advice}` : "";
      throw this.#refused(
        `the server answers ${JSON.stringify(error)} to ` +
          `${commands[i][0]}${advice}`,
        FULL.test(error),
      );
    }
    if (replies.length === commands.length) return replies;
    throw new ConnectionError(
      `Lost ${address}: it closed the connection`,
      address,
    );
  }

  /** The value without what reading it has appended. */
  #textOf(reply: Reply): string {
    if (reply.kind === "null") return "";
    if (reply.kind === "bulk" && reply.body !== undefined) {
      return decoder.decode(reply.body).trimEnd();
    }
    throw this.#refused("what is in it was not written by respipe");
  }

  /** Reads what was found, where it is of this load. */
  #parse(text: string): OnceData | undefined {
    this.#value = text;
    return this.#once.read(text);
  }

  #text(from: Checkpoint | null, next: SourcePlace): string {
    const { exactlyOnce, summary } = this.#options;
    const { loaded, rejected } = this.#earlier;
    return this.#once.write({
      loaded: loaded + summary.loaded,
      rejected: rejected + summary.rejected,
      from,
      next,
      note: exactlyOnce.note?.() ?? null,
    });
  }

  #refused(why: string, isFull = false): UsageError | StoppedError {
    const message = `Cannot use --exactly-once ${this.key}: ${why}`;
    return this.#hasBegun || isFull
      ? new StoppedError(message)
      : new UsageError(message, "--exactly-once");
  }

  #foreign(): StoppedError {
    return new StoppedError(`Stopped: ${takenOver(this.key)}`);
  }
}
