import { ASTERISK, CR, LF } from "../protocol/ascii.ts";
import { quoteBytes } from "../protocol/quote_bytes.ts";

/** How much of a command is shown. */
export interface QuoteLimits {
  /** Longest argument that is shown whole, in bytes. */
  readonly bytes: number;
  /** Arguments that are shown, the command's name among them. */
  readonly arguments: number;
}

/** What is readable within a sentence. */
const READABLE: QuoteLimits = { bytes: 64, arguments: 8 };

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
  const cursor = { bytes: commands, at: 0 };
  for (let skipped = 0; skipped < index; skipped++) {
    for (let left = readLength(cursor); left > 0; left--) {
      const size = readLength(cursor);
      cursor.at += size + 2;
    }
  }
  return quoteNext(cursor, READABLE);
}

/**
 * Shows the first of several commands as redis-cli would quote them.
 *
 * @param commands Whole commands in RESP, one after the other.
 * @param most How many to show at the most.
 * @param limits How much of each is shown.
 * @returns A text for each command: its arguments with spaces between.
 *
 * @example
 * ```ts
 * import { quoteCommands } from "./quote_command.ts";
 * import { encodeCommand } from "../protocol/encode.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeCommand(["SET", "k", "two words"]);
 * const limits = { bytes: 3, arguments: 2 };
 * assertEquals(quoteCommands(bytes, 5, limits), ["SET k ... (3 arguments)"]);
 * ```
 */
export function quoteCommands(
  commands: Uint8Array,
  most: number,
  limits: QuoteLimits,
): string[] {
  const cursor = { bytes: commands, at: 0 };
  const texts: string[] = [];
  while (texts.length < most && cursor.at < commands.length) {
    texts.push(quoteNext(cursor, limits));
  }
  return texts;
}

/** Where in some RESP one is. */
interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** Reads the number behind `*` or `$`, and passes over the line break. */
function readLength(cursor: Cursor): number {
  const { bytes, at } = cursor;
  const end = bytes.indexOf(LF, at);
  cursor.at = end + 1;
  return Number(decoder.decode(bytes.subarray(at + 1, end - 1)));
}

/** Shows the command at the cursor, and passes over it. */
function quoteNext(cursor: Cursor, limits: QuoteLimits): string {
  const count = readLength(cursor);
  const words: string[] = [];
  for (let i = 0; i < count; i++) {
    const size = readLength(cursor);
    const { bytes, at } = cursor;
    if (i < limits.arguments) {
      words.push(quoteArgument(bytes.subarray(at, at + size), size, limits));
    }
    cursor.at += size + 2;
  }
  if (count > limits.arguments) words.push(`... (${count} arguments)`);
  return words.join(" ");
}

/**
 * Shows one argument, in quotes where it is not a plain word.
 *
 * @param argument Its bytes, or those that are at hand.
 * @param length How long it is, in bytes.
 * @param limits How much of it is shown.
 * @returns The text, cut where it is too long to read.
 */
export function quoteArgument(
  argument: Uint8Array,
  length: number = argument.length,
  limits: QuoteLimits = READABLE,
): string {
  if (argument.length === 0 && length > 0) return "...";
  const shown = argument.subarray(0, limits.bytes);
  const quoted = quoteBytes(shown);
  const plain = /^"[\w:.{}@/+-]+"$/.test(quoted) ? quoted.slice(1, -1) : quoted;
  return length > shown.length && shown.length === limits.bytes
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
  while (
    at > 0 && at < end && words.length < Math.min(count, READABLE.arguments)
  ) {
    const body = line(at) + 1;
    if (body === 0) break;
    const size = Number(decoder.decode(bytes.subarray(at + 1, body - 2)));
    const stop = Math.min(body + size, end);
    words.push(quoteArgument(bytes.subarray(body, stop), size));
    at = stop + 2;
  }
  if (count > words.length && words.length === READABLE.arguments) {
    words.push(`... (${count} arguments)`);
  }
  return words.join(" ");
}
