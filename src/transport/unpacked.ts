/**
 * A source whose bytes are unpacked on the way: gzip (RFC 1952, any number of
 * members) and zstd (RFC 8878, any number of frames).
 *
 * Why it has this shape: a decoder that finds a mistake keeps what it has made
 * of the piece that it was given last. So it is given small pieces at first and
 * never large ones, each only when all of the last one's text was read: what a
 * damaged file loses is little, and what a small one unpacks to is never held
 * as a whole.
 *
 * @module
 */
import { createGunzip, createZstdDecompress } from "node:zlib";
import { InputError } from "../errors.ts";
import type { Packing, Source } from "./source.ts";
import { ZstdFrames } from "./zstd_frames.ts";

/** Bytes of packed input that are read at once. */
const PACKED_CHUNK = 64 * 1024;

/** Bytes of text that a decoder makes at once. */
const TEXT_CHUNK = 64 * 1024;

/**
 * Packed bytes that a decoder is given at once: a sixteenth of those before,
 * within these limits. With 16 KiB it runs at nine tenths of its speed.
 */
const LEAST_PIECE = 1024;
const MOST_PIECE = 16 * 1024;

/** The part of a decoder of `node:zlib` that is used here. */
interface Decoder {
  write(bytes: Uint8Array, done: (error?: Error | null) => void): boolean;
  end(): void;
  read(): Uint8Array | null;
  on(event: "readable" | "end", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  destroy(): void;
}

/** A source that unpacks another one. */
export class UnpackedSource implements Source {
  readonly name: string;
  /** The packed bytes' number, where that is known. */
  readonly size: number | undefined;
  /** Packed bytes read so far. */
  bytesTaken = 0;
  readonly #source: Source;
  readonly #packing: Packing;
  readonly #frames: ZstdFrames | undefined;
  readonly #packed = new Uint8Array(PACKED_CHUNK);
  /** Where the packed bytes begin that no decoder was given, and end. */
  #at = 0;
  #end = 0;
  #decoder: Decoder | undefined;
  /** The decoder has not done yet with what it was given. */
  #isBusy = false;
  /** Text that was made and not read. */
  #text: Uint8Array = new Uint8Array();
  #textBytes = 0;
  #isOver = false;
  #failure: InputError | undefined;
  #wake: () => void = () => {};

  /**
   * Begins to unpack.
   *
   * @param source The packed bytes; closing this closes it.
   */
  constructor(source: Source, packing: Packing) {
    this.#source = source;
    this.#packing = packing;
    this.name = source.name;
    this.size = source.size;
    this.#frames = packing === "zstd" ? new ZstdFrames() : undefined;
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#text.length === 0) this.#text = this.#decoder?.read() ?? EMPTY;
      const count = Math.min(into.length, this.#text.length);
      if (count > 0) {
        into.set(this.#text.subarray(0, count));
        this.#text = this.#text.subarray(count);
        this.#textBytes += count;
        return count;
      }
      if (this.#isBusy) {
        await new Promise<void>((wake) => this.#wake = wake);
        continue;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isOver) return null;
      await this.#feed();
    }
  }

  close(): void {
    this.#decoder?.destroy();
    this.#source.close();
  }

  /** Gives a decoder its next piece, or tells it that there is none. */
  async #feed(): Promise<void> {
    if (this.#at === this.#end) {
      const count = await this.#source.read(this.#packed);
      if (count === null) return this.#finish();
      this.bytesTaken += count;
      this.#at = 0;
      this.#end = count;
    }
    const sixteenth = Math.floor(this.bytesTaken / 16);
    const size = Math.max(LEAST_PIECE, Math.min(MOST_PIECE, sixteenth));
    const last = Math.min(this.#end, this.#at + size);
    const frames = this.#frames;
    if (frames === undefined) {
      this.#give(this.#packed.subarray(this.#at, last));
      this.#at = last;
      return;
    }
    const from = this.#at;
    this.#at = frames.walk(this.#packed, from, last);
    this.#give(this.#packed.subarray(from, this.#at), frames);
    if (frames.fault !== undefined) this.#fail(frames.fault);
  }

  #give(piece: Uint8Array, frames?: ZstdFrames): void {
    const decoder = this.#decoder ??= this.#begin();
    if (decoder === undefined) return;
    this.#isBusy = true;
    decoder.write(piece, (error) => {
      // It is told as an event, too.
      if (error instanceof Error) return;
      this.#isBusy = false;
      if (frames?.isBetween === true) this.#endDecoder(decoder);
      this.#wake();
    });
  }

  /** The packed bytes are over. */
  #finish(): void {
    if (this.#frames?.isBetween === false) {
      return this.#fail("they break off within a frame");
    }
    if (this.#decoder === undefined) this.#isOver = true;
    else this.#endDecoder(this.#decoder);
  }

  #endDecoder(decoder: Decoder): void {
    this.#isBusy = true;
    decoder.end();
  }

  #begin(): Decoder | undefined {
    // Not every runtime that this runs on has it.
    if (this.#frames !== undefined && createZstdDecompress === undefined) {
      this.#fail(
        "this runtime cannot; unpack it on the way: " +
          "zstd -dc FILE | respipe load - ...",
      );
      return undefined;
    }
    const options = { chunkSize: TEXT_CHUNK };
    const decoder: Decoder = this.#frames === undefined
      ? createGunzip(options)
      : createZstdDecompress(options);
    decoder.on("readable", () => this.#wake());
    decoder.on("end", () => {
      this.#isBusy = false;
      // Behind a frame another one may follow.
      if (this.#frames === undefined) this.#isOver = true;
      this.#decoder = undefined;
      this.#wake();
    });
    decoder.on("error", (error) => {
      this.#isBusy = false;
      this.#fail(reasonOf(error));
      this.#wake();
    });
    return decoder;
  }

  #fail(reason: string): void {
    const { name } = this;
    this.#failure ??= new InputError(
      `Cannot unpack ${name} (${this.#packing}) beyond byte ` +
        `${this.#textBytes} of its text, ${this.bytesTaken} packed bytes in: ` +
        reason,
      { source: name, offset: this.#textBytes },
    );
  }
}

const EMPTY = new Uint8Array();

/** What a decoder says, as the end of a sentence. */
function reasonOf(error: Error): string {
  const text = error.message.replace(/^Zstd decompress error: /, "");
  if (/unexpected end of file/.test(text)) return "they break off there";
  // Where the first header was none, nobody would have taken it for gzip.
  if (/incorrect header check/.test(text)) {
    return "what stands behind its end is no gzip; where that may be left out, " +
      "unpack it on the way: gzip -dc FILE | respipe load - ...";
  }
  if (/too much memory/.test(text)) {
    return "it takes more memory than zstd's decoders allow; unpack it on " +
      "the way: zstd -dc --long=31 FILE | respipe load - ...";
  }
  return `the data is damaged (${text[0].toLowerCase()}${text.slice(1)})`;
}
