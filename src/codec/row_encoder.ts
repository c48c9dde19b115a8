/**
 * The row encoder: a record in, the RESP of its commands out. The hot path.
 *
 * Why it has this shape: the program says what to copy, and copying goes four
 * bytes at a time through a `DataView`, because most fields are a few bytes
 * long, where a call of `set` with a view of its own costs more than the bytes
 * do. Such a copy writes and reads up to 3 bytes too many: the bytes written
 * too far are overwritten by what comes next, and the room for them is
 * reserved; a record at the very end of its buffer takes the careful way.
 *
 * What must change together: the operations (program.ts), `#run` and
 * `#runCarefully`; the two must write the same bytes.
 *
 * @module
 */
import type { ByteBuffer } from "../protocol/byte_buffer.ts";
import { writeDecimal } from "../protocol/encode.ts";
import {
  compileProgram,
  Op,
  type Program,
  type ProgramOptions,
} from "./program.ts";
import type { RecordView } from "./record.ts";
import type { Template } from "./template.ts";

/** `\r\n` as a little-endian 16-bit number. */
const CRLF = 0x0a0d;
/** `0\r\n` and `00\r\n` as little-endian numbers, to add digits to. */
const ONE_DIGIT = 0x0a0d30;
const TWO_DIGITS = 0x0a0d3030;

/**
 * Fields of at least this many bytes are copied by `set` instead of four bytes
 * at a time.
 */
const LONG_FIELD = 128;

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
  readonly #fixed: DataView;
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
    this.#fixed = new DataView(this.#program.fixed.buffer);
  }

  /**
   * Appends a record's commands.
   *
   * @param record A record with as many fields as the header has columns.
   * @param out The buffer; it grows as needed.
   */
  encode(record: RecordView, out: ByteBuffer): void {
    const { bytes } = record;
    const size = record.end - record.start;
    out.reserve(this.#program.overhead + size * this.#program.uses + 16);
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
    out.length = record.escaped || record.end + 4 > bytes.length
      ? this.#runCarefully(record, out.length)
      : this.#run(record, out.length);
  }

  #run(record: RecordView, at: number): number {
    const { code } = this.#program;
    const fixed = this.#fixed;
    const input = this.#inputView;
    const output = this.#outputView;
    const { start, starts, ends } = record;
    for (let pc = 0; pc < code.length;) {
      const op = code[pc];
      const from = code[pc + 1];
      const length = code[pc + 2];
      if (op === Op.Pair) {
        const column = code[pc + 3];
        if (ends[column] === starts[column]) {
          pc += 4;
          continue;
        }
      }
      for (let i = 0; i < length; i += 4) {
        output.setUint32(at + i, fixed.getUint32(from + i, true), true);
      }
      at += length;
      if (op <= Op.Field || op === Op.Pair) {
        const column = code[pc + 3];
        pc += 4;
        const first = starts[column];
        const size = ends[column] - first;
        const source = start + first;
        if (op !== Op.Field) at = this.#writeLength(at, size);
        if (size < LONG_FIELD) {
          for (let i = 0; i < size; i += 4) {
            output.setUint32(at + i, input.getUint32(source + i, true), true);
          }
        } else {
          this.#output.set(this.#input.subarray(source, source + size), at);
        }
        at += size;
        if (op === Op.Pair) {
          output.setUint16(at, CRLF, true);
          at += 2;
        }
      } else if (op === Op.Fixed) {
        pc += 3;
      } else {
        let sum = code[pc + 3];
        const last = pc + 5 + code[pc + 4];
        for (pc += 5; pc < last; pc++) {
          const size = ends[code[pc]] - starts[code[pc]];
          sum += op === Op.Length ? size : size > 0 ? 2 : 0;
        }
        at = this.#writeLength(at, sum);
      }
    }
    return at;
  }

  #writeLength(at: number, length: number): number {
    if (length < 10) {
      this.#outputView.setUint32(at, ONE_DIGIT + length, true);
      return at + 3;
    }
    if (length < 100) {
      const tens = (length / 10) | 0;
      this.#outputView.setUint32(
        at,
        TWO_DIGITS + tens + ((length - tens * 10) << 8),
        true,
      );
      return at + 4;
    }
    at = writeDecimal(this.#output, at, length);
    this.#outputView.setUint16(at, CRLF, true);
    return at + 2;
  }

  /** As `#run`, for doubled quotes and for the end of a buffer. */
  #runCarefully(record: RecordView, at: number): number {
    const { code, fixed } = this.#program;
    const output = this.#output;
    for (let pc = 0; pc < code.length;) {
      const op = code[pc];
      const from = code[pc + 1];
      const length = code[pc + 2];
      if (op === Op.Pair && fieldSize(record, code[pc + 3]) === 0) {
        pc += 4;
        continue;
      }
      output.set(fixed.subarray(from, from + length), at);
      at += length;
      if (op <= Op.Field || op === Op.Pair) {
        const column = code[pc + 3];
        pc += 4;
        if (op !== Op.Field) {
          at = this.#writeLength(at, fieldSize(record, column));
        }
        at = this.#copyField(record, column, at);
        if (op === Op.Pair) {
          this.#outputView.setUint16(at, CRLF, true);
          at += 2;
        }
      } else if (op === Op.Fixed) {
        pc += 3;
      } else {
        let sum = code[pc + 3];
        const last = pc + 5 + code[pc + 4];
        for (pc += 5; pc < last; pc++) {
          const size = fieldSize(record, code[pc]);
          sum += op === Op.Length ? size : size > 0 ? 2 : 0;
        }
        at = this.#writeLength(at, sum);
      }
    }
    return at;
  }

  /** Copies a field with doubled quotes made single. */
  #copyField(record: RecordView, column: number, at: number): number {
    const { bytes, quote } = record;
    let from = record.start + record.starts[column];
    const to = record.start + record.ends[column];
    let doubled = record.escaped ? record.doubled[column] : 0;
    while (doubled > 0) {
      const found = bytes.indexOf(quote, from) + 1;
      this.#output.set(bytes.subarray(from, found), at);
      at += found - from;
      from = found + 1;
      doubled--;
    }
    this.#output.set(bytes.subarray(from, to), at);
    return at + to - from;
  }
}

function fieldSize(record: RecordView, column: number): number {
  const size = record.ends[column] - record.starts[column];
  return record.escaped ? size - record.doubled[column] : size;
}
