import type { ByteBuffer } from "../protocol/byte_buffer.ts";
import type { CsvReader } from "./csv_reader.ts";
import { fuse, type FusedFunction, type FuseOptions } from "./fuse.ts";
import { compileProgram, type ProgramOptions } from "./program.ts";
import { OVERRUN } from "./row_code.ts";
import type { Template } from "./template.ts";

/**
 * Bytes that a source must have for a function to be written: that takes about
 * a millisecond, and fewer rows are done in less.
 */
const WORTH_WRITING = 16 * 1024;

/** The most records of a run: more than any input buffer holds. */
const MOST_RECORDS = 0x7fffffff;

/**
 * Reads and encodes plain records many at a time, and leaves every other one to
 * the reader and the row encoder.
 *
 * @example
 * ```ts
 * import { PlainRun } from "./plain_run.ts";
 * import { CsvReader } from "./csv_reader.ts";
 * import { parseDialect } from "./dialect.ts";
 * import { Header } from "./header.ts";
 * import { Step } from "./step.ts";
 * import { compileTemplate } from "./template.ts";
 * import { ByteBuffer } from "../protocol/byte_buffer.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const template = compileTemplate([["DEL", "{id}"]], Header.named(["id"]));
 * const dialect = parseDialect();
 * const run = new PlainRun(template, { dialect, fields: 1 });
 * const reader = new CsvReader({ dialect, fields: 1 });
 * const rows = new TextEncoder().encode("7\n".repeat(10_000));
 * const input = new Uint8Array(rows.length + 16);
 * input.set(rows);
 * reader.feed(input, 0, rows.length);
 * assertEquals(reader.next(), Step.Record);
 * assertEquals(run.isReady(reader), true);
 * const out = new ByteBuffer(300_000);
 * assertEquals(run.encode(reader, out), 9_999);
 * assertEquals(reader.records, 10_000);
 * ```
 */
export class PlainRun {
  readonly #template: Template;
  readonly #options: FuseOptions & ProgramOptions;
  readonly #outcome = new Int32Array(2);
  /** Written when it is worth it; null where none can be. */
  #run: FusedFunction | null | undefined;
  #input: Uint8Array = new Uint8Array();
  #inputView: DataView = new DataView(this.#input.buffer);
  #output = new Uint8Array();
  #outputView = new DataView(this.#output.buffer);

  /**
   * Prepares for a kind of input.
   *
   * @param template What each record becomes.
   * @param options The kind of input, and what may be left out.
   */
  constructor(template: Template, options: FuseOptions & ProgramOptions) {
    this.#template = template;
    this.#options = options;
  }

  /**
   * Whether it can do anything for a reader.
   *
   * @param reader The reader, in front of the records.
   * @returns False for few bytes, and for a program that it cannot run.
   */
  isReady(reader: CsvReader): boolean {
    if (this.#run === undefined && reader.seen >= WORTH_WRITING) {
      const program = compileProgram(this.#template, this.#options);
      this.#run = fuse(program, this.#options) ?? null;
    }
    return this.#run !== undefined && this.#run !== null;
  }

  /**
   * Encodes the plain records that the reader would come to next.
   *
   * It stops in front of the first one that is not plain, and where the buffer
   * has no room: the buffer does not grow.
   *
   * @param reader The reader; behind its input there must be
   * {@linkcode OVERRUN} bytes, which are overwritten.
   * @param out Where the commands are appended.
   * @param limit Records to encode at the most.
   * @returns How many were encoded, and passed in the reader.
   */
  encode(reader: CsvReader, out: ByteBuffer, limit = Infinity): number {
    const run = this.#run;
    if (run === undefined || run === null || !reader.isAtRecord) return 0;
    const { bytes } = reader;
    if (out.bytes !== this.#output) {
      this.#output = out.bytes;
      this.#outputView = new DataView(out.bytes.buffer);
    }
    if (bytes !== this.#input) {
      this.#input = bytes;
      this.#inputView = new DataView(
        bytes.buffer,
        bytes.byteOffset,
        bytes.length,
      );
    }
    out.length = run(
      this.#inputView,
      this.#outputView,
      bytes,
      this.#output,
      reader.boundary,
      reader.end,
      out.length,
      out.bytes.length - OVERRUN,
      Math.min(limit, MOST_RECORDS),
      this.#outcome,
    );
    const records = this.#outcome[1];
    reader.pass(this.#outcome[0], records);
    return records;
  }
}
