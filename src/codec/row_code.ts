/**
 * Code for what a program makes of one record: the part that the two kinds of
 * written functions share (specialize.ts, fuse.ts).
 *
 * In the code everything that is fixed is a constant, and a field is copied by
 * three 32-bit moves without a loop, since most are 12 bytes or shorter and a
 * loop's exit is a branch that the processor guesses wrong. So a few bytes too
 * many are read and written: those written too far are overwritten by what
 * comes next, and room for them is reserved.
 *
 * Nothing of the input or of the template becomes code but numbers: lengths,
 * columns and fixed bytes.
 *
 * What must change together: the names that the code uses (below), and the
 * functions that declare them.
 *
 * | name | what it is |
 * |---|---|
 * | `v`, `vb` | the input, as a DataView and as bytes |
 * | `o`, `ob` | the output, as a DataView and as bytes |
 * | `at` | index in the output of the next byte to write |
 * | `f0`, `f1` ... | index in the input of each field's first byte |
 * | `n0`, `n1` ... | bytes that each field's value has |
 * | `n` | free |
 *
 * @module
 */
import { writeDecimal } from "../protocol/encode.ts";
import { Op, type Program } from "./program.ts";

/** Bytes of a field that are copied without asking how long it is. */
export const UNCONDITIONAL = 12;

/** Bytes behind a field that the code may read, and behind its output. */
export const OVERRUN = 16;

/**
 * Fields of at least this many bytes are copied by `set`: it takes a view of its
 * own, which is an allocation, but then runs at the speed of memory.
 */
const LONG_FIELD = 128;

/**
 * Operations above which no code is written, because the engine takes longer to
 * optimise it than the interpreter takes for the rows: 60 MB of rows of 1,000
 * columns took 2.7 s with code and 0.7 s without.
 */
const MOST_OPERATIONS = 128;

/**
 * Operations that one function is written for. The engine (V8) optimises no
 * function whose bytecode is larger than 60 kB, and one that it does not
 * optimise gains nothing: with 80 operations in one piece, 60 MB of rows took
 * 2.4 s instead of 0.6 s.
 */
const PER_PART = 32;

/** `\r\n` behind one digit and behind two, as little-endian numbers. */
const ONE_DIGIT = 0x0a0d30;
const TWO_DIGITS = 0x0a0d3030;
const CRLF = 0x0a0d;

/**
 * Writes a length of two digits or more, and CRLF.
 *
 * @param output The output.
 * @param outputBytes The same as `output`.
 * @param at Index of the first byte to write.
 * @param length The length.
 * @returns The index behind the last byte written.
 */
export function writeLength(
  output: DataView,
  outputBytes: Uint8Array,
  at: number,
  length: number,
): number {
  if (length < 100) {
    const tens = (length / 10) | 0;
    const digits = TWO_DIGITS + tens + ((length - tens * 10) << 8);
    output.setUint32(at, digits, true);
    return at + 4;
  }
  at = writeDecimal(outputBytes, at, length);
  output.setUint16(at, CRLF, true);
  return at + 2;
}

/**
 * Copies the bytes of a field past the first {@linkcode UNCONDITIONAL}.
 *
 * @param input The input.
 * @param output The output.
 * @param inputBytes The same as `input`.
 * @param outputBytes The same as `output`.
 * @param from Index in the input of the field's first byte.
 * @param at Index in the output of the field's first byte.
 * @param size Bytes that the field has.
 */
export function copyRest(
  input: DataView,
  output: DataView,
  inputBytes: Uint8Array,
  outputBytes: Uint8Array,
  from: number,
  at: number,
  size: number,
): void {
  if (size >= LONG_FIELD) {
    outputBytes.set(inputBytes.subarray(from, from + size), at);
    return;
  }
  for (let i = UNCONDITIONAL; i < size; i += 4) {
    output.setUint32(at + i, input.getUint32(from + i, true), true);
  }
}

/**
 * Code that writes fixed bytes as constants, eight at a time where these can be
 * written as a number: a NaN or a negative zero would lose some of its bits.
 *
 * What is written too far is overwritten by what comes next.
 */
function fixedCode(program: Program, from: number, length: number): string {
  const { fixed } = program;
  const view = new DataView(fixed.buffer, fixed.byteOffset);
  let code = "";
  for (let i = 0; i < length;) {
    const double = view.getFloat64(from + i, true);
    const isWhole = Number.isFinite(double) && !Object.is(double, -0);
    if (length - i > 4 && isWhole) {
      code += `o.setFloat64(at+${i},${double},true);`;
      i += 8;
    } else {
      code += `o.setUint32(at+${i},${view.getUint32(from + i, true)},true);`;
      i += 4;
    }
  }
  return code + (length > 0 ? `at+=${length};` : "");
}

function lengthCode(sum: string): string {
  return `n=${sum};` +
    `if(n<10){o.setUint32(at,${ONE_DIGIT}+n,true);at+=3}` +
    "else at=writeLength(o,ob,at,n);";
}

function fieldCode(column: number, copyMore: CopyMore): string {
  const from = `f${column}`;
  const size = `n${column}`;
  let code = "";
  for (let i = 0; i < UNCONDITIONAL; i += 4) {
    code += `o.setUint32(at+${i},v.getUint32(${from}+${i},true),true);`;
  }
  return code +
    `${copyMore(column)}at+=${size};`;
}

/** Code that copies what is left of a column's field. */
export type CopyMore = (column: number) => string;

/** Code for a part of what a record becomes. */
export interface RowCode {
  /** The statements. */
  readonly body: string;
  /** The columns that they use, in the order of their first use. */
  readonly columns: readonly number[];
}

/**
 * Writes the code for a program.
 *
 * @param program The program.
 * @param copyMore Code for the bytes of a field past the first
 * {@linkcode UNCONDITIONAL}.
 * @returns The code, in parts to be run in order, each in a function of its
 * own; nothing where the program is too long for it, or has operations that
 * depend on which fields are empty.
 */
export function rowCode(
  program: Program,
  copyMore: CopyMore,
): RowCode[] | undefined {
  const { code } = program;
  const parts: RowCode[] = [];
  let columns = new Set<number>();
  let body = "";
  let operations = 0;
  for (let pc = 0; pc < code.length;) {
    const op = code[pc];
    body += fixedCode(program, code[pc + 1], code[pc + 2]);
    if (op === Op.Bulk || op === Op.Field) {
      const column = code[pc + 3];
      columns.add(column);
      if (op === Op.Bulk) body += lengthCode(`n${column}`);
      body += fieldCode(column, copyMore);
      pc += 4;
    } else if (op === Op.Length) {
      const count = code[pc + 4];
      const summed = Array.from(code.subarray(pc + 5, pc + 5 + count));
      for (const column of summed) columns.add(column);
      body += lengthCode(
        [code[pc + 3], ...summed.map((c) => `n${c}`)].join("+"),
      );
      pc += 5 + count;
    } else if (op === Op.Fixed) {
      pc += 3;
    } else {
      return undefined;
    }
    if (++operations > MOST_OPERATIONS) return undefined;
    if (operations % PER_PART === 0 || pc >= code.length) {
      parts.push({ body, columns: [...columns] });
      columns = new Set();
      body = "";
    }
  }
  return parts;
}
