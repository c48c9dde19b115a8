/**
 * A format: how a source's bytes are records.
 *
 * All that the engine knows of one stands here, so a second format is a file
 * beside csv_reader.ts and a class like {@linkcode CsvFormat}. What a reader
 * must keep to:
 *
 * - It holds no bytes: it is shown a stretch of a buffer, and the `pending`
 *   bytes of an unfinished record come first again with the next one.
 * - A record's fields are offsets into `record.bytes`, in the header's order.
 *   Where a value does not stand in the input as it is meant (an escape, a
 *   nested value), `record.bytes` is a buffer of the reader's own; `raw` are the
 *   input's bytes.
 * - A malformed record is a step, not an exception.
 *
 * A format whose records name their fields (JSON Lines) has no header record:
 * what the template asks for are its fields (`CommandTemplate.compileNames`).
 *
 * @module
 */
import type { ByteBuffer } from "../protocol/byte_buffer.ts";
import { CsvReader } from "./csv_reader.ts";
import type { Dialect } from "./dialect.ts";
import { JsonReader, type JsonReaderOptions } from "./json_reader.ts";
import type { Place } from "./place.ts";
import type { RecordView } from "./record.ts";
import type { RowEncoder } from "./row_encoder.ts";
import type { RecordFault, Step } from "./step.ts";

/** Reads records out of stretches of input. */
export interface RecordReader {
  /** The current record; valid until the next call. */
  readonly record: RecordView;
  /** Index in the buffer of the current record's first byte. */
  readonly start: number;
  /** The current record's bytes as they stand in the input. */
  readonly raw: Uint8Array;
  /** What is wrong, after a step that says so. */
  readonly fault: RecordFault | undefined;
  /** Records so far, good and malformed, the current one included. */
  records: number;
  /** The physical line on which the current record begins, from 1. */
  readonly line: number;
  /** Bytes of the source in front of the current record. */
  readonly offset: number;
  /** Lines so far that had nothing on them. */
  readonly blankLines: number;
  /** How many fields a record must have; -1 for any number. */
  fields: number;
  /** Index in the buffer behind the last whole record. */
  readonly boundary: number;
  /** How many bytes behind `boundary` belong to an unfinished record. */
  readonly pending: number;
  /** The place behind the last whole record. */
  place(): Place;
  /** Shows it its next input, the pending bytes first. */
  feed(bytes: Uint8Array, start: number, end: number): void;
  /** Reads one record. */
  next(): Step;
  /** Says that the input is over, and reads the record that it ended in. */
  finish(): Step;
  /** Goes back to the beginning of the current record. */
  unread(): void;
  /**
   * Encodes what records it can at once, and says how many; none where a format
   * has no faster way than {@linkcode RecordReader.next}.
   */
  encodePlain(
    encoder: Pick<RowEncoder, "writer">,
    out: ByteBuffer,
    limit: number,
  ): number;
}

const TAB = 0x09;
const COMMA = 0x2c;

/** How a source's bytes are records. */
export interface Format {
  /** What it is called where it was found out. */
  readonly kind: string;
  /**
   * Makes a reader.
   *
   * @param place Where in its source the input begins.
   * @param fields How many fields a record must have. Default: any number.
   * @returns A reader without input.
   */
  reader(place: Place, fields?: number): RecordReader;
}

/** CSV of one dialect. */
export class CsvFormat implements Format {
  readonly kind: string;
  /** Delimiter and quote. */
  readonly dialect: Dialect;
  readonly #maxRecord: number;

  /**
   * Describes a kind of CSV.
   *
   * @param maxRecord The most bytes a record may have.
   */
  constructor(dialect: Dialect, maxRecord: number) {
    this.dialect = dialect;
    this.kind = kindOf(dialect);
    this.#maxRecord = maxRecord;
  }

  reader(place: Place, fields?: number): RecordReader {
    const { dialect } = this;
    return new CsvReader({
      dialect,
      maxRecord: this.#maxRecord,
      fields,
      place,
    });
  }
}

/** JSON Lines: an object on each line. */
export class JsonFormat implements Format {
  readonly kind = "JSON Lines";
  readonly #options: Omit<JsonReaderOptions, "place">;

  /** Describes what is taken of each object. */
  constructor(options: Omit<JsonReaderOptions, "place">) {
    this.#options = options;
  }

  reader(place: Place): RecordReader {
    return new JsonReader({ ...this.#options, place });
  }
}

/** What CSV is called: by its delimiter, where that is not a comma. */
function kindOf({ delimiter }: Dialect): string {
  if (delimiter === COMMA) return "CSV";
  const char = delimiter === TAB ? "tabs" : String.fromCharCode(delimiter);
  return `CSV with ${char}`;
}
