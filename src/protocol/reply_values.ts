/**
 * The pieces of the reply reader that stand alone: what a line says, and where
 * a plain reply ends.
 *
 * Each `parse` function reads `bytes[from..to)`, what stands between a type
 * byte and its CRLF, and returns `undefined` where that is malformed: the
 * reader knows where it stands and makes the error.
 *
 * Change together: whatever {@linkcode afterPlainReply} passes over, the reader
 * must accept too. tests/protocol/reply_reader_test.ts holds both against each
 * other on random streams.
 *
 * @module
 */
import { COLON, CR, DOLLAR, LF, MINUS, NINE, PLUS, ZERO } from "./ascii.ts";

/**
 * Largest length, of a body in bytes or of an aggregate in values, that is
 * taken for real: 2^40. Servers stop far below (`proto-max-bulk-len` is 512 MiB
 * by default, but can be raised), and no length makes the reader allocate
 * anything in advance.
 */
const MAX_LENGTH = 2 ** 40;

/** So many digits are always a safe integer. */
const SAFE_DIGITS = 15;

/** So many digits are always within 64 bits. */
const MAX_PLAIN_DIGITS = 18;

/** Digits of a bulk length that is worth passing over: below 1 GB. */
const MAX_PLAIN_LENGTH = 9;

/** Up to so many bytes a text of ASCII is put together by hand. */
const SHORT_TEXT = 16;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Decodes a text as UTF-8; what is not UTF-8 becomes U+FFFD. */
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

/** Reads a length: decimal digits, no sign, no leading zero, at most 2^40. */
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

/** Reads an integer of any size: an optional sign and digits. */
export function parseBigNumber(
  bytes: Uint8Array,
  from: number,
  to: number,
): bigint | undefined {
  const text = parseText(bytes, from, to);
  // BigInt() takes a sign only in front of decimal digits, and takes both.
  return /^[+-]?[0-9]+$/.test(text) ? BigInt(text) : undefined;
}

/**
 * Reads a double: digits with a fraction and an exponent where there are any,
 * or `inf`, `-inf`, `nan`. Older servers print what the C library prints, so
 * `-nan` and capitals are taken too.
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
  if (/^[+-]?inf$/i.test(text)) return text[0] === "-" ? -Infinity : Infinity;
  return undefined;
}

/**
 * Finds the end of a plain reply: a simple string, an integer or a bulk string
 * that is whole.
 *
 * Giving up is always right: the reader's states take over.
 *
 * @param bytes Replies, whole or not.
 * @param at Where a reply begins; before `end`.
 * @param stopLength The length of bulk strings to stop before, in bytes.
 * @returns The position behind its CRLF; -1 where it is not whole, not plain,
 * or one to stop before.
 */
export function afterPlainReply(
  bytes: Uint8Array,
  at: number,
  end: number,
  stopLength: number,
): number {
  switch (bytes[at]) {
    case PLUS: {
      let i = at + 1;
      while (i < end && bytes[i] !== CR && bytes[i] !== LF) i++;
      return afterLineEnd(bytes, i, end);
    }
    case COLON: {
      const first = at + 1 < end && bytes[at + 1] === MINUS ? at + 2 : at + 1;
      let i = first;
      while (i < end && (bytes[i] - ZERO) >>> 0 <= 9) i++;
      const digits = i - first;
      if (digits === 0 || digits > MAX_PLAIN_DIGITS) return -1;
      return afterLineEnd(bytes, i, end);
    }
    case DOLLAR: {
      let i = at + 1;
      let length = 0;
      for (; i < end && (bytes[i] - ZERO) >>> 0 <= 9; i++) {
        length = length * 10 + bytes[i] - ZERO;
      }
      const digits = i - at - 1;
      if (digits === 0 || digits > MAX_PLAIN_LENGTH) return -1;
      if (bytes[at + 1] === ZERO && digits > 1) return -1;
      const body = afterLineEnd(bytes, i, end);
      if (body < 0 || length === stopLength) return -1;
      return afterLineEnd(bytes, body + length, end);
    }
    default:
      return -1;
  }
}

/** The position behind the CRLF at `at`; -1 where it is not there. */
function afterLineEnd(bytes: Uint8Array, at: number, end: number): number {
  return at + 2 <= end && bytes[at] === CR && bytes[at + 1] === LF
    ? at + 2
    : -1;
}
