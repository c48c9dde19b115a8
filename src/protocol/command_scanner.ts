/**
 * Finds where commands begin and end in a stream that a client would send:
 * RESP arrays of bulk strings, and inline commands.
 *
 * Why it has this shape: what is piped is sent as it is, and nothing here
 * changes a byte of it. But without knowing the commands' bounds nobody can say
 * which command an error belongs to, nor tell a whole input from one that was
 * cut off: behind a cut bulk string, whatever is sent next becomes part of a
 * value. So the bounds are found by jumping from length to length. Values are
 * not looked at; only the names of the few commands after which replies no
 * longer pair up are (see {@linkcode Hazard}).
 *
 * The scanner holds no bytes. A command may be cut anywhere; the states say
 * where in it the last bytes ended.
 *
 * Facts of the protocol, from the server's networking.c: a count of 0 or less
 * and a line with nothing on it get no reply; the two bytes behind a bulk
 * string are passed over, whatever they are; a number has no leading zero;
 * inline commands end at a line feed, with or without a carriage return, but
 * the server never finds one behind a NUL; EXEC ends a transaction even when
 * it has arguments and fails, MULTI and DISCARD with arguments do nothing.
 *
 * It does not use the ArgumentWalker: commands are cut anywhere, and `#skip`
 * must be the one loop that it is.
 *
 * What must change together: `#skip` and the states, which must find the same
 * bounds; and the places where a hazard is judged, which must all come before
 * so much of its command that part of it may have been sent.
 *
 * @module
 */
import { ASTERISK, CR, DOLLAR, LF, MINUS, NINE, ZERO } from "./ascii.ts";
import { traitsOf } from "./command_traits.ts";
import { type Hazard, hazardOf, isWorthALook } from "./hazard.ts";
import { InlineWords } from "./inline_words.ts";

const START = 0;
const COUNT = 1;
const COUNT_LF = 2;
const TYPE = 3;
const LENGTH = 4;
const LENGTH_LF = 5;
const BODY = 6;
const INLINE = 7;
const BROKEN = 8;

/** More arguments or longer bulk strings than this no server takes. */
const LARGEST_NUMBER = 2 ** 31 - 1;

/**
 * Longer inline commands no server takes, in bytes: its limit is 64 KiB, of
 * which it knows after each read of 16 KiB.
 */
const LONGEST_INLINE = 80 * 1024;

const NUL = 0x00;

/** Why an inline command with NUL cannot be piped. */
const ENDLESS: Hazard = {
  name: "an inline command with a NUL in it",
  why: "the server never finds its end",
};

const LINE_BREAK = Uint8Array.of(CR, LF);

/** Bytes of an argument that are kept to recognise it. */
const KEPT = 16;
/** Arguments that are kept of a command that may be a hazard. */
const KEPT_ARGUMENTS = 3;

/** Finds the bounds of commands, in pieces cut anywhere. */
export class CommandScanner {
  /** Whole commands so far that are owed a reply. */
  commands = 0;
  /** Index in the last bytes behind the last whole command; -1 for none. */
  boundary = -1;
  /** The command that breaks the pairing, behind {@linkcode boundary}. */
  hazard: Hazard | undefined;
  /** Why the bytes are not commands, where they are not. */
  fault: string | undefined;
  /**
   * Index in the last bytes where the last command begins, be it whole or not,
   * or the last line that is none; -1 where that was earlier.
   */
  begin = -1;
  /** The ordinal of the MULTI that waits for its EXEC; 0 for none. */
  openMulti = 0;

  #state = START;
  #number = 0;
  #digits = 0;
  #negative = false;
  /** Arguments of the command that are still to come. */
  #arguments = 0;
  /** Bytes of the bulk string, and of the two behind it, still to come. */
  #left = 0;
  #index = 0;
  readonly #kept = new Uint8Array(KEPT);
  #keptLength = 0;
  #words: string[] = [];
  readonly #inline = new InlineWords();
  #inlineLength = 0;

  /**
   * Whether the bytes so far end within a command.
   *
   * @returns True also for an inline command without its line feed.
   */
  get open(): boolean {
    return this.#state !== START && this.#state !== BROKEN;
  }

  /**
   * How many bytes the bulk string that the bytes end in still lacks.
   *
   * @returns Bytes with the line break behind it; 0 where no bulk string is
   * open.
   */
  get missing(): number {
    return this.#state === BODY ? this.#left : 0;
  }

  /**
   * What would end the command that the bytes so far end in, where that is only
   * a line break or the rest of one.
   *
   * @returns The missing bytes; none where more is missing, or nothing is.
   */
  get lineBreak(): Uint8Array {
    const isLast = this.#state === BODY && this.#left <= 2 &&
      this.#arguments === 1;
    const missing = this.#state === INLINE ? 1 : isLast ? this.#left : 0;
    return LINE_BREAK.subarray(LINE_BREAK.length - missing);
  }

  /**
   * Walks over bytes.
   *
   * Stops early, and for good, at a {@linkcode hazard} or a
   * {@linkcode fault}.
   *
   * @param most Whole commands to pass over at the most.
   * @returns The index where it stopped.
   */
  scan(
    bytes: Uint8Array,
    start: number,
    end: number,
    most = Infinity,
  ): number {
    let at = start;
    this.boundary = this.#state === START ? start : -1;
    this.begin = -1;
    const last = this.commands + most;
    while (at < end && this.commands < last) {
      switch (this.#state) {
        case START:
          at = this.#skip(bytes, at, end, last);
          if (at === end || this.commands === last) break;
          this.begin = at;
          this.#index = 0;
          this.#words.length = 0;
          this.#keptLength = 0;
          if (bytes[at] === ASTERISK) {
            at++;
            this.#begin(COUNT);
          } else {
            this.#inline.begin();
            this.#inlineLength = 0;
            this.#state = INLINE;
          }
          break;
        case COUNT:
        case LENGTH:
          at = this.#scanNumber(bytes, at, end);
          break;
        case COUNT_LF:
          if (bytes[at] !== LF) return this.#break("a line feed", at);
          at++;
          if (this.#number <= 0) {
            this.#state = START;
            this.boundary = at;
          } else {
            this.#arguments = this.#number;
            this.#state = TYPE;
          }
          break;
        case TYPE:
          if (bytes[at] !== DOLLAR) return this.#break('"$"', at);
          at++;
          this.#begin(LENGTH);
          break;
        case LENGTH_LF:
          if (bytes[at] !== LF) return this.#break("a line feed", at);
          at++;
          this.#left = this.#number + 2;
          this.#keptLength = 0;
          this.#state = BODY;
          break;
        case BODY: {
          const taken = Math.min(this.#left, end - at);
          if (this.#index < KEPT_ARGUMENTS) this.#keep(bytes, at, taken);
          at += taken;
          this.#left -= taken;
          if (this.#left > 0) break;
          if (!this.#look()) return at;
          this.#index++;
          if (--this.#arguments > 0) this.#state = TYPE;
          else this.#complete(at);
          break;
        }
        case INLINE: {
          const line = this.#inline;
          const room = LONGEST_INLINE - this.#inlineLength;
          const stop = Math.min(end, at + room);
          const found = line.scan(bytes, at, stop);
          this.#inlineLength += found - at;
          at = found;
          if (at === end) break;
          if (bytes[at] === NUL) {
            this.hazard = ENDLESS;
            this.#state = BROKEN;
            return at;
          }
          if (bytes[at] !== LF) {
            const wanted = at === stop ? "a line feed" : "white space";
            return this.#break(`${wanted} in an inline command`, at);
          }
          if (!line.end()) {
            return this.#break("a closing quote in an inline command", at);
          }
          at++;
          if (line.blank) {
            this.#state = START;
            this.boundary = at;
          } else {
            this.#words.push(...line.first);
            if (!this.#judge()) return at;
            this.#complete(at);
          }
          break;
        }
        default:
          return at;
      }
    }
    return at;
  }

  /**
   * Passes over whole, ordinary RESP commands; stops in front of any other.
   *
   * Measured with 1,000,000 SETs of 46 bytes: 25 ms, against 116 ms when the
   * states alone do it.
   */
  #skip(bytes: Uint8Array, at: number, end: number, last: number): number {
    let commands = this.commands;
    let begin = this.begin;
    walk: while (commands < last && bytes[at] === ASTERISK) {
      let next = at + 1;
      let count = bytes[next] - ZERO;
      if (!(count > 0 && count < 10)) break;
      let byte: number;
      while ((byte = bytes[++next]) >= ZERO && byte <= NINE) {
        count = count * 10 + byte - ZERO;
      }
      if (byte !== CR || bytes[next + 1] !== LF) break;
      next += 2;
      for (let i = 0; i < count; i++) {
        if (bytes[next] !== DOLLAR) break walk;
        let length = bytes[++next] - ZERO;
        if (!(length >= 0 && length < 10)) break walk;
        const isZero = length === 0;
        while ((byte = bytes[++next]) >= ZERO && byte <= NINE) {
          if (isZero) break walk;
          length = length * 10 + byte - ZERO;
        }
        if (byte !== CR || bytes[next + 1] !== LF) break walk;
        next += 2;
        if (i === 0 && isWorthALook(length, bytes[next], bytes[next + 1])) {
          break walk;
        }
        next += length + 2;
        // Indices past the end, where the buffer may hold anything, go no
        // further than this.
        if (next > end) break walk;
      }
      begin = at;
      at = next;
      commands++;
    }
    this.commands = commands;
    this.begin = begin;
    this.boundary = at;
    return at;
  }

  #begin(state: number): void {
    this.#state = state;
    this.#number = 0;
    this.#digits = 0;
    this.#negative = false;
  }

  #scanNumber(bytes: Uint8Array, at: number, end: number): number {
    let byte = 0;
    while (at < end && (byte = bytes[at]) >= ZERO && byte <= NINE) {
      const isFirst = this.#digits++ === 0;
      if (isFirst ? this.#negative && byte === ZERO : this.#number === 0) {
        return this.#break("a length without a leading zero", at);
      }
      this.#number = this.#number * 10 + byte - ZERO;
      if (this.#number > LARGEST_NUMBER && !this.#negative) {
        return this.#break("a smaller length", at);
      }
      at++;
    }
    if (at === end) return at;
    const isFirst = this.#digits === 0 && !this.#negative;
    if (byte === MINUS && isFirst && this.#state === COUNT) {
      this.#negative = true;
    } else if (byte === CR && this.#digits > 0) {
      if (this.#negative) this.#number = 0;
      this.#state = this.#state === COUNT ? COUNT_LF : LENGTH_LF;
    } else {
      return this.#break("a length in decimal", at);
    }
    return at + 1;
  }

  #keep(bytes: Uint8Array, at: number, count: number): void {
    if (this.#index > 0 && this.#words.length === 0) return;
    // The two bytes behind the bulk string are not the argument's.
    const wanted = Math.min(
      count,
      this.#left - 2,
      KEPT - this.#keptLength,
    );
    for (let i = 0; i < wanted; i++) {
      this.#kept[this.#keptLength++] = bytes[at + i];
    }
  }

  /** Looks at an argument that is whole; false where it makes a hazard. */
  #look(): boolean {
    if (this.#index >= KEPT_ARGUMENTS) return true;
    const [first, second] = this.#kept;
    if (this.#index === 0) {
      if (!isWorthALook(this.#keptLength, first, second)) return true;
    } else if (this.#words.length === 0) {
      return true;
    }
    this.#words.push(this.#keptText());
    this.#keptLength = 0;
    return this.#judge();
  }

  #keptText(): string {
    return String.fromCharCode(...this.#kept.subarray(0, this.#keptLength))
      .toUpperCase();
  }

  /** Judges the words so far; false where they make a hazard. */
  #judge(): boolean {
    this.hazard = hazardOf(this.#words);
    if (this.hazard === undefined) return true;
    this.#state = BROKEN;
    return false;
  }

  /** Ends a command. */
  #complete(at: number): void {
    this.#state = START;
    this.commands++;
    this.boundary = at;
    if (this.#words.length === 0) return;
    const { transaction } = traitsOf(this.#words);
    const isAlone = this.#words.length === 1;
    if (transaction === "opens") {
      // Within another one it is an error and changes nothing.
      if (isAlone && this.openMulti === 0) this.openMulti = this.commands;
    } else if (transaction === "closes") {
      if (isAlone || this.#words[0] === "EXEC") this.openMulti = 0;
    }
  }

  #break(expected: string, at: number): number {
    this.fault = `expected ${expected}`;
    this.#state = BROKEN;
    return at;
  }
}
