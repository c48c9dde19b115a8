/**
 * The reply reader: bytes in, whole replies out, however TCP cut them up.
 *
 * Why it has this shape. It is a state machine that can stop at any byte, in
 * parts: reply_input.ts cuts chunks into lines and bodies, reply_bulk.ts
 * reads the values that have a body, reply_stack.ts puts values into the
 * aggregates that they belong to, and this file knows the types. The stack is an explicit one of bounded depth, so that no reply can
 * exhaust the call stack. reply_run.ts is a fast path beside all of them.
 *
 * Memory is bounded whatever the server sends: no length makes anything be
 * allocated in advance, bodies over `maxBody` are passed over, and one reply
 * holds `maxItems` values however they nest.
 *
 * Change together: a new type byte needs a place in `TYPES`, a case in
 * `#readLine`, a member of the union in reply.ts and, where it is plain and
 * frequent, a branch in reply_run.ts.
 *
 * @module
 */
import {
  ASTERISK,
  COLON,
  COMMA,
  DOLLAR,
  DOT,
  EQUALS,
  EXCLAMATION,
  HASH,
  MINUS,
  PAREN_OPEN,
  PIPE,
  PLUS,
  SEMICOLON,
  UNDERSCORE,
} from "./ascii.ts";
import type { Reply } from "./reply.ts";
import { ReplyBulk } from "./reply_bulk.ts";
import { ReplyInput } from "./reply_input.ts";
import {
  isMinusOne,
  isQuestion,
  parseBigNumber,
  parseDouble,
  parseInteger,
  parseLength,
  parseText,
} from "./reply_lines.ts";
import { ReplyRun } from "./reply_run.ts";
import { ReplyStack } from "./reply_stack.ts";

/** How much a {@linkcode ReplyReader} holds and how much it puts up with. */
export interface ReplyReaderOptions {
  /** Longest body held, in bytes; 4096 by default. */
  maxBody?: number;
  /** Most values that one reply holds inside, in all; 1024 by default. */
  maxItems?: number;
  /** Most aggregates inside each other; 128 by default. */
  maxDepth?: number;
  /** Longest line, in bytes, with its CRLF left out; 65,536 by default. */
  maxLine?: number;
}

/** The bytes that a value can begin with. */
const TYPES = "+-:$*_#,(!=%~>|";
const IS_TYPE = new Uint8Array(256);
for (const type of TYPES) IS_TYPE[type.charCodeAt(0)] = 1;

const TRUE = "t".charCodeAt(0);
const FALSE = "f".charCodeAt(0);

const NO_VIEW = new DataView(new ArrayBuffer(0));

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
  readonly #maxDepth: number;
  readonly #maxLine: number;
  readonly #input: ReplyInput;
  readonly #bulk: ReplyBulk;
  readonly #stack: ReplyStack;
  readonly #run = new ReplyRun();
  /** The chunk once more, for the fast path. */
  #view: DataView = NO_VIEW;

  /**
   * Makes a reader at the start of a reply stream.
   *
   * @param options How much to hold and how much to put up with.
   */
  constructor(options: ReplyReaderOptions = {}) {
    this.#maxDepth = options.maxDepth ?? 128;
    this.#maxLine = options.maxLine ?? 65_536;
    this.#input = new ReplyInput(this.#maxLine);
    const maxBody = options.maxBody ?? 4096;
    this.#bulk = new ReplyBulk(this.#input, maxBody, this.#maxLine);
    this.#stack = new ReplyStack(options.maxItems ?? 1024);
  }

  /**
   * How far the reader has come.
   *
   * @returns Bytes of the reply stream that were consumed.
   */
  get offset(): number {
    return this.#input.offset;
  }

  /**
   * Whether the reader stands between two replies.
   *
   * @returns False while a reply is half read.
   */
  get idle(): boolean {
    const { inLine, inBody } = this.#input;
    const { depth, attributed } = this.#stack;
    return !inLine && !inBody && depth === 0 && !attributed &&
      !this.#bulk.streaming;
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
    this.#input.feed(chunk);
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
    const { chunk, at } = this.#input;
    const run = this.#run;
    const count = run.skip(chunk, this.#view, at, stopLength, this.#maxLine);
    this.#input.at = run.position;
    return count;
  }

  /**
   * Reads the next whole reply at the top level.
   *
   * Pushes are returned with the others; attributes are dropped.
   *
   * @returns The reply; none where more bytes are needed, and then the chunk is
   * drained.
   * @throws {ProtocolError} Where the bytes are not RESP.
   */
  next(): Reply | undefined {
    this.#check();
    const input = this.#input;
    for (;;) {
      let value: Reply | undefined;
      if (input.inBody) {
        if (!input.takeBody()) return undefined;
        value = this.#bulk.end();
      } else {
        if (!input.inLine) this.#checkType();
        if (!input.takeLine()) return undefined;
        value = this.#readLine(input.bytes, input.from, input.to);
      }
      if (value === undefined) continue;
      const reply = this.#stack.attach(value);
      if (reply !== undefined) return reply;
    }
  }

  #check(): void {
    if (this.#input.error !== undefined) throw this.#input.error;
  }

  /** Tells at once that a line cannot be right, not when its end has come. */
  #checkType(): void {
    const { chunk, at } = this.#input;
    if (at === chunk.length) return;
    const type = chunk[at];
    if (this.#bulk.streaming) {
      if (type === SEMICOLON) return;
      this.#input.failAt(at, 'the next part, ";", of a streamed string');
    }
    if (IS_TYPE[type] === 1 || type === DOT && this.#stack.mayEnd) return;
    this.#input.failAt(at, `a reply type, one of ${TYPES}`);
  }

  /** Reads a line whose type byte is at `from` and whose CRLF is at `to`. */
  #readLine(bytes: Uint8Array, from: number, to: number): Reply | undefined {
    const type = bytes[from];
    const first = from + 1;
    if (type === SEMICOLON) return this.#bulk.part();
    if (type === PIPE) return this.#readAggregate(type, bytes, first, to);
    if (type === DOT) {
      if (first !== to) this.#input.failLine('nothing behind "."');
      return this.#stack.close();
    }
    this.#stack.claim();
    switch (type) {
      case PLUS:
        return { kind: "simple", text: parseText(bytes, first, to) };
      case MINUS:
        return { kind: "error", text: parseText(bytes, first, to) };
      case COLON: {
        const value = parseInteger(bytes, first, to) ??
          this.#input.failLine("an integer of 64 bits");
        return { kind: "integer", value };
      }
      case COMMA: {
        const value = parseDouble(bytes, first, to) ??
          this.#input.failLine("a floating point number");
        return { kind: "double", value };
      }
      case PAREN_OPEN: {
        const value = parseBigNumber(bytes, first, to) ??
          this.#input.failLine("a big number");
        return { kind: "bignumber", value };
      }
      case HASH: {
        const value = bytes[first];
        if (to - first !== 1 || value !== TRUE && value !== FALSE) {
          this.#input.failLine('a boolean, "#t" or "#f"');
        }
        return { kind: "boolean", value: value === TRUE };
      }
      case UNDERSCORE:
        if (first !== to) this.#input.failLine('nothing behind "_"');
        return { kind: "null" };
      case DOLLAR:
      case EXCLAMATION:
      case EQUALS:
        return this.#bulk.begin(type, this.#stack.keep);
      default:
        return this.#readAggregate(type, bytes, first, to);
    }
  }

  /** Reads the length of an aggregate; returns it at once if it is empty. */
  #readAggregate(
    type: number,
    bytes: Uint8Array,
    first: number,
    to: number,
  ): Reply | undefined {
    if (type === ASTERISK && isMinusOne(bytes, first, to)) {
      return { kind: "null" };
    }
    const length = isQuestion(bytes, first, to)
      ? Infinity
      : parseLength(bytes, first, to) ??
        this.#input.failLine("a count of values");
    if (this.#stack.depth >= this.#maxDepth) {
      this.#input.failLine(
        `at most ${this.#maxDepth} aggregates inside each other`,
      );
    }
    this.#stack.open(type, length);
    return length === 0 ? this.#stack.close() : undefined;
  }
}
