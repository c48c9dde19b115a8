/**
 * A reader whose records have more fields than the input: those that are made
 * of the record (placeholder.ts). They stand behind the others.
 *
 * Why it has this shape: the writer wants all fields of a record in one buffer,
 * so the record is copied, and what is made of it is written behind. Only
 * templates that ask for such fields pay for that.
 *
 * @module
 */
import { CR, LF } from "../protocol/ascii.ts";
import { ByteBuffer } from "../protocol/byte_buffer.ts";
import { writeDecimal } from "../protocol/encode_command.ts";
import type { Derived } from "./placeholder.ts";
import type { Format, RecordReader } from "./format.ts";
import type { Header } from "./header.ts";
import { writeJsonString } from "./json_string.ts";
import type { Place } from "./place.ts";
import { RecordView } from "./record.ts";
import { OVERRUN } from "./record_writer.ts";
import { type RecordFault, Step } from "./step.ts";

/** The most bytes that a byte of a string takes in JSON. */
const MOST_ESCAPED = 6;

/** The most bytes of a whole number. */
const MOST_DIGITS = 20;

/** Names of a record's fields as they begin a member: `"id":`. */
type Names = readonly Uint8Array[];

/**
 * How a record's object is made: of named fields; or the record is one already.
 */
export type DocumentShape =
  | { readonly names: Names; readonly skipEmpty: boolean }
  | undefined;

/**
 * Prepares the objects of a source's records.
 *
 * @param skipEmpty Whether empty fields are left out.
 */
export function documentShape(
  header: Header,
  skipEmpty: boolean,
): DocumentShape {
  const encoder = new TextEncoder();
  const names = header.labels.map((label) =>
    encoder.encode(`${JSON.stringify(label)}:`)
  );
  return { names, skipEmpty };
}

/** A format whose records have derived fields besides their own. */
export class DerivedFormat implements Format {
  readonly kind: string;
  readonly #base: Format;
  readonly #derived: readonly Derived[];
  readonly #document: DocumentShape;

  /**
   * Adds derived fields to a format.
   *
   * @param document How a record's object is made; nothing where it is one.
   */
  constructor(
    base: Format,
    derived: readonly Derived[],
    document: DocumentShape,
  ) {
    this.kind = base.kind;
    this.#base = base;
    this.#derived = derived;
    this.#document = document;
  }

  reader(place: Place, fields?: number): RecordReader {
    const own = fields === undefined
      ? undefined
      : fields - this.#derived.length;
    return this.derive(this.#base.reader(place, own));
  }

  /** Makes a reader of one that reads the records already. */
  derive(base: RecordReader): RecordReader {
    return new DerivedReader(base, this.#derived, this.#document);
  }
}

/** Adds derived fields to the records of another reader. */
export class DerivedReader implements RecordReader {
  readonly record: RecordView;
  readonly #base: RecordReader;
  readonly #derived: readonly Derived[];
  readonly #document: DocumentShape;
  #fault: RecordFault | undefined;
  /** What the base is shown. */
  #input: Uint8Array = new Uint8Array();
  readonly #out = new ByteBuffer(1024);

  /**
   * Makes a reader.
   *
   * @param document How a record's object is made; the input's line where that
   * is not said.
   */
  constructor(
    base: RecordReader,
    derived: readonly Derived[],
    document: DocumentShape,
  ) {
    this.#base = base;
    this.#derived = derived;
    this.#document = document;
    this.record = new RecordView(16, base.record.quote);
  }

  get fault(): RecordFault | undefined {
    return this.#fault ?? this.#base.fault;
  }

  get raw(): Uint8Array {
    return this.#base.raw;
  }

  get start(): number {
    return this.#base.start;
  }

  get records(): number {
    return this.#base.records;
  }

  set records(records: number) {
    this.#base.records = records;
  }

  get line(): number {
    return this.#base.line;
  }

  get offset(): number {
    return this.#base.offset;
  }

  get blankLines(): number {
    return this.#base.blankLines;
  }

  get fields(): number {
    return this.#base.fields;
  }

  set fields(fields: number) {
    this.#base.fields = fields;
  }

  get boundary(): number {
    return this.#base.boundary;
  }

  get pending(): number {
    return this.#base.pending;
  }

  place(): Place {
    return this.#base.place();
  }

  feed(bytes: Uint8Array, start: number, end: number): void {
    this.#input = bytes;
    this.#base.feed(bytes, start, end);
  }

  unread(): void {
    this.#base.unread();
  }

  encodePlain(): number {
    return 0;
  }

  next(): Step {
    return this.#derive(this.#base.next());
  }

  finish(): Step {
    return this.#derive(this.#base.finish());
  }

  #derive(step: Step): Step {
    this.#fault = undefined;
    if (step !== Step.Record) return step;
    const { record } = this;
    const from = this.#base.record;
    const count = from.fieldCount;
    while (record.starts.length < count + this.#derived.length) record.grow();
    this.#out.length = 0;
    this.#out.append(from.bytes, from.start, from.end);
    record.escaped = from.escaped;
    record.fieldCount = count + this.#derived.length;
    for (let column = 0; column < count; column++) {
      record.starts[column] = from.starts[column];
      record.ends[column] = from.ends[column];
      record.doubled[column] = from.doubled[column];
    }
    for (let i = 0; i < this.#derived.length; i++) {
      record.starts[count + i] = this.#out.length;
      if (!this.#write(this.#derived[i])) return Step.Reject;
      record.ends[count + i] = this.#out.length;
      record.doubled[count + i] = 0;
    }
    this.#out.reserve(OVERRUN);
    record.bytes = this.#out.bytes;
    record.start = 0;
    record.end = this.#out.length;
    return step;
  }

  /** Writes a field; says whether that can be done. */
  #write(derived: Derived): boolean {
    switch (derived.kind) {
      case "number":
        this.#number(this.records);
        return true;
      case "spread": {
        const { from, to } = derived;
        this.#number(from + Math.floor(this.#hash() * (to - from + 1)));
        return true;
      }
      case "document":
        if (this.#document !== undefined) return this.#object(this.#document);
        this.#out.append(this.#input, this.start, this.#lineEnd());
        return true;
    }
  }

  #number(number: number): void {
    this.#out.reserve(MOST_DIGITS + OVERRUN);
    if (number < 0) this.#out.bytes[this.#out.length++] = 0x2d;
    this.#out.length = writeDecimal(
      this.#out.bytes,
      this.#out.length,
      Math.abs(number),
    );
  }

  /** A number from 0 to below 1 that the record's bytes alone decide. */
  #hash(): number {
    const bytes = this.#input;
    const end = this.#lineEnd();
    // FNV-1a, whose bits are then mixed: its high ones vary too little.
    let hash = 0x811c9dc5;
    for (let i = this.start; i < end; i++) {
      hash = Math.imul(hash ^ bytes[i], 0x01000193);
    }
    hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
    hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
    return ((hash ^ hash >>> 16) >>> 0) / 2 ** 32;
  }

  /** Index behind the record, without its line break: its last has none. */
  #lineEnd(): number {
    const bytes = this.#input;
    let end = this.#base.boundary;
    if (end > this.start && bytes[end - 1] === LF) end--;
    if (end > this.start && bytes[end - 1] === CR) end--;
    return end;
  }

  #object({ names, skipEmpty }: NonNullable<DocumentShape>): boolean {
    const { record } = this;
    this.#out.reserve(2 + OVERRUN);
    let before = 0x7b;
    for (let column = 0; column < names.length; column++) {
      const from = record.starts[column];
      const to = record.ends[column];
      if (skipEmpty && from === to) continue;
      const name = names[column];
      this.#out.reserve(name.length + 3 + MOST_ESCAPED * (to - from) + OVERRUN);
      const values = this.#out.bytes;
      values[this.#out.length++] = before;
      before = 0x2c;
      values.set(name, this.#out.length);
      this.#out.length += name.length;
      const quote = record.escaped && record.doubled[column] > 0
        ? record.quote
        : -1;
      const end = writeJsonString(values, from, to, quote, this.#out.length);
      if (end === -1) {
        this.#fault = {
          reason: `field ${column + 1} is no UTF-8, so it cannot be in JSON`,
          line: this.line,
          offset: this.offset,
        };
        return false;
      }
      this.#out.length = end;
    }
    this.#out.reserve(2 + OVERRUN);
    if (before === 0x7b) this.#out.bytes[this.#out.length++] = before;
    this.#out.bytes[this.#out.length++] = 0x7d;
    return true;
  }
}
