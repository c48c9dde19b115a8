/**
 * Lets one wait at a time be cut short.
 *
 * `Promise.race` with a promise that lives as long as the load would keep a
 * reaction for every wait until the end: one for each row that trickles in.
 * Here there is one slot, which is emptied when its wait is over.
 *
 * @example
 * ```ts
 * import { RaceSlot } from "./race_slot.ts";
 * import { assertRejects } from "@std/assert";
 *
 * const slot = new RaceSlot();
 * const waiting = slot.race(new Promise(() => {}));
 * slot.failWith(new Error("enough"));
 * await assertRejects(() => waiting, Error, "enough");
 * ```
 */
export class RaceSlot {
  #reject: ((error: unknown) => void) | undefined;
  #failed = false;
  #error: unknown;

  /**
   * What it has failed with.
   *
   * @returns The first error; `undefined` where there was none.
   */
  get error(): unknown {
    return this.#error;
  }

  /**
   * Waits for a promise, or until this slot fails.
   *
   * @param promise What to wait for. When the slot fails first, its outcome is
   * dropped.
   * @returns What the promise gives.
   * @throws What the promise or the slot fails with.
   */
  async race<T>(promise: Promise<T>): Promise<T> {
    const { promise: first, resolve, reject } = Promise.withResolvers<T>();
    promise.then(resolve, reject);
    if (this.#failed) reject(this.#error);
    this.#reject = reject;
    try {
      const value = await first;
      if (this.#failed) throw this.#error;
      return value;
    } finally {
      this.#reject = undefined;
    }
  }

  /**
   * Fails when a signal is aborted, or has been.
   *
   * @param signal The signal; none never is.
   * @returns What stops listening to it.
   */
  failOn(signal: AbortSignal | undefined): Disposable {
    const fail = (): void => this.failWith(signal?.reason);
    if (signal?.aborted) fail();
    signal?.addEventListener("abort", fail);
    return {
      [Symbol.dispose]: () => signal?.removeEventListener("abort", fail),
    };
  }

  /**
   * Ends the wait under way, and every later one, with an error.
   *
   * @param error What to fail with; the first one stays, and `undefined` is no
   * error.
   */
  failWith(error: unknown): void {
    if (error === undefined || this.#failed) return;
    this.#failed = true;
    this.#error = error;
    this.#reject?.(error);
  }
}
