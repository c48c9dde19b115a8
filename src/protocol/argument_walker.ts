import { ASTERISK, CR, DOLLAR, LF, ZERO } from "./ascii.ts";

/**
 * Walks along the arguments of commands in RESP, without allocating anything.
 *
 * The bytes may end anywhere in a command: the walk ends there, as it does at
 * what is not RESP. The command scanner, which is strict and reads input in
 * pieces, is not built on it.
 */
export class ArgumentWalker {
  /** The buffer. */
  bytes: Uint8Array = new Uint8Array();
  /** Index of the next byte to read. */
  at = 0;
  /** How many arguments the command has. */
  count = 0;
  /** Index of the argument's first byte. */
  start = 0;
  /** The argument's length, in bytes; it may go on behind the end. */
  length = 0;
  #end = 0;
  #left = 0;

  /**
   * Goes to the start of some commands, or of some arguments.
   *
   * @param left Arguments that begin there; 0 where a command does.
   */
  begin(
    bytes: Uint8Array,
    start = 0,
    end: number = bytes.length,
    left = 0,
  ): void {
    this.bytes = bytes;
    this.at = start;
    this.#end = end;
    this.#left = left;
  }

  /**
   * Goes on to the next command; the one before must be walked to its end.
   *
   * @returns False where there is none, or not its whole first line.
   */
  nextCommand(): boolean {
    this.count = this.#left = 0;
    const count = takeNumber(this, ASTERISK, this.#end);
    if (count < 0) return false;
    this.count = this.#left = count;
    return true;
  }

  /**
   * Goes on to the next argument of the command.
   *
   * @returns False where there is none, or not the whole line in front of it.
   */
  nextArgument(): boolean {
    if (this.#left === 0) return false;
    const length = takeNumber(this, DOLLAR, this.#end);
    if (length < 0) return false;
    this.#left--;
    this.start = this.at;
    this.length = length;
    this.at += length + 2;
    return true;
  }

  /** Takes the argument, or as much of it as there is. */
  argument(): Uint8Array {
    const { start, length } = this;
    return this.bytes.subarray(start, Math.min(start + length, this.#end));
  }
}

/** Passes over a line that is a number; -1 where it is not, or not whole. */
function takeNumber(
  walker: ArgumentWalker,
  type: number,
  end: number,
): number {
  const { bytes, at } = walker;
  if (at >= end || bytes[at] !== type) return -1;
  let value = 0;
  let i = at + 1;
  let digit: number;
  while (i < end && (digit = bytes[i] - ZERO) >>> 0 <= 9) {
    value = value * 10 + digit;
    i++;
  }
  if (i === at + 1 || i + 2 > end) return -1;
  if (bytes[i] !== CR || bytes[i + 1] !== LF) return -1;
  walker.at = i + 2;
  return value;
}
