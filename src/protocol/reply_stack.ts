import { PIPE } from "./ascii.ts";
import { OpenAggregate } from "./open_aggregate.ts";
import type { Reply } from "./reply.ts";

/**
 * The aggregates that the reply reader is inside of, the outermost first.
 *
 * For each value: {@linkcode claim} when its type is known, and
 * {@linkcode attach} when it is whole. In between only values inside of it are
 * claimed and attached.
 *
 * @example
 * ```ts
 * import { ReplyStack } from "./reply_stack.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const stack = new ReplyStack(1024);
 * stack.claim();
 * stack.open("*".charCodeAt(0), 1);
 * stack.claim();
 * assertEquals(stack.attach({ kind: "null" }), {
 *   kind: "array",
 *   length: 1,
 *   items: [{ kind: "null" }],
 * });
 * ```
 */
export class ReplyStack {
  readonly #open: OpenAggregate[] = [];
  readonly #maxItems: number;
  /** How many values the outermost aggregate holds so far, in all. */
  #items = 0;

  /** Whether the value that was claimed last is held, not only counted. */
  keep = true;
  /** Attributes have come, and the value that they belong to has not. */
  attributed = false;

  /**
   * Makes an empty stack.
   *
   * @param maxItems How many values one reply holds, in all.
   */
  constructor(maxItems: number) {
    this.#maxItems = maxItems;
  }

  /**
   * How many aggregates are open inside each other.
   *
   * @returns 0 at the top level.
   */
  get depth(): number {
    return this.#open.length;
  }

  /**
   * Whether the `.` that ends a streamed aggregate may come next.
   *
   * @returns False also where a value must come first.
   */
  get mayEnd(): boolean {
    return !this.attributed && this.#open.at(-1)?.mayEnd === true;
  }

  /** Decides whether the value that begins now is held. */
  claim(): void {
    this.attributed = false;
    const open = this.#open.at(-1);
    this.keep = open === undefined || open.keep && this.#items < this.#maxItems;
    if (open !== undefined && this.keep) this.#items++;
  }

  /**
   * Begins an aggregate. Attributes are begun without a claim, and hold
   * nothing.
   *
   * @param type Its type byte.
   * @param length How many values or pairs; `Infinity` where it is streamed.
   */
  open(type: number, length: number): void {
    this.#open.push(
      new OpenAggregate(type, length, type !== PIPE && this.keep),
    );
  }

  /**
   * Ends the innermost aggregate.
   *
   * @returns It as a value to attach; none for attributes, which are dropped.
   */
  close(): Reply | undefined {
    const open = this.#open.pop()!;
    this.keep = open.keep;
    if (open.type !== PIPE) return open.reply();
    this.attributed = true;
    return undefined;
  }

  /**
   * Puts a value where it belongs and ends the aggregates that it completes.
   *
   * @param value The value that was claimed last, or the one that
   * {@linkcode close} returned.
   * @returns The reply that is whole by it; none where values are to come.
   */
  attach(value: Reply): Reply | undefined {
    let reply: Reply | undefined = value;
    while (reply !== undefined) {
      const open = this.#open.at(-1);
      if (open === undefined) {
        this.#items = 0;
        return reply;
      }
      open.add(reply, this.keep);
      if (!open.full) return undefined;
      reply = this.close();
    }
    return undefined;
  }
}
