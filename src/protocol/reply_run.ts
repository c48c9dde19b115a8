/**
 * The fast path of the reply reader: passes over a run of plain replies.
 *
 * A load of a million rows gets `+OK` or a small integer back a million times,
 * and nobody looks at them. So this file compares words where it can, allocates
 * nothing, keeps no state between calls, and gives up at the first reply that
 * is not whole, not plain, or that somebody may want to see. Giving up is
 * always right: the state machine of reply_reader.ts takes over.
 *
 * Change together: whatever is passed over here must be accepted by
 * reply_reader.ts and reply_lines.ts too. tests/protocol/reply_reader_test.ts
 * holds both against each other on random streams.
 *
 * @module
 */
import { COLON, CR, DOLLAR, LF, MINUS, PLUS, ZERO } from "./ascii.ts";

/**
 * Four times `+OK\r\n` is five words of 32 bits exactly, whatever the
 * alignment, and comparing them so is four times as fast as byte by byte.
 */
const FOUR_OK = new DataView(
  new TextEncoder().encode("+OK\r\n".repeat(4)).buffer,
);
const FOUR_OK_LENGTH = 20;
const OK_0 = FOUR_OK.getInt32(0, true);
const OK_1 = FOUR_OK.getInt32(4, true);
const OK_2 = FOUR_OK.getInt32(8, true);
const OK_3 = FOUR_OK.getInt32(12, true);
const OK_4 = FOUR_OK.getInt32(16, true);

/** `:?\r\n` as a little-endian word, and which of its bits are compared. */
const DIGIT_REPLY = 0x0a0d003a;
const DIGIT_MASK = 0xffff00ff | 0;

/** So many digits are always within 64 bits. */
const SAFE_DIGITS = 18;

/** Digits of a bulk length that is worth passing over here: below 1 GB. */
const MAX_LENGTH_DIGITS = 9;

/**
 * Passes over runs of whole, plain, top-level replies: simple strings, integers
 * and bulk strings.
 *
 * @example
 * ```ts
 * import { ReplyRun } from "./reply_run.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("+OK\r\n:1\r\n-ERR no\r\n");
 * const run = new ReplyRun();
 * const view = new DataView(bytes.buffer);
 * assertEquals(run.skip(bytes, view, 0, -1, 100), 2);
 * assertEquals(run.position, 9);
 * ```
 */
export class ReplyRun {
  /** Where the last run ended. */
  position = 0;

  /**
   * Passes over the replies that begin at a position.
   *
   * @param bytes Replies, whole or not.
   * @param view The same bytes.
   * @param from Where a reply begins.
   * @param stopLength The length in bytes of a bulk string to stop before.
   * @param maxLine The length in bytes of a simple string to stop before.
   * @returns How many replies were passed over; {@linkcode position} is
   * behind them.
   */
  skip(
    bytes: Uint8Array,
    view: DataView,
    from: number,
    stopLength: number,
    maxLine: number,
  ): number {
    const end = bytes.length;
    let at = from;
    let count = 0;
    while (at < end) {
      const type = bytes[at];
      let next: number;
      if (type === PLUS) {
        while (
          at + FOUR_OK_LENGTH <= end &&
          view.getInt32(at, true) === OK_0 &&
          view.getInt32(at + 4, true) === OK_1 &&
          view.getInt32(at + 8, true) === OK_2 &&
          view.getInt32(at + 12, true) === OK_3 &&
          view.getInt32(at + 16, true) === OK_4
        ) {
          at += FOUR_OK_LENGTH;
          count += 4;
        }
        if (at === end || bytes[at] !== PLUS) continue;
        next = afterSimple(bytes, at, end, maxLine);
      } else if (type === COLON) {
        while (at + 4 <= end) {
          const word = view.getInt32(at, true);
          if ((word & DIGIT_MASK) !== DIGIT_REPLY) break;
          if (!isDigit(word >>> 8 & 0xff)) break;
          at += 4;
          count++;
        }
        if (at === end || bytes[at] !== COLON) continue;
        next = afterInteger(bytes, at, end);
      } else if (type === DOLLAR) {
        next = afterBulk(bytes, at, end, stopLength);
      } else {
        break;
      }
      if (next < 0) break;
      at = next;
      count++;
    }
    this.position = at;
    return count;
  }
}

function isDigit(byte: number): boolean {
  return (byte - ZERO) >>> 0 <= 9;
}

/** The position after the CRLF at `at`; -1 where it is not there. */
function afterLineEnd(bytes: Uint8Array, at: number, end: number): number {
  return at + 2 <= end && bytes[at] === CR && bytes[at + 1] === LF
    ? at + 2
    : -1;
}

function afterSimple(
  bytes: Uint8Array,
  at: number,
  end: number,
  maxLine: number,
): number {
  let i = at + 1;
  while (i < end && bytes[i] !== CR && bytes[i] !== LF) i++;
  return i - at - 1 <= maxLine ? afterLineEnd(bytes, i, end) : -1;
}

function afterInteger(bytes: Uint8Array, at: number, end: number): number {
  let i = at + 1;
  if (i < end && bytes[i] === MINUS) i++;
  const first = i;
  while (i < end && isDigit(bytes[i])) i++;
  const digits = i - first;
  if (digits === 0 || digits > SAFE_DIGITS) return -1;
  return afterLineEnd(bytes, i, end);
}

function afterBulk(
  bytes: Uint8Array,
  at: number,
  end: number,
  stopLength: number,
): number {
  const first = at + 1;
  let i = first;
  let length = 0;
  while (i < end && isDigit(bytes[i])) {
    length = length * 10 + bytes[i] - ZERO;
    i++;
  }
  const digits = i - first;
  if (digits === 0 || digits > MAX_LENGTH_DIGITS) return -1;
  if (bytes[first] === ZERO && digits > 1) return -1;
  if (length === stopLength) return -1;
  const body = afterLineEnd(bytes, i, end);
  return body < 0 ? -1 : afterLineEnd(bytes, body + length, end);
}
