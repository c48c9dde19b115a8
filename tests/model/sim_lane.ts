import { ConnectionError } from "../../src/errors.ts";
import type { BatchOrigin } from "../../src/engine/batch.ts";
import { Flight } from "../../src/engine/flight.ts";
import type { LaneEvents } from "../../src/engine/lane.ts";
import type { BatchLane } from "../../src/engine/router.ts";
import type { Shipment } from "../../src/engine/shipment.ts";
import type { Wait } from "../../src/engine/wait.ts";
import { type SimServer, takeCommands } from "./sim_server.ts";

/**
 * A lane without a socket: whoever drives it decides when the system takes
 * bytes, when the server executes commands, and when replies arrive.
 */
export class SimLane implements BatchLane {
  /** What is not answered. */
  readonly flight: Flight<BatchOrigin>;
  readonly #events: LaneEvents<BatchOrigin>;
  readonly #server: SimServer;
  readonly #wait: Wait;
  readonly #window: number;
  readonly #queue: Shipment<BatchOrigin>[] = [];
  /** Bytes of the first shipment that the system has taken. */
  #written = 0;
  /** Bytes that the server has, and has not executed. */
  #received = new Uint8Array();
  /** Replies on their way; the sentinel's is none of them. */
  readonly #replies: (string | undefined)[] = [];
  #closing: "no" | "wanted" | "sent" | "back" = "no";
  #isLost = false;
  /** It was lost behind its sentinel, and nobody was told. */
  #isQuiet = false;

  constructor(
    events: LaneEvents<BatchOrigin>,
    server: SimServer,
    wait: Wait,
    window: number,
    readonly node: number,
    readonly nodes: number,
  ) {
    this.#events = events;
    this.flight = new Flight(events);
    this.#server = server;
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
    if (this.#queue.length > 0 || this.#closing === "wanted") can.push("write");
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
    const { bytes } = shipment;
    shipment.sentAt = 1;
    const part = bytes.slice(this.#written, this.#written + most);
    const received = new Uint8Array(this.#received.length + part.length);
    received.set(this.#received);
    received.set(part, this.#received.length);
    this.#received = received;
    this.#written += part.length;
    if (this.#written < bytes.length) return;
    this.#written = 0;
    this.#queue.shift();
    this.flight.written(shipment);
    this.#wait.wake();
  }

  /** The server executes what whole commands it has, up to so many. */
  execute(most: number): void {
    const { commands } = takeCommands(this.#received);
    let taken = 0;
    for (const words of commands.slice(0, most)) {
      this.#replies.push(this.#server.executeOn(this.node, this.nodes, words));
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
    for (const error of arrived) {
      if (error === undefined) {
        run++;
        continue;
      }
      if (run > 0) this.flight.succeed(run);
      run = 0;
      this.flight.fail(error);
    }
    if (run > 0) this.flight.succeed(run);
    if (this.#closing === "sent" && this.flight.unanswered === 0) {
      this.#closing = "back";
    }
    this.#wait.wake();
  }

  /** The connection drops; what the server has, it executes. */
  lose(): void {
    this.execute(Infinity);
    this.#isLost = true;
    this.#wait.wake();
    // Nobody needs it any more, unless a rewind is asked for.
    if (this.#closing === "back") this.#isQuiet = true;
    else this.#tell();
  }

  #tell(): void {
    this.#isQuiet = false;
    this.#events.onLost(this.flight, new ConnectionError("Lost it", "sim"));
  }
}
