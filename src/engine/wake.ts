/**
 * Lets loops sleep until something has changed.
 *
 * Whoever sleeps looks again at what it waits for when it wakes: a wake-up
 * says that something changed, not what.
 *
 * @example
 * ```ts
 * import { Wake } from "./wake.ts";
 *
 * const wake = new Wake();
 * const slept = wake.sleep();
 * wake.up();
 * await slept;
 * ```
 */
export class Wake {
  #sleepers: (() => void)[] = [];

  /**
   * Sleeps.
   *
   * @returns When somebody calls {@linkcode up}.
   */
  sleep(): Promise<void> {
    return new Promise((resolve) => this.#sleepers.push(resolve));
  }

  /** Wakes everybody who sleeps. */
  up(): void {
    if (this.#sleepers.length === 0) return;
    const sleepers = this.#sleepers;
    this.#sleepers = [];
    for (const resolve of sleepers) resolve();
  }
}
