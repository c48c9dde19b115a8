import {
  CsvReader,
  type CsvReaderOptions,
} from "../../src/codec/csv_reader.ts";
import type { Place } from "../../src/codec/place.ts";
import { SourceStart } from "../../src/codec/source_start.ts";
import { Step } from "../../src/codec/step.ts";

/** What a reader said once, copied out of its view. */
export interface ReadEvent {
  /** Which of the three steps that say something. */
  kind: "record" | "reject" | "broken";
  /** The ordinal, counting from 1. */
  record: number;
  /** The physical line on which the record begins. */
  line: number;
  /** Bytes before the record. */
  offset: number;
  /** The values, one character for each byte; none of a malformed record. */
  fields: string[];
  /** The record as it stood, its line break included. */
  raw: string;
  /** The place behind the record. */
  place: Place;
  /** What is wrong, and where. */
  fault?: { reason: string; line: number; offset: number };
}

/** All that came out of a reader. */
export interface ReadOutcome {
  /** In order; nothing comes after a broken one. */
  events: ReadEvent[];
  /** Lines that were passed over because nothing was on them. */
  blankLines: number;
}

/** How the bytes of an unfinished record get in front of the next piece. */
export type Carry = "move" | "append";

/** What a byte of a buffer is while it must not be read. */
const STALE = 0xee;

/** Bytes behind the input that the row encoder may read. */
const SLACK = 16;

/**
 * Turns bytes into a string of as many characters.
 *
 * @param bytes Any bytes.
 * @returns One character up to U+00FF for each.
 */
export function latin1Text(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function eventOf(reader: CsvReader, step: Step): ReadEvent {
  const { record, records, line, offset, fault } = reader;
  const fields: string[] = [];
  for (let i = 0; step === Step.Record && i < record.fieldCount; i++) {
    fields.push(latin1Text(record.field(i)));
  }
  return {
    kind: step === Step.Record
      ? "record"
      : step === Step.Reject
      ? "reject"
      : "broken",
    record: records,
    line,
    offset,
    fields,
    raw: latin1Text(record.bytes.subarray(record.start, record.end)),
    place: reader.place(),
    ...(step === Step.Record ? {} : { fault: { ...fault! } }),
  };
}

/** How input is read: as the reader's options say, behind skipped lines. */
export interface ReadOptions extends CsvReaderOptions {
  /** Lines to pass over first, where the input begins its source. */
  skipLines?: number | undefined;
}

/**
 * Runs a reader over pieces of input as a batcher does.
 *
 * `append` leaves the unfinished record where it is and puts the next piece
 * behind it. `move` takes it to another buffer, at another index, and writes
 * over the one where it was, so that a reader which looks back is caught.
 *
 * @param pieces The input in order.
 * @param options For the reader.
 * @param carry What happens to an unfinished record. Default: `move`.
 * @param onRecord Called with the reader while its view shows a good record.
 * @returns What the reader said.
 */
export function readAll(
  pieces: readonly Uint8Array[],
  options: ReadOptions,
  carry?: Carry,
  onRecord?: (reader: CsvReader) => void,
): ReadOutcome {
  const start = new SourceStart(options.skipLines ?? 0);
  let reader = options.place === undefined ? undefined : new CsvReader(options);
  const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const buffers = [0, 1].map(() => new Uint8Array(total + 7 + SLACK));
  const events: ReadEvent[] = [];
  let buffer = buffers[0];
  let filled = 0;

  /** Passes over the source's start; says whether that was the end of it all. */
  const begin = (isAll: boolean): boolean => {
    if (reader !== undefined) return false;
    if (!start.read(isAll)) return true;
    const { fault, boundary } = start;
    const place = start.place();
    if (fault !== undefined) {
      const event = { record: 0, line: 1, offset: 0, fields: [], raw: "" };
      events.push({ kind: "broken", ...event, place, fault });
      return true;
    }
    reader = new CsvReader({ ...options, place });
    reader.feed(buffer, boundary, filled);
    return false;
  };

  /** Takes what there is; says whether that was the end of it all. */
  const drain = (from: CsvReader, next: () => Step): boolean => {
    for (;;) {
      const step = next();
      if (step === Step.NeedInput) return false;
      events.push(eventOf(from, step));
      if (step === Step.Broken) return true;
      if (step === Step.Record) onRecord?.(from);
    }
  };

  let turn = 0;
  for (const piece of pieces) {
    const walker = reader ?? start;
    let from = walker.boundary;
    if (carry !== "append") {
      const old = buffers[turn++ % 2];
      const pending = old.slice(filled - walker.pending, filled);
      old.fill(STALE);
      from = turn % 7;
      buffer = buffers[turn % 2];
      buffer.set(pending, from);
      filled = from + pending.length;
    }
    buffer.set(piece, filled);
    filled += piece.length;
    buffer.fill(STALE, filled);
    walker.feed(buffer, from, filled);
    if (begin(false)) {
      if (events.length > 0) break;
      continue;
    }
    const reading = reader!;
    if (drain(reading, () => reading.next())) break;
  }
  const isBroken = events.at(-1)?.kind === "broken";
  if (!isBroken && !begin(true)) {
    const reading = reader!;
    if (!drain(reading, () => reading.next())) {
      drain(reading, () => reading.finish());
    }
  }
  return { events, blankLines: reader?.blankLines ?? 0 };
}
