/**
 * Runs a program for one record by looking at its operations: for programs
 * that no function was written for (specialize.ts).
 *
 * What must change together: the operations (program.ts), this and
 * specialize.ts; both must write the same bytes.
 *
 * @module
 */
import { writeDecimal } from "../protocol/encode.ts";
import { CR, LF } from "../protocol/ascii.ts";
import { copyBytes } from "./copy_bytes.ts";
import { Op, type Program } from "./program.ts";
import type { RecordView } from "./record.ts";

/**
 * Encodes one record.
 *
 * @param program What to do.
 * @param record The record, without doubled quotes.
 * @param output Where to write; there must be room.
 * @param at Index of the first byte to write.
 * @returns The index behind the last byte written.
 */
export function runProgram(
  program: Program,
  record: RecordView,
  output: Uint8Array,
  at: number,
): number {
  const { code, fixed } = program;
  for (let pc = 0; pc < code.length;) {
    const op = code[pc];
    if (op === Op.Pair && sizeOf(record, code[pc + 3]) === 0) {
      pc += 4;
      continue;
    }
    const from = code[pc + 1];
    at = copyBytes(fixed, from, from + code[pc + 2], output, at);
    if (op === Op.Fixed) {
      pc += 3;
    } else if (op === Op.Length || op === Op.Count) {
      let sum = code[pc + 3];
      const last = pc + 5 + code[pc + 4];
      for (pc += 5; pc < last; pc++) {
        const size = sizeOf(record, code[pc]);
        sum += op === Op.Length ? size : size > 0 ? 2 : 0;
      }
      at = writeLength(output, at, sum);
    } else {
      const column = code[pc + 3];
      pc += 4;
      if (op !== Op.Field) at = writeLength(output, at, sizeOf(record, column));
      const { bytes, start, starts, ends } = record;
      at = copyBytes(
        bytes,
        start + starts[column],
        start + ends[column],
        output,
        at,
      );
      if (op === Op.Pair) at = writeLineBreak(output, at);
    }
  }
  return at;
}

function sizeOf(record: RecordView, column: number): number {
  return record.ends[column] - record.starts[column];
}

function writeLength(output: Uint8Array, at: number, length: number): number {
  return writeLineBreak(output, writeDecimal(output, at, length));
}

function writeLineBreak(output: Uint8Array, at: number): number {
  output[at] = CR;
  output[at + 1] = LF;
  return at + 2;
}
