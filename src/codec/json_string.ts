const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What control characters are behind a backslash, where not u. */
const LETTERS = new Uint8Array(32);
/** The control characters that letters are behind a backslash. */
const CONTROLS = new Uint8Array(256);
for (const pair of ["b\b", "t\t", "n\n", "f\f", "r\r"]) {
  const [letter, control] = [pair.charCodeAt(0), pair.charCodeAt(1)];
  LETTERS[control] = letter;
  CONTROLS[letter] = control;
}

/**
 * Writes a field as a JSON string, into the buffer that it stands in.
 *
 * @param bytes The buffer, with room for 6 bytes for each one, and 2.
 * @param quote The byte that is doubled in the field; -1 where none is.
 * @param at Index to write at, behind the field.
 * @returns Index behind what was written; -1 where the field is no UTF-8.
 */
export function writeJsonString(
  bytes: Uint8Array,
  from: number,
  to: number,
  quote: number,
  at: number,
): number {
  bytes[at++] = QUOTE;
  while (from < to) {
    const byte = bytes[from++];
    if (byte === quote) from++;
    if (byte >= 0x80) {
      const size = sequenceLength(bytes, from - 1, to);
      if (size === 0) return -1;
      bytes[at++] = byte;
      for (let i = 1; i < size; i++) bytes[at++] = bytes[from++];
    } else if (byte === QUOTE || byte === BACKSLASH) {
      bytes[at++] = BACKSLASH;
      bytes[at++] = byte;
    } else if (byte < 0x20) {
      bytes[at++] = BACKSLASH;
      if (LETTERS[byte] !== 0) {
        bytes[at++] = LETTERS[byte];
      } else {
        bytes[at++] = 0x75;
        bytes[at++] = 0x30;
        bytes[at++] = 0x30;
        bytes[at++] = 0x30 + (byte >> 4);
        const low = byte & 0x0f;
        bytes[at++] = low < 10 ? 0x30 + low : 0x57 + low;
      }
    } else {
      bytes[at++] = byte;
    }
  }
  bytes[at++] = QUOTE;
  return at;
}

/**
 * Writes the text of a string that a scanner has walked over.
 *
 * @param from Index behind the opening quote.
 * @param to Index of the closing quote.
 * @param out Where to; there must be room for as many bytes.
 * @returns Index behind the last byte written.
 */
export function unescape(
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
): number {
  const unit = (i: number): number => {
    let code = 0;
    // They are digits, or the scanner had refused them.
    for (let k = i; k < i + 4; k++) {
      code = code << 4 | (bytes[k] & 0x0f) + 9 * (bytes[k] >> 6);
    }
    return code;
  };
  while (from < to) {
    const byte = bytes[from++];
    if (byte !== BACKSLASH) {
      out[at++] = byte;
      continue;
    }
    const letter = bytes[from++];
    if (letter !== 0x75) {
      out[at++] = CONTROLS[letter] || letter;
      continue;
    }
    let code = unit(from);
    from += 4;
    if (code < 0x80) {
      out[at++] = code;
      continue;
    }
    if (code < 0x800) {
      out[at++] = 0xc0 | code >> 6;
    } else {
      if (code >> 10 === 0x36) {
        code = 0x10000 + (code - 0xd800 << 10) + (unit(from + 2) - 0xdc00);
        from += 6;
        out[at++] = 0xf0 | code >> 18;
        out[at++] = 0x80 | code >> 12 & 0x3f;
      } else {
        out[at++] = 0xe0 | code >> 12;
      }
      out[at++] = 0x80 | code >> 6 & 0x3f;
    }
    out[at++] = 0x80 | code & 0x3f;
  }
  return at;
}

/**
 * How many bytes the UTF-8 sequence at an index has, 0 where there is none: for
 * overlong ones, surrogates and what is beyond U+10FFFF too (RFC 3629).
 */
function sequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at];
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + size > end) return 0;
  for (let i = at + 1; i < at + size; i++) {
    if ((bytes[i] & 0xc0) !== 0x80) return 0;
  }
  const second = bytes[at + 1];
  if (first === 0xe0 && second < 0xa0) return 0;
  if (first === 0xed && second > 0x9f) return 0;
  if (first === 0xf0 && second < 0x90) return 0;
  if (first === 0xf4 && second > 0x8f) return 0;
  return size;
}
