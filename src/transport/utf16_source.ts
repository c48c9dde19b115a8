import { InputError } from "../errors.ts";
import type { Source } from "./source.ts";

/** Bytes that are read at once; as UTF-8 they are half as many more at most. */
const CHUNK = 64 * 1024;

/**
 * A source of UTF-16 as UTF-8, without the byte order mark that it begins with.
 *
 * A surrogate without its other half is no text: reading ends there.
 */
export class Utf16Source implements Source {
  readonly name: string;
  readonly size: number | undefined;
  readonly #source: Source;
  readonly #isLittle: boolean;
  readonly #input = new Uint8Array(CHUNK);
  readonly #view = new DataView(this.#input.buffer);
  /** Bytes of input that belong to an unfinished character: 0 to 3. */
  #pending = 0;
  /** Bytes of input in front of the first of `#input`. */
  #offset = 0;
  /** 3 bytes for each 2, and room for the 3 that were pending. */
  readonly #output = new Uint8Array(CHUNK / 2 * 3 + 8);
  #at = 0;
  #end = 0;
  #isFirst = true;
  #failure: InputError | undefined;
  #taken = 0;

  /**
   * Begins to transcode.
   *
   * @param source The bytes; closing this closes it.
   */
  constructor(source: Source, encoding: "UTF-16LE" | "UTF-16BE") {
    this.#source = source;
    this.#isLittle = encoding === "UTF-16LE";
    this.name = source.name;
    this.size = source.size;
  }

  /** Bytes that were taken from where they come from. */
  get bytesTaken(): number {
    return this.#source.bytesTaken ?? this.#taken;
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#at === this.#end) {
      if (this.#failure !== undefined) throw this.#failure;
      const count = await this.#source.read(
        this.#input.subarray(this.#pending),
      );
      if (count === null) {
        if (this.#pending === 0) return null;
        throw this.#fail(this.#offset, "it ends within a character");
      }
      this.#taken += count;
      this.#transcode(this.#pending + count);
    }
    const count = Math.min(into.length, this.#end - this.#at);
    into.set(this.#output.subarray(this.#at, this.#at + count));
    this.#at += count;
    return count;
  }

  close(): void {
    this.#source.close();
  }

  #transcode(length: number): void {
    const view = this.#view;
    const output = this.#output;
    const isLittle = this.#isLittle;
    let from = 0;
    let to = 0;
    if (this.#isFirst && length >= 2) {
      this.#isFirst = false;
      from = 2;
    }
    for (; from + 2 <= length; from += 2) {
      let code = view.getUint16(from, isLittle);
      if (code < 0x80) {
        output[to++] = code;
        continue;
      }
      if (code < 0x800) {
        output[to++] = 0xc0 | code >> 6;
        output[to++] = 0x80 | code & 0x3f;
        continue;
      }
      if (code >= 0xd800 && code < 0xe000) {
        if (from + 4 > length && code < 0xdc00) break;
        const low = code < 0xdc00 ? view.getUint16(from + 2, isLittle) : 0;
        if (low < 0xdc00 || low > 0xdfff) {
          this.#fail(this.#offset + from, "a surrogate lacks its other half");
          break;
        }
        code = 0x10000 + (code - 0xd800 << 10) + (low - 0xdc00);
        from += 2;
        output[to++] = 0xf0 | code >> 18;
        output[to++] = 0x80 | code >> 12 & 0x3f;
      } else {
        output[to++] = 0xe0 | code >> 12;
      }
      output[to++] = 0x80 | code >> 6 & 0x3f;
      output[to++] = 0x80 | code & 0x3f;
    }
    this.#input.copyWithin(0, from, length);
    this.#pending = length - from;
    this.#offset += from;
    this.#at = 0;
    this.#end = to;
  }

  #fail(offset: number, reason: string): InputError {
    const { name } = this;
    return this.#failure = new InputError(
      `Cannot read ${name} beyond its byte ${offset} as UTF-16: ${reason}`,
      { source: name, offset },
    );
  }
}
