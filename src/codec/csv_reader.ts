/**
 * The CSV reader: a byte state machine from chunks to records (RFC 4180).
 *
 * Why it has this shape: the reader holds no bytes. It is shown a stretch of a
 * buffer, walks over it once, and leaves the offsets of each record's fields in
 * one reused view. When the stretch ends within a record it says so and
 * remembers how far it got, counted from the record's first byte; the caller
 * puts those bytes in front of the next input, wherever that lies, and no byte
 * is looked at twice. So there is no allocation per record, no copy but that
 * of the one record that two chunks share, and "need more input" is a return
 * value.
 *
 * The states read any input. Plain records need none of them and are written at
 * once (`encodePlain`, record_writer.ts); the states then read what is left.
 *
 * A record that no line feed can end yet is not walked over at all: it waits, so
 * that a long one, which comes in many pieces, is written at once as well.
 *
 * What must change together: the states; `next`, which stores its locals in
 * front of every `NeedInput`; `finish`, which says for every state what the end
 * of the input means there; and what a plain record is (record_writer.ts).
 *
 * Where RFC 4180 is silent: LF alone ends a record as CRLF does; a CR that no
 * LF follows is data, except as the very last byte; a quote is data where it
 * does not begin a field; lines with nothing on them are passed over and counted.
 *
 * @module
 */
import type { ByteBuffer } from "../protocol/byte_buffer.ts";
import type { Dialect } from "./dialect.ts";
import type { Place } from "./place.ts";
import { RecordView } from "./record.ts";
import type { Stretch } from "./record_writer.ts";
import type { RowEncoder } from "./row_encoder.ts";
import { type RecordFault, Step } from "./step.ts";
import { findByteOrBreak, findLastBreak, inWord } from "./words.ts";

/** What a {@linkcode CsvReader} needs to know beforehand. */
export interface CsvReaderOptions {
  /** Delimiter and quote. */
  dialect: Dialect;
  /** How many fields a record must have. Default: any number. */
  fields?: number | undefined;
  /** The most bytes a record may have. Default: 64 MiB. */
  maxRecord?: number | undefined;
  /** Where in its source the input begins. Default: at its very start. */
  place?: Place | undefined;
}

/** The default for the largest record: 64 MiB. */
export const DEFAULT_MAX_RECORD = 64 * 1024 * 1024;

// Constants of this file are numbers in the compiled code, imported ones are not.
const CR = 0x0d;
const LF = 0x0a;
const LINE_FEEDS = 0x0a0a0a0a;

const RECORD_START = 0;
const FIELD_START = 1;
const UNQUOTED = 2;
const QUOTED = 3;
const QUOTE_SEEN = 4; // within a quoted field: a doubled one, or the closing one
const CLOSED_CR = 5; // a CR behind a closing quote: only LF may follow
const SKIPPING = 6; // the record is malformed: pass over the rest of its line
const BROKEN = 7;

/**
 * Reads records out of chunks of CSV.
 *
 * A byte order mark, and lines that are not to be read, are the caller's to
 * pass over: they belong to a source's beginning.
 *
 * @example
 * ```ts
 * import { CsvReader } from "./csv_reader.ts";
 * import { parseDialect } from "./dialect.ts";
 * import { Step } from "./step.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const reader = new CsvReader({ dialect: parseDialect() });
 * const input = new TextEncoder().encode('1,"Ho Chi Minh, City"\n2,');
 * reader.feed(input, 0, input.length);
 * assertEquals(reader.next(), Step.Record);
 * assertEquals(
 *   new TextDecoder().decode(reader.record.field(1)),
 *   "Ho Chi Minh, City",
 * );
 * assertEquals(reader.next(), Step.NeedInput);
 * assertEquals(reader.pending, 2);
 * assertEquals(reader.finish(), Step.Record);
 * ```
 */
export class CsvReader {
  /** The current record; valid until the next call. */
  readonly record: RecordView;
  /** What is wrong, after {@linkcode Step.Reject} and {@linkcode Step.Broken}. */
  fault: RecordFault | undefined;
  /** Records so far, good and malformed, the current one included. */
  records: number;
  /** The physical line on which the current record begins, from 1. */
  line: number;
  /** Lines so far that had nothing on them and were passed over. */
  blankLines = 0;
  /** How many fields a record must have; -1 for any number. */
  fields: number;

  readonly #dialect: Dialect;
  /** The delimiter and the quote in each byte of a word. */
  readonly #delimiters: number;
  readonly #quotes: number;
  readonly #maxRecord: number;

  #state: number = RECORD_START;
  #bytes: Uint8Array = new Uint8Array();
  /** The same as `#bytes`. */
  #view: DataView = new DataView(this.#bytes.buffer);
  /** Index behind the input's last byte. */
  #end = 0;
  /** Index of the input's last line feed, -1 for none; sought when needed. */
  #lastFeed: number | undefined;
  /** No more input comes. */
  #isOver = false;
  /** Index of the first byte of the unfinished record, or of the next one. */
  #start = 0;
  /** Index of the first byte that was not walked over, or not looked at. */
  #at = 0;
  /** Bytes of the source before index 0 of the buffer. */
  #shift: number;
  /** The physical line at `#start`. */
  #nextLine: number;
  /** Where the current field's value begins, in bytes from `#start`. */
  #from = 0;
  /** Fields of the unfinished record that are whole. */
  #count = 0;
  /** Line breaks within the unfinished record so far. */
  #breaks = 0;
  /** Doubled quotes within the current field so far. */
  #doubled = 0;
  /** The line on which the current quoted field was opened. */
  #openLine = 0;

  /** What the writer of plain records is shown, used again for each call. */
  readonly #stretch: Stretch;

  /**
   * Makes a reader for a source, from its start or from a place within it.
   *
   * @param options The dialect, the limits and the place.
   */
  constructor(options: CsvReaderOptions) {
    this.#dialect = options.dialect;
    this.#delimiters = inWord(options.dialect.delimiter);
    this.#quotes = inWord(options.dialect.quote);
    this.#maxRecord = options.maxRecord ?? DEFAULT_MAX_RECORD;
    this.#stretch = {
      bytes: this.#bytes,
      view: this.#view,
      at: 0,
      end: 0,
      lastFeed: -1,
      fields: -1,
      dialect: this.#dialect,
      maxRecord: this.#maxRecord,
      records: 0,
      lines: 0,
    };
    this.#shift = options.place?.offset ?? 0;
    this.#nextLine = options.place?.line ?? 1;
    this.line = this.#nextLine;
    this.records = options.place?.records ?? 0;
    this.fields = options.fields ?? -1;
    this.record = new RecordView(
      Math.max(16, this.fields),
      options.dialect.quote,
    );
  }

  /**
   * Index in the buffer behind the last whole record.
   *
   * @returns Where a batch of the records read so far ends.
   */
  get boundary(): number {
    return this.#start;
  }

  /**
   * How many bytes at the end of the input belong to an unfinished record.
   *
   * @returns Bytes that must come first again with the next input.
   */
  get pending(): number {
    return this.#end - this.#start;
  }

  /**
   * Where the current record begins.
   *
   * @returns Bytes from the start of the source.
   */
  get offset(): number {
    return this.#shift + this.record.start;
  }

  /**
   * Index in the buffer of the current record's first byte.
   *
   * @returns Where the record begins.
   */
  get start(): number {
    return this.record.start;
  }

  /**
   * The current record's bytes as they stand in the input.
   *
   * @returns A view of them, with the line break.
   */
  get raw(): Uint8Array {
    const { bytes, start, end } = this.record;
    return bytes.subarray(start, end);
  }

  /**
   * The place behind the last whole record.
   *
   * @returns A place that another reader can begin at.
   */
  place(): Place {
    return {
      records: this.records,
      line: this.#nextLine,
      offset: this.#shift + this.#start,
    };
  }

  /**
   * Shows the reader its next input.
   *
   * The {@linkcode pending} bytes of the unfinished record come first again,
   * in this buffer or another one; they are not walked over twice.
   *
   * @param bytes The buffer; it must stay as it is until the next call.
   * @param start Index of the first byte.
   * @param end Index behind the last byte.
   */
  feed(bytes: Uint8Array, start: number, end: number): void {
    const moved = start - this.#start;
    this.#shift -= moved;
    this.#at += moved;
    this.#start = start;
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    this.#end = end;
    this.#lastFeed = undefined;
  }

  /**
   * Goes back to the beginning of the current record, to read it again.
   *
   * For a source without a header, whose first record tells how many fields
   * there are.
   */
  unread(): void {
    this.#start = this.#at = this.record.start;
    this.#nextLine = this.line;
    this.#state = RECORD_START;
    this.records--;
  }

  /**
   * Encodes the plain records that come next: all that lie whole in the input
   * and have no mistakes, up to the first that is not such.
   *
   * @param encoder What makes commands of them.
   * @param out Where the commands are appended; it does not grow.
   * @param limit Records to encode at the most.
   * @returns How many were encoded; they are read.
   */
  encodePlain(
    encoder: Pick<RowEncoder, "writer">,
    out: ByteBuffer,
    limit: number,
  ): number {
    if (this.#state !== RECORD_START || this.fields < 0) return 0;
    const stretch = this.#stretch;
    stretch.bytes = this.#bytes;
    stretch.view = this.#view;
    stretch.at = this.#start;
    stretch.end = this.#end;
    stretch.lastFeed = this.#seekLastFeed();
    stretch.fields = this.fields;
    encoder.writer.writePlain(stretch, out, limit);
    this.#start = this.#at = stretch.at;
    this.records += stretch.records;
    this.#nextLine += stretch.lines;
    return stretch.records;
  }

  /**
   * Reads one record.
   *
   * @returns Whether {@linkcode record} shows one, whether it is malformed, or
   * what is missing.
   */
  next(): Step {
    if (this.#state === BROKEN) return Step.Broken;
    if (this.#state === RECORD_START) {
      if (this.#isWaiting() || !this.#begin()) return Step.NeedInput;
    }
    const bytes = this.#bytes;
    const view = this.#view;
    const end = this.#end;
    const start = this.#start;
    const { delimiter, quote } = this.#dialect;
    const record = this.record;
    let state = this.#state;
    let at = this.#at;
    let from = this.#from;
    let count = this.#count;

    while (at < end) {
      if (state === FIELD_START) {
        if (count === record.starts.length) record.grow();
        if (bytes[at] === quote) {
          at++;
          this.#doubled = 0;
          this.#openLine = this.#nextLine + this.#breaks;
          state = QUOTED;
        } else {
          state = UNQUOTED;
        }
        from = at - start;
      }
      if (state === UNQUOTED) {
        at = findByteOrBreak(view, at, end, this.#delimiters);
        if (at === end) break;
        record.starts[count] = from;
        if (bytes[at] === delimiter) {
          record.ends[count++] = at++ - start;
          state = FIELD_START;
        } else {
          const closed = at - start;
          record.ends[count++] = closed > from && bytes[at - 1] === CR
            ? closed - 1
            : closed;
          return this.#complete(count, at + 1);
        }
      } else if (state === QUOTED) {
        at = findByteOrBreak(view, at, end, this.#quotes);
        if (at === end) break;
        if (bytes[at++] === LF) {
          this.#breaks++;
        } else if (at < end && bytes[at] === quote) {
          this.#doubled++;
          at++;
        } else {
          state = QUOTE_SEEN;
        }
      } else if (state === QUOTE_SEEN) {
        const byte = bytes[at];
        if (byte === quote) {
          this.#doubled++;
          at++;
          state = QUOTED;
          continue;
        }
        if (byte === delimiter) {
          this.#closeQuoted(from, count++, at++ - start - 1);
          state = FIELD_START;
        } else if (byte === LF) {
          this.#closeQuoted(from, count++, at - start - 1);
          return this.#complete(count, at + 1);
        } else if (byte === CR) {
          this.#closeQuoted(from, count++, at++ - start - 1);
          state = CLOSED_CR;
        } else {
          this.#blame("text after a closing quote", at);
          state = SKIPPING;
        }
      } else if (state === CLOSED_CR) {
        if (bytes[at] === LF) return this.#complete(count, at + 1);
        this.#blame("text after a closing quote", at - 1);
        state = SKIPPING;
      } else {
        at = findByteOrBreak(view, at, end, LINE_FEEDS);
        if (at < end) return this.#complete(count, at + 1);
      }
    }
    this.#state = state;
    this.#at = at;
    this.#from = from;
    this.#count = count;
    if (at - start > this.#maxRecord) return this.#tooLarge();
    return Step.NeedInput;
  }

  /**
   * Says that the input is over, and reads the record that it ended in.
   *
   * @returns The last record where no line break ended it, then
   * {@linkcode Step.NeedInput}: there is nothing left.
   */
  finish(): Step {
    const { record } = this;
    const end = this.#end;
    const closed = end - this.#start;
    switch (this.#state) {
      case BROKEN:
        return Step.Broken;
      case RECORD_START: {
        if (this.#isOver) return Step.NeedInput;
        this.#isOver = true;
        const step = this.next();
        if (step !== Step.NeedInput) return step;
        if (this.#state !== RECORD_START) return this.finish();
        this.#start = end;
        return step;
      }
      case FIELD_START:
        if (this.#count === record.starts.length) record.grow();
        record.starts[this.#count] = record.ends[this.#count] = closed;
        this.#count++;
        break;
      case UNQUOTED:
        record.starts[this.#count] = this.#from;
        record.ends[this.#count++] =
          closed > this.#from && this.#bytes[end - 1] === CR
            ? closed - 1
            : closed;
        break;
      case QUOTED:
        this.#blame(
          `the quote opened on line ${this.#openLine} is never closed`,
          end,
        );
        return this.#break();
      case QUOTE_SEEN:
        this.#closeQuoted(this.#from, this.#count++, closed - 1);
        break;
    }
    const malformed = this.fault !== undefined;
    const step = this.#complete(this.#count, end);
    this.#breaks = 0; // Those within it are counted by now.
    if (malformed || this.#count >= this.fields) return step;
    this.#nextLine--; // It is not over.
    this.#blame(
      `the input ends within a record (${this.#count} of ${this.fields} ` +
        "fields, no line break): it may have been cut off",
      end,
    );
    this.#state = BROKEN;
    return Step.Broken;
  }

  /** Finds the input's last line feed, once for each input. */
  #seekLastFeed(): number {
    // Not before `#at`: a record of many chunks would be searched for each.
    return this.#lastFeed ??= findLastBreak(this.#view, this.#at, this.#end);
  }

  /** Whether the next record cannot end before there is more input. */
  #isWaiting(): boolean {
    if (this.#isOver || this.#seekLastFeed() >= this.#start) return false;
    if (this.#end - this.#start > this.#maxRecord) return false;
    this.#at = this.#end;
    return true;
  }

  /** Passes over lines with nothing on them; says whether a record begins. */
  #begin(): boolean {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#start;
    while (at < end && bytes[at] <= CR) {
      const isCr = bytes[at] === CR;
      if (isCr && at + 1 === end) break;
      if (bytes[isCr ? at + 1 : at] !== LF) break;
      at += isCr ? 2 : 1;
      this.blankLines++;
      this.#nextLine++;
    }
    this.#at = this.#start = at;
    if (at === end || (at + 1 === end && bytes[at] === CR)) return false;
    this.#state = FIELD_START;
    this.fault = undefined;
    this.#count = 0;
    this.#breaks = 0;
    this.record.escaped = false;
    return true;
  }

  #closeQuoted(from: number, index: number, closed: number): void {
    const { record } = this;
    record.starts[index] = from;
    record.ends[index] = closed;
    if (this.#doubled === 0) return;
    if (!record.escaped) {
      record.escaped = true;
      record.doubled.fill(0);
    }
    record.doubled[index] = this.#doubled;
  }

  /** Ends the record in front of index `next`. */
  #complete(count: number, next: number): Step {
    const { record, fields } = this;
    record.bytes = this.#bytes;
    record.start = this.#start;
    record.end = next;
    record.fieldCount = count;
    if (next - this.#start > this.#maxRecord) return this.#tooLarge();
    this.records++;
    this.line = this.#nextLine;
    this.#count = count;
    if (fields >= 0 && count !== fields && this.fault === undefined) {
      this.fault = {
        reason: `${count} field${count === 1 ? "" : "s"} instead of ${fields}`,
        line: this.line,
        offset: this.offset,
      };
    }
    this.#nextLine += this.#breaks + 1;
    this.#start = this.#at = next;
    this.#state = RECORD_START;
    return this.fault === undefined ? Step.Record : Step.Reject;
  }

  #blame(reason: string, at: number): void {
    this.fault = {
      reason,
      line: this.#nextLine + this.#breaks,
      offset: this.#shift + at,
    };
  }

  /**
   * Looks no further than the limit, since how far the reader is beyond it
   * depends on how the input was cut up.
   */
  #tooLarge(): Step {
    const bytes = this.#bytes;
    const start = this.#start;
    const { delimiter, quote } = this.#dialect;
    let line = this.#nextLine;
    let openLine = 0;
    let open = false;
    let mayOpen = true;
    let mayDouble = false;
    for (let at = start; at <= start + this.#maxRecord; at++) {
      const byte = bytes[at];
      if (byte === LF) line++;
      if (byte === quote && (open || mayOpen || mayDouble)) {
        if (mayOpen) openLine = line;
        mayDouble = open;
        open = !open;
        mayOpen = false;
      } else {
        mayDouble = false;
        mayOpen = !open && byte === delimiter;
      }
    }
    this.#breaks = 0;
    this.#blame(
      `a record larger than ${this.#maxRecord} bytes, which is the most ` +
        "that --max-record allows" +
        (open ? ` (is the quote opened on line ${openLine} ever closed?)` : ""),
      start,
    );
    return this.#break();
  }

  /** Ends it all within a record, which counts as one. */
  #break(): Step {
    this.records++;
    this.line = this.#nextLine;
    this.record.bytes = this.#bytes;
    this.record.start = this.#start;
    this.record.end = Math.min(this.#end, this.#start + this.#maxRecord);
    this.#state = BROKEN;
    return Step.Broken;
  }
}
