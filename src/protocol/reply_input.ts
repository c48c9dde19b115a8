/**
 * The bytes under the reply reader: lines and bodies out of chunks.
 *
 * A chunk is only lent until it is drained. What is unfinished then is copied,
 * and nothing else is: a part of a line into one buffer, the part of a body
 * that is to be held into another. (Two, because a streamed string reads lines
 * between the parts of its body.) Buffers are never joined, so a large reply
 * takes time linear to its size. No length allocates anything in advance.
 *
 * @module
 */
import type { ProtocolError } from "../errors.ts";
import { CR, LF } from "./ascii.ts";
import { ByteBuffer } from "./byte_buffer.ts";
import { replyError } from "./reply_error.ts";

const NO_BYTES = new Uint8Array(0);

/** CRLF. */
const END_LENGTH = 2;

/**
 * A position in the reply stream, and what was taken there last.
 *
 * @example
 * ```ts
 * import { ReplyInput } from "./reply_input.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const input = new ReplyInput(100);
 * const encoder = new TextEncoder();
 * input.feed(encoder.encode("$2\r"));
 * assertEquals(input.takeLine(), false);
 * input.feed(encoder.encode("\nhi\r\n"));
 * assertEquals(input.takeLine(), true);
 * assertEquals(input.to - input.from, 2);
 * input.expectBody(2, 2);
 * assertEquals(input.takeBody(), true);
 * assertEquals([...input.body.view()], [0x68, 0x69]);
 * ```
 */
export class ReplyInput {
  /** The chunk on loan. */
  chunk: Uint8Array = NO_BYTES;
  /** How many bytes of the chunk were read. */
  at = 0;
  /** Where in the stream the chunk begins, in bytes. */
  #base = 0;

  /** Holds the line that was taken last: the chunk, or a copy. */
  bytes: Uint8Array = NO_BYTES;
  /** Where the line begins in {@linkcode bytes}: at its type byte. */
  from = 0;
  /** Where its CRLF is. */
  to = 0;
  /** Where in the stream it begins. */
  #lineOffset = 0;
  readonly #line = new ByteBuffer();
  readonly #maxLine: number;

  /** The part of the body that is held; the caller clears it. */
  readonly body = new ByteBuffer();
  /** How much of the body is to be held in the end. */
  #held = 0;
  /** Bytes of the body still to come, CRLF included. */
  #left = 0;

  /** The reason why nothing can be read any more. */
  error: ProtocolError | undefined;

  /**
   * Stands at the start of a stream.
   *
   * @param maxLine Longest line in bytes, without its type byte and CRLF.
   */
  constructor(maxLine: number) {
    this.#maxLine = maxLine;
  }

  /**
   * Where in the stream the next byte stands.
   *
   * @returns Bytes consumed so far.
   */
  get offset(): number {
    return this.#base + this.at;
  }

  /**
   * Whether the start of a line was read and its end was not.
   *
   * @returns True in the middle of a line.
   */
  get inLine(): boolean {
    return this.#line.length > 0;
  }

  /**
   * Whether a body was begun and not ended.
   *
   * @returns True from {@linkcode expectBody} to the end of the body's CRLF.
   */
  get inBody(): boolean {
    return this.#left > 0;
  }

  /**
   * Lends the next chunk.
   *
   * @param chunk Bytes, not changed until they are drained.
   * @throws {Error} Where the chunk before was not drained.
   */
  feed(chunk: Uint8Array): void {
    const left = this.chunk.length - this.at;
    if (left > 0) {
      throw new Error(
        `Cannot feed reply reader: ${left} bytes of the chunk before are ` +
          "not read yet",
      );
    }
    this.#base += this.at;
    this.at = 0;
    this.chunk = chunk;
  }

  /**
   * Takes a line: {@linkcode bytes}, {@linkcode from}, {@linkcode to}.
   *
   * @returns False where its end has not come yet.
   * @throws {ProtocolError} Where it is too long or ends in anything but CRLF.
   */
  takeLine(): boolean {
    const { chunk, at } = this;
    const line = this.#line;
    if (at === chunk.length) return false;
    if (line.length === 0) this.#lineOffset = this.offset;
    let i = at;
    if (line.length === 0 || line.bytes[line.length - 1] !== CR) {
      while (i < chunk.length && chunk[i] !== CR && chunk[i] !== LF) i++;
      if (line.length + i - at - 1 > this.#maxLine) {
        line.push(chunk.subarray(at, i));
        this.#show(line.bytes, 0, line.length);
        this.failLine(`a line of at most ${this.#maxLine} bytes`);
      }
      if (chunk[i] === LF) this.failAt(i, "CRLF at the end of the line");
      i++;
    }
    if (i < chunk.length && chunk[i] !== LF) {
      this.failAt(i, "LF behind the CR at the end of the line");
    }
    const whole = i < chunk.length;
    const end = whole ? i + 1 : chunk.length;
    this.at = end;
    if (whole && line.length === 0) {
      this.#show(chunk, at, end - END_LENGTH);
      return true;
    }
    line.push(chunk.subarray(at, end));
    if (!whole) return false;
    this.#show(line.bytes, 0, line.length - END_LENGTH);
    line.clear();
    return true;
  }

  #show(bytes: Uint8Array, from: number, to: number): void {
    this.bytes = bytes;
    this.from = from;
    this.to = to;
  }

  /**
   * Announces a body, or the next part of one.
   *
   * @param length Its length in bytes, without its CRLF.
   * @param held How long {@linkcode body} may become by it.
   */
  expectBody(length: number, held: number): void {
    this.#left = length + END_LENGTH;
    this.#held = held;
  }

  /**
   * Takes the announced body with its CRLF.
   *
   * @returns False where its end has not come yet.
   * @throws {ProtocolError} Where no CRLF is behind it.
   */
  takeBody(): boolean {
    const { chunk, body } = this;
    const count = Math.min(this.#left - END_LENGTH, chunk.length - this.at);
    if (count > 0) {
      const held = Math.min(count, this.#held - body.length);
      if (held > 0) body.push(chunk.subarray(this.at, this.at + held));
      this.at += count;
      this.#left -= count;
    }
    while (this.#left <= END_LENGTH && this.at < chunk.length) {
      if (chunk[this.at] !== (this.#left === END_LENGTH ? CR : LF)) {
        this.failAt(this.at, "CRLF behind the body");
      }
      this.at++;
      if (--this.#left === 0) return true;
    }
    return false;
  }

  /**
   * Breaks the stream at the start of the line that was taken last.
   *
   * @param expected What should have been there.
   * @throws {ProtocolError} Always.
   */
  failLine(expected: string): never {
    const line = this.bytes.subarray(this.from, this.to);
    return this.fail(expected, this.#lineOffset, line);
  }

  /**
   * Breaks the stream at a position in the chunk.
   *
   * @param at The position.
   * @param expected What should have been there.
   * @throws {ProtocolError} Always.
   */
  failAt(at: number, expected: string): never {
    return this.fail(expected, this.#base + at, this.chunk.subarray(at));
  }

  /**
   * Breaks the stream.
   *
   * @param expected What should have been there.
   * @param offset Where, in bytes from the start of the stream.
   * @param found The bytes there.
   * @throws {ProtocolError} Always.
   */
  fail(expected: string, offset: number, found: Uint8Array): never {
    this.error = replyError(expected, offset, found);
    this.#base += this.at;
    this.at = 0;
    this.chunk = this.bytes = NO_BYTES;
    throw this.error;
  }
}
