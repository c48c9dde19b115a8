import { UsageError } from "../errors.ts";
import type { GivenFlags } from "./args.ts";

/**
 * Reads a flag's whole number.
 *
 * @param flags The flags that were given.
 * @param name The flag's long name.
 * @param flag What the user calls it.
 * @returns The number; nothing where the flag was not given.
 * @throws {UsageError} When it is not a whole number.
 */
export function countOf(
  flags: GivenFlags,
  name: string,
  flag = `--${name}`,
): number | undefined {
  const text = flags.values.get(name);
  if (text === undefined) return undefined;
  if (!/^[0-9]{1,15}$/.test(text)) {
    throw new UsageError(
      `Cannot parse ${flag} ${JSON.stringify(text)}: must be a whole number, ` +
        "0 or more",
      flag,
    );
  }
  return Number(text);
}

/**
 * Reads a flag's seconds.
 *
 * @param flags The flags that were given.
 * @param name The flag's long name.
 * @returns The time in ms; nothing where the flag was not given.
 * @throws {UsageError} When it is not a number of seconds.
 */
export function secondsOf(flags: GivenFlags, name: string): number | undefined {
  const text = flags.values.get(name);
  if (text === undefined) return undefined;
  // A timer's longest time is 2^31 - 1 ms, some 24 days.
  if (!/^[0-9]+(\.[0-9]+)?$/.test(text) || Number(text) > 2_000_000) {
    throw new UsageError(
      `Cannot parse --${name} ${JSON.stringify(text)}: must be seconds, as ` +
        "in 30 or 0.5; 0 is for ever",
      `--${name}`,
    );
  }
  return Number(text) * 1000;
}

/** Bytes per unit of a size. */
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
};

/**
 * Reads a flag's size.
 *
 * @param flags The flags that were given.
 * @param name The flag's long name.
 * @returns The size in bytes; nothing where the flag was not given.
 * @throws {UsageError} When it is not a size between 1 byte and 1 GiB.
 */
export function bytesOf(flags: GivenFlags, name: string): number | undefined {
  const text = flags.values.get(name);
  if (text === undefined) return undefined;
  const match = /^([0-9]{1,12})([kmg]?)b?$/i.exec(text);
  const size = match === null
    ? 0
    : Number(match[1]) * UNITS[match[2].toLowerCase()];
  // A record lies in one buffer, whose offsets are 32-bit numbers.
  if (size < 1 || size > 1024 ** 3) {
    throw new UsageError(
      `Cannot parse --${name} ${JSON.stringify(text)}: must be between 1 and ` +
        "1g, as in 65536, 512k or 64m",
      `--${name}`,
    );
  }
  return size;
}
