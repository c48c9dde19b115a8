/**
 * Walks over JSON text (RFC 8259) that lies on one line, and says where it is
 * none. It makes nothing of the values: their bytes are for whoever asked.
 *
 * Stricter than the grammar in one point: half a surrogate pair is no text, so
 * `"\ud83d"` is refused, as no UTF-8 can hold it.
 *
 * @module
 */
import { hexDigit } from "../protocol/ascii.ts";

// Constants of this file are numbers in the compiled code, imported ones are not.
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const MINUS = 0x2d;
const ZERO = 0x30;

/** What is said of a line that ends too early. */
const ENDS = "the line ends within its object, which must be on one line, as " +
  "jq -c writes it";

/** The bytes of the words that are values. */
const WORDS = ["true", "false", "null"].map((word) =>
  new TextEncoder().encode(word)
);

/** For each byte whether it may stand behind a backslash, u apart. */
const IS_ESCAPE = new Uint8Array(256);
for (const char of '"\\/bfnrt') IS_ESCAPE[char.charCodeAt(0)] = 1;

/** Walks over JSON values. */
export class JsonScanner {
  /** The buffer. */
  bytes: Uint8Array = new Uint8Array();
  /** Index behind the line's last byte. */
  end = 0;
  /** What is wrong, where the last walk gave -1. */
  reason = "";
  /** Index of the byte that is wrong. */
  wrongAt = 0;
  /** Whether a string had a backslash since this was last set to false. */
  hasEscape = false;
  /** For each open value 1 for an object, 0 for an array. */
  #open = new Uint8Array(64);

  /** The byte at an index; -1 behind the line. */
  byte(at: number): number {
    return at < this.end ? this.bytes[at] : -1;
  }

  /**
   * Passes over white space.
   *
   * @param at Index of the first byte to look at.
   * @returns Index of the first byte that is none.
   */
  space(at: number): number {
    const { bytes, end } = this;
    while (at < end) {
      const byte = bytes[at];
      if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) break;
      at++;
    }
    return at;
  }

  /** Notes what is wrong; gives -1. */
  fail(reason: string, at: number): -1 {
    this.reason = at >= this.end ? ENDS : reason;
    this.wrongAt = Math.min(at, this.end);
    return -1;
  }

  /**
   * Walks over a string.
   *
   * @param at Index behind its opening quote.
   * @returns Index of its closing quote, or -1.
   */
  string(at: number): number {
    const { bytes, end } = this;
    while (at < end) {
      const byte = bytes[at];
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH) {
        this.hasEscape = true;
        at = this.#escape(at);
        if (at === -1) return -1;
      } else if (byte < 0x20) {
        return this.fail("a control character within a string", at);
      } else {
        at++;
      }
    }
    return this.fail("", end);
  }

  /**
   * Walks over a member's name, the colon, and the space around that.
   *
   * @param at Index of the opening quote.
   * @returns Index of the value's first byte, or -1.
   */
  name(at: number): number {
    if (this.byte(at) !== QUOTE) return this.fail("a name is missing", at);
    const close = this.string(at + 1);
    return close === -1 ? -1 : this.colon(close + 1);
  }

  /**
   * Walks over the colon, and the space around it.
   *
   * @param at Index behind the name's closing quote.
   * @returns Index of the value's first byte, or -1.
   */
  colon(at: number): number {
    at = this.space(at);
    if (this.byte(at) !== COLON) return this.fail("a colon is missing", at);
    return this.space(at + 1);
  }

  /**
   * Walks over a value.
   *
   * @returns Index behind its last byte, or -1.
   */
  value(at: number): number {
    let depth = 0;
    for (;;) {
      const byte = this.byte(at);
      if (byte === QUOTE) {
        at = this.string(at + 1);
        if (at === -1) return -1;
        at++;
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        const isObject = byte === OPEN_OBJECT;
        at = this.space(at + 1);
        if (this.byte(at) === (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) {
          at++;
        } else {
          if (depth === this.#open.length) this.#grow();
          this.#open[depth++] = isObject ? 1 : 0;
          if (isObject) at = this.name(at);
          if (at === -1) return -1;
          continue;
        }
      } else {
        at = byte === MINUS || isDigit(byte)
          ? this.#number(at)
          : this.#word(at);
        if (at === -1) return -1;
      }
      for (;;) {
        if (depth === 0) return at;
        at = this.space(at);
        const next = this.byte(at);
        const isObject = this.#open[depth - 1] === 1;
        if (next === COMMA) {
          at = this.space(at + 1);
          if (isObject) at = this.name(at);
          if (at === -1) return -1;
          break;
        }
        if (next !== (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) {
          return this.fail("a comma is missing", at);
        }
        at++;
        depth--;
      }
    }
  }

  #grow(): void {
    const grown = new Uint8Array(2 * this.#open.length);
    grown.set(this.#open);
    this.#open = grown;
  }

  /** Walks over a backslash and what belongs to it. */
  #escape(at: number): number {
    const letter = this.byte(at + 1);
    if (letter === -1) return this.fail("", this.end);
    if (IS_ESCAPE[letter] === 1) return at + 2;
    if (letter !== 0x75) return this.fail("an unknown escape", at);
    const code = this.#unit(at);
    if (code === -1) {
      const cut = at + 6 > this.end ? this.end : at;
      return this.fail("an escape without four digits", cut);
    }
    if (code < 0xd800 || code > 0xdfff) return at + 6;
    if (code < 0xdc00 && this.#unit(at + 6) >> 10 === 0x37) return at + 12;
    if (code < 0xdc00 && this.#isCutUnit(at + 6)) {
      return this.fail("", this.end);
    }
    return this.fail("half a surrogate pair, which is no text", at);
  }

  /** The code unit of `\uXXXX`, or -1. */
  #unit(at: number): number {
    const { bytes } = this;
    if (at + 6 > this.end) return -1;
    if (bytes[at] !== BACKSLASH || bytes[at + 1] !== 0x75) return -1;
    let code = 0;
    for (let i = at + 2; i < at + 6; i++) {
      const digit = hexDigit(bytes[i]);
      if (digit === -1) return -1;
      code = code << 4 | digit;
    }
    return code;
  }

  /** Whether the line ends within what may have become `\\uXXXX`. */
  #isCutUnit(at: number): boolean {
    const { bytes, end } = this;
    if (at + 6 <= end) return false;
    if (at < end && bytes[at] !== BACKSLASH) return false;
    if (at + 1 < end && bytes[at + 1] !== 0x75) return false;
    for (let i = at + 2; i < end; i++) {
      if (hexDigit(bytes[i]) === -1) return false;
    }
    return true;
  }

  #number(at: number): number {
    const from = at;
    if (this.byte(at) === MINUS) at++;
    if (this.byte(at) === ZERO) at++;
    else {
      const digits = at;
      at = this.#digits(at);
      if (at === digits) return this.fail("a number without digits", at);
    }
    if (this.byte(at) === 0x2e) {
      const digits = ++at;
      at = this.#digits(at);
      if (at === digits) return this.fail("a number without digits", at);
    }
    if ((this.byte(at) | 0x20) === 0x65) {
      at++;
      const sign = this.byte(at);
      if (sign === MINUS || sign === 0x2b) at++;
      const digits = at;
      at = this.#digits(at);
      if (at === digits) return this.fail("a number without digits", at);
    }
    if (isDigit(this.byte(at))) {
      return this.fail("a number that begins with 0", from);
    }
    return at;
  }

  #digits(at: number): number {
    while (isDigit(this.byte(at))) at++;
    return at;
  }

  #word(at: number): number {
    for (const word of WORDS) {
      if (this.byte(at) !== word[0]) continue;
      let same = 1;
      while (same < word.length && this.byte(at + same) === word[same]) same++;
      if (same === word.length) return at + same;
      if (at + same >= this.end) return this.fail("", this.end);
    }
    return this.fail("what stands there is no value", at);
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}
