/**
 * Bytes, arguments and commands as a person can read them in a message: quoted
 * as redis-cli does it, and cut to a readable length.
 *
 * @module
 */
import { ArgumentWalker } from "./argument_walker.ts";
import { ASTERISK, BACKSLASH, CR, LF, QUOTE, SPACE, TILDE } from "./ascii.ts";

const BELL = 0x07;
const BACKSPACE = 0x08;
const TAB = 0x09;

/** How much of a command is shown. */
interface QuoteLimits {
  /** Longest argument that is shown whole, in bytes. */
  readonly bytes: number;
  /** Arguments that are shown, the command's name among them. */
  readonly arguments: number;
}

/** What is readable within a sentence. */
const READABLE: QuoteLimits = { bytes: 64, arguments: 8 };

/**
 * Quotes bytes the way redis-cli prints a string: in double quotes, with
 * whatever is not printable ASCII escaped.
 *
 * @returns The quoted text, one line of ASCII.
 *
 * @example
 * ```ts
 * import { quoteBytes } from "./quote.ts";
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

/**
 * Shows one argument, in quotes where it is not a plain word.
 *
 * @param argument Its bytes, or those that are at hand.
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
 * Shows one of several commands.
 *
 * @param commands Whole commands in RESP, one after the other.
 */
export function quoteCommand(commands: Uint8Array, index: number): string {
  const walker = new ArgumentWalker();
  walker.begin(commands);
  for (let skipped = 0; skipped < index && walker.nextCommand(); skipped++) {
    while (walker.nextArgument());
  }
  walker.nextCommand();
  return quoteArguments(walker, READABLE);
}

/**
 * Shows the first of several commands.
 *
 * @param commands Whole commands in RESP, one after the other.
 * @param most How many to show at the most.
 * @returns A text for each command: its arguments with spaces between.
 */
export function quoteCommands(
  commands: Uint8Array,
  most: number,
  limits: QuoteLimits,
): string[] {
  const walker = new ArgumentWalker();
  walker.begin(commands);
  const texts: string[] = [];
  while (texts.length < most && walker.nextCommand()) {
    texts.push(quoteArguments(walker, limits));
  }
  return texts;
}

/**
 * Shows one command of a piped input, which may be an inline one; of those that
 * may hold a password only the name.
 *
 * @param end Index behind the last byte that may be looked at; the command may
 * be cut there.
 * @returns The command's arguments, or an inline command's line.
 */
export function quotePiped(
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  if (bytes[start] === ASTERISK) {
    const walker = new ArgumentWalker();
    walker.begin(bytes, start, end);
    walker.nextCommand();
    return withoutSecrets(quoteArguments(walker, READABLE));
  }
  const found = bytes.indexOf(LF, start);
  const line = bytes.subarray(start, found < 0 ? end : Math.min(found, end));
  return withoutSecrets(
    quoteArgument(line.at(-1) === CR ? line.subarray(0, -1) : line),
  );
}

/** Commands that may have passwords among their arguments. */
const SECRET = /^[\s"\\]*(AUTH|HELLO|ACL|CONFIG|MIGRATE)(?![\w.-])./i;

/** Leaves of such a command only its name. */
function withoutSecrets(command: string): string {
  const name = SECRET.exec(command)?.[1];
  return name === undefined ? command : `${name} ...`;
}

/**
 * Leaves out what a server quotes of a command that it does not know: secrets,
 * or random bytes.
 */
export function withoutArguments(error: string): string {
  return error.replace(/,? with args beginning with:.*$/is, "");
}

/** Shows the arguments of the walker's command, and passes over them. */
function quoteArguments(walker: ArgumentWalker, limits: QuoteLimits): string {
  const words: string[] = [];
  while (walker.nextArgument()) {
    if (words.length === limits.arguments) continue;
    words.push(quoteArgument(walker.argument(), walker.length, limits));
  }
  if (walker.count > words.length && words.length === limits.arguments) {
    words.push(`... (${walker.count} arguments)`);
  }
  return words.join(" ");
}
