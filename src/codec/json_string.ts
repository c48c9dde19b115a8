const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What control characters are behind a backslash, where not u. */
const LETTERS = new Uint8Array(32);
LETTERS[0x08] = 0x62;
LETTERS[0x09] = 0x74;
LETTERS[0x0a] = 0x6e;
LETTERS[0x0c] = 0x66;
LETTERS[0x0d] = 0x72;

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
