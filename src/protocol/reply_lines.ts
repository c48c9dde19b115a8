/**
 * What stands between a type byte and its CRLF, read strictly.
 *
 * Each function reads `bytes[from..to)` and returns `undefined` where the line
 * is malformed: the reply reader knows where it stands and makes the error.
 *
 * @module
 */
import { MINUS, NINE, PLUS, QUESTION, ZERO } from "./ascii.ts";

/**
 * Largest length, of a body in bytes or of an aggregate in values, that is
 * taken for real: 2^40. Servers stop far below (`proto-max-bulk-len` is 512 MiB
 * by default, but can be raised), and no length makes the reader allocate
 * anything in advance.
 */
export const MAX_LENGTH = 2 ** 40;

/** So many digits are always a safe integer. */
const SAFE_DIGITS = 15;

/** Up to so many bytes a text of ASCII is put together by hand. */
const SHORT_TEXT = 16;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Decodes a text as UTF-8; what is not UTF-8 becomes U+FFFD.
 *
 * @param bytes Holds the text.
 * @param from Position of its first byte.
 * @param to Position after its last byte.
 * @returns The text.
 */
export function parseText(bytes: Uint8Array, from: number, to: number): string {
  // TextDecoder costs more to call than a short status costs to spell.
  if (to - from <= SHORT_TEXT) {
    let text = "";
    let i = from;
    for (; i < to && bytes[i] < 0x80; i++) {
      text += String.fromCharCode(bytes[i]);
    }
    if (i === to) return text;
  }
  return decoder.decode(bytes.subarray(from, to));
}

/**
 * Reads a length: decimal digits, no sign, no leading zero.
 *
 * @param bytes Holds the line.
 * @param from Position of the first digit.
 * @param to Position after the last digit.
 * @returns The length, at most {@linkcode MAX_LENGTH}; none where malformed.
 */
export function parseLength(
  bytes: Uint8Array,
  from: number,
  to: number,
): number | undefined {
  const digits = to - from;
  if (digits < 1 || digits > SAFE_DIGITS) return undefined;
  if (bytes[from] === ZERO && digits > 1) return undefined;
  let length = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i];
    if (byte < ZERO || byte > NINE) return undefined;
    length = length * 10 + byte - ZERO;
  }
  return length <= MAX_LENGTH ? length : undefined;
}

/**
 * Reads a signed integer of 64 bits: an optional sign and digits.
 *
 * @param bytes Holds the line.
 * @param from Position of the sign or the first digit.
 * @param to Position after the last digit.
 * @returns A number where it is exact, else a bigint; none where malformed.
 */
export function parseInteger(
  bytes: Uint8Array,
  from: number,
  to: number,
): number | bigint | undefined {
  const negative = from < to && bytes[from] === MINUS;
  const signed = negative || from < to && bytes[from] === PLUS;
  const first = signed ? from + 1 : from;
  if (first === to) return undefined;
  let value = 0;
  for (let i = first; i < to; i++) {
    const byte = bytes[i];
    if (byte < ZERO || byte > NINE) return undefined;
    value = value * 10 + byte - ZERO;
  }
  if (to - first <= SAFE_DIGITS) return negative ? 0 - value : value;
  const digits = BigInt(parseText(bytes, first, to));
  const exact = negative ? -digits : digits;
  if (BigInt.asIntN(64, exact) !== exact) return undefined;
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}

/**
 * Reads an integer of any size: an optional sign and digits.
 *
 * @param bytes Holds the line.
 * @param from Position of the sign or the first digit.
 * @param to Position after the last digit.
 * @returns The integer; none where malformed.
 */
export function parseBigNumber(
  bytes: Uint8Array,
  from: number,
  to: number,
): bigint | undefined {
  const text = parseText(bytes, from, to);
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  // BigInt() takes a sign only in front of decimal digits, and takes both.
  return BigInt(text);
}

/**
 * Reads a double: digits with a fraction and an exponent where there are any,
 * or `inf`, `-inf`, `nan`. Older servers print what the C library prints, so
 * `-nan` and capitals are taken too.
 *
 * @param bytes Holds the line.
 * @param from Position of the sign or the first digit.
 * @param to Position after the last digit.
 * @returns The number; none where malformed.
 */
export function parseDouble(
  bytes: Uint8Array,
  from: number,
  to: number,
): number | undefined {
  const text = parseText(bytes, from, to);
  if (/^[+-]?[0-9]+(\.[0-9]*)?(e[+-]?[0-9]+)?$/i.test(text)) {
    return Number(text);
  }
  if (/^[+-]?nan$/i.test(text)) return NaN;
  if (/^\+?inf$/i.test(text)) return Infinity;
  if (/^-inf$/i.test(text)) return -Infinity;
  return undefined;
}

/**
 * Tells whether a length is `-1`, the null of RESP2.
 *
 * @param bytes Holds the line.
 * @param from Position of the first byte.
 * @param to Position after the last byte.
 * @returns Whether it is.
 */
export function isMinusOne(
  bytes: Uint8Array,
  from: number,
  to: number,
): boolean {
  return to - from === 2 && bytes[from] === MINUS &&
    bytes[from + 1] === ZERO + 1;
}

/**
 * Tells whether a length is `?`: it is known at the end only.
 *
 * @param bytes Holds the line.
 * @param from Position of the first byte.
 * @param to Position after the last byte.
 * @returns Whether it is.
 */
export function isQuestion(
  bytes: Uint8Array,
  from: number,
  to: number,
): boolean {
  return to - from === 1 && bytes[from] === QUESTION;
}
