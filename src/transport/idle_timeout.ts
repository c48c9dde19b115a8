import { InputError } from "../errors.ts";
import { around, openSource, type Source, STANDARD_INPUT } from "./source.ts";
import { sourceName } from "./url_source.ts";

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
  const text = `Cannot read on in ${source.name}: nothing came`;
  return around(source, {
    read: (into) => inTime(source.read(into), source.name, text, timeout),
  });
}

/**
 * Gives the opening of a source the same limit: a web server may accept and
 * never answer, and a named pipe may have no writer.
 *
 * @param opening The source to come; one that comes too late is closed.
 * @param name What to call it in messages.
 * @param timeout The limit, in ms; 0 is none.
 * @throws {InputError} When it takes longer.
 */
export async function openedWithin(
  opening: Promise<Source>,
  name: string,
  timeout: number,
): Promise<Source> {
  if (timeout <= 0) return await opening;
  const text = `Cannot read ${name}: nothing came`;
  try {
    return await inTime(opening, name, text, timeout);
  } catch (error) {
    opening.then((late) => late.close(), () => {});
    throw error;
  }
}

/**
 * Opens sources one after the other; each is closed when the next one is asked
 * for, or no more.
 *
 * @param sources Paths, or sources of a caller's own; standard input by default.
 * @param timeout How long each may give nothing, in ms; 0 is for ever.
 */
export async function* openEach(
  sources: readonly (string | Source)[] = [],
  timeout = 0,
): AsyncGenerator<Source, void, void> {
  for (const from of sources.length === 0 ? [STANDARD_INPUT] : sources) {
    const source = typeof from === "string"
      ? await openedWithin(openSource(from), sourceName(from), timeout)
      : from;
    try {
      yield withIdleTimeout(source, timeout);
    } finally {
      source.close();
    }
  }
}

async function inTime<T>(
  work: Promise<T>,
  source: string,
  text: string,
  timeout: number,
): Promise<T> {
  const clock = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const seconds = `${timeout / 1000} s (--idle-timeout)`;
    clock.reject(new InputError(`${text} for ${seconds}`, { source }));
  }, Math.min(timeout, LONGEST_TIMER));
  try {
    return await Promise.race([work, clock.promise]);
  } finally {
    clearTimeout(timer);
  }
}
