/**
 * The reply reader: bytes in, whole replies out, however TCP cut them up.
 *
 * Why it has this shape. It is a state machine that can stop at any byte. A
 * chunk is only lent until it is drained; what is unfinished then, the start of
 * a line or of a body, is copied into one buffer, and nothing else is. Values
 * inside of aggregates are put where they belong on an explicit stack of
 * bounded depth, so that no reply can exhaust the call stack. Beside the states
 * there is `skip`, for the million replies of a load that nobody looks at.
 *
 * Memory is bounded whatever the server sends: no length makes anything be
 * allocated in advance, a text is held up to `maxBody` bytes and a longer body
 * not at all, and one reply holds `maxItems` values however they nest. What is
 * not held is passed over and counted.
 *
 * Streamed values (`$?`, `*?`, `;`, `.`) are a part of the RESP3 specification
 * that no server sends: they are an error.
 *
 * Change together: a new type byte needs a place in `TYPES`, a case in
 * `#readLine`, a member of the union in reply.ts and, where it is plain and
 * frequent, a branch in `afterPlainReply`.
 *
 * @module
 */
import type { ProtocolError } from "../errors.ts";
import {
  ASTERISK,
  COLON,
  COMMA,
  CR,
  DOLLAR,
  DOT,
  EQUALS,
  EXCLAMATION,
  GREATER,
  HASH,
  LF,
  MINUS,
  PAREN_OPEN,
  PERCENT,
  PIPE,
  PLUS,
  QUESTION,
  SEMICOLON,
  TILDE,
  UNDERSCORE,
  ZERO,
} from "./ascii.ts";
import { ByteBuffer } from "./byte_buffer.ts";
import {
  type AggregateReply,
  errorIn,
  type MapReply,
  type Reply,
} from "./reply.ts";
import { replyError } from "./reply_error.ts";
import {
  afterPlainReply,
  parseBigNumber,
  parseDouble,
  parseInteger,
  parseLength,
  parseText,
} from "./reply_values.ts";

/** How much a {@linkcode ReplyReader} holds and how much it puts up with. */
export interface ReplyReaderOptions {
  /**
   * Longest body held, and how much of a longer text or error is held, in
   * bytes; 4096 by default.
   */
  maxBody?: number;
  /** Most values that one reply holds inside, in all; 1024 by default. */
  maxItems?: number;
  /** Most aggregates inside each other; 128 by default. */
  maxDepth?: number;
  /**
   * Whether an array is told as soon as its length has come, without its items,
   * which are told behind it like replies. For EXEC's reply, which is as long as
   * its transaction; false by default.
   */
  unfolds?: boolean;
}

/** The bytes that a value can begin with. */
const TYPES = "+-:$*_#,(!=%~>|";
const IS_TYPE = new Uint8Array(256);
for (const type of TYPES) IS_TYPE[type.charCodeAt(0)] = 1;

/**
 * Longest line that is a number or a length, in bytes, without its type byte
 * and CRLF: far more than any server sends. Texts may be longer.
 */
const MAX_NUMBER = 1024;

/** What is behind a line or a body: CRLF. */
const END_LENGTH = 2;

/** The length of `txt:` in a verbatim string. */
const FORMAT_LENGTH = 4;

const TRUE = "t".charCodeAt(0);
const FALSE = "f".charCodeAt(0);

const NOT_STREAMED = "a value of known length, as streamed ones are not read";

/** `+OK\r` as a little-endian word. */
const OK_CR = 0x0d4b4f2b;

/** `:?\r\n` as a word with a digit from 0 to 7, and its bits to compare. */
const DIGIT_REPLY = 0x0a0d303a;
const DIGIT_MASK = 0xfffff8ff | 0;

const NO_VIEW = new DataView(new ArrayBuffer(0));
const NO_BYTES = new Uint8Array(0);

/** An aggregate whose values are still being read. */
interface OpenAggregate {
  /** Its type byte. */
  readonly type: number;
  /** Values that are still to come; a pair is two. */
  left: number;
  /** Whether it holds any of its values, and is held itself. */
  readonly keep: boolean;
  /** What it will be; for attributes, which are dropped, a map. */
  readonly reply: AggregateReply | MapReply;
  /** The key that waits for its value, where it is held. */
  key: Reply | undefined;
}

/**
 * Reads a stream of RESP2 and RESP3 replies, chunk by chunk.
 *
 * Strict: what is not RESP is a {@linkcode ProtocolError} that says where, and
 * every later call throws the same one.
 *
 * @example
 * ```ts
 * import { ReplyReader } from "./reply_reader.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const reader = new ReplyReader();
 * const encoder = new TextEncoder();
 *
 * reader.feed(encoder.encode("+OK\r\n:1"));
 * assertEquals(reader.next(), { kind: "simple", text: "OK" });
 * assertEquals(reader.next(), undefined); // more bytes are needed
 *
 * reader.feed(encoder.encode("2\r\n"));
 * assertEquals(reader.next(), { kind: "integer", value: 12 });
 * ```
 *
 * @example Counting replies that nobody looks at
 * ```ts
 * import { ReplyReader } from "./reply_reader.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const reader = new ReplyReader();
 * reader.feed(new TextEncoder().encode("+OK\r\n:1\r\n-ERR no\r\n:2\r\n"));
 * let replies = 0;
 * let errors = 0;
 * for (;;) {
 *   replies += reader.skip();
 *   const reply = reader.next();
 *   if (reply === undefined) break;
 *   replies++;
 *   if (reply.kind === "error") errors++;
 * }
 * assertEquals([replies, errors], [4, 1]);
 * ```
 */
export class ReplyReader {
  readonly #maxBody: number;
  readonly #maxItems: number;
  readonly #maxDepth: number;
  readonly #unfolds: boolean;

  /** The chunk on loan. */
  #chunk: Uint8Array = NO_BYTES;
  /** The same once more, to read words. */
  #view: DataView = NO_VIEW;
  /** How many bytes of the chunk were read. */
  #at = 0;
  /** Where in the stream the chunk begins, in bytes. */
  #base = 0;

  /** The line that was begun or taken last: its type byte. */
  #type = 0;
  /** Where in the stream it begins. */
  #lineOffset = 0;
  /** Its true length so far, in bytes, with its type byte. */
  #lineLength = 0;
  /** Whether its CR has come. */
  #hasCr = false;
  /** Where it was taken from: the chunk, or a copy of its start. */
  #bytes: Uint8Array = NO_BYTES;
  #from = 0;
  #to = 0;

  /** The held part of the line or body that is unfinished. */
  readonly #held = new ByteBuffer();
  /** The body's length, in bytes. */
  #bodyLength = 0;
  /** How much of the body is to be held in the end. */
  #bodyHeld = 0;
  /** Bytes of the body still to come, CRLF included; 0: there is no body. */
  #bodyLeft = 0;

  /** The aggregates that are open, the outermost first. */
  readonly #open: OpenAggregate[] = [];
  /** How many values the outermost aggregate holds so far, in all. */
  #items = 0;
  /** Whether the value that began last is held, not only counted. */
  #keep = true;
  /** Whether attributes have come, and the value that they belong to not. */
  #attributed = false;
  /** The type byte of the outermost value that began last. */
  #outerType = 0;
  /** Items of an unfolded array that are still to come. */
  #unfolded = 0;

  #error: ProtocolError | undefined;

  /**
   * Makes a reader at the start of a reply stream.
   *
   * @param options How much to hold and how much to put up with.
   */
  constructor(options: ReplyReaderOptions = {}) {
    this.#maxBody = options.maxBody ?? 4096;
    this.#maxItems = options.maxItems ?? 1024;
    this.#maxDepth = options.maxDepth ?? 128;
    this.#unfolds = options.unfolds ?? false;
  }

  /**
   * How far the reader has come.
   *
   * @returns Bytes of the reply stream that were consumed.
   */
  get offset(): number {
    return this.#base + this.#at;
  }

  /**
   * Whether the reader stands between two replies.
   *
   * @returns False while a reply is half read.
   */
  get idle(): boolean {
    return this.#held.length === 0 && this.#bodyLeft === 0 &&
      this.#open.length === 0 && !this.#attributed;
  }

  /**
   * Whether a reply to a command is half read: a sign that the server is at
   * work, which a push is not.
   *
   * @returns False between replies, within a push, and within attributes, which
   * may turn out to be a push's.
   */
  get inReply(): boolean {
    return !this.idle && this.#outerType !== GREATER &&
      this.#outerType !== PIPE;
  }

  /**
   * Lends the reader the next bytes of the stream.
   *
   * The chunk is read in place. It may be written to again once
   * {@linkcode next} has returned `undefined`.
   *
   * @param chunk Bytes as they came; none is fine.
   * @throws {Error} Where the chunk before was not drained: a programming error.
   * @throws {ProtocolError} Where the stream is broken already.
   */
  feed(chunk: Uint8Array): void {
    this.#check();
    const left = this.#chunk.length - this.#at;
    if (left > 0) {
      throw new Error(
        `Cannot feed reply reader: ${left} bytes of the chunk before are ` +
          "not read yet",
      );
    }
    this.#base += this.#at;
    this.#at = 0;
    this.#chunk = chunk;
    this.#view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  }

  /**
   * Passes over whole replies without looking at them: the fast path.
   *
   * Stops before anything that is not a simple string, an integer or a bulk
   * string, before a reply that is not whole in the chunk, and before what may
   * be the sentinel. It may stop early for reasons of its own, and does nothing
   * while a reply is half read: {@linkcode next} goes on from where it stopped.
   *
   * @param stopLength The length in bytes of bulk strings to stop before; none
   * by default.
   * @returns How many replies were passed over, 0 or more.
   * @throws {ProtocolError} Where the stream is broken already.
   */
  skip(stopLength = -1): number {
    this.#check();
    if (!this.idle) return 0;
    const bytes = this.#chunk;
    const view = this.#view;
    const end = bytes.length;
    let at = this.#at;
    let count = 0;
    while (at < end) {
      // The two that loads get most, a word at a time: 1 ns each, not 5.
      while (at + 5 <= end) {
        const word = view.getInt32(at, true);
        if (word === OK_CR && bytes[at + 4] === LF) at += 5;
        else if ((word & DIGIT_MASK) === DIGIT_REPLY) at += 4;
        else break;
        count++;
      }
      if (at === end) break;
      const next = afterPlainReply(bytes, at, end, stopLength);
      if (next < 0) break;
      at = next;
      count++;
    }
    this.#at = at;
    if (this.#unfolded > 0) {
      this.#unfolded = Math.max(0, this.#unfolded - count);
    }
    return count;
  }

  /**
   * Reads the next reply.
   *
   * @returns The reply; `undefined` where more bytes are needed.
   * @throws {ProtocolError} Where the bytes are not RESP.
   */
  next(): Reply | undefined {
    this.#check();
    for (;;) {
      const inBody = this.#bodyLeft > 0;
      if (!(inBody ? this.#takeBody() : this.#takeLine())) return undefined;
      const value = inBody ? this.#readBody() : this.#readLine();
      // None where a body or values come first.
      if (value === undefined) continue;
      const reply = this.#attach(value);
      if (reply !== undefined) return reply;
    }
  }

  #check(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  /**
   * Takes a line, as much of it as there is; false where its end has not come.
   *
   * What cannot be right is told at once, not when the line's end has come.
   */
  #takeLine(): boolean {
    const chunk = this.#chunk;
    const held = this.#held;
    const start = this.#at;
    if (start === chunk.length) return false;
    if (held.length === 0) this.#beginLine(chunk[start]);
    let i = start;
    if (!this.#hasCr) {
      while (i < chunk.length && chunk[i] !== CR && chunk[i] !== LF) i++;
      this.#lineLength += i - start;
    }
    const textEnd = i;
    const isWhole = !this.#hasCr && held.length === 0 && i + 1 < chunk.length;
    if (!isWhole) {
      const room = 1 + Math.max(MAX_NUMBER, this.#maxBody) - held.length;
      held.push(chunk.subarray(start, Math.min(textEnd, start + room)));
    }
    if (this.#lineLength > MAX_NUMBER + 1 && !this.#isText) {
      const found = isWhole ? chunk.subarray(start) : held.view();
      const expected = `a line of at most ${MAX_NUMBER} bytes`;
      this.#fail(expected, this.#lineOffset, found);
    }
    if (!this.#hasCr && i < chunk.length) {
      if (chunk[i] === LF) this.#failAt(i, "CRLF at the end of the line");
      this.#hasCr = true;
      i++;
    }
    this.#at = i;
    if (i === chunk.length) return false;
    if (chunk[i] !== LF) {
      this.#failAt(i, "LF behind the CR at the end of the line");
    }
    this.#at = i + 1;
    this.#bytes = isWhole ? chunk : held.bytes;
    this.#from = isWhole ? start : 0;
    this.#to = isWhole ? textEnd : held.length;
    held.clear();
    return true;
  }

  #beginLine(type: number): void {
    if (type === SEMICOLON || type === DOT) {
      this.#failAt(this.#at, NOT_STREAMED);
    }
    if (IS_TYPE[type] === 0) {
      this.#failAt(this.#at, `a reply type, one of ${TYPES}`);
    }
    this.#type = type;
    this.#lineOffset = this.offset;
    this.#lineLength = 0;
    this.#hasCr = false;
    if (this.#open.length === 0) this.#outerType = type;
  }

  /** Whether the line is a text, which may be of any length. */
  get #isText(): boolean {
    return this.#type === PLUS || this.#type === MINUS;
  }

  /** Reads the line that was taken; none where a body or values come next. */
  #readLine(): Reply | undefined {
    const type = this.#type;
    const bytes = this.#bytes;
    const first = this.#from + 1;
    const to = this.#to;
    if (type === PIPE) return this.#openAggregate(type);
    this.#claim();
    switch (type) {
      case PLUS:
      case MINUS:
        return this.#text(type, first, this.#lineLength - 1);
      case COLON: {
        const value = parseInteger(bytes, first, to) ??
          this.#failLine("an integer of 64 bits");
        return { kind: "integer", value };
      }
      case COMMA: {
        const value = parseDouble(bytes, first, to) ??
          this.#failLine("a floating point number");
        return { kind: "double", value };
      }
      case PAREN_OPEN: {
        const value = parseBigNumber(bytes, first, to) ??
          this.#failLine("a big number");
        return { kind: "bignumber", value };
      }
      case HASH: {
        const value = bytes[first];
        if (to - first !== 1 || value !== TRUE && value !== FALSE) {
          this.#failLine('a boolean, "#t" or "#f"');
        }
        return { kind: "boolean", value: value === TRUE };
      }
      case UNDERSCORE:
        if (first !== to) this.#failLine('nothing behind "_"');
        return { kind: "null" };
      case DOLLAR:
        return this.#isNull() ? { kind: "null" } : this.#expectBody(type);
      case EXCLAMATION:
      case EQUALS:
        return this.#expectBody(type);
      case ASTERISK:
        return this.#isNull() ? { kind: "null" } : this.#openAggregate(type);
      default:
        return this.#openAggregate(type);
    }
  }

  /** Makes a text of what is held at `from`, and says where it was cut. */
  #text(type: number, from: number, length: number): Reply {
    const to = from + Math.min(length, this.#maxBody);
    const text = parseText(this.#bytes, from, to);
    const kind = type === PLUS ? "simple" : "error";
    return length > this.#maxBody ? { kind, text, length } : { kind, text };
  }

  /** Whether the line is `$-1` or `*-1`, the null of RESP2. */
  #isNull(): boolean {
    const first = this.#from + 1;
    return this.#to - first === 2 && this.#bytes[first] === MINUS &&
      this.#bytes[first + 1] === ZERO + 1;
  }

  /** Reads the line's length. */
  #length(expected: string): number {
    const first = this.#from + 1;
    if (this.#to - first === 1 && this.#bytes[first] === QUESTION) {
      this.#failLine(NOT_STREAMED);
    }
    return parseLength(this.#bytes, first, this.#to) ??
      this.#failLine(expected);
  }

  /** Decides how much of the body is held, before it comes. */
  #expectBody(type: number): undefined {
    const length = this.#length("a length in bytes");
    const format = type === EQUALS ? FORMAT_LENGTH : 0;
    if (length < format) this.#failLine("a length of 4 bytes or more");
    const fits = this.#keep && length - format <= this.#maxBody;
    this.#bodyHeld = type === EXCLAMATION
      ? Math.min(length, this.#maxBody)
      : fits
      ? length
      : format;
    this.#bodyLength = length;
    this.#bodyLeft = length + END_LENGTH;
  }

  /** Takes the body with its CRLF; false where its end has not come yet. */
  #takeBody(): boolean {
    const chunk = this.#chunk;
    const held = this.#held;
    const count = Math.min(
      this.#bodyLeft - END_LENGTH,
      chunk.length - this.#at,
    );
    if (count > 0) {
      const more = Math.min(count, this.#bodyHeld - held.length);
      if (more > 0) held.push(chunk.subarray(this.#at, this.#at + more));
      this.#at += count;
      this.#bodyLeft -= count;
    }
    while (this.#bodyLeft <= END_LENGTH && this.#at < chunk.length) {
      if (chunk[this.#at] !== (this.#bodyLeft === END_LENGTH ? CR : LF)) {
        this.#failAt(this.#at, "CRLF behind the body");
      }
      this.#at++;
      if (--this.#bodyLeft === 0) return true;
    }
    return false;
  }

  /** Reads the body that was taken. */
  #readBody(): Reply {
    const held = this.#held;
    const type = this.#type;
    const length = this.#bodyLength;
    this.#bytes = held.bytes;
    const isWhole = held.length === length;
    held.clear();
    if (type === EXCLAMATION) return this.#text(type, 0, length);
    const format = type === EQUALS ? FORMAT_LENGTH : 0;
    const body = isWhole ? this.#bytes.slice(format, length) : undefined;
    if (type === DOLLAR) return { kind: "bulk", length, body };
    if (this.#bytes[FORMAT_LENGTH - 1] !== COLON) {
      const found = this.#bytes.subarray(0, FORMAT_LENGTH);
      const offset = this.offset - END_LENGTH - length;
      this.#fail('a format, such as "txt:"', offset, found);
    }
    return {
      kind: "verbatim",
      format: parseText(this.#bytes, 0, FORMAT_LENGTH - 1),
      length: length - FORMAT_LENGTH,
      body,
    };
  }

  /** Decides whether the value that begins now is held. */
  #claim(): void {
    this.#attributed = false;
    const open = this.#open.at(-1);
    this.#keep = open === undefined ||
      open.keep && this.#items < this.#maxItems;
    if (open !== undefined && this.#keep) this.#items++;
  }

  /** Begins an aggregate; returns it at once if it is empty. */
  #openAggregate(type: number): Reply | undefined {
    const length = this.#length("a count of values");
    if (this.#open.length >= this.#maxDepth) {
      this.#failLine(`at most ${this.#maxDepth} aggregates inside each other`);
    }
    if (this.#unfolds && type === ASTERISK && this.#isItself) {
      // Itself, and its items.
      this.#unfolded = 1 + length;
      return { kind: "array", length, items: [] };
    }
    const isMap = type === PERCENT || type === PIPE;
    const kind = type === TILDE ? "set" : type === GREATER ? "push" : "array";
    this.#open.push({
      type,
      left: isMap ? length * 2 : length,
      keep: type !== PIPE && this.#keep,
      reply: isMap
        ? { kind: "map", length, entries: [] }
        : { kind, length, items: [] },
      key: undefined,
    });
    return length === 0 ? this.#close() : undefined;
  }

  /** Whether what begins now is a reply, and no part of one. */
  get #isItself(): boolean {
    return this.#open.length === 0 && this.#unfolded === 0;
  }

  /** Ends the innermost aggregate; attributes are dropped. */
  #close(): Reply | undefined {
    const { type, keep, reply } = this.#open.pop()!;
    this.#keep = keep;
    if (type !== PIPE) return reply;
    this.#attributed = true;
    return undefined;
  }

  /** Puts a value where it belongs; returns the reply that is whole by it. */
  #attach(value: Reply): Reply | undefined {
    let whole: Reply | undefined = value;
    while (whole !== undefined) {
      const open = this.#open.at(-1);
      if (open === undefined) {
        this.#items = 0;
        if (this.#unfolded > 0 && whole.kind !== "push") this.#unfolded--;
        return whole;
      }
      addValue(open, whole, this.#keep);
      if (open.left > 0) return undefined;
      whole = this.#close();
    }
    return undefined;
  }

  /** Breaks the stream at the start of the line that was taken last. */
  #failLine(expected: string): never {
    const line = this.#bytes.subarray(this.#from, this.#to);
    return this.#fail(expected, this.#lineOffset, line);
  }

  /** Breaks the stream at a position in the chunk. */
  #failAt(at: number, expected: string): never {
    return this.#fail(expected, this.#base + at, this.#chunk.subarray(at));
  }

  /** Breaks the stream for good. */
  #fail(expected: string, offset: number, found: Uint8Array): never {
    this.#error = replyError(expected, offset, found);
    this.#base += this.#at;
    this.#at = 0;
    this.#chunk = this.#bytes = NO_BYTES;
    throw this.#error;
  }
}

/** Adds the next value; a pair is held where both halves are. */
function addValue(open: OpenAggregate, value: Reply, keep: boolean): void {
  const { reply } = open;
  open.left--;
  if (reply.error === undefined) {
    const error = errorIn(value);
    if (error !== undefined) reply.error = error;
  }
  if (reply.kind !== "map") {
    if (keep) reply.items.push(value);
  } else if (open.left % 2 === 1) {
    open.key = keep ? value : undefined;
  } else if (keep && open.key !== undefined) {
    reply.entries.push([open.key, value]);
  }
}
