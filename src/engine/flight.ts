import { ProtocolError } from "../errors.ts";
import { errorIn, type Reply } from "../protocol/reply.ts";
import { Queue } from "./queue.ts";
import type { Shipment } from "./shipment.ts";

/** Whom a flight tells. */
export interface FlightEvents<Origin> {
  /** Where replies are counted. */
  readonly counts: { replies: number };
  /**
   * Told about each error reply, in the order of the lane's commands.
   *
   * @param error The server's text.
   * @param shipment Which shipment the command is in; none where the flight is
   * not exact and nobody knows.
   * @param command Its index there, counting from 0.
   */
  onError(
    error: string,
    shipment: Shipment<Origin> | undefined,
    command: number,
    flight: Flight<Origin>,
  ): void;
  /** Told when a shipment is written and its last reply has come. */
  onDone(shipment: Shipment<Origin>): void;
}

/**
 * A lane's queue of shipments that are not answered.
 *
 * Replies carry no name; they come in the order of the commands. So the flight
 * counts how far into its first shipment they have come, and a run of replies
 * that are no errors costs one addition, however long it is (I5).
 */
export class Flight<Origin> {
  /** Commands handed to the lane whose replies have not come. */
  unanswered = 0;
  /** Bytes that the shipments in it count for in the lane's window. */
  weight = 0;
  /**
   * Whether every command is counted. False behind broken RESP in a pipe,
   * where nobody knows how many there are: more replies are no surprise then.
   */
  isExact = true;
  /** Replies so far that were no errors. */
  successes = 0;
  /** Replies so far that were. */
  errors = 0;
  /** The shipments, the first one that is not done in front. */
  protected readonly queue = new Queue<Shipment<Origin>>();
  readonly #events: FlightEvents<Origin>;

  /** Makes an empty flight. */
  constructor(events: FlightEvents<Origin>) {
    this.#events = events;
  }

  /** Enters a shipment that is handed to the lane. */
  enter(shipment: Shipment<Origin>): void {
    this.queue.push(shipment);
    this.unanswered += this.owed(shipment);
    this.weight += shipment.weight;
  }

  /** Takes back the last shipment, of which nothing was sent. */
  withdraw(shipment: Shipment<Origin>): void {
    if (this.queue.pop() !== shipment) {
      throw new Error("Cannot withdraw a shipment that is not the last one");
    }
    this.unanswered -= this.owed(shipment);
    this.weight -= shipment.weight;
  }

  /** How many replies a shipment is owed. */
  protected owed({ commands }: Shipment<Origin>): number {
    return commands;
  }

  /** Whether a command that is not answered may have reached the server. */
  get isAmbiguous(): boolean {
    for (const { sentAt, answered, commands } of this.queue) {
      if (sentAt > 0 && answered < commands) return true;
    }
    return false;
  }

  /** The shipment that may have been executed as a whole, or not at all. */
  get doubtful(): Shipment<Origin> | undefined {
    return undefined;
  }

  /**
   * Takes out the first one, as its lane is lost, where that is answered: nobody
   * will hear that it was written.
   */
  takeAnswered(): Shipment<Origin> | undefined {
    const { first } = this.queue;
    if (first === undefined || first.answered < first.commands) {
      return undefined;
    }
    this.weight -= first.weight;
    return this.queue.shift();
  }

  /** Empties it, as its lane is lost; gives what was in it, in order. */
  abandon(): Shipment<Origin>[] {
    const left: Shipment<Origin>[] = [];
    for (let one; (one = this.queue.shift()) !== undefined;) left.push(one);
    this.unanswered = 0;
    this.weight = 0;
    return left;
  }

  /** Notes that the last byte of a shipment was handed to the system. */
  written(shipment: Shipment<Origin>): void {
    shipment.isWritten = true;
    this.#strike();
  }

  /** Notes one reply. */
  take(reply: Reply): void {
    const error = errorIn(reply);
    if (error === undefined) this.succeed(1);
    else this.fail(error);
  }

  /**
   * Notes a run of replies that are no errors.
   *
   * @throws {ProtocolError} When there are more replies than commands.
   */
  succeed(count: number): void {
    this.#expect(count);
    this.successes += count;
    while (count > 0) {
      // Nothing behind the first one is sent before that is written, so it is
      // struck out before a reply to anything else can come.
      const { first } = this.queue;
      if (first === undefined || first.answered === first.commands) return;
      const taken = Math.min(count, first.commands - first.answered);
      first.answered += taken;
      count -= taken;
      this.#strike();
    }
  }

  /**
   * Notes one error reply.
   *
   * @param error The server's text.
   * @throws {ProtocolError} When there are more replies than commands.
   */
  fail(error: string): void {
    this.#expect(1);
    this.errors++;
    const { first } = this.queue;
    if (first === undefined || first.answered === first.commands) {
      this.#events.onError(error, undefined, 0, this);
      return;
    }
    this.#events.onError(error, first, first.answered++, this);
    this.#strike();
  }

  #expect(count: number): void {
    const { counts } = this.#events;
    if (count > this.unanswered && this.isExact) {
      throw new ProtocolError(
        `Cannot pair replies with commands: ${count} came where ` +
          `${this.unanswered} were due`,
        counts.replies,
        new Uint8Array(),
      );
    }
    this.unanswered = Math.max(0, this.unanswered - count);
    counts.replies += count;
  }

  /** Strikes out the shipments in front that are done. */
  #strike(): void {
    for (;;) {
      const { first } = this.queue;
      if (first === undefined || !first.isWritten) return;
      if (first.answered < first.commands) return;
      this.queue.shift();
      this.weight -= first.weight;
      this.#events.onDone(first);
    }
  }
}
