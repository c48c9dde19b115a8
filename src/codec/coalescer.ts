/**
 * Encodes rows that share commands.
 *
 * Why it has this shape: how many rows a command will have is not known when
 * its first byte is written. So the first row is written as a whole command,
 * further ones add their own arguments behind it, and when the command is
 * closed its array header is put right, which moves its bytes only where the
 * count has more digits than before. A row is compared with the open command by
 * writing its head behind it and comparing the bytes; a head that is the same
 * is taken back.
 *
 * @module
 */
import { ArgumentWalker } from "../protocol/argument_walker.ts";
import type { ByteBuffer } from "../protocol/byte_buffer.ts";
import { decimalLength, writeDecimal } from "../protocol/encode_command.ts";
import { isPlainNumber } from "../protocol/plain_number.ts";
import type { Coalescing } from "./coalescing.ts";
import type { RecordReader } from "./format.ts";
import type { Header } from "./header.ts";
import { compileArguments } from "./layout.ts";
import type { RecordView } from "./record.ts";
import { RecordWriter } from "./record_writer.ts";

/**
 * Rows that share a command at the most. Measured with a load of 1,000,000 rows
 * of `SET` on two cores, best of five: 1.30 s with commands of their own, 1.06 s
 * with 8 rows a command, 0.80 s with 16, 0.82 s with 32, 0.83 s with 64, 0.86 s
 * with 256. More rows gain nothing, and a command that fails costs more of them.
 */
export const MOST_ROWS = 32;

/** Bytes above which a command takes no more rows. */
const MOST_BYTES = 64 * 1024;

/** Encodes rows, several to a command where they can share one. */
export class Coalescer {
  /** How many rows are in the command that is open; 0: none is open. */
  #rows = 0;
  /** Index in the output where the open command begins, and its head ends. */
  #from = 0;
  #headEnd = 0;
  readonly #plan: Coalescing;
  readonly #head: RecordWriter;
  readonly #tail: RecordWriter;
  readonly #plainTail: { writer: RecordWriter };
  readonly #headLength: number;
  readonly #walker = new ArgumentWalker();

  /**
   * Makes a coalescer.
   *
   * @param plan Which arguments stand once, and which for each row.
   * @param header The columns.
   */
  constructor(plan: Coalescing, header: Header) {
    this.#plan = plan;
    this.#headLength = plan.head.length;
    const count = this.#headLength + plan.tailLength;
    this.#head = new RecordWriter(compileArguments(plan.head, header, count));
    this.#tail = new RecordWriter(compileArguments(plan.tail, header));
    this.#plainTail = { writer: this.#tail };
  }

  /**
   * Appends a row, to the open command or as a new one.
   *
   * @param record The record.
   * @param out The output; the same until {@linkcode close}.
   * @returns Whether the row began a new command.
   */
  add(record: RecordView, out: ByteBuffer): boolean {
    const { sameKey } = this.#plan;
    const at = out.length;
    const open = this.#rows > 0 && this.#rows < MOST_ROWS &&
      at - this.#from < MOST_BYTES;
    if (open && !sameKey) {
      this.#tail.write(record, out);
      this.#rows++;
      return false;
    }
    this.#head.write(record, out);
    const headEnd = out.length;
    const joins = open && this.#isSameHead(out, at);
    if (joins) out.length = at;
    const tailAt = out.length;
    this.#tail.write(record, out);
    const shares = this.#hasPlainNumbers(out, tailAt);
    if (joins && shares) {
      this.#rows++;
      return false;
    }
    if (joins) {
      out.length = at;
      this.#head.write(record, out);
      this.#tail.write(record, out);
    }
    const moved = this.#mend(out);
    this.#from = at + moved;
    this.#headEnd = headEnd + moved;
    this.#rows = shares ? 1 : 0;
    return true;
  }

  /**
   * Appends the plain records that come next to the open command, where rows
   * share one without being compared.
   *
   * @param reader The reader, in front of them.
   * @param out The output; it does not grow.
   * @param limit Records to append at the most.
   * @returns How many were appended; they are read.
   */
  addPlain(reader: RecordReader, out: ByteBuffer, limit: number): number {
    const size = out.length - this.#from;
    if (this.#plan.sameKey || this.#rows === 0 || size >= MOST_BYTES) return 0;
    // As many as there is room for where they are as long as those before.
    const fitting = Math.floor((MOST_BYTES - size) * this.#rows / size);
    const most = Math.min(limit, MOST_ROWS - this.#rows, fitting);
    const count = reader.encodePlain(this.#plainTail, out, most);
    this.#rows += count;
    return count;
  }

  /**
   * Ends the open command: no further row can join it.
   *
   * @param out The output.
   */
  close(out: ByteBuffer): void {
    this.#mend(out);
    this.#rows = 0;
  }

  /**
   * Puts the open command's count right; returns by how many bytes all that is
   * behind the count was moved.
   */
  #mend(out: ByteBuffer): number {
    if (this.#rows < 2) return 0;
    const { tailLength } = this.#plan;
    const before = decimalLength(this.#headLength + tailLength);
    const count = this.#headLength + this.#rows * tailLength;
    const moved = decimalLength(count) - before;
    const digits = this.#from + 1;
    if (moved > 0) {
      out.reserve(moved);
      const behind = digits + before;
      out.bytes.copyWithin(behind + moved, behind, out.length);
      out.length += moved;
    }
    writeDecimal(out.bytes, digits, count);
    return moved;
  }

  #isSameHead(out: ByteBuffer, at: number): boolean {
    const { bytes } = out;
    const size = this.#headEnd - this.#from;
    if (out.length - at !== size) return false;
    const from = this.#from;
    for (let i = size - 1; i >= 0; i--) {
      if (bytes[from + i] !== bytes[at + i]) return false;
    }
    return true;
  }

  /**
   * Whether the numbers of the row that was just written are plain. Else it may
   * be refused, or what stands for a number may be an option, which would govern
   * the other rows too.
   */
  #hasPlainNumbers(out: ByteBuffer, tailAt: number): boolean {
    const { numbers, memberSize, tailLength } = this.#plan;
    if (numbers.length === 0) return true;
    const walker = this.#walker;
    // Behind the last number there is nothing to look at.
    const count = tailLength - memberSize + numbers.length;
    walker.begin(out.bytes, tailAt, out.length, count);
    let i = 0;
    while (walker.nextArgument()) {
      if (i < numbers.length) {
        const { start, length } = walker;
        const end = start + length;
        if (!isPlainNumber(out.bytes, start, end, numbers[i])) return false;
      }
      if (++i === memberSize) i = 0;
    }
    return true;
  }
}
