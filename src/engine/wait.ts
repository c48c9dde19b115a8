/**
 * The waits of one run: one place to sleep, and one error that ends it.
 *
 * Why it has this shape: a load waits for many things at once (the next batch,
 * room in a window, replies, a signal). `Promise.race` with promises that live
 * as long as the load would keep a reaction for every wait until the end. So
 * whatever happens calls {@linkcode Wait.wake}, and whoever waits looks at its
 * condition again: no wake-up is lost, as nothing is awaited between the look
 * and the sleep.
 *
 * @example
 * ```ts
 * import { Wait } from "./wait.ts";
 * import { assertRejects } from "@std/assert";
 *
 * const wait = new Wait();
 * const waiting = wait.for(new Promise(() => {}));
 * wait.fail(new Error("enough"));
 * await assertRejects(() => waiting, Error, "enough");
 * ```
 */
export class Wait {
  #sleepers: (() => void)[] = [];
  #error: unknown;

  /** What has ended the run; the first error stays. */
  get error(): unknown {
    return this.#error;
  }

  /** Has every waiter look at its condition again. */
  wake(): void {
    if (this.#sleepers.length === 0) return;
    const sleepers = this.#sleepers;
    this.#sleepers = [];
    for (const resolve of sleepers) resolve();
  }

  /**
   * Ends the wait under way, and every later one, with an error.
   *
   * @param error What to fail with; the first one stays, and `undefined` is no
   * error.
   */
  fail(error: unknown): void {
    if (error === undefined || this.#error !== undefined) return;
    this.#error = error;
    this.wake();
  }

  /** Fails when a signal is aborted, or has been. */
  failOn(signal: AbortSignal | undefined): Disposable {
    const fail = (): void => this.fail(signal?.reason);
    if (signal?.aborted) fail();
    signal?.addEventListener("abort", fail);
    return {
      [Symbol.dispose]: () => signal?.removeEventListener("abort", fail),
    };
  }

  /**
   * Waits until something holds.
   *
   * @param holds Looked at now, and again after each {@linkcode wake}.
   * @throws What the run has failed with.
   */
  async until(holds: () => boolean): Promise<void> {
    for (;;) {
      if (this.#error !== undefined) throw this.#error;
      if (holds()) return;
      await this.#sleep();
    }
  }

  /**
   * Waits for a time.
   *
   * @throws What the run has failed with, as soon as it does.
   */
  async pause(ms: number): Promise<void> {
    await this.atMost(ms, () => this.#error !== undefined);
    if (this.#error !== undefined) throw this.#error;
  }

  /**
   * Waits until something holds, whatever the run has failed with.
   *
   * @param holds Looked at now, and again after each {@linkcode wake}.
   * @param patience How long to wait at the most, in ms.
   */
  async atMost(patience: number, holds: () => boolean): Promise<void> {
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      this.wake();
    }, patience);
    while (!isOver && !holds()) await this.#sleep();
    clearTimeout(timer);
  }

  /**
   * Waits for a promise.
   *
   * @param promise What to wait for. When the run fails first, its outcome is
   * dropped.
   * @throws What the promise or the run fails with.
   */
  async for<T>(promise: Promise<T>): Promise<T> {
    const outcome = this.watch(promise);
    await this.until(() => outcome.isKnown);
    return await promise;
  }

  /**
   * Watches a promise that is waited for by its condition.
   *
   * @param promise The promise; a failure of it is seen by whoever awaits it.
   * @returns What tells whether it is settled; that wakes the waiters.
   */
  watch(promise: Promise<unknown>): { readonly isKnown: boolean } {
    const outcome = { isKnown: false };
    const settle = (): void => {
      outcome.isKnown = true;
      this.wake();
    };
    promise.then(settle, settle);
    return outcome;
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => this.#sleepers.push(resolve));
  }
}
