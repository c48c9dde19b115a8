/**
 * Bytes as a person can read them in a message.
 *
 * @module
 */
import { BACKSLASH, CR, LF, QUOTE, SPACE } from "./ascii.ts";

const BELL = 0x07;
const BACKSPACE = 0x08;
const TAB = 0x09;
const TILDE = 0x7e;

/**
 * Quotes bytes the way redis-cli prints a string: in double quotes, with
 * whatever is not printable ASCII escaped.
 *
 * @param bytes What to show.
 * @returns The quoted text, one line of ASCII.
 *
 * @example
 * ```ts
 * import { quoteBytes } from "./quote_bytes.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode('say "hi"\r\n\0');
 * assertEquals(quoteBytes(bytes), String.raw`"say \"hi\"\r\n\x00"`);
 * ```
 */
export function quoteBytes(bytes: Uint8Array): string {
  if (bytes.every(isPlain)) return `"${ascii.decode(bytes)}"`;
  let text = '"';
  for (const byte of bytes) text += escapeByte(byte);
  return text + '"';
}

const ascii = new TextDecoder();

function isPlain(byte: number): boolean {
  return byte >= SPACE && byte <= TILDE && byte !== QUOTE && byte !== BACKSLASH;
}

function escapeByte(byte: number): string {
  switch (byte) {
    case QUOTE:
      return '\\"';
    case BACKSLASH:
      return "\\\\";
    case LF:
      return "\\n";
    case CR:
      return "\\r";
    case TAB:
      return "\\t";
    case BELL:
      return "\\a";
    case BACKSPACE:
      return "\\b";
  }
  if (byte >= SPACE && byte <= TILDE) return String.fromCharCode(byte);
  return "\\x" + byte.toString(16).padStart(2, "0");
}
