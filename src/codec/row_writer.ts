/**
 * Writes records by a program: the hot path.
 *
 * Why it has this shape: for each program a function is written that does
 * nothing but copy (specialize.ts). It moves four bytes at a time, so it reads
 * and writes a few bytes too many: those written too far are overwritten by
 * what comes next, and room for them is reserved. Records that cannot bear
 * that, and those with doubled quotes, are copied first (plain_copy.ts).
 *
 * @module
 */
import type { ByteBuffer } from "../protocol/byte_buffer.ts";
import type { Program } from "./program.ts";
import { PlainCopy } from "./plain_copy.ts";
import type { RecordView } from "./record.ts";
import { runProgram } from "./run_program.ts";
import { OVERRUN } from "./row_code.ts";
import { type RowFunction, specialize } from "./specialize.ts";

/** Writes what a program makes of records. */
export class RowWriter {
  readonly #program: Program;
  /** Written when it is needed; null where there is none. */
  #run: RowFunction | null | undefined;
  readonly #plainCopy = new PlainCopy();
  #input: Uint8Array = new Uint8Array();
  #inputView: DataView = new DataView(this.#input.buffer);
  #output = new Uint8Array();
  #outputView = new DataView(this.#output.buffer);

  /**
   * Makes a writer.
   *
   * @param program What to make of each record.
   */
  constructor(program: Program) {
    this.#program = program;
  }

  /**
   * Appends what the program makes of a record.
   *
   * @param record A record with as many fields as the header has columns.
   * @param out The buffer; it grows as needed.
   */
  write(record: RecordView, out: ByteBuffer): void {
    const { overhead, uses } = this.#program;
    out.reserve(overhead + (record.end - record.start) * uses + OVERRUN);
    const plain = record.escaped || record.end + OVERRUN > record.bytes.length
      ? this.#plainCopy.of(record)
      : record;
    if (this.#run === undefined) {
      this.#run = specialize(this.#program) ?? null;
    }
    const run = this.#run;
    if (run === null) {
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
