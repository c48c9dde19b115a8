import { CR, hexDigit, LF, QUOTE, SPACE } from "./ascii.ts";
import { ByteBuffer } from "./byte_buffer.ts";
import { isWorthALook } from "./hazard.ts";

const NUL = 0x00;
const TAB = 0x09;
const APOSTROPHE = 0x27;
const BACKSLASH = 0x5c;
const LETTER_A = 0x61;
const LETTER_B = 0x62;
const LETTER_N = 0x6e;
const LETTER_R = 0x72;
const LETTER_T = 0x74;
const LETTER_X = 0x78;
const LETTER_Z = 0x7a;

const GAP = 0;
const WORD = 1;
const DOUBLE = 2;
const DOUBLE_ESCAPE = 3;
const HEX_FIRST = 4;
const HEX_SECOND = 5;
const SINGLE = 6;
const SINGLE_ESCAPE = 7;
const CLOSED = 8;

/** Words that are kept of a line. */
const KEPT_WORDS = 3;
/** Bytes of a word that are kept to recognise it. */
const KEPT = 16;

/** What a letter behind a backslash stands for, where not for itself. */
const ESCAPED: ReadonlyMap<number, number> = new Map([
  ...[[LETTER_N, LF], [LETTER_R, CR], [LETTER_T, TAB]] as const,
  ...[[LETTER_B, 0x08], [LETTER_A, 0x07]] as const,
]);

/** Bytes that end a word outside of quotes, or begin quotes. */
const SPECIAL = new Uint8Array(256);
for (const byte of [NUL, TAB, LF, CR, SPACE, QUOTE, APOSTROPHE]) {
  SPECIAL[byte] = 1;
}

/**
 * Splits the line of an inline command into words, in pieces cut anywhere.
 *
 * It follows the server's sds.c: words may be quoted, wholly or from somewhere
 * on; behind a closing quote a word must end; in double quotes there are
 * escapes, in single ones only that of the quote itself. What is kept are the
 * first words alone, as much of them as it takes to recognise a command, and
 * only where the first one is worth a look; whoever needs them all is told each.
 *
 * @example
 * ```ts
 * import { InlineWords } from "./inline_words.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const words = new InlineWords();
 * const line = new TextEncoder().encode('client "re\\x70ly" off\n');
 * assertEquals(words.scan(line, 0, line.length), line.length - 1);
 * assertEquals(words.end(), true);
 * assertEquals(words.first, ["CLIENT", "REPLY", "OFF"]);
 * ```
 */
export class InlineWords {
  /**
   * The first words, in upper case and cut to a few letters; none where the
   * line is an ordinary command's.
   */
  readonly first: string[] = [];
  #state = GAP;
  #hasWords = false;
  /** Words are still to be kept. */
  #keeps = true;
  readonly #kept = new ByteBuffer(KEPT);
  readonly #onWord: ((word: ByteBuffer) => void) | undefined;
  #hex = 0;

  /**
   * Makes a splitter in front of a line.
   *
   * @param onWord Told each word, whole, when it ends; valid until it returns.
   * No words are kept then.
   */
  constructor(onWord?: (word: ByteBuffer) => void) {
    this.#onWord = onWord;
  }

  /** Forgets the last line. */
  begin(): void {
    this.first.length = 0;
    this.#state = GAP;
    this.#hasWords = false;
    this.#keeps = true;
    this.#kept.clear();
  }

  /**
   * Whether there is nothing on the line.
   *
   * @returns True where the server gives no reply.
   */
  get blank(): boolean {
    return !this.#hasWords;
  }

  /**
   * Walks along the line.
   *
   * @returns The index of the line feed, or of a byte that cannot be: NUL, or
   * one right behind a closing quote; `end` where there is none yet.
   */
  scan(bytes: Uint8Array, at: number, end: number): number {
    for (; at < end; at++) {
      let byte = bytes[at];
      if (this.#state === WORD && !this.#keeps) {
        while (SPECIAL[byte] === 0 && ++at < end) byte = bytes[at];
        if (at === end) break;
      }
      if (byte === LF || byte === NUL || !this.#take(byte)) break;
    }
    return at;
  }

  /**
   * Ends the line.
   *
   * @returns False where a quote was left open.
   */
  end(): boolean {
    const balanced = this.#state === GAP || this.#state === WORD ||
      this.#state === CLOSED;
    this.#endWord();
    return balanced;
  }

  /** Takes one byte; false where it cannot be. */
  #take(byte: number): boolean {
    switch (this.#state) {
      case GAP:
        if (byte === SPACE || byte >= TAB && byte <= CR) return true;
        this.#state = WORD;
        this.#hasWords = true;
        return this.#take(byte);
      case WORD:
        if (byte === SPACE || byte === TAB || byte === CR) this.#endWord();
        else if (byte === QUOTE) this.#state = DOUBLE;
        else if (byte === APOSTROPHE) this.#state = SINGLE;
        else this.#keep(byte);
        return true;
      case CLOSED:
        if (byte !== SPACE && !(byte >= TAB && byte <= CR)) return false;
        this.#endWord();
        return true;
      case SINGLE:
        if (byte === APOSTROPHE) this.#state = CLOSED;
        else if (byte === BACKSLASH) this.#state = SINGLE_ESCAPE;
        else this.#keep(byte);
        return true;
      case SINGLE_ESCAPE:
        this.#state = SINGLE;
        if (byte === APOSTROPHE) {
          this.#keep(byte);
          return true;
        }
        this.#keep(BACKSLASH);
        return this.#take(byte);
      case DOUBLE:
        if (byte === QUOTE) this.#state = CLOSED;
        else if (byte === BACKSLASH) this.#state = DOUBLE_ESCAPE;
        else this.#keep(byte);
        return true;
      case DOUBLE_ESCAPE:
        if (byte === LETTER_X) {
          this.#state = HEX_FIRST;
        } else {
          this.#state = DOUBLE;
          this.#keep(ESCAPED.get(byte) ?? byte);
        }
        return true;
      case HEX_FIRST:
        if (hexDigit(byte) === -1) {
          this.#state = DOUBLE;
          this.#keep(LETTER_X);
          return this.#take(byte);
        }
        this.#hex = byte;
        this.#state = HEX_SECOND;
        return true;
      default: {
        this.#state = DOUBLE;
        const digit = hexDigit(byte);
        if (digit === -1) {
          this.#keep(LETTER_X);
          this.#keep(this.#hex);
          return this.#take(byte);
        }
        this.#keep(hexDigit(this.#hex) << 4 | digit);
        return true;
      }
    }
  }

  #keep(byte: number): void {
    const kept = this.#kept;
    if (this.#onWord !== undefined) kept.reserve(1);
    else if (!this.#keeps || kept.length === KEPT) return;
    const isSmall = this.#onWord === undefined &&
      byte >= LETTER_A && byte <= LETTER_Z;
    kept.bytes[kept.length++] = isSmall ? byte - SPACE : byte;
  }

  #endWord(): void {
    if (this.#state !== GAP && this.#keeps) this.#keepWord();
    this.#state = GAP;
    this.#kept.clear();
  }

  #keepWord(): void {
    if (this.#onWord !== undefined) return this.#onWord(this.#kept);
    const { first } = this;
    const { bytes: [one, two], length } = this.#kept;
    if (first.length === 0 && !isWorthALook(length, one, two)) {
      this.#keeps = false;
      return;
    }
    first.push(String.fromCharCode(...this.#kept.view()));
    this.#keeps = first.length < KEPT_WORDS;
  }
}
