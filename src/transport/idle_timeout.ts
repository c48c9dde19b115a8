import { InputError } from "../errors.ts";
import type { Source } from "./source.ts";

/** Timers that are set for longer go off at once, in ms. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Gives a source a limit to how long it may give nothing.
 *
 * @param source The source.
 * @param timeout The limit, in ms; 0 is none.
 * @returns A source whose `read` throws {@linkcode InputError} past it.
 *
 * @example
 * ```ts
 * import { withIdleTimeout } from "./idle_timeout.ts";
 * import { assertRejects } from "@std/assert";
 *
 * const silent = {
 *   name: "silent",
 *   read: () => new Promise<null>(() => {}),
 *   close: () => {},
 * };
 * const source = withIdleTimeout(silent, 10);
 * await assertRejects(() => source.read(new Uint8Array(1)), Error, "0.01 s");
 * ```
 */
export function withIdleTimeout(source: Source, timeout: number): Source {
  if (timeout <= 0) return source;
  return {
    name: source.name,
    size: source.size,
    get bytesTaken(): number | undefined {
      return source.bytesTaken;
    },
    close: () => source.close(),
    async read(into: Uint8Array): Promise<number | null> {
      const clock = Promise.withResolvers<never>();
      const timer = setTimeout(() => {
        clock.reject(
          new InputError(
            `Cannot read on in ${source.name}: nothing came for ` +
              `${timeout / 1000} s (--idle-timeout)`,
            { source: source.name },
          ),
        );
      }, Math.min(timeout, LONGEST_TIMER));
      try {
        return await Promise.race([source.read(into), clock.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
