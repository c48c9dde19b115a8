/**
 * A lane: one connection with a writer loop and a reader loop that share
 * nothing but a ledger.
 *
 * Why two loops: nobody can afford a round trip per command, and a client that
 * writes without reading ends in deadlock once both sockets' buffers are full.
 * So the writer sends batches as fast as the socket takes them and never looks
 * at what it sends, and the reader takes replies as they come.
 *
 * How it ends: `finish` sends the sentinel behind the last batch; when the
 * reader sees it come back, every reply before it has arrived.
 *
 * What must change together: whoever changes what the loops wait for must wake
 * them where it comes true (`#wake`).
 *
 * @module
 */
import { ConnectionError } from "../errors.ts";
import { errorIn } from "../protocol/reply.ts";
import { ReplyReader } from "../protocol/reply_reader.ts";
import { Sentinel, SENTINEL_LENGTH } from "../protocol/sentinel.ts";
import type { Connection } from "../transport/connection.ts";

/** Something to send. */
export interface Outgoing {
  /** The bytes; they must not change until they are written. */
  readonly bytes: Uint8Array;
  /** Called when the bytes have been handed to the system. */
  written?(): void;
}

/** Where a lane notes what came back. */
export interface ReplyBook {
  /** Bytes handed over that are not known to be answered. */
  readonly bytesInFlight: number;
  /** Notes a run of replies that are no errors. */
  succeed(count: number): void;
  /** Notes one error reply, or one with an error inside. */
  fail(error: string): void;
}

/** How a lane behaves. */
export interface LaneOptions {
  /** Bytes that may be in flight, unacknowledged. Default: 8 MiB. */
  window?: number | undefined;
  /** Sent in front of the sentinel, to end an unfinished inline command. */
  beforeSentinel?: Uint8Array | undefined;
}

/** The default of {@linkcode LaneOptions.window}: 8 MiB. */
export const DEFAULT_WINDOW = 8 * 1024 * 1024;

/** Bytes of replies that are read at once. */
const REPLY_BUFFER = 64 * 1024;

/** Things to send that may wait for the socket, so that it never waits. */
const QUEUE = 2;

/** Pushes batches through one connection and takes the replies. */
export class Lane {
  readonly #connection: Connection;
  readonly #book: ReplyBook;
  readonly #window: number;
  readonly #beforeSentinel: Uint8Array | undefined;
  readonly #queue: Outgoing[] = [];
  readonly #sentinel = new Sentinel();
  #sentinelSent = false;
  #ended = false;
  #failure: unknown;
  #waiting: (() => void)[] = [];
  readonly #loops: Promise<unknown>;

  /**
   * Starts the two loops.
   *
   * @param connection A connection on which nothing is in flight.
   * @param book Where replies are noted.
   * @param options How it behaves.
   */
  constructor(
    connection: Connection,
    book: ReplyBook,
    options: LaneOptions = {},
  ) {
    this.#connection = connection;
    this.#book = book;
    this.#window = options.window ?? DEFAULT_WINDOW;
    this.#beforeSentinel = options.beforeSentinel;
    const guarded = (loop: Promise<void>): Promise<void> =>
      loop.catch((error) => this.#fail(error));
    this.#loops = Promise.all([
      guarded(this.#writeLoop()),
      guarded(this.#replyLoop()),
    ]);
  }

  /**
   * Hands something over to be sent.
   *
   * @param outgoing What to send.
   * @returns When there is room for more: the backpressure of the lane.
   * @throws What ended the lane, if anything has.
   */
  async send(outgoing: Outgoing): Promise<void> {
    this.#check();
    this.#queue.push(outgoing);
    this.#wake();
    while (
      this.#queue.length >= QUEUE || this.#book.bytesInFlight > this.#window
    ) {
      await this.#change();
      this.#check();
    }
  }

  /**
   * Sends the sentinel and waits until it has come back.
   *
   * @throws What ended the lane, if that was something else.
   */
  async finish(): Promise<void> {
    this.#check();
    if (this.#beforeSentinel !== undefined) {
      this.#queue.push({ bytes: this.#beforeSentinel });
    }
    this.#queue.push({ bytes: this.#sentinel.command });
    this.#sentinelSent = true;
    this.#wake();
    while (!this.#ended) {
      await this.#change();
      this.#check();
    }
    await this.#loops;
  }

  /**
   * Ends both loops at once and closes the connection.
   *
   * @returns When the loops have ended.
   */
  async stop(): Promise<void> {
    this.#fail(new Error("the lane was stopped"));
    await this.#loops;
  }

  async #writeLoop(): Promise<void> {
    while (!this.#ended) {
      const outgoing = this.#queue[0];
      if (outgoing === undefined) {
        await this.#change();
        continue;
      }
      await this.#connection.write(outgoing.bytes);
      this.#queue.shift();
      outgoing.written?.();
      this.#wake();
    }
  }

  async #replyLoop(): Promise<void> {
    const reader = new ReplyReader();
    const buffer = new Uint8Array(REPLY_BUFFER);
    while (!this.#ended) {
      const count = await this.#connection.read(buffer);
      if (count === null) {
        throw new ConnectionError(
          `Lost ${this.#connection.address}: the server closed the connection`,
          this.#connection.address,
        );
      }
      reader.feed(buffer.subarray(0, count));
      if (this.#take(reader)) this.#ended = true;
      this.#wake();
    }
  }

  /** Notes the replies at hand; true when the sentinel's was among them. */
  #take(reader: ReplyReader): boolean {
    const book = this.#book;
    for (;;) {
      const run = reader.skip(this.#sentinelSent ? SENTINEL_LENGTH : -1);
      if (run > 0) book.succeed(run);
      const reply = reader.next();
      if (reply === undefined) return false;
      if (reply.kind === "push") continue;
      if (this.#sentinelSent && this.#sentinel.isReply(reply)) return true;
      const error = errorIn(reply);
      if (error === undefined) book.succeed(1);
      else book.fail(error);
    }
  }

  #fail(error: unknown): void {
    if (!this.#ended) {
      this.#ended = true;
      this.#failure = error;
      this.#connection.close();
    }
    this.#wake();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
