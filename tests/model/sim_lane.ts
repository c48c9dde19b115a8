import { ConnectionError } from "../../src/errors.ts";
import type { BatchOrigin } from "../../src/engine/batch.ts";
import { Flight } from "../../src/engine/flight.ts";
import type { LaneEvents } from "../../src/engine/lane.ts";
import type { BatchLane } from "../../src/engine/router.ts";
import type { Shipment } from "../../src/engine/shipment.ts";
import type { Wait } from "../../src/engine/wait.ts";
import {
  TransactionFlight,
  type TransactionFrame,
} from "../../src/engine/transaction_flight.ts";
import { takeCommands } from "./sim_server.ts";
import type { SimReply } from "./sim_session.ts";

/** What the server makes of the commands on a connection. */
export interface Executor {
  /** Executes one command, or queues it. */
  execute(words: readonly string[]): SimReply;
}

/**
 * A lane without a socket: whoever drives it decides when the system takes
 * bytes, when the server executes commands, and when replies arrive.
 */
export class SimLane implements BatchLane {
  /** What is not answered. */
  readonly flight: Flight<BatchOrigin>;
  readonly #events: LaneEvents<BatchOrigin>;
  readonly #wait: Wait;
  readonly #window: number;
  readonly #queue: Shipment<BatchOrigin>[] = [];
  readonly #session: Executor;
  /** The flight, where shipments are transactions. */
  readonly #transactions: TransactionFlight<BatchOrigin> | undefined;
  /** What the system has not taken yet of the first shipment; none begun. */
  #left: Uint8Array | undefined;
  /** The end of the first shipment's transaction waits for replies. */
  #isHeld = false;
  /** The system has all of the first shipment, and nobody knows yet. */
  #isTaken = false;
  /** That end has begun to be written. */
  #isEnding = false;
  /** Bytes that the server has, and has not executed. */
  #received = new Uint8Array();
  /** Replies on their way; the sentinel's is none of them. */
  readonly #replies: SimReply[] = [];
  #closing: "no" | "wanted" | "sent" | "back" = "no";
  #isLost = false;
  /** It was lost behind its sentinel, and nobody was told. */
  #isQuiet = false;

  constructor(
    events: LaneEvents<BatchOrigin>,
    session: Executor,
    wait: Wait,
    window: number,
    readonly node: number,
    frame?: TransactionFrame,
  ) {
    this.#events = events;
    this.#session = session;
    this.#transactions = frame && new TransactionFlight(frame, {
      counts: events.counts,
      onError: (...error) => events.onError(...error),
      onDone: (shipment) => events.onDone(shipment),
      onAborted: (...aborted) => events.onAborted!(...aborted),
    });
    this.flight = this.#transactions ?? new Flight(events);
    this.#wait = wait;
    this.#window = window;
  }

  get hasRoom(): boolean {
    return this.#queue.length < 2 && this.flight.weight <= this.#window;
  }

  get isIdle(): boolean {
    return this.#isLost ||
      this.#queue.length === 0 && this.flight.unanswered === 0 &&
        this.#closing !== "wanted" && this.#closing !== "sent";
  }

  get isFinished(): boolean {
    return this.#closing === "back";
  }

  send(shipment: Shipment<BatchOrigin>): void {
    if (this.#isLost && !this.#isQuiet) return;
    this.#closing = "no";
    this.flight.enter(shipment);
    if (this.#isQuiet) return this.#tell();
    this.#queue.push(shipment);
  }

  finish(): void {
    if (this.#closing === "no") this.#closing = "wanted";
  }

  withdraw(
    isUnwanted: (shipment: Shipment<BatchOrigin>) => boolean,
  ): Shipment<BatchOrigin>[] {
    const taken: Shipment<BatchOrigin>[] = [];
    for (;;) {
      const last = this.#queue.at(-1);
      if (last === undefined || last.sentAt > 0 || !isUnwanted(last)) break;
      this.#queue.pop();
      this.flight.withdraw(last);
      taken.push(last);
    }
    if (this.#closing === "wanted") this.#closing = "no";
    return taken;
  }

  stop(): Promise<void> {
    this.#isLost = true;
    return Promise.resolve();
  }

  /** Whether the connection is gone. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** What could happen next. */
  get possible(): ("write" | "execute" | "reply" | "lose")[] {
    if (this.#isLost) return [];
    const can: ("write" | "execute" | "reply" | "lose")[] = ["lose"];
    const hasMore = this.#queue.length > 0 || this.#closing === "wanted";
    if (hasMore && !this.#isHeld) can.push("write");
    if (this.#received.length > 0) can.push("execute");
    if (this.#replies.length > 0 || this.#closing === "sent") can.push("reply");
    return can;
  }

  /** The system takes up to so many bytes. */
  write(most: number): void {
    const [shipment] = this.#queue;
    if (shipment === undefined) {
      if (this.#closing === "wanted") this.#closing = "sent";
      return;
    }
    const transactions = this.#transactions;
    if (this.#left === undefined) {
      if (transactions?.frame.isHalted === true) {
        this.#isHeld = !transactions.drop(shipment);
        if (!this.#isHeld) this.#queue.shift();
        return this.#wait.wake();
      }
      shipment.sentAt = 1;
      const { bytes } = shipment;
      this.#left = transactions === undefined
        ? bytes
        : concat(transactions.frame.opening, bytes);
    }
    const wasTaken = this.#isTaken;
    this.#isTaken = false;
    this.#push(most);
    if (this.#left.length > 0) return;
    if (transactions !== undefined && !this.#isEnding) {
      const end = transactions.closing(shipment);
      this.#isHeld = end === undefined;
      this.#isEnding = end !== undefined;
      this.#left = end ?? this.#left;
      return;
    }
    // Replies may come before the lane hears that the system has it all.
    this.#isTaken = !wasTaken;
    if (this.#isTaken) return;
    this.#left = undefined;
    this.#isEnding = false;
    this.#queue.shift();
    this.flight.written(shipment);
    this.#wait.wake();
  }

  /** The server receives up to so many bytes more. */
  #push(most: number): void {
    const part = this.#left!.slice(0, most);
    this.#left = this.#left!.slice(most);
    const received = new Uint8Array(this.#received.length + part.length);
    received.set(this.#received);
    received.set(part, this.#received.length);
    this.#received = received;
  }

  /** The server executes what whole commands it has, up to so many. */
  execute(most: number): void {
    const { commands } = takeCommands(this.#received);
    let taken = 0;
    for (const words of commands.slice(0, most)) {
      const reply = this.#session.execute(words);
      this.#replies.push(reply);
      if (reply.kind === "items") this.#replies.push(...reply.items);
      taken += 3 + String(words.length).length;
      for (const word of words) {
        taken += 5 + String(word.length).length + word.length;
      }
    }
    this.#received = this.#received.slice(taken);
  }

  /** Up to so many replies arrive, and the sentinel's behind them. */
  reply(most: number): void {
    const arrived = this.#replies.splice(0, most);
    let run = 0;
    this.#isHeld = false;
    for (const reply of arrived) {
      if (reply.kind === "ok") {
        run++;
        continue;
      }
      if (run > 0) this.flight.succeed(run);
      run = 0;
      if (reply.kind === "error") this.flight.fail(reply.text);
      else if (reply.kind === "text") {
        const body = new TextEncoder().encode(reply.text);
        this.flight.take({ kind: "bulk", length: body.length, body });
      } else if (reply.kind === "nil") this.flight.take({ kind: "null" });
      else if (reply.kind === "items") {
        const { length } = reply.items;
        this.flight.take({ kind: "array", length, items: [] });
      }
    }
    if (run > 0) this.flight.succeed(run);
    if (this.#closing === "sent" && this.flight.unanswered === 0) {
      this.#closing = "back";
    }
    this.#wait.wake();
  }

  /**
   * The connection drops; what the server has, it executes.
   *
   * @returns What it has still to execute, where each shipment is a transaction:
   * it may come to that when the next connection is made already.
   */
  lose(): (() => void) | undefined {
    const late = this.#transactions === undefined
      ? undefined
      : (): void => this.execute(Infinity);
    if (late === undefined) this.execute(Infinity);
    this.#isLost = true;
    this.#wait.wake();
    // Nobody needs it any more, unless a rewind is asked for.
    if (this.#closing === "back") this.#isQuiet = true;
    else this.#tell();
    return late;
  }

  /** The process that it belongs to is killed. */
  kill(): () => void {
    this.#isLost = true;
    return () => this.execute(Infinity);
  }

  #tell(): void {
    this.#isQuiet = false;
    this.#events.onLost(this.flight, new ConnectionError("Lost it", "sim"));
    if (this.flight.unanswered === 0) this.#queue.length = 0;
  }
}

function concat(one: Uint8Array, other: Uint8Array): Uint8Array {
  const all = new Uint8Array(one.length + other.length);
  all.set(one);
  all.set(other, one.length);
  return all;
}
