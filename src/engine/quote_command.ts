import { ASTERISK, CR, LF } from "../protocol/ascii.ts";
import { quoteBytes } from "../protocol/quote_bytes.ts";

/** Longest argument that is shown whole, in bytes. */
const LONGEST_ARGUMENT = 64;
/** Arguments that are shown, the command's name among them. */
const MOST_ARGUMENTS = 8;

const decoder = new TextDecoder();

/**
 * Shows one of several commands as redis-cli would quote it, cut to a readable
 * length.
 *
 * @param commands Whole commands in RESP, one after the other.
 * @param index Which one, counting from 0.
 * @returns The command's arguments with spaces between.
 *
 * @example
 * ```ts
 * import { quoteCommand } from "./quote_command.ts";
 * import { encodeCommand } from "../protocol/encode.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeCommand(["SET", "k", "two words"]);
 * assertEquals(quoteCommand(bytes, 0), 'SET k "two words"');
 * ```
 */
export function quoteCommand(commands: Uint8Array, index: number): string {
  let at = 0;
  const length = (): number => {
    const end = commands.indexOf(LF, at);
    const value = Number(decoder.decode(commands.subarray(at + 1, end - 1)));
    at = end + 1;
    return value;
  };
  for (let skipped = 0; skipped < index; skipped++) {
    for (let left = length(); left > 0; left--) {
      const size = length();
      at += size + 2;
    }
  }
  const count = length();
  const words: string[] = [];
  for (let i = 0; i < Math.min(count, MOST_ARGUMENTS); i++) {
    const size = length();
    words.push(quoteArgument(commands.subarray(at, at + size)));
    at += size + 2;
  }
  if (count > MOST_ARGUMENTS) words.push(`... (${count} arguments)`);
  return words.join(" ");
}

/**
 * Shows one argument, in quotes where it is not a plain word.
 *
 * @param argument Its bytes, or those that are at hand.
 * @param length How long it is, in bytes.
 * @returns The text, cut where it is too long to read.
 */
export function quoteArgument(
  argument: Uint8Array,
  length: number = argument.length,
): string {
  if (argument.length === 0 && length > 0) return "...";
  const shown = argument.subarray(0, LONGEST_ARGUMENT);
  const quoted = quoteBytes(shown);
  const plain = /^"[\w:.{}@/+-]+"$/.test(quoted) ? quoted.slice(1, -1) : quoted;
  return length > shown.length && shown.length === LONGEST_ARGUMENT
    ? `${plain}... (${length} bytes)`
    : length > shown.length
    ? `${plain}...`
    : plain;
}

/**
 * Shows one command of a piped input as redis-cli would quote it, cut to a
 * readable length.
 *
 * @param bytes The buffer.
 * @param start Index of the command's first byte.
 * @param end Index behind the last byte that may be looked at; the command may
 * be cut there.
 * @returns The command's arguments, or an inline command's line.
 *
 * @example
 * ```ts
 * import { quotePiped } from "./quote_command.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("*2\r\n$3\r\nGET\r\n$9\r\nhalf");
 * assertEquals(quotePiped(bytes, 0, bytes.length), "GET half...");
 * ```
 */
export function quotePiped(
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  const line = (at: number): number => {
    const found = bytes.indexOf(LF, at);
    return found === -1 || found >= end ? -1 : found;
  };
  if (bytes[start] !== ASTERISK) {
    const found = line(start);
    const inline = bytes.subarray(start, found === -1 ? end : found);
    return quoteArgument(
      inline.at(-1) === CR ? inline.subarray(0, -1) : inline,
    );
  }
  const words: string[] = [];
  let at = line(start) + 1;
  const count = Number(decoder.decode(bytes.subarray(start + 1, at - 2)));
  while (at > 0 && at < end && words.length < Math.min(count, MOST_ARGUMENTS)) {
    const body = line(at) + 1;
    if (body === 0) break;
    const size = Number(decoder.decode(bytes.subarray(at + 1, body - 2)));
    const stop = Math.min(body + size, end);
    words.push(quoteArgument(bytes.subarray(body, stop), size));
    at = stop + 2;
  }
  if (count > words.length && words.length === MOST_ARGUMENTS) {
    words.push(`... (${count} arguments)`);
  }
  return words.join(" ");
}
