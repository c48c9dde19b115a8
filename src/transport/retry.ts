import { NotReadyError } from "../errors.ts";
import { formatSeconds } from "./format_seconds.ts";

/** The first pause between two attempts, and the longest, in ms. */
const PAUSES = { first: 50, longest: 2_000 };

/**
 * Tells how long to pause before something is tried again: exponential backoff
 * with jitter.
 *
 * The pauses double from 50 ms to 2 s, and are cut at random by up to a half, so
 * that many clients of one server do not come back at the same moment.
 *
 * @param attempts How often it was tried; 1 or more.
 *
 * @example
 * ```ts
 * import { backoff } from "./retry.ts";
 * import { assert } from "@std/assert";
 *
 * for (const [attempts, longest] of [[1, 50], [3, 200], [99, 2_000]]) {
 *   const pause = backoff(attempts);
 *   assert(pause >= longest / 2 && pause <= longest);
 * }
 * ```
 */
export function backoff(attempts: number): number {
  const longest = Math.min(PAUSES.longest, PAUSES.first * 2 ** (attempts - 1));
  return longest * (0.5 + Math.random() / 2);
}

/** What an attempt gets even where no time is left, in ms: it may succeed. */
const LEAST = 1_000;

/** How to wait. */
interface RetryOptions {
  /** How long, in ms; 0 is a single attempt. */
  readonly limit: number;
  /** Told what is waited for, when that begins and when it changes. */
  readonly onWait?: ((sentence: string) => void) | undefined;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Tries until a server is ready.
 *
 * It pauses as {@linkcode backoff} says.
 *
 * @param attempt What to try; it is told how many ms it may take.
 * @throws {NotReadyError} What the last attempt threw, when the time is up.
 * @throws What the attempt throws otherwise, at once.
 */
export async function retry<T>(
  attempt: (left: number) => Promise<T>,
  { limit, onWait, signal }: RetryOptions,
): Promise<T> {
  const deadline = performance.now() + limit;
  const left = (): number => deadline - performance.now();
  let told: string | undefined;
  for (let attempts = 1;; attempts++) {
    try {
      return await attempt(Math.max(LEAST, left()));
    } catch (error) {
      if (!(error instanceof NotReadyError) || limit === 0) throw error;
      signal?.throwIfAborted();
      const rest = left();
      if (rest <= 0) {
        throw new NotReadyError(
          `${error.message}; waited for ${formatSeconds(limit)} s (--retry)`,
          error.address,
          { cause: error },
        );
      }
      if (error.message !== told) {
        told = error.message;
        onWait?.(`${told}; trying again for up to ${Math.ceil(rest / 1000)} s`);
      }
      await sleep(Math.min(rest, backoff(attempts)), signal);
    }
  }
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
