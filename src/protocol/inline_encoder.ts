import { ASTERISK, CR, DOLLAR, LF } from "./ascii.ts";
import { ByteBuffer } from "./byte_buffer.ts";
import { writeHeader } from "./encode_command.ts";
import { InlineWords } from "./inline_words.ts";

/** Bytes of a type, a length and CRLF, at the most. */
const HEADER = 16;

/**
 * Writes inline commands as the arrays of bulk strings that they stand for.
 *
 * @example
 * ```ts
 * import { InlineEncoder } from "./inline_encoder.ts";
 * import { ByteBuffer } from "./byte_buffer.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const line = new TextEncoder().encode('SET k "a\\x20b"\r\n');
 * const out = new ByteBuffer();
 * new InlineEncoder().encode(line, 0, line.length, out);
 * assertEquals(
 *   new TextDecoder().decode(out.view()),
 *   "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na b\r\n",
 * );
 * ```
 */
export class InlineEncoder {
  readonly #arguments = new ByteBuffer();
  #count = 0;
  readonly #words = new InlineWords((word) => {
    const out = this.#arguments;
    this.#count++;
    beginWith(out, DOLLAR, word.length);
    out.append(word.bytes, 0, word.length);
    out.reserve(2);
    out.bytes[out.length++] = CR;
    out.bytes[out.length++] = LF;
  });

  /**
   * Writes one command.
   *
   * @param start Index of its first byte.
   * @param end Index behind its line feed; the line is a good one.
   * @param out Where the array goes.
   */
  encode(
    bytes: Uint8Array,
    start: number,
    end: number,
    out: ByteBuffer,
  ): void {
    this.#arguments.clear();
    this.#count = 0;
    this.#words.begin();
    this.#words.scan(bytes, start, end);
    this.#words.end();
    beginWith(out, ASTERISK, this.#count);
    out.append(this.#arguments.bytes, 0, this.#arguments.length);
  }
}

function beginWith(out: ByteBuffer, type: number, length: number): void {
  out.reserve(HEADER);
  out.length = writeHeader(out.bytes, out.length, type, length);
}
