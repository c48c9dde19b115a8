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
 * @param bound How far from 0 it may be: a whole number or `Infinity`, so that
 * it is compared exactly.
 * @returns Whether it is such a number; false says nothing.
 */
export function isPlainNumber(
  bytes: Uint8Array,
  start: number,
  end: number,
  bound: number,
): boolean {
  if (end - start > LONGEST) return false;
  const first = start < end && bytes[start] === MINUS ? start + 1 : start;
  const point = afterDigits(bytes, first, end);
  if (point === first) return false;
  if (point < end) {
    if (bytes[point] !== DOT || point + 1 === end) return false;
    if (afterDigits(bytes, point + 1, end) < end) return false;
  }
  return bound === Infinity || isWithin(bytes, first, point, end, bound);
}

function afterDigits(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] - ZERO) >>> 0 <= 9) at++;
  return at;
}

/** Compares the digits from `first` to the point, and those behind it. */
function isWithin(
  bytes: Uint8Array,
  first: number,
  point: number,
  end: number,
  bound: number,
): boolean {
  let whole = 0;
  for (let at = first; at < point; at++) whole = whole * 10 + bytes[at] - ZERO;
  if (whole !== bound) return whole < bound;
  for (let at = point + 1; at < end; at++) if (bytes[at] !== ZERO) return false;
  return true;
}
