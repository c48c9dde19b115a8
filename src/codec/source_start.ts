import { LF } from "../protocol/ascii.ts";
import type { Place } from "./place.ts";
import type { RecordFault } from "./step.ts";

/** What the first bytes of a source say about it. */
interface Preamble {
  /** Bytes of a byte order mark to pass over: 0 or 3. */
  readonly skip: number;
  /** Why the input cannot be CSV, where that is plain to see. */
  readonly reason?: string;
}

/** How many bytes {@linkcode readPreamble} looks at, at the most. */
export const PREAMBLE_LENGTH = 6;

const MARKS: readonly (readonly [readonly number[], Preamble])[] = [
  [[0xef, 0xbb, 0xbf], { skip: 3 }],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], packed("xz", "xzcat")],
  [[0x50, 0x4b, 0x03, 0x04], packed("zip (or a spreadsheet)", "unzip -p")],
];

function packed(format: string, tool: string): Preamble {
  return {
    skip: 0,
    reason: `the input is compressed (${format}); unpack it on the way: ` +
      `${tool} FILE | respipe ...`,
  };
}

/**
 * Recognises a byte order mark, and formats that are certainly not CSV.
 *
 * @param bytes The first bytes of a source; {@linkcode PREAMBLE_LENGTH} of them
 * suffice.
 * @returns What they say, or nothing while more bytes are needed to tell.
 */
export function readPreamble(bytes: Uint8Array): Preamble | undefined {
  for (const [mark, meaning] of MARKS) {
    const known = Math.min(mark.length, bytes.length);
    let same = 0;
    while (same < known && bytes[same] === mark[same]) same++;
    if (same === mark.length) return meaning;
    if (same === bytes.length) return undefined;
  }
  return { skip: 0 };
}

/**
 * Passes over what stands in front of a source's first record: a byte order
 * mark, and lines that are not to be read.
 *
 * It is fed as a reader is, until it is done; a reader goes on at its place.
 */
export class SourceStart {
  /** Why the source cannot be read as text at all. */
  fault: RecordFault | undefined;
  /** Index in the buffer of the first byte that was not passed over. */
  boundary = 0;
  #bytes = new Uint8Array();
  #end = 0;
  #isBegun = false;
  #line = 1;
  #offset = 0;
  #linesToSkip: number;

  /** Begins a source. */
  constructor(linesToSkip: number) {
    this.#linesToSkip = linesToSkip;
  }

  /** How many bytes must come first again with the next input. */
  get pending(): number {
    return this.#end - this.boundary;
  }

  /** The place in front of the first record. */
  place(): Place {
    return { records: 0, line: this.#line, offset: this.#offset };
  }

  /** Shows it the next input, the {@linkcode pending} bytes first. */
  feed(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): void {
    this.#bytes = bytes;
    this.boundary = start;
    this.#end = end;
  }

  /**
   * Passes over what it can.
   *
   * @param isAll Whether no more input comes.
   * @returns Whether it is done; else it needs more input.
   */
  read(isAll: boolean): boolean {
    if (!this.#isBegun) {
      const { boundary } = this;
      const end = Math.min(this.#end, boundary + PREAMBLE_LENGTH);
      const first = this.#bytes.subarray(boundary, end);
      // A part of a mark is data.
      const preamble = readPreamble(first) ?? (isAll ? { skip: 0 } : undefined);
      if (preamble === undefined) return false;
      this.#isBegun = true;
      if (preamble.reason !== undefined) {
        this.fault = { reason: preamble.reason, line: 1, offset: 0 };
        return true;
      }
      this.#pass(preamble.skip);
    }
    for (; this.#linesToSkip > 0; this.#linesToSkip--) {
      const line = this.#bytes.subarray(this.boundary, this.#end);
      const found = line.indexOf(LF);
      if (found === -1) {
        this.#pass(line.length);
        return isAll;
      }
      this.#pass(found + 1);
      this.#line++;
    }
    return true;
  }

  /** Passes over one more line, which is whole, or the source's last. */
  passLine(): void {
    this.#linesToSkip = 1;
    this.read(true);
    this.#linesToSkip = 0;
  }

  #pass(count: number): void {
    this.boundary += count;
    this.#offset += count;
  }
}
