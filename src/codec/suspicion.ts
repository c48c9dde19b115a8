/**
 * What an input looks like that is not read as it was meant.
 *
 * Every sentence says what the input looks like and what to do. None of them
 * refuses anything: they are asked for where an input cannot be used, or as a
 * hint.
 *
 * @module
 */
import { CR, LF } from "../protocol/ascii.ts";
import type { Dialect } from "./dialect.ts";
import type { Header } from "./header.ts";

/** Delimiters that people use, as a sentence and as a flag name them. */
const DELIMITERS: readonly [char: string, name: string, flag: string][] = [
  [";", "semicolons", "';'"],
  ["\t", "tabs", "tab"],
  ["|", "vertical bars", "'|'"],
  [",", "commas", "','"],
];

/**
 * Tells whether the lines of an input end in CR alone.
 *
 * @param bytes All of an input, or as much of it as one record may have.
 * @returns Whether there is a CR outside quotes, not as the last byte, and no
 * LF at all; never where there is a NUL, which no text has.
 */
export function endsLinesInCr(bytes: Uint8Array, quote: number): boolean {
  if (bytes.includes(LF) || bytes.includes(0)) return false;
  let isQuoted = false;
  for (let at = 0; at < bytes.length - 1; at++) {
    if (bytes[at] === quote) isQuoted = !isQuoted;
    if (bytes[at] === CR && !isQuoted) return true;
  }
  return false;
}

/** What to say of an input whose lines end in CR alone. */
export const CR_LINES = "its lines end in CR alone, as on old Macs; make " +
  "them end in LF: tr '\\r' '\\n' < FILE | respipe ...";

/**
 * Says what a source's first record looks like, where that is no header of the
 * given dialect.
 *
 * @returns A sentence without its full stop, or nothing.
 */
export function suspectHeader(
  { labels, length }: Header,
  { delimiter }: Dialect,
): string | undefined {
  const first = labels[0] ?? "";
  const wide = /^(\0?)[^\0](?:\0[^\0])*\0?$/.exec(first.slice(0, 200));
  if (wide !== null && first.includes("\0")) {
    return "the input looks like UTF-16 without a byte order mark; convert " +
      `it first: iconv -f UTF-16${wide[1] === "" ? "LE" : "BE"} -t UTF-8 ` +
      "FILE | respipe ...";
  }
  if (labels.some((label) => label.includes("\0"))) {
    return "the header has a NUL in it, which is hardly ever in a text";
  }
  if (/^\s*\[?\s*\{\s*("|$)/.test(first) || /^\s*\[\s*$/.test(first)) {
    return "the input looks like JSON; it is read with an object on each " +
      "line, as --format jsonl says: jq -c '.[]' FILE | respipe ... (for what " +
      "is no array: jq -c .)";
  }
  if (length > 1) return undefined;
  const counts = DELIMITERS
    .filter(([char]) => char.charCodeAt(0) !== delimiter)
    .map((it) => ({ it, count: first.split(it[0]).length - 1 }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
  if (counts.length === 0) return undefined;
  const [, name, flag] = counts[0].it;
  return `the header looks as if ${name} separated its columns: try ` +
    `--delimiter ${flag}`;
}
