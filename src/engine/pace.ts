/**
 * The pace of a lane: how much may be in flight, and when to let replies
 * gather.
 *
 * The window is what a link needs: twice its bandwidth times its delay. On one
 * machine that is less than {@linkcode LEAST_WINDOW}, so nothing changes there;
 * far away the window begins at what a fast server would need, doubles with
 * every round trip for as long as the server answers faster for it, and shrinks
 * when it does not.
 *
 * - The delay is the shortest time in which anything was ever answered: the
 *   login, or a shipment. Of later shipments most of it is time in the server's
 *   queue, which grows with the window itself; following that would make the
 *   window grow for ever.
 * - The bandwidth is the largest of the last few measurements.
 *
 * Naps: a server answers whatever it has read, a few hundred commands at a
 * time, and each time this process is woken to look at a kilobyte of replies.
 * Where both are on one machine it is the server's thread that does the waking,
 * within its call to send, instead of executing commands. A promise would not
 * help: the runtime would still be woken by the socket. Only a thread that
 * waits for nothing else is left alone. Measured with 1,000,000 commands SET on
 * two cores, medians of 13 alternating runs of `pipe`: 1.02 x
 * `redis-cli --pipe` without naps, 0.97 x with; the server's system time 0.18 s
 * and 0.11 s.
 *
 * @module
 */

/** The smallest window, in bytes: 2 MiB. */
export const LEAST_WINDOW = 2 * 1024 * 1024;

/** The largest window, in bytes: 32 MiB, the bound of memory for one lane. */
export const MOST_WINDOW = 32 * 1024 * 1024;

/** Bytes a ms that a server is trusted with until it is measured. */
const ASSUMED_RATE = 64 * 1024;

/** How long the bandwidth is measured at a time, in ms, and at least. */
const MEASURED = 20;

/** How many measurements of the bandwidth count. */
const MEASUREMENTS = 10;

/**
 * Bytes that the server may work through during a nap: less than the smallest
 * socket buffer holds when it was full before (two thirds of 208 KiB).
 */
const NAP_BYTES = 64 * 1024;

/** The longest nap, in ms; longer ones gain nothing. */
const LONGEST_NAP = 2;

/** A nap shorter than this, in ms, would let too few replies gather. */
const SHORTEST_NAP = 0.2;

/** Bytes of replies read at once below which they had better gather. */
const FEW_REPLIES = 16 * 1024;

/** How a pace is chosen. */
interface PaceOptions {
  /** A window to keep to, in bytes. Default: what the link needs. */
  readonly window?: number | undefined;
  /** How long a round trip took before the load, in ms, where it is known. */
  readonly roundTrip?: number | undefined;
  /**
   * Whether the thread may be blocked for up to 2 ms at a time while the server
   * is busy.
   */
  readonly mayNap: boolean;
}

/**
 * Finds the window that a link needs.
 *
 * @param rate Bytes that are answered in a ms.
 * @param delay The shortest time in which a shipment was answered, in ms.
 */
export function windowFor(rate: number, delay: number): number {
  return Math.min(MOST_WINDOW, Math.max(LEAST_WINDOW, 2 * rate * delay));
}

/**
 * Finds how long a nap may be.
 *
 * @param rate Bytes that the server works through in a ms.
 * @returns The length in ms; 0 where it is too short to be one.
 */
export function napFor(rate: number): number {
  const length = Math.min(LONGEST_NAP, NAP_BYTES / rate);
  return length < SHORTEST_NAP ? 0 : length;
}

/** Measures a link, and paces a lane by it. */
export class Pace {
  /** Bytes that may be in flight, unanswered. */
  window: number;
  readonly #isFixed: boolean;
  readonly #mayNap: boolean;
  readonly #cell = new Int32Array(new SharedArrayBuffer(4));
  /** The shortest time in which anything was answered, in ms. */
  #delay: number;
  /** The last measurements, in bytes a ms. */
  readonly #rates = new Float64Array(MEASUREMENTS);
  #measurements = 0;
  /** When the measurement under way began; it begins with an answer. */
  #since: number | undefined;
  /** Bytes answered since then. */
  #bytes = 0;

  /** Begins with what a fast server would need. */
  constructor({ window, roundTrip, mayNap }: PaceOptions) {
    this.#isFixed = window !== undefined;
    this.window = window ?? windowFor(ASSUMED_RATE, roundTrip ?? 0);
    this.#delay = roundTrip ?? Infinity;
    this.#mayNap = mayNap;
  }

  /**
   * Notes that a shipment was answered.
   *
   * @param sentAt When its first byte was sent, as `performance.now()`.
   */
  answered(weight: number, sentAt: number): void {
    const now = performance.now();
    this.#delay = Math.min(this.#delay, now - sentAt);
    if (this.#since === undefined) {
      this.#since = now;
      return;
    }
    this.#bytes += weight;
    const elapsed = now - this.#since;
    if (elapsed < Math.max(MEASURED, this.#delay)) return;
    const at = this.#measurements++ % MEASUREMENTS;
    this.#rates[at] = this.#bytes / elapsed;
    this.#since = now;
    this.#bytes = 0;
    if (this.#isFixed) return;
    this.window = windowFor(Math.max(...this.#rates), this.#delay);
  }

  /**
   * Sleeps for a moment where that lets replies gather.
   *
   * @param read Bytes of replies that were read at once.
   */
  rest(read: number, weight: number): void {
    if (!this.#mayNap || this.#measurements === 0) return;
    // The server must have more to do than a nap takes.
    if (read >= FEW_REPLIES || weight <= this.window / 2) return;
    const at = (this.#measurements - 1) % MEASUREMENTS;
    const length = napFor(this.#rates[at]);
    if (length > 0) Atomics.wait(this.#cell, 0, 0, length);
  }
}
