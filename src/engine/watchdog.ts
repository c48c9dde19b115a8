/** What a watchdog watches. */
interface WatchdogOptions {
  /** How long there may be no sign of life, in ms; 0 is for ever. */
  timeout: number;
  /** Whether a sign of life is due at all. */
  isWaiting(): boolean;
  /** Called with the seconds that passed without one, and again after more. */
  onTimeout(seconds: number): void;
}

/** How often a watchdog looks within its time, and at least, in ms. */
const LOOKS = 20;
const LONGEST_SLEEP = 500;

/**
 * Notices that there was silence for too long: of somebody who owes an answer,
 * or on a connection that must not seem dead.
 *
 * It looks a few times a second instead of setting a timer for each answer,
 * so that an answer costs it one assignment. Time in which it could not look
 * is not held against anybody: the process may have been stopped itself, and
 * the answer may be there.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  /** Something happened since the last look. */
  #alive = true;
  #lastLook = performance.now();
  /** How long there has been no sign of life, in ms. */
  #silence = 0;
  readonly #interval: number;

  /** Begins to watch. */
  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#interval = Math.min(
      LONGEST_SLEEP,
      Math.max(1, options.timeout / LOOKS),
    );
    if (options.timeout <= 0) return;
    this.#timer = setInterval(() => this.#look(), this.#interval);
  }

  /** Notes a sign of life. */
  calm(): void {
    this.#alive = true;
  }

  /** Stops watching. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { timeout, isWaiting, onTimeout } = this.#options;
    const now = performance.now();
    const passed = Math.min(now - this.#lastLook, 2 * this.#interval);
    this.#lastLook = now;
    if (!isWaiting()) {
      // The wait begins after this look, so the next one does not count.
      this.#alive = true;
    } else if (this.#alive) {
      this.#alive = false;
      this.#silence = 0;
    } else if ((this.#silence += passed) >= timeout) {
      this.#silence = 0;
      onTimeout(timeout / 1000);
    }
  }
}
