/**
 * Writes records as their layout says: the hot path.
 *
 * Why it has this shape: one function does all of it, because a call or two for
 * each record costs a fifth where records are short. Measured in memory, for
 * `SET {k} {v}` 27 ns a record in one function, 34 ns with a call for reading and one
 * for writing; for `HSET driver:{id} {*}` with six columns 104 ns and 122 ns. So
 * it has two ways in: the record is to be found in the input, or it was found.
 *
 * A **plain record** is what this function can find: whole in the input,
 * as many fields as there are columns, no mistakes. In front of any other one
 * it stops, and the reader's states say what that is: a blank line, a malformed
 * record, one that is too large, the one that the input ends in.
 *
 * What it copies it moves in words of eight bytes, so it reads and writes up to
 * {@linkcode OVERRUN} bytes too many: those written too far are overwritten by
 * what comes next, and room for them is reserved.
 *
 * A search needs no end: it is begun only in front of the last line feed.
 *
 * What must change together: the operations (layout.ts), and this; what a
 * plain record is, and what csv_reader.ts makes of one.
 *
 * @module
 */
import { CR, LF } from "../protocol/ascii.ts";
import type { ByteBuffer } from "../protocol/byte_buffer.ts";
import { writeDecimal } from "../protocol/encode.ts";
import type { Dialect } from "./dialect.ts";
import { type Layout, Op, OP_SIZE } from "./layout.ts";
import { RecordView } from "./record.ts";
import { findByteOrBreak, HIGHS, inWord, LINE_FEEDS, ONES } from "./words.ts";

/** Bytes behind the input that may be read, and behind the output written. */
export const OVERRUN = 16;

/**
 * Fields of at least this many bytes are copied by `set`: it takes a view of its
 * own, which is an allocation, but then runs at the speed of memory.
 */
const LONG_FIELD = 128;

/** The most records of one call: more than any input buffer holds. */
const MOST_RECORDS = 0x7fffffff;

/** For lengths of one digit or two: these and CRLF, as a little-endian word. */
const LENGTHS = Int32Array.from(
  { length: 100 },
  (_, n) =>
    n < 10
      ? 0x0a0d30 + n
      : 0x0a0d3030 + Math.floor(n / 10) + ((n % 10) << 8),
);

/** Input with records in it, and how far it has been read. */
export interface Stretch {
  /** The buffer. */
  readonly bytes: Uint8Array;
  /** The same as `bytes`. */
  readonly view: DataView;
  /** Index of the next record's first byte. */
  at: number;
  /** Index behind the input's last byte. */
  readonly end: number;
  /** Index of the input's last line feed; below `at` where there is none. */
  readonly lastFeed: number;
  /** Records read. */
  records: number;
  /** Line feeds read. */
  lines: number;
}

/** What plain records of a source look like. */
export interface PlainOptions {
  /** Delimiter and quote. */
  readonly dialect: Dialect;
  /** How many fields each has. */
  readonly fields: number;
  /** The most bytes that one may have. */
  readonly maxRecord: number;
}

/** Writes what a layout makes of records. */
export class RecordWriter {
  readonly #layout: Layout;
  /** For records that must not be read beyond: a copy with room behind. */
  #copy = new Uint8Array();
  #input: Uint8Array = new Uint8Array();
  #inputView: DataView = new DataView(this.#input.buffer);
  #output: Uint8Array = new Uint8Array();
  #outputView: DataView = new DataView(this.#output.buffer);
  /** Where the fields of a plain record are. */
  readonly #plain = new RecordView();
  readonly #outcome = new Int32Array(3);

  /**
   * Makes a writer.
   *
   * @param layout What to make of each record.
   */
  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /**
   * Appends what the layout makes of a record.
   *
   * @param record A record with as many fields as the header has columns.
   * @param out The buffer; it grows as needed.
   */
  write(record: RecordView, out: ByteBuffer): void {
    let { bytes, start } = record;
    const size = record.end - start;
    if (record.end + OVERRUN > bytes.length) {
      if (this.#copy.length < size + OVERRUN) {
        this.#copy = new Uint8Array(2 * size + OVERRUN);
      }
      this.#copy.set(bytes.subarray(start, record.end));
      bytes = this.#copy;
      start = 0;
    }
    if (bytes !== this.#input) {
      this.#input = bytes;
      this.#inputView = viewOf(bytes);
    }
    const { overhead, uses } = this.#layout;
    out.reserve(overhead + size * uses + OVERRUN);
    this.#run(
      record,
      out,
      bytes,
      this.#inputView,
      false,
      start,
      start,
      start + size,
      0,
      record.quote,
      size,
      1,
    );
  }

  /**
   * Appends what the layout makes of the plain records that come next.
   *
   * It stops in front of one that is not plain, and where the buffer has no
   * room: the buffer does not grow.
   *
   * @param from The input; it is moved on behind the records written.
   * @param kind What plain records look like.
   * @param out Where the commands are appended.
   * @param limit Records to write at the most.
   * @returns How many were written.
   */
  writePlain(
    from: Stretch,
    { dialect, fields, maxRecord }: PlainOptions,
    out: ByteBuffer,
    limit: number,
  ): number {
    const { bytes, view, at, end, lastFeed } = from;
    if (at > lastFeed || end + OVERRUN > bytes.length) return 0;
    while (this.#plain.starts.length < fields) this.#plain.grow();
    this.#plain.fieldCount = fields;
    this.#run(
      this.#plain,
      out,
      bytes,
      view,
      true,
      at,
      lastFeed,
      end,
      inWord(dialect.delimiter),
      dialect.quote,
      maxRecord,
      Math.min(limit, MOST_RECORDS),
    );
    const [next, records, breaks] = this.#outcome;
    from.at = next;
    from.records += records;
    from.lines += records + breaks;
    return records;
  }

  /**
   * Finds records and writes them; or writes the one in `record`.
   *
   * @param record Where the fields are, or where to note it.
   * @param out Where to write.
   * @param bytes The input.
   * @param view The same.
   * @param finds Whether records are to be found.
   * @param at Index in the input of the first record's first byte.
   * @param lastFeed Index of the last line feed.
   * @param end Index behind the input's last byte.
   * @param delimiter The delimiter in each byte of a word.
   * @param quote The quote, or NO_QUOTE.
   * @param maxRecord The most bytes of a record.
   * @param limit Records to write at the most.
   */
  #run(
    record: RecordView,
    out: ByteBuffer,
    bytes: Uint8Array,
    view: DataView,
    finds: boolean,
    at: number,
    lastFeed: number,
    end: number,
    delimiter: number,
    quote: number,
    maxRecord: number,
    limit: number,
  ): void {
    if (out.bytes !== this.#output) {
      this.#output = out.bytes;
      this.#outputView = viewOf(out.bytes);
    }
    const output = this.#output;
    const outputView = this.#outputView;
    const { code, sums, fixed, overhead, uses } = this.#layout;
    const { starts, ends, doubled } = record;
    const operations = code.length;
    const lastColumn = record.fieldCount - 1;
    const delimiterByte = delimiter & 0xff;
    const room = output.length - OVERRUN;
    let to = out.length;
    let escaped = record.escaped;
    let records = 0;
    let breaks = 0;
    let start = at;

    // Every `break all` leaves `start` in front of the record.
    all: for (; records < limit && at <= lastFeed; records++, start = at) {
      if (finds) {
        const first = bytes[at];
        if (first === LF || first === CR) break;
        escaped = false;
        let feeds = 0;
        for (let column = 0;; column++) {
          let word = view.getInt32(at, true);
          if ((word & 0xff) === quote) {
            starts[column] = ++at - start;
            let pairs = 0;
            for (;;) {
              at = findByteOrBreak(view, at, end, inWord(quote));
              if (at >= lastFeed) break all;
              if (bytes[at++] === LF) feeds++;
              else if (bytes[at] !== quote) break;
              else pairs++, at++;
            }
            ends[column] = at - 1 - start;
            if (pairs > 0) {
              if (!escaped) doubled.fill(0);
              escaped = true;
            }
            if (escaped) doubled[column] = pairs;
            let closer = bytes[at++];
            if (column !== lastColumn) {
              if (closer !== delimiterByte) break all;
              continue;
            }
            if (closer === CR) closer = bytes[at++];
            if (closer !== LF) break all;
            break;
          }
          const from = at;
          for (;;) {
            const d = word ^ delimiter;
            const f = word ^ LINE_FEEDS;
            const found = (((d - ONES) & ~d) | ((f - ONES) & ~f)) & HIGHS;
            if (found !== 0) {
              at += (31 - Math.clz32(found & -found)) >> 3;
              break;
            }
            at += 4;
            word = view.getInt32(at, true);
          }
          starts[column] = from - start;
          const isFeed = bytes[at] === LF;
          if (column !== lastColumn) {
            if (isFeed) break all;
            ends[column] = at++ - start;
            continue;
          }
          if (!isFeed) break all;
          ends[column] = at > from && bytes[at - 1] === CR
            ? at - 1 - start
            : at - start;
          at++;
          break;
        }
        const size = at - start;
        if (size > maxRecord || to + overhead + size * uses > room) break;
        breaks += feeds;
      }

      for (let pc = 0; pc < operations; pc += OP_SIZE) {
        const stretch = code[pc];
        const length = code[pc + 1];
        const op = code[pc + 2];
        const operand = code[pc + 3];
        outputView.setBigInt64(to, fixed.getBigInt64(stretch, true), true);
        for (let i = 8; i < length; i += 8) {
          outputView.setBigInt64(
            to + i,
            fixed.getBigInt64(stretch + i, true),
            true,
          );
        }
        to += length;
        let size = 0;
        if (op > Op.Pair) {
          if (op === Op.Fixed) continue;
          size = sums[operand];
          const last = operand + 2 + sums[operand + 1];
          for (let i = operand + 2; i < last; i++) {
            const column = sums[i];
            let one = ends[column] - starts[column];
            if (escaped) one -= doubled[column];
            size += op === Op.Length ? one : one > 0 ? 2 : 0;
          }
        } else {
          size = ends[operand] - starts[operand];
          if (escaped) size -= doubled[operand];
          if (op === Op.Pair && size === 0) {
            to -= length;
            continue;
          }
        }
        if (op !== Op.Field) {
          if (size < LENGTHS.length) {
            outputView.setInt32(to, LENGTHS[size], true);
            to += size < 10 ? 3 : 4;
          } else {
            to = writeLength(output, to, size);
          }
          if (op > Op.Pair) continue;
        }
        const from = start + starts[operand];
        if (escaped && doubled[operand] > 0) {
          copyDoubled(view, from, outputView, to, size, inWord(quote));
        } else if (size < LONG_FIELD) {
          outputView.setBigInt64(to, view.getBigInt64(from, true), true);
          outputView.setBigInt64(
            to + 8,
            view.getBigInt64(from + 8, true),
            true,
          );
          for (let i = 16; i < size; i += 8) {
            outputView.setBigInt64(
              to + i,
              view.getBigInt64(from + i, true),
              true,
            );
          }
        } else {
          output.set(bytes.subarray(from, from + size), to);
        }
        to += size;
        if (op === Op.Pair) {
          output[to++] = CR;
          output[to++] = LF;
        }
      }
    }
    out.length = to;
    const outcome = this.#outcome;
    outcome[0] = start;
    outcome[1] = records;
    outcome[2] = breaks;
  }
}

/** All of an array's bytes as a view. */
function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

/** Writes a length of any size and CRLF; returns the index behind. */
function writeLength(output: Uint8Array, at: number, length: number): number {
  const end = writeDecimal(output, at, length);
  output[end] = CR;
  output[end + 1] = LF;
  return end + 2;
}

/** Copies a value of `size` bytes, making each two quotes one. */
function copyDoubled(
  input: DataView,
  from: number,
  output: DataView,
  to: number,
  size: number,
  quote: number,
): void {
  for (const end = to + size; to < end;) {
    const word = input.getInt32(from, true);
    output.setInt32(to, word, true);
    const other = word ^ quote;
    const found = (other - ONES) & ~other & HIGHS;
    const copied = found === 0
      ? 4
      : ((31 - Math.clz32(found & -found)) >> 3) + 1;
    to += copied;
    from += found === 0 ? copied : copied + 1;
  }
}
