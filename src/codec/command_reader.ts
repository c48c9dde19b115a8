/**
 * Reads the commands of a piped input as records, so that what holds for rows
 * holds for commands: they are batched, routed, sent again and accounted for in
 * the same way.
 *
 * A record here is one command, RESP or inline, and it becomes one command: its
 * own bytes, or the array that an inline command stands for.
 *
 * @module
 */
import { ASTERISK } from "../protocol/ascii.ts";
import type { ByteBuffer } from "../protocol/byte_buffer.ts";
import { CommandScanner } from "../protocol/command_scanner.ts";
import { InlineEncoder } from "../protocol/inline_encoder.ts";
import type { Place } from "./place.ts";
import { RecordView } from "./record.ts";
import { Step } from "./step.ts";

const EMPTY = new Uint8Array();

/**
 * Reads commands out of stretches of input.
 *
 * @example
 * ```ts
 * import { CommandReader } from "./command_reader.ts";
 * import { Step } from "./step.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const reader = new CommandReader({ records: 0, line: 1, offset: 0 });
 * const input = new TextEncoder().encode("\r\nPING\r\n*1\r\n$4\r\nPI");
 * reader.feed(input, 0, input.length);
 * assertEquals(reader.next(), Step.Record);
 * assertEquals([reader.records, reader.offset], [1, 2]);
 * assertEquals(reader.next(), Step.NeedInput);
 * assertEquals(reader.boundary, 8);
 * ```
 */
export class CommandReader {
  /** The current command; valid until the next call. */
  readonly record: RecordView = new RecordView(0);
  /** Commands so far, of all sources, the current one included. */
  records: number;
  /** There are no lines to count. */
  readonly line = 1;
  /** Finds the bounds, and says what is wrong behind the last one. */
  readonly scanner = new CommandScanner();
  #bytes: Uint8Array = EMPTY;
  #end = 0;
  /** Index behind what was scanned. */
  #at = 0;
  /** Index of the first byte that belongs to no whole command. */
  #boundary = 0;
  /** Bytes of the source in front of the buffer's first. */
  #origin: number;
  /** Commands in front of the first one. */
  readonly #before: number;

  /**
   * Makes a reader without input.
   *
   * @param place Where in its source the input begins.
   */
  constructor({ records, offset }: Place) {
    this.records = records;
    this.#before = records;
    this.#origin = offset;
  }

  /** The current command's bytes as they stand in the input. */
  get raw(): Uint8Array {
    const { bytes, start, end } = this.record;
    return bytes.subarray(start, end);
  }

  /** Bytes of the source in front of the current command. */
  get offset(): number {
    return this.#origin + this.record.start;
  }

  /** Index in the buffer behind the last whole command, and empty lines. */
  get boundary(): number {
    return this.#boundary;
  }

  /** Bytes of the source in front of what was not looked at. */
  get scanned(): number {
    return this.#origin + this.#at;
  }

  /** The ordinal of the MULTI that waits for its EXEC; 0 for none. */
  get openMulti(): number {
    const { openMulti } = this.scanner;
    return openMulti === 0 ? 0 : this.#before + openMulti;
  }

  /** The place behind the last whole command. */
  place(): Place {
    const { records, line } = this;
    return { records, line, offset: this.#origin + this.#boundary };
  }

  /** Shows it its next input, the bytes from {@linkcode boundary} on first. */
  feed(bytes: Uint8Array, start: number, end: number): void {
    const moved = start - this.#boundary;
    this.#bytes = bytes;
    this.#origin -= moved;
    this.#at += moved;
    this.#boundary = start;
    this.#end = end;
  }

  /**
   * Reads one command.
   *
   * @returns What that came to; where it is broken, the scanner knows why.
   */
  next(): Step {
    const { scanner, record } = this;
    const { commands } = scanner;
    this.#at = scanner.scan(this.#bytes, this.#at, this.#end, 1);
    if (scanner.begin >= 0) this.#boundary = scanner.begin;
    if (scanner.commands > commands) {
      record.bytes = this.#bytes;
      record.start = this.#boundary;
      record.end = this.#boundary = this.#at;
      this.records++;
      return Step.Record;
    }
    if (scanner.hazard !== undefined || scanner.fault !== undefined) {
      return Step.Broken;
    }
    if (!scanner.open) this.#boundary = this.#at;
    return Step.NeedInput;
  }

  /** There is nothing more: what is not whole is no command. */
  finish(): Step {
    return Step.NeedInput;
  }
}

/** Writes commands as the arrays that a router can walk over. */
export class CommandEncoder {
  /** A command becomes one command. */
  readonly commandsPerRecord = 1;
  readonly #inline = new InlineEncoder();

  /**
   * Appends a command.
   *
   * @param out The buffer; it grows as needed.
   */
  encode({ bytes, start, end }: RecordView, out: ByteBuffer): void {
    if (bytes[start] === ASTERISK) out.append(bytes, start, end);
    else this.#inline.encode(bytes, start, end, out);
  }
}
