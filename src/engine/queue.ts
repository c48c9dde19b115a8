/**
 * A first-in, first-out queue whose head costs nothing to take.
 *
 * `Array.prototype.shift` moves every element that is left, and a slow
 * producer may have tens of thousands of small shipments in flight.
 *
 * @example
 * ```ts
 * import { Queue } from "./queue.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const queue = new Queue<string>();
 * queue.push("a");
 * queue.push("b");
 * queue.push("c");
 * assertEquals([queue.shift(), queue.pop(), queue.first], ["a", "c", "b"]);
 * ```
 */
export class Queue<T> {
  readonly #items: (T | undefined)[] = [];
  #head = 0;

  /** How many elements are in it. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  /** The element that {@linkcode shift} would take. */
  get first(): T | undefined {
    return this.#items[this.#head];
  }

  /** The element that {@linkcode pop} would take. */
  get last(): T | undefined {
    return this.length === 0 ? undefined : this.#items.at(-1);
  }

  /** Adds an element at the end. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes the element that was added first. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    // Seldom enough that moving the rest costs next to nothing.
    if (this.#head >= 64 && this.#head * 2 >= this.#items.length) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Takes the element that was added last. */
  pop(): T | undefined {
    return this.length === 0 ? undefined : this.#items.pop();
  }

  /** The elements, the first one first. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = this.#head; i < this.#items.length; i++) {
      yield this.#items[i]!;
    }
  }
}
