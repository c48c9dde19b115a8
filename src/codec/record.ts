import { NO_QUOTE } from "./dialect.ts";

const EMPTY = new Uint8Array();

/**
 * One record as bytes and field offsets: a view that its reader uses again for
 * every record, so that a record costs no allocation.
 *
 * All offsets are relative to {@linkcode start}. A reader that is short of
 * input can thus go on in another buffer, once the bytes of the record that it
 * has seen are in front of it.
 */
export class RecordView {
  /** The buffer that holds the record. */
  bytes: Uint8Array = EMPTY;
  /** Index in {@linkcode bytes} of the record's first byte. */
  start = 0;
  /** Index in {@linkcode bytes} behind the record's line break. */
  end = 0;
  /** How many fields the record has. */
  fieldCount = 0;
  /** Where each field's value begins, in bytes from {@linkcode start}. */
  starts: Int32Array;
  /** Where each field's value ends, in bytes from {@linkcode start}. */
  ends: Int32Array;
  /**
   * How many doubled quotes are in each field. Means something only where
   * {@linkcode escaped} is true.
   */
  doubled: Int32Array;
  /** Whether any field has doubled quotes, which stand for one each. */
  escaped = false;
  /** The byte that is doubled in an escaped field. */
  readonly quote: number;

  /**
   * Makes an empty view.
   *
   * @param capacity How many fields there is room for at first.
   * @param quote The dialect's quote.
   */
  constructor(capacity = 16, quote: number = NO_QUOTE) {
    this.starts = new Int32Array(capacity);
    this.ends = new Int32Array(capacity);
    this.doubled = new Int32Array(capacity);
    this.quote = quote;
  }

  /** Doubles the room for fields. */
  grow(): void {
    const grown = (old: Int32Array): Int32Array => {
      const next = new Int32Array(old.length * 2);
      next.set(old);
      return next;
    };
    this.starts = grown(this.starts);
    this.ends = grown(this.ends);
    this.doubled = grown(this.doubled);
  }

  /**
   * Copies one field's value out, with doubled quotes made single.
   *
   * For headers, messages and tests; the encoder reads the offsets itself.
   *
   * @param index The field, counting from 0.
   * @returns A copy of the value's bytes.
   * @throws {RangeError} When there is no such field.
   */
  field(index: number): Uint8Array {
    if (index < 0 || index >= this.fieldCount) {
      throw new RangeError(
        `Cannot take field ${index}: the record has ${this.fieldCount}`,
      );
    }
    const raw = this.bytes.slice(
      this.start + this.starts[index],
      this.start + this.ends[index],
    );
    if (!this.escaped || this.doubled[index] === 0) return raw;
    let length = 0;
    for (let i = 0; i < raw.length; i++) {
      raw[length++] = raw[i];
      if (raw[i] === this.quote) i++;
    }
    return raw.subarray(0, length);
  }
}
