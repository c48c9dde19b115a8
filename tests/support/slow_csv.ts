import type { ReadEvent, ReadOutcome } from "./read_all.ts";

/** How the slow reader reads; as the real one's options, but in characters. */
export interface SlowOptions {
  /** One character. */
  delimiter: string;
  /** One character; nothing: there is none. */
  quote: string | undefined;
  /** Fields that a record must have; nothing: any number. */
  fields?: number | undefined;
  /** The most bytes of a record. */
  maxRecord?: number | undefined;
  /** Lines to pass over. */
  skipLines?: number | undefined;
}

const NOT_CSV: [start: string, reason: string][] = [
  ["\xfd7zXZ\0", "xz"],
  ["PK\x03\x04", "zip"],
];

/** A record found, from where it begins to where the next one may. */
interface Found {
  end: number;
  fields: string[];
  /** What is wrong; the reason is a part of the real reader's. */
  fault?: { reason: string; at: number };
  /** Where a quote was opened that the input does not close. */
  openAt?: number;
}

/**
 * Reads a whole CSV the obvious way: the oracle of the real reader.
 *
 * Written apart from it, on a string of one character for each byte, with
 * searches and slices in place of states. A fault's reason is only the part of
 * the real one by which it is known.
 *
 * @param text The input, one character up to U+00FF for each byte.
 * @param options How to read it.
 * @returns What a reader must say, whatever pieces it is given.
 */
export function readSlowly(text: string, options: SlowOptions): ReadOutcome {
  const { fields: wanted, maxRecord = Infinity } = options;
  const events: ReadEvent[] = [];
  let blankLines = 0;
  for (const [start, reason] of NOT_CSV) {
    if (!text.startsWith(start)) continue;
    const fault = { reason, line: 1, offset: 0 };
    const place = { records: 0, line: 1, offset: 0 };
    const event = { record: 0, line: 1, offset: 0, fields: [], raw: "" };
    return { events: [{ kind: "broken", ...event, place, fault }], blankLines };
  }
  let at = text.startsWith("\xef\xbb\xbf") ? 3 : 0;
  for (let i = 0; i < (options.skipLines ?? 0); i++) {
    const end = text.indexOf("\n", at);
    at = end === -1 ? text.length : end + 1;
  }
  const lineAt = (index: number): number =>
    text.slice(0, index).split("\n").length;

  for (let record = 0; at < text.length && text.slice(at) !== "\r";) {
    const blank = /^\r?\n/.exec(text.slice(at, at + 2));
    if (blank !== null) {
      at += blank[0].length;
      blankLines++;
      continue;
    }
    const line = lineAt(at);
    const found = readRecord(text, at, options);
    const { end, fields } = found;
    record++;
    let kind: ReadEvent["kind"] = "record";
    let fault: ReadEvent["fault"];
    if (end - at > maxRecord) {
      kind = "broken";
      fault = { reason: `larger than ${maxRecord} bytes`, line, offset: at };
    } else if (found.openAt !== undefined) {
      kind = "broken";
      const reason = `opened on line ${lineAt(found.openAt)} is never closed`;
      fault = { reason, line: lineAt(end), offset: end };
    } else if (found.fault !== undefined) {
      kind = "reject";
      const { reason, at: offset } = found.fault;
      fault = { reason, line: lineAt(offset), offset };
    } else if (wanted !== undefined && fields.length !== wanted) {
      kind = "reject";
      const reason = `${fields.length} field${fields.length > 1 ? "s" : ""} `;
      fault = { reason: `${reason}instead of ${wanted}`, line, offset: at };
      if (fields.length < wanted && text[end - 1] !== "\n") {
        kind = "broken";
        const part = `a record (${fields.length} of ${wanted} fields`;
        fault = { reason: part, line: lineAt(end), offset: end };
      }
    }
    // No record begins on the line of one that no line break has ended.
    const isOpen = kind !== "broken" && text[end - 1] !== "\n";
    const next = lineAt(end) + (isOpen ? 1 : 0);
    const place = { records: record, line: next, offset: end };
    events.push({
      kind,
      record,
      line,
      offset: at,
      fields: fault === undefined ? fields : [],
      raw: text.slice(at, end),
      place,
      ...(fault === undefined ? {} : { fault }),
    });
    if (kind === "broken") break;
    at = end;
  }
  return { events, blankLines };
}

function readRecord(text: string, start: number, options: SlowOptions): Found {
  const { delimiter, quote } = options;
  const fields: string[] = [];
  const malformed = (reason: string, at: number): Found => {
    const end = text.indexOf("\n", at);
    return {
      end: end === -1 ? text.length : end + 1,
      fields,
      fault: { reason, at },
    };
  };
  for (let at = start;; at++) {
    if (quote !== undefined && text[at] === quote) {
      const open = at;
      let close = text.indexOf(quote, open + 1);
      while (close !== -1 && text[close + 1] === quote) {
        close = text.indexOf(quote, close + 2);
      }
      if (close === -1) return { end: text.length, fields, openAt: open };
      const value = text.slice(open + 1, close);
      fields.push(value.replaceAll(quote + quote, quote));
      at = close + 1;
      const rest = text.slice(at, at + 2);
      if (rest[0] !== delimiter && !/^($|\n|\r$|\r\n)/.test(rest)) {
        return malformed("text after a closing quote", at);
      }
      at = text[at] === "\r" ? at + 1 : at;
    } else {
      const from = at;
      while (
        at < text.length && text[at] !== delimiter && text[at] !== "\n"
      ) at++;
      const value = text.slice(from, at);
      fields.push(text[at] === delimiter ? value : value.replace(/\r$/, ""));
    }
    if (at >= text.length) return { end: text.length, fields };
    if (text[at] === "\n") return { end: at + 1, fields };
  }
}
