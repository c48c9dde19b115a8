import { COLON, DOLLAR, EQUALS, EXCLAMATION, SEMICOLON } from "./ascii.ts";
import type { Reply } from "./reply.ts";
import type { ReplyInput } from "./reply_input.ts";
import {
  isMinusOne,
  isQuestion,
  MAX_LENGTH,
  parseLength,
  parseText,
} from "./reply_lines.ts";

/** The length of `txt:` in a verbatim string. */
const FORMAT_LENGTH = 4;

/** What is behind the body: CRLF. */
const END_LENGTH = 2;

/**
 * Reads the values that have a body: bulk strings, whole (`$`) or streamed
 * (`$?` and `;`), bulk errors (`!`) and verbatim strings (`=`).
 *
 * How much of a body is held is decided before it is read, so that a long one
 * passes by without a trace.
 *
 * @example
 * ```ts
 * import { ReplyBulk } from "./reply_bulk.ts";
 * import { ReplyInput } from "./reply_input.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const input = new ReplyInput(100);
 * const bulk = new ReplyBulk(input, 4096, 100);
 * input.feed(new TextEncoder().encode("!6\r\nERR no\r\n"));
 * input.takeLine();
 * bulk.begin("!".charCodeAt(0), true);
 * input.takeBody();
 * assertEquals(bulk.end(), { kind: "error", text: "ERR no" });
 * ```
 */
export class ReplyBulk {
  readonly #input: ReplyInput;
  readonly #maxBody: number;
  readonly #maxError: number;

  /** Whether only a part of a streamed string may come next. */
  streaming = false;
  #type = 0;
  /** Whether somebody wants the body. */
  #keep = false;
  /** The length in bytes; of a streamed string what was announced so far. */
  #length = 0;

  /**
   * Reads from an input.
   *
   * @param input Where the lines and bodies come from.
   * @param maxBody Longest body held, in bytes.
   * @param maxError How many bytes of a bulk error are held.
   */
  constructor(input: ReplyInput, maxBody: number, maxError: number) {
    this.#input = input;
    this.#maxBody = maxBody;
    this.#maxError = maxError;
  }

  /**
   * Reads the input's line: a length.
   *
   * @param type The line's type byte: `$`, `!` or `=`.
   * @param keep Whether the body is wanted.
   * @returns The value where it has no body; none where the body comes next.
   * @throws {ProtocolError} Where the length is malformed.
   */
  begin(type: number, keep: boolean): Reply | undefined {
    const { bytes, from, to } = this.#input;
    this.#input.body.clear();
    this.#keep = keep;
    this.#length = 0;
    if (type === DOLLAR) {
      if (isMinusOne(bytes, from + 1, to)) return { kind: "null" };
      this.streaming = isQuestion(bytes, from + 1, to);
      if (this.streaming) return undefined;
    }
    const length = this.#readLength();
    if (type === EQUALS && length < FORMAT_LENGTH) {
      this.#input.failLine("a length of 4 bytes or more");
    }
    this.#expect(type, length);
    return undefined;
  }

  /**
   * Reads the input's line: the length of a part of a streamed string.
   *
   * @returns The string behind its last part, which is empty; none before.
   * @throws {ProtocolError} Where the length is malformed.
   */
  part(): Reply | undefined {
    const length = this.#readLength();
    if (length > 0) {
      this.#expect(SEMICOLON, length);
      return undefined;
    }
    this.streaming = false;
    return this.#string();
  }

  /**
   * Reads the body that the input has taken.
   *
   * @returns The value; none where another part of it comes next.
   * @throws {ProtocolError} Where a verbatim string has no format.
   */
  end(): Reply | undefined {
    if (this.#type === SEMICOLON) return undefined;
    if (this.#type === DOLLAR) return this.#string();
    if (this.#type === EQUALS) return this.#verbatim();
    const { bytes, length } = this.#input.body;
    return { kind: "error", text: parseText(bytes, 0, length) };
  }

  #readLength(): number {
    const { bytes, from, to } = this.#input;
    const length = parseLength(bytes, from + 1, to);
    return length !== undefined && this.#length + length <= MAX_LENGTH
      ? length
      : this.#input.failLine("a length in bytes");
  }

  #expect(type: number, length: number): void {
    this.#type = type;
    this.#length += length;
    this.#input.expectBody(length, this.#held());
  }

  /** How many bytes of the body are to be held. */
  #held(): number {
    // An error is shown to people: its start is held in any case.
    if (this.#type === EXCLAMATION) {
      return Math.min(this.#length, this.#maxError);
    }
    const format = this.#type === EQUALS ? FORMAT_LENGTH : 0;
    const fits = this.#length - format <= this.#maxBody;
    return this.#keep && fits ? this.#length : format;
  }

  #string(): Reply {
    return { kind: "bulk", length: this.#length, body: this.#body(0) };
  }

  #verbatim(): Reply {
    const { bytes } = this.#input.body;
    if (bytes[FORMAT_LENGTH - 1] !== COLON) {
      const offset = this.#input.offset - END_LENGTH - this.#length;
      const found = bytes.subarray(0, FORMAT_LENGTH);
      this.#input.fail('a format, such as "txt:"', offset, found);
    }
    return {
      kind: "verbatim",
      format: parseText(bytes, 0, FORMAT_LENGTH - 1),
      length: this.#length - FORMAT_LENGTH,
      body: this.#body(FORMAT_LENGTH),
    };
  }

  /** A copy of the body without its first bytes, where all of it is held. */
  #body(first: number): Uint8Array | undefined {
    const { body } = this.#input;
    return body.length === this.#length
      ? body.bytes.slice(first, body.length)
      : undefined;
  }
}
