/**
 * A lane: one connection with a writer loop and a reader loop that share
 * nothing but a ledger.
 *
 * Why two loops: nobody can afford a round trip per command, and a client that
 * writes without reading ends in deadlock once both sockets' buffers are full.
 * So the writer sends batches as fast as the socket takes them and never looks
 * at what it sends, and the reader takes replies as they come.
 *
 * How it ends. Well: `finish` sends the sentinel behind the last batch; when
 * the reader sees it come back, every reply before it has arrived. On purpose:
 * `drain` sends nothing more, and waits for a while for what is in flight.
 * Badly: the reader is the last to go, because the server's last words may
 * still be on their way when writing fails.
 *
 * What must change together: whoever changes what the loops wait for must wake
 * them where it comes true (`#wake`).
 *
 * @module
 */
import { ConnectionError, ProtocolError } from "../errors.ts";
import { errorIn, type Reply } from "../protocol/reply.ts";
import { ReplyReader } from "../protocol/reply_reader.ts";
import { Sentinel, SENTINEL_LENGTH } from "../protocol/sentinel.ts";
import type { Connection } from "../transport/connection.ts";
import { isLostConnection, reasonOf } from "../transport/reason.ts";
import { counted } from "./counted.ts";
import { Nap } from "./nap.ts";
import { Wake } from "./wake.ts";
import { Watchdog } from "./watchdog.ts";

/** Something to send. */
export interface Outgoing {
  /** The bytes; they must not change until they are written. */
  readonly bytes: Uint8Array;
  /** What it counts for in the window. Default: as many as it has bytes. */
  readonly weight?: number;
  /** Called when the bytes have been handed to the system. */
  written?(): void;
  /** Called instead when not one of the bytes will ever be sent. */
  withdrawn?(): void;
}

/** Where a lane notes what came back. */
export interface ReplyBook {
  /** Weight, in bytes, of what was handed over and may be unanswered. */
  readonly bytesInFlight: number;
  /** Commands handed over that are not answered. */
  readonly unanswered: number;
  /** Whether {@linkcode unanswered} is certain: the commands were counted. */
  readonly isExact: boolean;
  /** Notes a run of replies that are no errors. */
  succeed(count: number): void;
  /** Notes one error reply, or one with an error inside. */
  fail(error: string): void;
}

/** How a lane knows that every reply has come. */
export type EndMarker = "echo" | "ping" | "count";

/** How a lane behaves. */
export interface LaneOptions {
  /** Bytes that may be in flight, unacknowledged. Default: 2 MiB. */
  window?: number | undefined;
  /**
   * How long the server may leave commands unanswered without a sign of life,
   * in ms; 0 is for ever. Default: 30,000.
   */
  stallTimeout?: number | undefined;
  /**
   * Whether the thread may be blocked for up to 2 ms at a time while the server
   * is busy, which is faster where both are on one machine. Default: false.
   */
  mayBlock?: boolean | undefined;
  /** Sent in front of the sentinel, to end an unfinished inline command. */
  beforeSentinel?: Uint8Array | undefined;
  /**
   * How the end is known: by what `ECHO` or `PING` sends back, or by the count
   * of replies where the book is exact. Default: echo.
   */
  endMarker?: EndMarker | undefined;
  /** Told about what ends the lane, as soon as it happens. */
  onFailure?: ((error: unknown) => void) | undefined;
}

/** The default of {@linkcode LaneOptions.window}: 2 MiB. */
export const DEFAULT_WINDOW = 2 * 1024 * 1024;

/** The default of {@linkcode LaneOptions.stallTimeout}: 30 s. */
export const STALL_TIMEOUT = 30_000;

/** Bytes of replies that are read at once. */
const REPLY_BUFFER = 64 * 1024;

/** Bytes of replies read at once below which they had better gather. */
const FEW_REPLIES = 16 * 1024;

/** Things to send that may wait for the socket, so that it never waits. */
const QUEUE = 2;

/** How long the server's last words are waited for, in ms. */
const LAST_WORDS = 2_000;

/** Errors that the server says to the connection, not to a command. */
const TO_THE_CONNECTION = /^ERR (Protocol error|max number of clients)/;

/** Pushes batches through one connection and takes the replies. */
export class Lane {
  /** The server's text, where it has no ECHO and the replies were counted. */
  sentinelRefusal: string | undefined;
  readonly #connection: Connection;
  readonly #book: ReplyBook;
  readonly #options: LaneOptions;
  readonly #window: number;
  readonly #queue: Outgoing[] = [];
  readonly #sentinel: Sentinel;
  readonly #wake = new Wake();
  readonly #watchdog: Watchdog;
  readonly #loops: Promise<unknown>;
  /** Weight, in bytes, of all that was handed over. */
  #handedOver = 0;
  #sentinelSent = false;
  #writing = false;
  #ended = false;
  #failure: unknown;
  #lastWords: string | undefined;

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
    this.#options = options;
    this.#sentinel = new Sentinel(
      undefined,
      options.endMarker === "ping" ? "PING" : "ECHO",
    );
    this.#window = options.window ?? DEFAULT_WINDOW;
    this.#watchdog = new Watchdog({
      timeout: options.stallTimeout ?? STALL_TIMEOUT,
      isWaiting: () => this.#sentinelSent || book.unanswered > 0,
      onTimeout: (seconds) => this.#fail(this.#stalled(seconds)),
    });
    this.#loops = Promise.all([this.#writeLoop(), this.#replyLoop()]);
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
    this.#handedOver += outgoing.weight ?? outgoing.bytes.length;
    this.#queue.push(outgoing);
    this.#wake.up();
    while (
      this.#queue.length >= QUEUE || this.#book.bytesInFlight > this.#window
    ) {
      await this.#wake.sleep();
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
    const { beforeSentinel, endMarker } = this.#options;
    if (endMarker === "count" && this.#book.isExact) return this.settle();
    if (beforeSentinel !== undefined) {
      this.#queue.push({ bytes: beforeSentinel });
    }
    this.#queue.push({ bytes: this.#sentinel.command });
    this.#sentinelSent = true;
    this.#wake.up();
    while (!this.#ended) {
      await this.#wake.sleep();
    }
    this.#check();
    await this.#loops;
  }

  /**
   * Waits until everything is sent and answered, without a sentinel.
   *
   * For an end at which no further command may be sent; it relies on the
   * book's count.
   *
   * @throws What ended the lane, if anything has.
   */
  async settle(): Promise<void> {
    this.#check();
    while (this.#queue.length > 0 || this.#book.unanswered > 0) {
      await this.#wake.sleep();
      this.#check();
    }
  }

  /**
   * Sends nothing more and waits for the replies to what was sent.
   *
   * What has not begun to be sent is withdrawn.
   *
   * @param patience How long to wait, in ms.
   */
  async drain(patience: number): Promise<void> {
    const unsent = this.#queue.splice(this.#writing ? 1 : 0);
    // The last one first, so that what is left is always a run from the start.
    for (const outgoing of unsent.reverse()) outgoing.withdrawn?.();
    const timer = setTimeout(() => {
      this.#ended = true;
      this.#wake.up();
    }, patience);
    while (!this.#ended && (this.#writing || this.#book.unanswered > 0)) {
      await this.#wake.sleep();
    }
    clearTimeout(timer);
  }

  /**
   * Ends both loops at once and closes the connection.
   *
   * @returns When the loops have ended.
   */
  async stop(): Promise<void> {
    this.#end();
    this.#connection.close();
    await this.#loops;
  }

  async #writeLoop(): Promise<void> {
    try {
      while (!this.#ended) {
        const outgoing = this.#queue[0];
        if (outgoing === undefined) {
          await this.#wake.sleep();
          continue;
        }
        this.#writing = true;
        // A part that went through is a sign of life: large values take time.
        await this.#connection.write(
          outgoing.bytes,
          () => this.#watchdog.calm(),
        );
        this.#writing = false;
        this.#queue.shift();
        outgoing.written?.();
        this.#wake.up();
      }
    } catch (error) {
      if (this.#ended) return;
      // The reader sees the end too, behind the server's last words.
      const timer = setTimeout(() => this.#fail(this.#lost(error)), LAST_WORDS);
      while (!this.#ended) await this.#wake.sleep();
      clearTimeout(timer);
    }
  }

  async #replyLoop(): Promise<void> {
    const reader = new ReplyReader();
    const buffer = new Uint8Array(REPLY_BUFFER);
    const nap = this.#options.mayBlock === true && this.#connection.isLocal
      ? new Nap()
      : undefined;
    try {
      while (!this.#ended) {
        const count = await this.#connection.read(buffer);
        if (count === null) return this.#fail(this.#lost(undefined));
        this.#watchdog.calm();
        reader.feed(buffer.subarray(0, count));
        if (this.#take(reader)) this.#end();
        this.#wake.up();
        const { bytesInFlight } = this.#book;
        if (count < FEW_REPLIES && bytesInFlight > this.#window / 2) {
          nap?.take(this.#handedOver - bytesInFlight);
        }
      }
    } catch (error) {
      this.#fail(this.#lost(error));
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
      else if (this.#isRefusal(reply)) {
        this.sentinelRefusal = error;
        return true;
      } else if (TO_THE_CONNECTION.test(error)) this.#lastWords = error;
      else book.fail(error);
    }
  }

  /**
   * An error that answers no command answers the sentinel: some proxies and
   * some ACLs have no ECHO. By the count, everything has been answered then.
   */
  #isRefusal(reply: Reply): boolean {
    return this.#sentinelSent && reply.kind === "error" &&
      this.#book.isExact && this.#book.unanswered === 0;
  }

  #lost(error: unknown): unknown {
    if (error instanceof ProtocolError) return error;
    if (error !== undefined && !isLostConnection(error)) return error;
    const { address } = this.#connection;
    const how = this.#lastWords !== undefined
      ? `it said ${JSON.stringify(this.#lastWords)} and closed the connection`
      : error === undefined
      ? "the server closed the connection"
      : reasonOf(error, `--allow-net=${address}`);
    return new ConnectionError(`Lost ${address}: ${how}`, address, {
      cause: error,
    });
  }

  #stalled(seconds: number): ConnectionError {
    const { address } = this.#connection;
    const { unanswered } = this.#book;
    return new ConnectionError(
      `Lost ${address}: no reply for ${seconds} s (--stall-timeout), with ` +
        `${counted(unanswered, "command")} unanswered`,
      address,
    );
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#failure = error;
    this.#end();
    this.#connection.close();
    this.#options.onFailure?.(error);
  }

  #end(): void {
    this.#ended = true;
    this.#watchdog.stop();
    this.#wake.up();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
