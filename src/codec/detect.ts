import { LF } from "../protocol/ascii.ts";

/** What the user, or a source's name, says of its format. */
export interface FormatHints {
  /** The format, where it is said. */
  readonly format: "csv" | "jsonl" | undefined;
  /** Whether an object at the start means JSON Lines. */
  readonly mayBeJson: boolean;
  /** Whether the first line may tell the delimiter. */
  readonly mayTellDelimiter: boolean;
}

/** What a source's first line says. */
export interface Detected {
  /** The format. */
  readonly format: "csv" | "jsonl";
  /** The delimiter that the line shows, where it shows one. */
  readonly delimiter?: string | undefined;
  /** Whether the line is a remark for spreadsheets and no record. */
  readonly isRemark?: true | undefined;
}

/** A first line longer than this tells nothing. */
const LONGEST_LINE = 64 * 1024;

/** What may be a delimiter besides the comma; the first wins a draw. */
const DELIMITERS = [";", "\t", "|"];

const decoder = new TextDecoder("latin1");

/**
 * Finds out by its first line what a source is.
 *
 * @param first The source's first bytes, behind a byte order mark.
 * @returns What it is; nothing while more bytes are needed to tell.
 */
export function detectFormat(
  first: Uint8Array,
  isAll: boolean,
  hints: FormatHints,
): Detected | undefined {
  if (hints.format === "jsonl") return { format: "jsonl" };
  if (hints.format === undefined && hints.mayBeJson) {
    let at = 0;
    while (at < first.length && isSpace(first[at])) at++;
    if (first[at] === 0x7b) return { format: "jsonl" };
    if (at === first.length && !isAll) return undefined;
  }
  let from = 0;
  while (from < first.length && (first[from] === LF || first[from] === 0x0d)) {
    from++;
  }
  const found = first.indexOf(LF, from);
  if (found === -1 && !isAll && first.length <= LONGEST_LINE) return undefined;
  const end = found === -1 ? Math.min(first.length, LONGEST_LINE) : found;
  const line = decoder.decode(first.subarray(from, end));
  const remark = /^"?sep=([^\r\n"])"?\r?$/i.exec(line);
  if (remark !== null && from === 0) {
    return { format: "csv", delimiter: remark[1], isRemark: true };
  }
  const delimiter = hints.mayTellDelimiter ? delimiterOf(line) : undefined;
  return { format: "csv", ...(delimiter === undefined ? {} : { delimiter }) };
}

/** The delimiter of a header that has no comma. */
function delimiterOf(line: string): string | undefined {
  const bare = line.replace(/"[^"]*"/g, "");
  if (bare.includes(",")) return undefined;
  let most = 0;
  let best: string | undefined;
  for (const delimiter of DELIMITERS) {
    const count = bare.split(delimiter).length - 1;
    if (count > most) [most, best] = [count, delimiter];
  }
  return best;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte >= 0x09 && byte <= 0x0d;
}
