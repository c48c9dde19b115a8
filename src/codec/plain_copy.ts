import { copyBytes } from "./copy_bytes.ts";
import { RecordView } from "./record.ts";
import { OVERRUN } from "./row_code.ts";

/**
 * Copies records that the row encoder cannot take as they lie: those with
 * doubled quotes, and those at the very end of their buffer.
 *
 * @example
 * ```ts
 * import { PlainCopy } from "./plain_copy.ts";
 * import { CsvReader } from "./csv_reader.ts";
 * import { parseDialect } from "./dialect.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const reader = new CsvReader({ dialect: parseDialect() });
 * const input = new TextEncoder().encode('"say ""hi""",2\n');
 * reader.feed(input, 0, input.length);
 * reader.next();
 * const { bytes, starts, ends } = new PlainCopy().of(reader.record);
 * const field = bytes.subarray(starts[0], ends[0]);
 * assertEquals(new TextDecoder().decode(field), 'say "hi"');
 * ```
 */
export class PlainCopy {
  /** The copy's bytes. */
  view: DataView = new DataView(new ArrayBuffer(0));
  readonly #copy = new RecordView();

  /**
   * Copies a record.
   *
   * @param record The record.
   * @returns The copy, which has no doubled quotes; valid until the next call.
   */
  of(record: RecordView): RecordView {
    const copy = this.#copy;
    const { fieldCount, bytes, start, starts, ends, escaped } = record;
    const size = record.end - start + OVERRUN;
    if (copy.bytes.length < size) {
      copy.bytes = new Uint8Array(size * 2);
      this.view = new DataView(copy.bytes.buffer);
    }
    while (copy.starts.length < fieldCount) copy.grow();
    copy.fieldCount = fieldCount;
    let at = 0;
    for (let i = 0; i < fieldCount; i++) {
      copy.starts[i] = at;
      let from = start + starts[i];
      for (let left = escaped ? record.doubled[i] : 0; left > 0; left--) {
        let found = from;
        while (bytes[found] !== record.quote) found++;
        at = copyBytes(bytes, from, found + 1, copy.bytes, at);
        from = found + 2;
      }
      at = copyBytes(bytes, from, start + ends[i], copy.bytes, at);
      copy.ends[i] = at;
    }
    copy.end = at;
    return copy;
  }
}
