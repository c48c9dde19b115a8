/**
 * The row encoder: a record in, the RESP of its commands out. The hot path.
 *
 * Why it has this shape: for each template a function is written that does
 * nothing but copy (specialize.ts). It moves four bytes at a time, so it reads
 * and writes a few bytes too many: those written too far are overwritten by
 * what comes next, and room for them is reserved. Records that cannot bear
 * that, and those with doubled quotes, are copied first (plain_copy.ts).
 *
 * @module
 */
import type { ByteBuffer } from "../protocol/byte_buffer.ts";
import {
  compileProgram,
  type Program,
  type ProgramOptions,
} from "./program.ts";
import { PlainCopy } from "./plain_copy.ts";
import type { RecordView } from "./record.ts";
import { runProgram } from "./run_program.ts";
import { OVERRUN, type RowFunction, specialize } from "./specialize.ts";
import type { Template } from "./template.ts";

/**
 * Turns records into the RESP of their commands.
 *
 * @example
 * ```ts
 * import { RowEncoder } from "./row_encoder.ts";
 * import { CsvReader } from "./csv_reader.ts";
 * import { parseDialect } from "./dialect.ts";
 * import { Header } from "./header.ts";
 * import { compileTemplate } from "./template.ts";
 * import { ByteBuffer } from "../protocol/byte_buffer.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const header = Header.named(["id", "name"]);
 * const template = compileTemplate([["SET", "u:{id}", "{name}"]], header);
 * const encoder = new RowEncoder(template);
 * const reader = new CsvReader({ dialect: parseDialect(), fields: 2 });
 * const input = new TextEncoder().encode("7,Ann\n");
 * reader.feed(input, 0, input.length);
 * reader.next();
 * const out = new ByteBuffer();
 * encoder.encode(reader.record, out);
 * assertEquals(
 *   new TextDecoder().decode(out.view()),
 *   "*3\r\n$3\r\nSET\r\n$3\r\nu:7\r\n$3\r\nAnn\r\n",
 * );
 * ```
 */
export class RowEncoder {
  /** How many commands each record becomes. */
  readonly commandsPerRecord: number;
  readonly #program: Program;
  readonly #run: RowFunction | undefined;
  readonly #plainCopy = new PlainCopy();
  #input: Uint8Array = new Uint8Array();
  #inputView: DataView = new DataView(this.#input.buffer);
  #output = new Uint8Array();
  #outputView = new DataView(this.#output.buffer);

  /**
   * Makes an encoder.
   *
   * @param template What each record becomes.
   * @param options What may be left out.
   */
  constructor(template: Template, options: ProgramOptions = {}) {
    this.commandsPerRecord = template.commands.length;
    this.#program = compileProgram(template, options);
    this.#run = specialize(this.#program);
  }

  /**
   * Appends a record's commands.
   *
   * @param record A record with as many fields as the header has columns.
   * @param out The buffer; it grows as needed.
   */
  encode(record: RecordView, out: ByteBuffer): void {
    const { overhead, uses } = this.#program;
    out.reserve(overhead + (record.end - record.start) * uses + OVERRUN);
    const plain = record.escaped || record.end + OVERRUN > record.bytes.length
      ? this.#plainCopy.of(record)
      : record;
    const run = this.#run;
    if (run === undefined) {
      out.length = runProgram(this.#program, plain, out.bytes, out.length);
      return;
    }
    if (out.bytes !== this.#output) {
      this.#output = out.bytes;
      this.#outputView = new DataView(out.bytes.buffer);
    }
    const { bytes } = plain;
    if (plain === record && bytes !== this.#input) {
      this.#input = bytes;
      this.#inputView = new DataView(
        bytes.buffer,
        bytes.byteOffset,
        bytes.length,
      );
    }
    out.length = run(
      plain === record ? this.#inputView : this.#plainCopy.view,
      this.#outputView,
      bytes,
      this.#output,
      out.length,
      plain.start,
      plain.starts,
      plain.ends,
    );
  }
}
