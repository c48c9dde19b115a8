/**
 * Encodes rows that share commands.
 *
 * Why it has this shape: rows are found and written as commands of their own,
 * many at a time, by the one loop that is fast (record_writer.ts). Then each is
 * looked at where it was written: if it begins as the open command does, only
 * its own arguments are moved down behind that, else it is moved down whole and
 * is the open command. How many rows a command will have is not known when its
 * first byte is written, so its array header is put right when it is closed,
 * which moves its bytes only where the count has more digits than before.
 *
 * Rows are written {@linkcode GAP} bytes behind the output, so that neither
 * what a header grows by nor what is moved in words reaches a row that was not
 * looked at.
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
import { MOST_ENDS, OVERRUN, RecordWriter } from "./record_writer.ts";

/**
 * Rows that share a command at the most. Measured with a load of 1,000,000 rows
 * of `SET` on two cores, best of five: 1.30 s with commands of their own, 1.06 s
 * with 8 rows a command, 0.80 s with 16, 0.82 s with 32, 0.83 s with 64, 0.86 s
 * with 256. More rows gain nothing, and a command that fails costs more of them.
 */
export const MOST_ROWS = 32;

/** Bytes above which a command takes no more rows. */
const MOST_BYTES = 64 * 1024;

/** Bytes left free in front of rows that are to be moved down. */
const GAP = OVERRUN;

/** Moves of at least this many bytes are left to the engine's own. */
const LONG_MOVE = 128;

/** Encodes rows, several to a command where they can share one. */
export class Coalescer {
  /** How many rows are in each command since {@linkcode close}. */
  #shares: number[] = [];
  /** How many rows are in the command that is open; 0: none is open. */
  #rows = 0;
  /** Index in the output where the open command begins. */
  #from = 0;
  /** How long its head is: what a row must begin with to join it. */
  #headSize = 0;
  readonly #plan: Coalescing;
  /** Writes a row as a command of its own. */
  readonly #whole: { writer: RecordWriter };
  /** Writes what a row adds to a command. */
  readonly #tail: { writer: RecordWriter };
  readonly #headLength: number;
  readonly #walker = new ArgumentWalker();
  #output: Uint8Array = new Uint8Array();
  #view: DataView = new DataView(this.#output.buffer);

  /**
   * Makes a coalescer.
   *
   * @param plan Which arguments stand once, and which for each row.
   */
  constructor(plan: Coalescing, header: Header) {
    const { head, tail, tailLength } = plan;
    this.#plan = plan;
    this.#headLength = head.length;
    const count = head.length + tailLength;
    const whole = compileArguments([...head, ...tail], header, count);
    this.#whole = { writer: new RecordWriter(whole) };
    this.#tail = { writer: new RecordWriter(compileArguments(tail, header)) };
  }

  /**
   * Appends a row, to the open command or as a new one.
   *
   * @param out The output; the same until {@linkcode close}.
   */
  add(record: RecordView, out: ByteBuffer): void {
    const at = out.length;
    if (!this.#plan.sameKey && this.#takes(at)) {
      this.#tail.writer.write(record, out);
      this.#join(1);
      return;
    }
    out.reserve(GAP);
    out.length += GAP;
    const { writer } = this.#whole;
    writer.write(record, out);
    this.#moveDown(out, at, writer.ends, 1);
  }

  /**
   * Appends the plain records that come next, to the open command or as new
   * ones.
   *
   * @param reader The reader, in front of them.
   * @param out The output; it does not grow.
   * @param limit Records to append at the most.
   * @returns How many were appended; they are read.
   */
  addPlain(reader: RecordReader, out: ByteBuffer, limit: number): number {
    const at = out.length;
    if (!this.#plan.sameKey && this.#takes(at)) {
      const size = at - this.#from;
      // As many as there is room for where they are as long as those before.
      const fitting = Math.ceil((MOST_BYTES - size) * this.#rows / size);
      const most = Math.min(limit, MOST_ROWS - this.#rows, fitting);
      const count = reader.encodePlain(this.#tail, out, most);
      this.#join(count);
      return count;
    }
    if (at + GAP > out.bytes.length) return 0;
    out.length += GAP;
    const most = this.#plan.sameKey ? Math.min(limit, MOST_ENDS) : 1;
    const count = reader.encodePlain(this.#whole, out, most);
    this.#moveDown(out, at, this.#whole.writer.ends, count);
    return count;
  }

  /**
   * Ends the open command: no further row can join it.
   *
   * @returns How many rows are in each command since it was called last.
   */
  close(out: ByteBuffer): number[] {
    out.length += this.#mend(out.bytes, out.length);
    this.#rows = 0;
    const shares = this.#shares;
    this.#shares = [];
    return shares;
  }

  /** Whether the open command takes a row; `to`: where it ends. */
  #takes(to: number): boolean {
    const rows = this.#rows;
    return rows > 0 && rows < MOST_ROWS && to - this.#from < MOST_BYTES;
  }

  #join(rows: number): void {
    this.#rows += rows;
    this.#shares[this.#shares.length - 1] += rows;
  }

  /**
   * Moves rows that were written as commands of their own behind the output.
   *
   * @param to Index behind the output; the rows begin a gap behind.
   * @param ends Index behind each row.
   * @param rows How many rows there are.
   */
  #moveDown(
    out: ByteBuffer,
    to: number,
    ends: Int32Array,
    rows: number,
  ): void {
    const { bytes } = out;
    if (bytes !== this.#output) {
      this.#output = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    const { sameKey, numbers } = this.#plan;
    let at = to + GAP;
    for (let row = 0; row < rows; row++) {
      const end = ends[row];
      const joins = sameKey && this.#takes(to) && this.#hasSameHead(at, end);
      const headSize = joins ? this.#headSize : this.#headSizeAt(at);
      const shares = numbers.length === 0 ||
        this.#hasPlainNumbers(at + headSize, end);
      if (joins && shares) {
        at += headSize;
        this.#join(1);
      } else {
        to += this.#mend(bytes, to);
        this.#from = to;
        this.#headSize = headSize;
        this.#rows = shares ? 1 : 0;
        this.#shares.push(1);
      }
      const size = end - at;
      if (size < LONG_MOVE) {
        const view = this.#view;
        for (let i = 0; i < size; i += 8) {
          view.setBigInt64(to + i, view.getBigInt64(at + i, true), true);
        }
      } else {
        bytes.copyWithin(to, at, end);
      }
      to += size;
      at = end;
    }
    out.length = to;
  }

  /**
   * Puts the open command's count right.
   *
   * @param to Index behind the command; there is room for a longer count.
   * @returns By how many bytes all that is behind the count was moved.
   */
  #mend(bytes: Uint8Array, to: number): number {
    if (this.#rows < 2) return 0;
    const { tailLength } = this.#plan;
    const before = decimalLength(this.#headLength + tailLength);
    const count = this.#headLength + this.#rows * tailLength;
    const moved = decimalLength(count) - before;
    const digits = this.#from + 1;
    if (moved > 0) {
      const behind = digits + before;
      bytes.copyWithin(behind + moved, behind, to);
    }
    writeDecimal(bytes, digits, count);
    return moved;
  }

  /** Whether the row at an index begins as the open command does. */
  #hasSameHead(at: number, end: number): boolean {
    const view = this.#view;
    const from = this.#from;
    const size = this.#headSize;
    if (end - at < size) return false;
    // Backwards: what differs is the key, which is last. In front of it are the
    // array's header and a name, which are the same: the last word may reach in.
    for (let i = size - 4; i > 0; i -= 4) {
      const word = view.getInt32(at + i, true);
      if (word !== view.getInt32(from + i, true)) return false;
    }
    return true;
  }

  /** The length of the head of the row at an index. */
  #headSizeAt(at: number): number {
    const walker = this.#walker;
    walker.begin(this.#output, at);
    walker.nextCommand();
    for (let i = this.#headLength; i > 0; i--) walker.nextArgument();
    return walker.at - at;
  }

  /**
   * Whether the numbers of a row are plain. Else it may be refused, or what
   * stands for a number may be an option, which would govern the other rows too.
   *
   * @param at Index of what it adds to a command.
   * @param end Index behind the row.
   */
  #hasPlainNumbers(at: number, end: number): boolean {
    const { numbers, memberSize, tailLength } = this.#plan;
    const walker = this.#walker;
    // Behind the last number there is nothing to look at.
    const count = tailLength - memberSize + numbers.length;
    walker.begin(this.#output, at, end, count);
    for (let i = 0; walker.nextArgument(); i = (i + 1) % memberSize) {
      if (i >= numbers.length) continue;
      const { bytes, start, length } = walker;
      if (!isPlainNumber(bytes, start, start + length, numbers[i])) {
        return false;
      }
    }
    return true;
  }
}
