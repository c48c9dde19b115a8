/**
 * Arguments to one RESP command.
 *
 * A command is an array of bulk strings in RESP2 and RESP3 alike. The row
 * encoder does not call {@linkcode encodeCommand}: it writes straight into a
 * buffer with {@linkcode writeDecimal}.
 *
 * @module
 */
import { ASTERISK, CR, DOLLAR, LF, ZERO } from "./ascii.ts";

const encoder = new TextEncoder();

/** `$`, CRLF behind the length, CRLF behind the body. */
const FRAME_LENGTH = 5;

/**
 * Encodes one command as the array of bulk strings that a server reads.
 *
 * @param args The command's name and its arguments. Strings are sent as UTF-8,
 * bytes as they are.
 * @returns The bytes to send.
 * @throws {RangeError} Without arguments: a server answers nothing to an empty
 * array, so that commands and replies would no longer pair up.
 *
 * @example
 * ```ts
 * import { encodeCommand } from "./encode_command.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeCommand(["GET", new Uint8Array([0x6b])]);
 * assertEquals(
 *   new TextDecoder().decode(bytes),
 *   "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
 * );
 * ```
 */
export function encodeCommand(
  args: readonly (string | Uint8Array)[],
): Uint8Array<ArrayBuffer> {
  if (args.length === 0) {
    throw new RangeError("Cannot encode command: it has no arguments");
  }
  const bodies = args.map((arg) =>
    typeof arg === "string" ? encoder.encode(arg) : arg
  );
  let size = 3 + decimalLength(bodies.length);
  for (const body of bodies) {
    size += FRAME_LENGTH + decimalLength(body.length) + body.length;
  }
  const bytes = new Uint8Array(size);
  let at = writeHeader(bytes, 0, ASTERISK, bodies.length);
  for (const body of bodies) {
    at = writeHeader(bytes, at, DOLLAR, body.length);
    bytes.set(body, at);
    at += body.length;
    bytes[at++] = CR;
    bytes[at++] = LF;
  }
  return bytes;
}

/** Writes a type byte, a length and CRLF; returns the position after. */
export function writeHeader(
  bytes: Uint8Array,
  at: number,
  type: number,
  length: number,
): number {
  bytes[at] = type;
  const end = writeDecimal(bytes, at + 1, length);
  bytes[end] = CR;
  bytes[end + 1] = LF;
  return end + 2;
}

/**
 * Counts the digits of a length.
 *
 * @param n A safe integer, 0 or more; it is not checked.
 * @returns How many bytes {@linkcode writeDecimal} writes for it.
 */
export function decimalLength(n: number): number {
  if (n < 10) return 1;
  if (n < 100) return 2;
  if (n < 1000) return 3;
  let length = 4;
  for (let bound = 10_000; n >= bound; bound *= 10) length++;
  return length;
}

/**
 * Writes a length in decimal, without allocating anything.
 *
 * @param bytes Where to write; there must be room.
 * @param n A safe integer, 0 or more; it is not checked.
 * @returns The position after the last digit.
 */
export function writeDecimal(
  bytes: Uint8Array,
  at: number,
  n: number,
): number {
  if (n < 10) {
    bytes[at] = ZERO + n;
    return at + 1;
  }
  const end = at + decimalLength(n);
  let rest = n;
  for (let i = end - 1; i >= at; i--) {
    const tens = Math.floor(rest / 10);
    bytes[i] = ZERO + (rest - tens * 10);
    rest = tens;
  }
  return end;
}
