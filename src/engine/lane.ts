/**
 * A lane: one connection with a writer loop and a reply loop, which share
 * nothing but a flight.
 *
 * The writer never waits for a reply, and the reader never waits for a write.
 * Whoever hands over shipments waits for {@linkcode Lane.hasRoom}: that is the
 * backpressure. What ends the lane is told to the wait of the whole run.
 *
 * @module
 */
import { ConnectionError, ProtocolError } from "../errors.ts";
import { encodeCommand } from "../protocol/encode_command.ts";
import { withoutArguments } from "../protocol/quote.ts";
import { errorIn, type Reply } from "../protocol/reply.ts";
import { ReplyReader } from "../protocol/reply_reader.ts";
import { Sentinel, SENTINEL_LENGTH } from "../protocol/sentinel.ts";
import type { Connection } from "../transport/connection.ts";
import { isLostConnection, reasonOf } from "../transport/reason.ts";
import { counted } from "./counted.ts";
import { Flight, type FlightEvents } from "./flight.ts";
import { Pace } from "./pace.ts";
import type { Shipment } from "./shipment.ts";
import {
  type TransactionEvents,
  TransactionFlight,
  type TransactionFrame,
} from "./transaction_flight.ts";
import type { Wait } from "./wait.ts";
import { Watchdog } from "./watchdog.ts";

/** How a lane knows that every reply has come. */
export type EndMarker = "echo" | "ping" | "count";

/** Whom a lane tells. */
export interface LaneEvents<Origin> extends FlightEvents<Origin> {
  /**
   * Told once when the connection is lost.
   *
   * @param flight What was not answered.
   */
  onLost(flight: Flight<Origin>, error: ConnectionError): void;
  /** Told about transactions that were aborted, where there are any. */
  readonly onAborted?: TransactionEvents<Origin>["onAborted"] | undefined;
}

/** How a lane behaves. */
export interface LaneOptions {
  /**
   * Bytes that may be in flight, unacknowledged. Default: what the link needs,
   * from 2 to 32 MiB.
   */
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
  /**
   * How long nothing may be sent before a PING keeps the connection alive, in
   * ms; 0 is for ever. Default: 15,000.
   */
  keepAlive?: number | undefined;
  /**
   * How the end is known: by what `ECHO` or `PING` sends back, or by the count
   * of replies where the flight is exact. Default: echo.
   */
  endMarker?: EndMarker | undefined;
}

/** How a lane behaves, and what that depends on. */
interface OwnLaneOptions extends LaneOptions {
  /** Whether the server would answer a PING in between now. */
  readonly mayPing?: (() => boolean) | undefined;
  /** Sent in front of the sentinel, to end an unfinished inline command. */
  readonly beforeSentinel?: Uint8Array | undefined;
  /** What makes each shipment a transaction. Default: none is one. */
  readonly frame?: TransactionFrame | undefined;
}

/** The default of {@linkcode LaneOptions.stallTimeout}: 30 s. */
export const STALL_TIMEOUT = 30_000;

/** The default of {@linkcode LaneOptions.keepAlive}: 15 s. */
const KEEP_ALIVE = 15_000;

const PING = encodeCommand(["PING"]);

/** Bytes of replies that are read at once. */
const REPLY_BUFFER = 64 * 1024;

/** The longest value of the key that goes with transactions. */
const LONGEST_VALUE = 1024 * 1024;

/** Shipments that may wait for the socket, so that it never waits. */
const QUEUE = 2;

/** How long the server's last words are waited for, in ms. */
const LAST_WORDS = 2_000;

/** Errors that the server says to the connection, not to a command. */
const TO_THE_CONNECTION = /^ERR (Protocol error|max number of clients)/;

/** Pushes shipments through one connection and takes the replies. */
export class Lane<Origin> {
  /** The server's text, where it has no ECHO and the replies were counted. */
  sentinelRefusal: string | undefined;
  /** What is not answered. */
  readonly flight: Flight<Origin>;
  /** What was handed over, and not taken back. */
  readonly sent = { commands: 0, bytes: 0 };
  /** The flight, where each shipment is a transaction. */
  readonly #transactions: TransactionFlight<Origin> | undefined;
  readonly #connection: Connection;
  readonly #events: LaneEvents<Origin>;
  readonly #wait: Wait;
  readonly #options: OwnLaneOptions;
  readonly #pace: Pace;
  readonly #queue: Shipment<Origin>[] = [];
  readonly #sentinel: Sentinel;
  readonly #watchdog: Watchdog;
  readonly #loops: Promise<unknown>;
  /** Where the sentinel is. */
  #closing: "no" | "wanted" | "sent" | "back" = "no";
  #isWriting = false;
  /** Where the PING is that keeps the connection alive. */
  #ping: "none" | "due" | "sent" = "none";
  readonly #keepAlive: Watchdog;
  #hasEnded = false;
  #wakeWriter: (() => void) | undefined;
  #lastWords: string | undefined;
  /** What ended it behind its sentinel, when nobody needed it any more. */
  #quietEnd: unknown;

  /**
   * Starts the two loops.
   *
   * @param connection A connection on which nothing is in flight.
   * @param events Whom it tells.
   * @param wait Whom to wake, and whom to tell what ends the lane.
   */
  constructor(
    connection: Connection,
    events: LaneEvents<Origin>,
    wait: Wait,
    options: OwnLaneOptions = {},
  ) {
    const { frame } = options;
    this.#connection = connection;
    this.#events = events;
    this.#wait = wait;
    this.#options = options;
    this.#pace = new Pace({
      window: options.window,
      roundTrip: connection.roundTrip,
      mayNap: options.mayBlock === true && connection.isLocal,
    });
    const told: FlightEvents<Origin> = {
      counts: events.counts,
      onError: (...error) => events.onError(...error),
      onDone: (shipment) => {
        this.#pace.answered(shipment.weight, shipment.sentAt);
        events.onDone(shipment);
      },
    };
    this.#transactions = frame && new TransactionFlight(frame, {
      ...told,
      onAborted: (...aborted) => events.onAborted?.(...aborted),
    });
    this.flight = this.#transactions ?? new Flight(told);
    this.#sentinel = new Sentinel(
      undefined,
      options.endMarker === "ping" ? "PING" : "ECHO",
    );
    this.#watchdog = new Watchdog({
      timeout: options.stallTimeout ?? STALL_TIMEOUT,
      isWaiting: () => this.#closing === "sent" || this.flight.unanswered > 0,
      onTimeout: (seconds) => this.#fail(this.#stalled(seconds)),
    });
    this.#keepAlive = new Watchdog({
      timeout: options.keepAlive ?? KEEP_ALIVE,
      isWaiting: () => this.#mayPing,
      onTimeout: () => {
        this.#ping = "due";
        this.#wakeWriter?.();
      },
    });
    this.#loops = Promise.all([this.#writeLoop(), this.#replyLoop()]);
  }

  /** Whether the connection is lost or closed. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether there is room for another shipment. */
  get hasRoom(): boolean {
    return this.#queue.length < QUEUE &&
      this.flight.weight <= this.#pace.window;
  }

  /** Whether nothing is on its way, or nothing ever will be. */
  get isIdle(): boolean {
    return this.#hasEnded ||
      this.#queue.length === 0 && !this.#isWriting &&
        this.flight.unanswered === 0 &&
        (this.#closing === "no" || this.#closing === "back");
  }

  /** Whether the last reply is known to have come. */
  get isFinished(): boolean {
    return this.#closing === "back";
  }

  /** Hands a shipment over to be sent. */
  send(shipment: Shipment<Origin>): void {
    const end = this.#quietEnd;
    if (this.#hasEnded && end === undefined) return;
    this.#closing = "no";
    this.flight.enter(shipment);
    if (end !== undefined) {
      // A rewind needs it after all.
      this.#quietEnd = undefined;
      return this.#tell(end);
    }
    this.sent.commands += shipment.commands;
    this.sent.bytes += shipment.bytes.length;
    this.#queue.push(shipment);
    this.#wakeWriter?.();
  }

  /**
   * Sends the sentinel behind everything else; {@linkcode isFinished} tells
   * when it has come back.
   */
  finish(): void {
    if (this.#closing !== "no") return;
    this.#closing = "wanted";
    this.#wakeWriter?.();
    this.#checkCount();
  }

  /**
   * Takes back shipments that have not begun to be sent, from the last one on.
   *
   * @param isUnwanted Whether one is to be taken back; the first one that is
   * not is sent, and so are those before it.
   * @returns The shipments, the last one first.
   */
  withdraw(
    isUnwanted: (shipment: Shipment<Origin>) => boolean,
  ): Shipment<Origin>[] {
    const taken: Shipment<Origin>[] = [];
    for (;;) {
      const last = this.#queue.at(-1);
      if (last === undefined || last.sentAt > 0 || !isUnwanted(last)) break;
      this.#queue.pop();
      this.flight.withdraw(last);
      this.sent.commands -= last.commands;
      this.sent.bytes -= last.bytes.length;
      taken.push(last);
    }
    if (this.#closing === "wanted") this.#closing = "no";
    return taken;
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
      while (!this.#hasEnded) {
        const [shipment] = this.#queue;
        if (shipment !== undefined) await this.#write(shipment);
        else if (this.#closing === "wanted" && !this.#isCounting) {
          this.#closing = "sent";
          await this.#writeBytes(this.#options.beforeSentinel);
          await this.#writeBytes(this.#sentinel.command);
        } else if (this.#ping === "due") {
          this.#ping = "sent";
          await this.#writeBytes(PING);
        } else {
          await this.#sleep();
        }
      }
    } catch (error) {
      if (!isLostConnection(error)) return this.#fail(error);
      // The reader sees the end too, behind the server's last words.
      const timer = setTimeout(() => this.#fail(this.#lost(error)), LAST_WORDS);
      while (!this.#hasEnded) await this.#sleep();
      clearTimeout(timer);
    }
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => this.#wakeWriter = resolve);
  }

  /**
   * Whether a PING may keep the connection alive. Nothing is in flight then, so
   * the reply that comes next is the one to it.
   */
  get #mayPing(): boolean {
    return this.#ping === "none" && this.#closing === "no" &&
      this.#queue.length === 0 && this.flight.unanswered === 0 &&
      this.flight.isExact && this.#options.mayPing?.() !== false;
  }

  async #write(shipment: Shipment<Origin>): Promise<void> {
    this.#isWriting = true;
    if (this.#ping === "due") this.#ping = "none";
    const transactions = this.#transactions;
    if (transactions === undefined) {
      shipment.sentAt = performance.now();
      await this.#writeBytes(shipment.bytes);
    } else await this.#writeTransaction(shipment, transactions);
    this.#isWriting = false;
    this.#queue.shift();
    this.flight.written(shipment);
    this.#wait.wake();
  }

  /**
   * Writes a shipment within its frame, the end of which waits for the reply to
   * the transaction before; while a rewind is asked for, none at all.
   */
  async #writeTransaction(
    shipment: Shipment<Origin>,
    transactions: TransactionFlight<Origin>,
  ): Promise<void> {
    while (transactions.frame.isHalted && !this.#hasEnded) {
      // It may have been taken back meanwhile.
      const isWanted = this.#queue[0] === shipment;
      if (!isWanted || transactions.drop(shipment)) return;
      await this.#sleep();
    }
    shipment.sentAt = performance.now();
    await this.#writeBytes(transactions.frame.opening);
    await this.#writeBytes(shipment.bytes);
    while (!this.#hasEnded) {
      const end = transactions.closing(shipment);
      if (end !== undefined) return await this.#writeBytes(end);
      await this.#sleep();
    }
  }

  async #writeBytes(bytes: Uint8Array | undefined): Promise<void> {
    if (bytes === undefined) return;
    this.#keepAlive.calm();
    // A part that went through is a sign of life: large values take time.
    await this.#connection.write(bytes, () => this.#watchdog.calm());
  }

  async #replyLoop(): Promise<void> {
    const reader = new ReplyReader(
      this.#transactions && { unfolds: true, maxBody: LONGEST_VALUE },
    );
    const buffer = new Uint8Array(REPLY_BUFFER);
    try {
      while (!this.#hasEnded) {
        const count = await this.#connection.read(buffer);
        if (count === null) return this.#fail(this.#lost(undefined));
        reader.feed(buffer.subarray(0, count));
        this.#take(reader);
        this.#wait.wake();
        this.#pace.rest(count, this.flight.weight);
      }
    } catch (error) {
      this.#fail(this.#lost(error));
    }
  }

  /**
   * Notes the replies at hand. Pushes answer nothing: no sign of life. Part of a
   * reply is one: a large one over a slow link takes its time.
   */
  #take(reader: ReplyReader): void {
    const flight = this.flight;
    for (;;) {
      const isClosing = this.#closing === "sent";
      const isPinged = this.#ping === "sent";
      const stop = isClosing
        ? SENTINEL_LENGTH
        : this.#transactions?.frame.length ?? -1;
      const run = isPinged ? 0 : reader.skip(stop);
      if (run > 0) {
        flight.succeed(run);
        this.#watchdog.calm();
      }
      const reply = reader.next();
      if (reply === undefined) break;
      if (reply.kind === "push") continue;
      this.#watchdog.calm();
      if (isClosing && !isPinged && this.#isBack(reply)) {
        this.#closing = "back";
        continue;
      }
      const error = errorIn(reply);
      if (error !== undefined && TO_THE_CONNECTION.test(error)) {
        this.#lastWords = error;
      } // That it is refused is as good.
      else if (isPinged) this.#ping = "none";
      else flight.take(reply);
    }
    if (reader.inReply) this.#watchdog.calm();
    if (this.#transactions !== undefined) this.#wakeWriter?.();
    this.#checkCount();
  }

  /**
   * Whether a reply is the sentinel's. An error that answers no command is so,
   * too: some proxies and some ACLs have no ECHO. By the count, everything has
   * been answered then.
   */
  #isBack(reply: Reply): boolean {
    if (this.#sentinel.isReply(reply)) return true;
    const { isExact, unanswered } = this.flight;
    if (reply.kind !== "error" || !isExact || unanswered > 0) return false;
    // What it quotes are the sentinel's random bytes.
    this.sentinelRefusal = withoutArguments(reply.text);
    return true;
  }

  /** Whether the count of replies tells the end, and not a sentinel. */
  get #isCounting(): boolean {
    return this.#options.endMarker === "count" && this.flight.isExact;
  }

  #checkCount(): void {
    if (this.#closing !== "wanted" || !this.#isCounting) return;
    if (this.flight.unanswered === 0 && this.#queue.length === 0) {
      this.#closing = "back";
    }
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
    const { unanswered } = this.flight;
    return new ConnectionError(
      `Lost ${address}: no reply for ${seconds} s (--stall-timeout), with ` +
        `${counted(unanswered, "command")} unanswered`,
      address,
    );
  }

  #fail(error: unknown): void {
    if (this.#hasEnded) return;
    this.#end();
    this.#connection.close();
    // Nobody needs it any more, unless a rewind is asked for.
    if (this.#closing === "back") this.#quietEnd = error;
    else this.#tell(error);
  }

  #tell(error: unknown): void {
    if (error instanceof ConnectionError) {
      this.#events.onLost(this.flight, error);
      // Where they are to be sent again, they are no longer its own.
      if (this.flight.unanswered === 0) this.#queue.length = 0;
    } else this.#wait.fail(error);
  }

  #end(): void {
    this.#hasEnded = true;
    this.#watchdog.stop();
    this.#keepAlive.stop();
    this.#wakeWriter?.();
    this.#wait.wake();
  }
}
