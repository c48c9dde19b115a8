/**
 * A flight of which each shipment is a transaction.
 *
 * Why it has this shape. On the wire a shipment is `WATCH key`, `GET key`,
 * `MULTI`, its commands, and an end: `SET key place`, `EXEC`, or `DISCARD`. The
 * server answers each of them, and EXEC once more for every command. Only these
 * last replies are the commands' own, so only they reach the flight's owner; the
 * others are counted here.
 *
 * A transaction that the server aborts while it is queued (an unknown command,
 * a key that the user may not touch, no memory) does not stop the one behind
 * it, whose key would then claim more than is in. So the end of each is sent
 * only when the one before is known to be in: at most one EXEC is unanswered.
 * Meanwhile the next one's commands are on their way, so the server does not
 * wait.
 *
 * It is also sent only when the key was found to be what this load wrote last,
 * and watched. Whoever writes it on another connection afterwards, as each
 * reconnection does, makes this EXEC fail, however late the server reads it from
 * a connection that was given up.
 *
 * What must change together: the frame (transactions.ts) and the replies that
 * it is owed.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import type { Reply } from "../protocol/reply.ts";
import { Flight, type FlightEvents } from "./flight.ts";
import type { Shipment } from "./shipment.ts";

/** What stands around the commands of a transaction. */
export interface TransactionFrame {
  /** In front of the commands: WATCH, GET and MULTI. */
  readonly opening: Uint8Array;
  /**
   * The bytes of the key's value, as this load has left it: a reply with a body
   * of that length has to be looked at.
   */
  readonly length: number;
  /** What ends it without executing it: DISCARD. */
  readonly discard: Uint8Array;
  /** Whether nothing is to be executed, as a rewind is asked for. */
  readonly isHalted: boolean;
  /** Whether the key's value is as this load has left it. */
  isMine(value: Uint8Array): boolean;
  /** What has the next one executed: SET and EXEC. */
  closing(): Uint8Array;
  /** Told that this one was executed. */
  executed(): void;
  /** Told that it was not. */
  aborted(): void;
}

/** Whom a flight of transactions tells besides. */
export interface TransactionEvents<Origin> extends FlightEvents<Origin> {
  /**
   * Told that nothing of a transaction was executed.
   *
   * @param shipment The transaction.
   * @param refused Its commands that the server would not queue, by their
   * index, with its texts.
   * @param problem What it said against the transaction as a whole.
   * @param isOutside Whether MULTI was refused: what was sent behind it was
   * executed all the same.
   */
  onAborted(
    shipment: Shipment<Origin>,
    refused: ReadonlyMap<number, string>,
    problem: string | undefined,
    flight: Flight<Origin>,
    isOutside: boolean,
  ): void;
}

/** What is said where somebody else has written the key. */
export const TAKEN_OVER = "nil";

/** Says what it means that the key has another value. */
export function takenOver(key: string): string {
  return `the key ${key} (--exactly-once) is not what this load wrote there ` +
    "last: another load uses it, somebody has deleted it, or the server has " +
    "lost writes that it had acknowledged, as a failover may; where the key is " +
    "still there, the same command goes on from where it says, else it would " +
    "begin anew";
}

/** Replies in front of those to the commands: to WATCH, GET and MULTI. */
const OPENING = 3;
/** Which of them is the key's value. */
const GET = 1;
const MULTI = 2;
/** Replies besides those to the commands: to SET, EXEC, and SET once more. */
const CLOSING = 3;

/** Pairs the replies of transactions with commands. */
export class TransactionFlight<Origin> extends Flight<Origin> {
  /** What stands around each shipment. */
  readonly frame: TransactionFrame;
  readonly #events: TransactionEvents<Origin>;
  /** Replies to the frame and to the queueing of the first shipment so far. */
  #taken = 0;
  /** Which end of the first shipment is sent. */
  #end: "none" | "exec" | "discard" = "none";
  /** Items of EXEC's reply that are still to come. */
  #items = 0;
  #refused = new Map<number, string>();
  #problem: string | undefined;
  #isOutside = false;

  /** Makes an empty flight. */
  constructor(frame: TransactionFrame, events: TransactionEvents<Origin>) {
    super(events);
    this.frame = frame;
    this.#events = events;
  }

  override get doubtful(): Shipment<Origin> | undefined {
    return this.#end === "exec" || this.#items > 1
      ? this.queue.first
      : undefined;
  }

  /**
   * Ends the transaction of a shipment whose commands are sent.
   *
   * @returns What is sent behind them; nothing while that is not decided.
   */
  closing(shipment: Shipment<Origin>): Uint8Array | undefined {
    if (this.queue.first !== shipment || this.#items > 0) return undefined;
    if (this.#taken < OPENING) return undefined;
    const frame = this.frame;
    const isBroken = this.#refused.size > 0 || this.#problem !== undefined;
    if (isBroken || frame.isHalted) {
      this.#end = "discard";
      return frame.discard;
    }
    this.#end = "exec";
    return frame.closing();
  }

  /**
   * Aborts a shipment of which nothing was sent, when all before it are done.
   *
   * @returns Whether it was its turn.
   */
  drop(shipment: Shipment<Origin>): boolean {
    if (this.queue.first !== shipment || this.#items > 0) return false;
    this.#abort(shipment);
    return true;
  }

  override abandon(): Shipment<Origin>[] {
    this.#begin();
    this.#items = 0;
    return super.abandon();
  }

  override take(reply: Reply): void {
    const { first } = this.queue;
    const isExec = first !== undefined && this.#end === "exec" &&
      this.#items === 0 && this.#taken === OPENING + first.commands + 1;
    if (
      first !== undefined && this.#items === 0 && this.#taken === GET &&
      reply.kind === "bulk" && reply.body !== undefined &&
      this.frame.isMine(reply.body)
    ) {
      this.#taken++;
      this.unanswered--;
    } else if (isExec && reply.kind === "array") {
      this.#executed(first, reply.length);
    } else if (isExec && reply.kind === "null") this.#abort(first, TAKEN_OVER);
    else super.take(reply);
  }

  override succeed(count: number): void {
    while (count > 0) count -= this.#pass(count, undefined);
  }

  override fail(error: string): void {
    this.#pass(1, error);
  }

  protected override owed({ commands }: Shipment<Origin>): number {
    return OPENING + commands + CLOSING + commands;
  }

  /** Takes so many replies, or one error; returns how many it took. */
  #pass(count: number, error: string | undefined): number {
    if (this.#items > 0) return this.#passItems(count, error);
    const { first } = this.queue;
    if (first === undefined) {
      super.succeed(count);
      return count;
    }
    // To the commands, and to the SET behind them where it is sent.
    const queued = OPENING + first.commands + (this.#end === "exec" ? 1 : 0);
    const taken = Math.min(count, queued - this.#taken);
    if (taken === 0) {
      if (this.#end === "none" || this.#end === "exec" && error === undefined) {
        throw new ProtocolError(
          "Cannot pair replies with commands: one came inside a transaction " +
            "where none was due",
          0,
          new Uint8Array(),
        );
      }
      // DISCARD's reply says nothing that counts.
      this.#abort(first, this.#end === "exec" ? error : undefined);
      return 1;
    }
    // Nobody has looked at the value: it has another length.
    const isPassed = this.#taken <= GET && this.#taken + taken > GET;
    if (isPassed && error === undefined) this.#problem ??= TAKEN_OVER;
    if (error !== undefined) {
      this.#isOutside ||= this.#taken === MULTI;
      const command = this.#taken - OPENING;
      if (command >= 0 && command < first.commands) {
        this.#refused.set(command, error);
      } else this.#problem ??= error;
    }
    this.#taken += taken;
    this.unanswered -= taken;
    return taken;
  }

  /** The last item is the reply to SET, which is nobody else's. */
  #passItems(count: number, error: string | undefined): number {
    const own = Math.min(count, this.#items - 1);
    if (own === 0) {
      this.#items = 0;
      this.unanswered--;
      return 1;
    }
    this.#items -= own;
    if (error === undefined) super.succeed(own);
    else super.fail(error);
    return own;
  }

  /** Begins EXEC's reply. */
  #executed({ commands }: Shipment<Origin>, items: number): void {
    if (items !== commands + 1) {
      throw new ProtocolError(
        `Cannot pair replies with commands: EXEC gave ${items} where ` +
          `${commands + 1} were due`,
        0,
        new Uint8Array(),
      );
    }
    this.unanswered--;
    this.#items = items;
    this.#begin();
    this.frame.executed();
  }

  #abort(shipment: Shipment<Origin>, problem?: string): void {
    this.queue.shift();
    this.weight -= shipment.weight;
    this.unanswered -= this.owed(shipment) - this.#taken;
    const refused = this.#refused;
    const said = this.#problem ?? (refused.size > 0 ? undefined : problem);
    const isOutside = this.#isOutside;
    this.#begin();
    this.frame.aborted();
    this.#events.onAborted(shipment, refused, said, this, isOutside);
  }

  /** Expects the replies to another transaction. */
  #begin(): void {
    this.#taken = 0;
    this.#end = "none";
    this.#refused = new Map();
    this.#problem = undefined;
    this.#isOutside = false;
  }
}
