/** What the first bytes of a source say about it. */
export interface Preamble {
  /** Bytes of a byte order mark to pass over: 0 or 3. */
  readonly skip: number;
  /** Why the input cannot be CSV, where that is plain to see. */
  readonly reason?: string;
}

/** How many bytes {@linkcode readPreamble} looks at, at the most. */
export const PREAMBLE_LENGTH = 6;

const MARKS: readonly (readonly [readonly number[], Preamble])[] = [
  [[0xef, 0xbb, 0xbf], { skip: 3 }],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], packed("xz", "xzcat")],
  [[0x50, 0x4b, 0x03, 0x04], packed("zip (or a spreadsheet)", "unzip -p")],
];

function packed(format: string, tool: string): Preamble {
  return {
    skip: 0,
    reason: `the input is compressed (${format}); unpack it on the way: ` +
      `${tool} FILE | respipe ...`,
  };
}

/**
 * Recognises a byte order mark, and formats that are certainly not CSV.
 *
 * @param bytes The first bytes of a source; {@linkcode PREAMBLE_LENGTH} of them
 * suffice.
 * @returns What they say, or nothing while more bytes are needed to tell.
 */
export function readPreamble(bytes: Uint8Array): Preamble | undefined {
  for (const [mark, meaning] of MARKS) {
    const known = Math.min(mark.length, bytes.length);
    let same = 0;
    while (same < known && bytes[same] === mark[same]) same++;
    if (same === mark.length) return meaning;
    if (same === bytes.length) return undefined;
  }
  return { skip: 0 };
}
