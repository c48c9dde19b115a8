/**
 * The reader of JSON Lines: each line is an object, and what the template asks
 * for of it are the record's fields.
 *
 * Why it has this shape: no line break can stand within an object's line, so
 * the line is found first, and is then walked over once, with no string or
 * object made of it. Values are copied into a buffer of the reader's own, since
 * escapes make them shorter than they stand there; the writer needs all fields
 * in one buffer. The members of `{*}` vary from one record to the next: they
 * are written there as the arguments that they are, and are one field for the
 * writer, which counts its arguments by the size of another (layout.ts).
 *
 * What must change together: the fields' kinds (json_fields.ts), what the
 * template makes of them (template.ts), and this.
 *
 * @module
 */
import { DOLLAR, LF } from "../protocol/ascii.ts";
import { ByteBuffer } from "../protocol/byte_buffer.ts";
import { writeHeader } from "../protocol/encode_command.ts";
import { type JsonField, type JsonNode, jsonTree } from "./json_fields.ts";
import { JsonScanner } from "./json_scanner.ts";
import { unescape } from "./json_string.ts";
import { MemberList } from "./member_list.ts";
import type { Place } from "./place.ts";
import { RecordView } from "./record.ts";
import { OVERRUN } from "./record_writer.ts";
import { type RecordFault, Step } from "./step.ts";

// Constants of this file are numbers in the compiled code, imported ones are not.
const CR = 0x0d;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const LETTER_N = 0x6e;

/** Bytes around a name and a value as arguments: signs, lengths, CRLF. */
const AROUND_PAIR = 32;

/** What a {@linkcode JsonReader} needs to know beforehand. */
export interface JsonReaderOptions {
  /** What is taken of each object, in the order of the columns. */
  fields: readonly JsonField[];
  /** Whether a member may be missing, and empty ones are left out of `{*}`. */
  skipEmpty: boolean;
  /** The most bytes a record may have. */
  maxRecord: number;
  /** Where in its source the input begins. */
  place: Place;
}

/** Reads records out of chunks of JSON Lines. */
export class JsonReader {
  readonly record: RecordView;
  fault: RecordFault | undefined;
  records: number;
  line: number;
  blankLines = 0;
  /** Not asked: every record has the fields that the template asks for. */
  fields = -1;

  readonly #columns: readonly JsonField[];
  readonly #tree: JsonNode;
  readonly #members: MemberList | undefined;
  readonly #skipEmpty: boolean;
  readonly #maxRecord: number;
  readonly #scanner = new JsonScanner();

  #bytes: Uint8Array = new Uint8Array();
  #end = 0;
  /** Where the current record begins and ends, and the next one begins. */
  #recordStart = 0;
  #recordEnd = 0;
  #start = 0;
  /** Index of the first byte that no line feed was looked for at. */
  #at = 0;
  #shift: number;
  #nextLine: number;
  #isBroken = false;
  /** The values of the current record. */
  readonly #out = new ByteBuffer(1024);

  /** Makes a reader for a source, from its start or from a place within it. */
  constructor(options: JsonReaderOptions) {
    const { fields, place } = options;
    this.#columns = fields;
    this.#tree = jsonTree(fields);
    this.#members = fields.some(({ kind }) => kind === "members")
      ? new MemberList()
      : undefined;
    this.#skipEmpty = options.skipEmpty;
    this.#maxRecord = options.maxRecord;
    this.#shift = place.offset;
    this.#nextLine = this.line = place.line;
    this.records = place.records;
    this.record = new RecordView(Math.max(1, fields.length));
  }

  get boundary(): number {
    return this.#start;
  }

  get pending(): number {
    return this.#end - this.#start;
  }

  get offset(): number {
    return this.#shift + this.#recordStart;
  }

  get start(): number {
    return this.#recordStart;
  }

  get raw(): Uint8Array {
    return this.#bytes.subarray(this.#recordStart, this.#recordEnd);
  }

  place(): Place {
    return {
      records: this.records,
      line: this.#nextLine,
      offset: this.#shift + this.#start,
    };
  }

  feed(bytes: Uint8Array, start: number, end: number): void {
    const moved = start - this.#start;
    this.#shift -= moved;
    this.#at += moved;
    this.#start = start;
    this.#bytes = bytes;
    this.#end = end;
  }

  unread(): void {
    this.#start = this.#at = this.#recordStart;
    this.#nextLine = this.line;
    this.records--;
  }

  encodePlain(): number {
    return 0;
  }

  next(): Step {
    if (this.#isBroken) return Step.Broken;
    for (;;) {
      const found = this.#bytes.indexOf(LF, this.#at);
      if (found === -1 || found >= this.#end) {
        this.#at = this.#end;
        if (this.pending > this.#maxRecord) return this.#tooLarge();
        return Step.NeedInput;
      }
      const from = this.#start;
      if (found + 1 - from > this.#maxRecord) return this.#tooLarge();
      if (!this.#isBlank(from, found)) return this.#read(found, found + 1);
      this.blankLines++;
      this.#nextLine++;
      this.#start = this.#at = found + 1;
    }
  }

  finish(): Step {
    if (this.#isBroken) return Step.Broken;
    const end = this.#end;
    if (this.#isBlank(this.#start, end)) {
      this.#start = end;
      return Step.NeedInput;
    }
    const step = this.#read(end, end);
    if (step === Step.Record || !this.#isCut()) return step;
    this.#isBroken = true;
    this.fault = {
      reason: "the input ends within a record (no line break): it may have " +
        "been cut off",
      line: this.line,
      offset: this.#shift + end,
    };
    return Step.Broken;
  }

  /** Whether what is wrong with the record is that it ends. */
  #isCut(): boolean {
    const { reason, wrongAt, end } = this.#scanner;
    return reason !== "" && wrongAt === end;
  }

  #isBlank(from: number, to: number): boolean {
    this.#scanner.bytes = this.#bytes;
    this.#scanner.end = to;
    return this.#scanner.space(from) === to;
  }

  /** Reads the record of a line, and goes on behind it. */
  #read(end: number, next: number): Step {
    const from = this.#start;
    this.#recordStart = from;
    this.#recordEnd = this.#start = this.#at = next;
    this.line = this.#nextLine++;
    this.records++;
    this.fault = undefined;
    const scanner = this.#scanner;
    scanner.bytes = this.#bytes;
    scanner.end = end;
    scanner.reason = "";
    this.#out.length = 0;
    this.record.starts.fill(-1);
    this.#members?.clear();
    if (!this.#walk(from)) {
      this.#blame(scanner.reason, scanner.wrongAt);
      return Step.Reject;
    }
    return this.#complete() ? Step.Record : Step.Reject;
  }

  /** Walks over the line; says whether it is an object and nothing more. */
  #walk(from: number): boolean {
    const scanner = this.#scanner;
    let at = scanner.space(from);
    if (scanner.byte(at) !== OPEN_OBJECT) {
      scanner.fail("the line is no JSON object", at);
      return false;
    }
    at = this.#object(at + 1, this.#tree, this.#members);
    if (at === -1) return false;
    at = scanner.space(at);
    if (at === scanner.end) return true;
    scanner.fail("something stands behind the object", at);
    return false;
  }

  /** Walks over an object's members, behind its brace. */
  #object(at: number, node: JsonNode, members?: MemberList): number {
    const scanner = this.#scanner;
    at = scanner.space(at);
    if (scanner.byte(at) === CLOSE_OBJECT) return at + 1;
    for (;;) {
      if (scanner.byte(at) !== QUOTE) {
        return scanner.fail("a name is missing", at);
      }
      const nameFrom = at + 1;
      scanner.hasEscape = false;
      const nameTo = scanner.string(nameFrom);
      if (nameTo === -1) return -1;
      const isEscaped = scanner.hasEscape;
      const from = scanner.colon(nameTo + 1);
      if (from === -1) return -1;
      const child = this.#child(node, nameFrom, nameTo, isEscaped);
      scanner.hasEscape = false;
      at = this.#value(from, child);
      if (at === -1) return -1;
      if (members !== undefined) {
        const hasEscape = scanner.hasEscape && this.#bytes[from] === QUOTE;
        members.add(
          this.#bytes,
          nameFrom,
          nameTo,
          isEscaped,
          from,
          at,
          hasEscape,
        );
      }
      at = scanner.space(at);
      const byte = scanner.byte(at);
      if (byte === CLOSE_OBJECT) return at + 1;
      if (byte !== COMMA) return scanner.fail("a comma is missing", at);
      at = scanner.space(at + 1);
    }
  }

  /** Walks over an array's elements, behind its bracket. */
  #array(at: number, node: JsonNode): number {
    const scanner = this.#scanner;
    at = scanner.space(at);
    if (scanner.byte(at) === CLOSE_ARRAY) return at + 1;
    for (let index = 0;; index++) {
      let child: JsonNode | undefined;
      for (const it of node.children) if (it.index === index) child = it;
      scanner.hasEscape = false;
      at = this.#value(at, child);
      if (at === -1) return -1;
      at = scanner.space(at);
      const byte = scanner.byte(at);
      if (byte === CLOSE_ARRAY) return at + 1;
      if (byte !== COMMA) return scanner.fail("a comma is missing", at);
      at = scanner.space(at + 1);
    }
  }

  /** Walks over a value and takes what is asked for of it. */
  #value(from: number, node: JsonNode | undefined): number {
    const scanner = this.#scanner;
    if (node === undefined) return scanner.value(from);
    // Of members with the same name the last one counts, with all that is in it.
    for (const column of node.columns) this.record.starts[column] = -1;
    const byte = scanner.byte(from);
    const isOpened = node.children.length > 0;
    const to = isOpened && byte === OPEN_OBJECT
      ? this.#object(from + 1, node)
      : isOpened && byte === OPEN_ARRAY
      ? this.#array(from + 1, node)
      : scanner.value(from);
    if (to === -1 || node.column === -1) return to;
    const { record } = this;
    record.starts[node.column] = this.#out.length;
    this.#out.reserve(to - from + OVERRUN);
    if (byte === QUOTE) {
      this.#text(this.#bytes, from + 1, to - 1, scanner.hasEscape);
    } else if (byte !== LETTER_N) {
      this.#text(this.#bytes, from, to, false);
    }
    record.ends[node.column] = this.#out.length;
    return to;
  }

  /** Finds what is asked for of a member. */
  #child(
    node: JsonNode,
    from: number,
    to: number,
    isEscaped: boolean,
  ): JsonNode | undefined {
    const { children } = node;
    let bytes = this.#bytes;
    if (isEscaped && children.length > 0) {
      const name = new Uint8Array(to - from);
      to = unescape(bytes, from, to, name, 0);
      bytes = name;
      from = 0;
    }
    let hint = node.hint;
    for (let i = 0; i < children.length; i++) {
      if (hint >= children.length) hint = 0;
      const child = children[hint++];
      if (!isSame(child.name, bytes, from, to)) continue;
      node.hint = hint;
      return child;
    }
    return undefined;
  }

  /** Makes the fields that are left; says whether there are all of them. */
  #complete(): boolean {
    const { record } = this;
    const { starts, ends } = record;
    const columns = this.#columns;
    let missing: string | undefined;
    for (let column = 0; column < columns.length; column++) {
      const field = columns[column];
      if (field.kind === "path") {
        if (starts[column] !== -1) continue;
        starts[column] = ends[column] = 0;
        if (!this.#skipEmpty) missing ??= field.path;
      } else if (field.kind === "members") {
        starts[column] = this.#out.length;
        const count = this.#writeMembers(field.without);
        ends[column] = this.#out.length;
        // The field behind it is its count.
        starts[column + 1] = 0;
        ends[column + 1] = 2 * count;
      }
    }
    this.#out.reserve(OVERRUN);
    record.bytes = this.#out.bytes;
    record.start = 0;
    record.end = this.#out.length;
    record.fieldCount = columns.length;
    if (missing === undefined) return true;
    this.#blame(`there is no member ${missing}`, this.#recordStart);
    return false;
  }

  /** Writes members as arguments; says how many. */
  #writeMembers(without: readonly string[]): number {
    const members = this.#members!;
    const bytes = this.#bytes;
    let count = 0;
    for (let i = 0; i < members.count; i++) {
      const from = members.valueFrom[i];
      const to = members.valueTo[i];
      const isText = bytes[from] === QUOTE;
      const isNull = bytes[from] === LETTER_N;
      if (this.#skipEmpty && (isNull || isText && to - from === 2)) continue;
      if (without.length > 0 && without.includes(members.label(i))) continue;
      count++;
      const name = members.name(i);
      this.#out.reserve(
        name.to - name.from + to - from + AROUND_PAIR + OVERRUN,
      );
      this.#argument(name.bytes, name.from, name.to, false);
      if (isText) {
        this.#argument(bytes, from + 1, to - 1, members.hasEscape[i] === 1);
      } else if (isNull) {
        this.#argument(bytes, from, from, false);
      } else {
        this.#argument(bytes, from, to, false);
      }
    }
    return count;
  }

  /** Writes an argument; there is room for it. */
  #argument(
    bytes: Uint8Array,
    from: number,
    to: number,
    hasEscape: boolean,
  ): void {
    const values = this.#out.bytes;
    let size = to - from;
    if (hasEscape) {
      // Its size is known when it is written, so it is written twice.
      size = unescape(bytes, from, to, values, this.#out.length) -
        this.#out.length;
    }
    this.#out.length = writeHeader(values, this.#out.length, DOLLAR, size);
    this.#text(bytes, from, to, hasEscape);
    values[this.#out.length++] = CR;
    values[this.#out.length++] = LF;
  }

  /** Writes bytes; there is room for them. */
  #text(
    bytes: Uint8Array,
    from: number,
    to: number,
    hasEscape: boolean,
  ): void {
    const out = this.#out;
    if (!hasEscape) return out.append(bytes, from, to);
    out.length = unescape(bytes, from, to, out.bytes, out.length);
  }

  #blame(reason: string, at: number): void {
    this.fault = { reason, line: this.line, offset: this.#shift + at };
  }

  #tooLarge(): Step {
    this.records++;
    this.line = this.#nextLine;
    this.#recordStart = this.#start;
    this.#recordEnd = Math.min(this.#end, this.#start + this.#maxRecord);
    this.#isBroken = true;
    this.#blame(
      `a record larger than ${this.#maxRecord} bytes, which is the most ` +
        "that --max-record allows",
      this.#recordStart,
    );
    return Step.Broken;
  }
}

function isSame(
  name: Uint8Array,
  bytes: Uint8Array,
  from: number,
  to: number,
): boolean {
  if (name.length !== to - from) return false;
  for (let i = 0; i < name.length; i++) {
    if (name[i] !== bytes[from + i]) return false;
  }
  return true;
}
