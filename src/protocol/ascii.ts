/** Line feed, `\n`. */
export const LF = 0x0a;
/** Carriage return, `\r`. */
export const CR = 0x0d;
/** Space. */
export const SPACE = 0x20;
/** Exclamation mark, `!`: a bulk error in RESP3. */
export const EXCLAMATION = 0x21;
/** Double quote, `"`. */
export const QUOTE = 0x22;
/** Hash sign, `#`: a boolean in RESP3. */
export const HASH = 0x23;
/** Dollar sign, `$`: a bulk string. */
export const DOLLAR = 0x24;
/** Percent sign, `%`: a map in RESP3. */
export const PERCENT = 0x25;
/** Opening parenthesis, `(`: a big number in RESP3. */
export const PAREN_OPEN = 0x28;
/** Asterisk, `*`: an array, or a command. */
export const ASTERISK = 0x2a;
/** Plus sign, `+`: a simple string. */
export const PLUS = 0x2b;
/** Comma, `,`: a double in RESP3, and the usual CSV delimiter. */
export const COMMA = 0x2c;
/** Minus sign, `-`: a simple error. */
export const MINUS = 0x2d;
/** Full stop, `.`: the end of a streamed aggregate in RESP3. */
export const DOT = 0x2e;
/** The digit `0`. */
export const ZERO = 0x30;
/** The digit `9`. */
export const NINE = 0x39;
/** Colon, `:`: an integer. */
export const COLON = 0x3a;
/** Semicolon, `;`: a part of a streamed string in RESP3. */
export const SEMICOLON = 0x3b;
/** Equals sign, `=`: a verbatim string in RESP3. */
export const EQUALS = 0x3d;
/** Greater-than sign, `>`: a push in RESP3. */
export const GREATER = 0x3e;
/** Question mark, `?`: a streamed length in RESP3. */
export const QUESTION = 0x3f;
/** Underscore, `_`: the null of RESP3. */
export const UNDERSCORE = 0x5f;
/** Backslash, `\`. */
export const BACKSLASH = 0x5c;
/** Opening brace, `{`. */
export const BRACE_OPEN = 0x7b;
/** Vertical bar, `|`: attributes in RESP3. */
export const PIPE = 0x7c;
/** Closing brace, `}`. */
export const BRACE_CLOSE = 0x7d;
/** Tilde, `~`: a set in RESP3. */
export const TILDE = 0x7e;

/** What a hexadecimal digit is worth; -1 where a byte is none. */
export function hexDigit(byte: number): number {
  // Exported constants are no numbers in the compiled code.
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const small = byte | 0x20;
  return small >= 0x61 && small <= 0x66 ? small - 0x57 : -1;
}
