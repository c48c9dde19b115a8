import { DOT, MINUS, ZERO } from "./ascii.ts";

/** The longest plain number, in bytes. */
const LONGEST = 32;

/**
 * Tells whether an argument is a number that every server takes, as a score or
 * as a coordinate: `-?digits[.digits]`, at most 32 bytes.
 *
 * Servers differ in what else they take: exponents, hexadecimal digits, a plus
 * sign or white space in front, a point without digits (strtod does, fast_float
 * does not), and in how long a number may be.
 *
 * @param bytes The buffer.
 * @param start Index of the argument's first byte.
 * @param end Index behind its last byte.
 * @param bound How far from 0 it may be: a whole number or `Infinity`, so that
 * it is compared exactly.
 * @returns Whether it is such a number; false says nothing.
 *
 * @example
 * ```ts
 * import { isPlainNumber } from "./plain_number.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const isPlain = (text: string, bound: number) =>
 *   isPlainNumber(new TextEncoder().encode(text), 0, text.length, bound);
 * assertEquals(isPlain("-12.50", Infinity), true);
 * assertEquals(isPlain("1e5", Infinity), false);
 * assertEquals(isPlain("180.1", 180), false);
 * ```
 */
export function isPlainNumber(
  bytes: Uint8Array,
  start: number,
  end: number,
  bound: number,
): boolean {
  if (end - start > LONGEST) return false;
  let at = start < end && bytes[start] === MINUS ? start + 1 : start;
  const first = at;
  let whole = 0;
  let digit: number;
  while (at < end && (digit = bytes[at] - ZERO) >= 0 && digit <= 9) {
    whole = whole * 10 + digit;
    at++;
  }
  if (at === first || whole > bound) return false;
  if (at === end) return true;
  if (bytes[at] !== DOT || ++at === end) return false;
  let hasFraction = false;
  for (; at < end; at++) {
    digit = bytes[at] - ZERO;
    if (digit < 0 || digit > 9) return false;
    if (digit > 0) hasFraction = true;
  }
  return whole < bound || !hasFraction;
}
