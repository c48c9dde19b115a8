import { GREATER, PERCENT, PIPE, TILDE } from "./ascii.ts";
import { errorIn, type Reply } from "./reply.ts";

/**
 * An aggregate whose values are still being read: one level of the reply
 * reader's stack.
 *
 * A map and attributes count their keys and values one by one here, and in
 * pairs in the reply.
 */
export class OpenAggregate {
  readonly #values: number;
  #count = 0;
  readonly #items: Reply[] = [];
  readonly #entries: [Reply, Reply][] = [];
  #key: Reply | undefined;
  #error: string | undefined;

  /**
   * Begins an aggregate.
   *
   * @param type Its type byte: `*`, `~`, `>`, `%` or `|`.
   * @param length How many values or pairs; `Infinity` where it is streamed.
   * @param keep Whether it holds any of its values.
   */
  constructor(
    readonly type: number,
    length: number,
    readonly keep: boolean,
  ) {
    this.#values = this.#paired ? length * 2 : length;
  }

  get #paired(): boolean {
    return this.type === PERCENT || this.type === PIPE;
  }

  /**
   * Whether all values have come.
   *
   * @returns Never true where it is streamed.
   */
  get full(): boolean {
    return this.#count === this.#values;
  }

  /**
   * Whether the `.` that ends a streamed aggregate may stand here.
   *
   * @returns False where it is not streamed, or where a key waits for its value.
   */
  get mayEnd(): boolean {
    return this.#values === Infinity &&
      !(this.#paired && this.#count % 2 === 1);
  }

  /**
   * Adds the next value.
   *
   * @param value The value.
   * @param keep Whether it is held, not only counted. A pair is held where
   * both halves are.
   */
  add(value: Reply, keep: boolean): void {
    this.#error ??= errorIn(value);
    const isKey = this.#paired && this.#count % 2 === 0;
    this.#count++;
    if (!this.#paired) {
      if (keep) this.#items.push(value);
    } else if (isKey) {
      this.#key = keep ? value : undefined;
    } else if (keep && this.#key !== undefined) {
      this.#entries.push([this.#key, value]);
    }
  }

  /**
   * Makes the reply when all values have come.
   *
   * @returns The reply, with its true length.
   */
  reply(): Reply {
    const error = this.#error === undefined ? {} : { error: this.#error };
    if (this.#paired) {
      const length = this.#count / 2;
      return { kind: "map", length, entries: this.#entries, ...error };
    }
    const kind = this.type === TILDE
      ? "set"
      : this.type === GREATER
      ? "push"
      : "array";
    return { kind, length: this.#count, items: this.#items, ...error };
  }
}
