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
import type { ByteBuffer } from "../protocol/byte_buffer.ts";
import { writeDecimal } from "../protocol/encode_command.ts";
import type { Dialect } from "./dialect.ts";
import type { Layout, Op, OP_SIZE as OperationSize } from "./layout.ts";
import type { RecordView } from "./record.ts";
import { findByteOrBreak, inWord } from "./words.ts";

// Constants of this file are numbers in the compiled code; imported ones are
// loaded and checked at each use, which takes a sixth more time in all.
const CR = 0x0d;
const LF = 0x0a;
const CRLF = 0x0a0d;
const LINE_FEEDS = 0x0a0a0a0a;
const ONES = 0x01010101;
const HIGHS = 0x80808080;
const PREFIXED: typeof Op.Prefixed = 0;
const FIELD: typeof Op.Field = 2;
const SKIP_EMPTY: typeof Op.SkipEmpty = 3;
const LENGTH: typeof Op.Length = 4;
const FIXED: typeof Op.Fixed = 6;
const OP_SIZE: typeof OperationSize = 4;

/** Bytes behind the input that may be read, and behind the output written. */
export const OVERRUN = 16;

/**
 * Fields of at least this many bytes are copied by `set`: it takes a view of its
 * own, which is an allocation, but then runs at the speed of memory.
 */
const LONG_FIELD = 128;

/**
 * Records of the first run; each has twice as many as the one before. A function
 * that stays in its loop for long is compiled there before the engine has seen
 * what comes behind the loop, and then is given up at the end of each run, again
 * and again.
 */
const FIRST_RECORDS = 2;

/** Records of one call of which it is known where they end: a power of two. */
export const MOST_ENDS = 256;

/** Takes an index below {@linkcode MOST_ENDS} out of any. */
const ENDS_MASK = 255;

/** The most records of one run: more than any input buffer holds. */
const MOST_RECORDS = 1 << 30;

/** For lengths of one digit or two: these and CRLF, as a little-endian word. */
const LENGTHS = Int32Array.from(
  { length: 100 },
  (_, n) =>
    n < 10 ? 0x0a0d30 + n : 0x0a0d3030 + Math.floor(n / 10) + ((n % 10) << 8),
);

/** Input with records in it, what these look like, and how far it was read. */
export interface Stretch {
  /** The buffer. */
  bytes: Uint8Array;
  /** The same as `bytes`. */
  view: DataView;
  /** Index of the next record's first byte. */
  at: number;
  /** Index behind the input's last byte. */
  end: number;
  /** Index of the input's last line feed; below `at` where there is none. */
  lastFeed: number;
  /** How many fields a record has. */
  fields: number;
  /** Delimiter and quote. */
  readonly dialect: Dialect;
  /** The most bytes that a record may have. */
  readonly maxRecord: number;
  /** Records read by the last call. */
  records: number;
  /** Line feeds read by the last call. */
  lines: number;
}

/** Writes what a layout makes of records. */
export class RecordWriter {
  /** Index in the output behind each of the last call's first records. */
  readonly ends: Int32Array = new Int32Array(MOST_ENDS);
  readonly #layout: Layout;
  /** Where the fields of the current record are in the input. */
  #starts = new Int32Array(16);
  /** How many bytes their values have. */
  #sizes = new Int32Array(16);
  /**
   * Where there are doubled quotes: how many are in each, of a record that was
   * found; of others, the index behind its value in `#singled`. Else 0.
   */
  #doubled = new Int32Array(16);
  /** For records that must not be read beyond: a copy with room behind. */
  #copy = new Uint8Array();
  #input: Uint8Array = new Uint8Array();
  #inputView: DataView = new DataView(this.#input.buffer);
  #output: Uint8Array = new Uint8Array();
  #outputView: DataView = new DataView(this.#output.buffer);
  /** The next record's index, records written, line feeds within them. */
  readonly #outcome = new Int32Array(3);
  /** Records of the next run, at the most. */
  #most = FIRST_RECORDS;
  /** Records that earlier runs of the same call have written. */
  #before = 0;
  /** Values of the current record whose doubled quotes are single ones. */
  #singled: DataView = new DataView(new ArrayBuffer(0));

  /** Makes a writer. */
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
    const { fieldCount, starts, ends, doubled, escaped, quote } = record;
    if (this.#starts.length < fieldCount) this.#grow(fieldCount);
    for (let column = 0; column < fieldCount; column++) {
      const pairs = escaped ? doubled[column] : 0;
      this.#starts[column] = start + starts[column];
      this.#sizes[column] = ends[column] - starts[column] - pairs;
      this.#doubled[column] = pairs;
    }
    const { overhead, uses } = this.#layout;
    out.reserve(overhead + size * uses + OVERRUN);
    this.#before = 0;
    const view = this.#inputView;
    this.#run(out, bytes, view, escaped, 0, 0, 0, 0, 0, quote, 0, 1);
  }

  /**
   * Appends what the layout makes of the plain records that come next.
   *
   * It stops in front of one that is not plain, and where the buffer has no
   * room: the buffer does not grow.
   *
   * @param from The input; it is moved on behind the records written.
   */
  writePlain(from: Stretch, out: ByteBuffer, limit: number): void {
    const { bytes, view, end, lastFeed, fields, dialect, maxRecord } = from;
    from.records = from.lines = 0;
    if (from.at > lastFeed || end + OVERRUN > bytes.length) return;
    if (this.#starts.length < fields) this.#grow(fields);
    const outcome = this.#outcome;
    for (let left = limit; left > 0; left -= outcome[1]) {
      const count = Math.min(left, this.#most);
      if (this.#most < MOST_RECORDS) this.#most *= 2;
      this.#before = from.records;
      this.#run(
        out,
        bytes,
        view,
        false,
        fields,
        from.at,
        lastFeed,
        end,
        dialect.delimiter,
        dialect.quote,
        maxRecord,
        count,
      );
      from.at = outcome[0];
      from.records += outcome[1];
      from.lines += outcome[1] + outcome[2];
      if (outcome[1] < count) return;
    }
  }

  #grow(fields: number): void {
    this.#starts = new Int32Array(fields);
    this.#sizes = new Int32Array(fields);
    this.#doubled = new Int32Array(fields);
  }

  #reserveSingled(size: number): DataView {
    if (this.#singled.byteLength < size + OVERRUN) {
      this.#singled = new DataView(new ArrayBuffer(2 * size + OVERRUN));
    }
    return this.#singled;
  }

  /**
   * Finds records and writes them; or writes the one that was found.
   *
   * @param escaped Whether the record that was found has doubled quotes.
   * @param fields How many fields a record has; 0: one was found.
   * @param at Index in the input of the first record's first byte.
   */
  #run(
    out: ByteBuffer,
    bytes: Uint8Array,
    view: DataView,
    escaped: boolean,
    fields: number,
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
    const ends = this.ends;
    const before = this.#before;
    const starts = this.#starts;
    const sizes = this.#sizes;
    const doubled = this.#doubled;
    const lengths = LENGTHS;
    const operations = code.length;
    const delimiters = inWord(delimiter);
    const quotes = inWord(quote);
    const lastColumn = fields - 1;
    const room = output.length - OVERRUN;
    let to = out.length | 0;
    let singled = this.#singled;
    let singledTo = 0;
    let records = 0;
    let breaks = 0;
    let start = at;

    // Every `break all` leaves `start` in front of the record.
    all: for (; records < limit && at <= lastFeed; records++, start = at) {
      if (fields > 0) {
        const first = bytes[at];
        if (first === LF || first === CR) break;
        escaped = false;
        let feeds = 0;
        for (let column = 0;; column++) {
          let word = view.getInt32(at, true);
          if ((word & 0xff) === quote) {
            const from = ++at;
            const feedsBefore = feeds;
            do {
              at = findByteOrBreak(view, at, end, quotes);
              if (at >= lastFeed) break all;
              if (bytes[at] === LF) feeds++;
            } while (bytes[at++] === LF);
            starts[column] = from;
            sizes[column] = at - 1 - from;
            if (bytes[at] === quote) {
              if (!escaped) {
                doubled.fill(0);
                escaped = true;
                singled = this.#reserveSingled(lastFeed - start);
                singledTo = 0;
              }
              at = copySingled(
                view,
                from,
                lastFeed,
                singled,
                singledTo,
                quotes,
              );
              if (at === -1) break all;
              singledTo = copied.to;
              doubled[column] = singledTo;
              sizes[column] = copied.size;
              feeds = feedsBefore + copied.feeds;
            } else if (escaped) {
              doubled[column] = 0;
            }
            let closer = bytes[at++];
            if (column !== lastColumn) {
              if (closer !== delimiter) break all;
              continue;
            }
            if (closer === CR) closer = bytes[at++];
            if (closer !== LF) break all;
            break;
          }
          const from = at;
          for (;;) {
            const d = (word ^ delimiters) - ONES;
            const f = (word ^ LINE_FEEDS) - ONES;
            const found = (d | f) & ~word & HIGHS;
            if (found !== 0) {
              at += (31 - Math.clz32(found & -found)) >> 3;
              break;
            }
            at += 4;
            word = view.getInt32(at, true);
          }
          starts[column] = from;
          const isFeed = bytes[at] === LF;
          if (column !== lastColumn) {
            if (isFeed) break all;
            sizes[column] = at++ - from;
            continue;
          }
          if (!isFeed) break all;
          const last = at > from && bytes[at - 1] === CR ? at - 1 : at;
          sizes[column] = last - from;
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
        to = (to + length) | 0;
        if (op > FIELD) {
          if (op === FIXED) continue;
          if (op === SKIP_EMPTY) {
            if (sizes[operand] === 0) pc += OP_SIZE;
            continue;
          }
          let sum = sums[operand];
          const last = operand + 2 + sums[operand + 1];
          for (let i = operand + 2; i < last; i++) {
            const size = sizes[sums[i]];
            sum = (sum + (op === LENGTH ? size : size > 0 ? 2 : 0)) | 0;
          }
          if (sum < 100) {
            outputView.setInt32(to, lengths[sum], true);
            to = (to + (sum < 10 ? 3 : 4)) | 0;
          } else {
            to = writeLength(output, to, sum) | 0;
          }
          continue;
        }
        const size = sizes[operand];
        if (op < FIELD) {
          let all = size;
          if (op === PREFIXED) {
            pc += OP_SIZE;
            all = (size + code[pc + 1]) | 0;
          }
          if (all < 100) {
            outputView.setInt32(to, lengths[all], true);
            to = (to + (all < 10 ? 3 : 4)) | 0;
          } else {
            to = writeLength(output, to, all) | 0;
          }
        }
        if (op === PREFIXED) {
          const prefix = code[pc];
          const prefixLength = code[pc + 1];
          outputView.setBigInt64(to, fixed.getBigInt64(prefix, true), true);
          for (let i = 8; i < prefixLength; i += 8) {
            outputView.setBigInt64(
              to + i,
              fixed.getBigInt64(prefix + i, true),
              true,
            );
          }
          to = (to + prefixLength) | 0;
        }
        const from = starts[operand];
        if (escaped && doubled[operand] > 0) {
          if (fields === 0) {
            copyDoubled(view, from, outputView, to, size, quotes);
          } else {
            copyLong(singled, doubled[operand] - size, output, to, size);
          }
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
        to = (to + size) | 0;
        if (op < FIELD) {
          outputView.setInt16(to, CRLF, true);
          to = (to + 2) | 0;
        }
      }
      ends[(before + records) & ENDS_MASK] = to;
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

/** What {@linkcode copySingled} has copied last. */
const copied = { to: 0, size: 0, feeds: 0 };

/**
 * Copies a quoted value of unknown size, making each two quotes one.
 *
 * The search and the copy are one walk: quotes are so many in a JSON document
 * that whatever is done for each is what it takes.
 *
 * @param at Index of its first byte.
 * @param last Index of a line feed that no record ends behind.
 * @param quotes The quote in each byte of a word.
 * @returns Index behind the closing quote, or -1 where there is none; the rest
 * is in {@linkcode copied}.
 */
function copySingled(
  input: DataView,
  at: number,
  last: number,
  output: DataView,
  to: number,
  quotes: number,
): number {
  const quote = quotes & 0xff;
  const first = to;
  let feeds = 0;
  while (at < last) {
    const word = input.getInt32(at, true);
    output.setInt32(to, word, true);
    const other = (word ^ quotes) - ONES;
    const feed = (word ^ LINE_FEEDS) - ONES;
    const found = (other | feed) & ~word & HIGHS;
    if (found === 0) {
      at += 4;
      to += 4;
      continue;
    }
    const count = ((31 - Math.clz32(found & -found)) >> 3) + 1;
    at += count;
    to += count;
    if (input.getUint8(at - 1) === LF) {
      feeds++;
    } else if (input.getUint8(at) === quote) {
      at++;
    } else {
      copied.to = to - 1;
      copied.size = to - 1 - first;
      copied.feeds = feeds;
      return at;
    }
  }
  return -1;
}

/** Copies bytes out of a view. */
function copyLong(
  { buffer }: DataView,
  from: number,
  output: Uint8Array,
  to: number,
  size: number,
): void {
  output.set(new Uint8Array(buffer, from, size), to);
}
