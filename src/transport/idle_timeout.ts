import { InputError } from "../errors.ts";
import { around, type Source } from "./source.ts";

/** Timers that are set for longer go off at once, in ms. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Gives a source a limit to how long it may give nothing.
 *
 * @param timeout The limit, in ms; 0 is none.
 * @returns A source whose `read` throws {@linkcode InputError} past it.
 */
export function withIdleTimeout(source: Source, timeout: number): Source {
  if (timeout <= 0) return source;
  return around(source, {
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
  });
}
