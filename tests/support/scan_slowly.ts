import { hazardOf } from "../../src/protocol/hazard.ts";

/** What a stream of commands consists of. */
export interface Scanned {
  /** Where the whole commands that get a reply begin and end. */
  commands: { begin: number; end: number }[];
  /** Index behind the last whole command, or line that is none. */
  boundary: number;
  /** Index where the last command begins, or line that is none; -1: none. */
  begin: number;
  /** Index of the byte that cannot be there; -1 for none. */
  faultAt: number;
  /** The command that breaks the pairing. */
  hazard: string | undefined;
  /** Whether the text ends within a command. */
  open: boolean;
  /** Bytes that the bulk string lacks that the text ends in. */
  missing: number;
  /** The line break, or the rest of it, that the text lacks and nothing else. */
  lineBreak: string;
  /** The ordinal of the MULTI without its end; 0 for none. */
  openMulti: number;
}

/** What one command, or the beginning of one, looks like. */
interface One {
  /** Index behind it; none where it is not whole. */
  end?: number;
  words?: string[];
  faultAt?: number;
  hazard?: string | undefined;
  missing?: number;
  lineBreak?: string;
}

/**
 * Finds the bounds of commands in the plainest way, for tests to compare with.
 *
 * Written apart from the scanner on purpose, from what the server does with
 * the whole text at hand.
 *
 * @param text The bytes, one character each.
 * @returns What there is in it.
 */
export function scanSlowly(text: string): Scanned {
  const scanned: Scanned = {
    commands: [],
    boundary: 0,
    begin: -1,
    faultAt: -1,
    hazard: undefined,
    open: false,
    missing: 0,
    lineBreak: "",
    openMulti: 0,
  };
  for (let at = 0; at < text.length;) {
    scanned.begin = at;
    const inline = text[at] !== "*";
    const one = inline ? takeInline(text, at) : takeArray(text, at);
    if (one.faultAt !== undefined) scanned.faultAt = one.faultAt;
    scanned.hazard = one.hazard;
    if (one.faultAt !== undefined || one.hazard !== undefined) return scanned;
    if (one.end === undefined) {
      scanned.open = true;
      scanned.missing = one.missing ?? 0;
      scanned.lineBreak = one.lineBreak ?? "";
      return scanned;
    }
    if (one.words!.length > 0) {
      scanned.commands.push({ begin: at, end: one.end });
      trackMulti(scanned, one.words!);
    }
    scanned.boundary = at = one.end;
  }
  return scanned;
}

function trackMulti(scanned: Scanned, words: string[]): void {
  const command = words.join(" ");
  if (command === "MULTI") scanned.openMulti ||= scanned.commands.length;
  if (words[0] === "EXEC" || command === "DISCARD" || command === "RESET") {
    scanned.openMulti = 0;
  }
}

function takeArray(text: string, at: number): One {
  const count = takeNumber(text, at + 1, true);
  if (count.value === undefined) return count;
  const words: string[] = [];
  let next = count.end!;
  for (let i = 0; i < count.value; i++) {
    if (next === text.length) return {};
    if (text[next] !== "$") return { faultAt: next };
    const length = takeNumber(text, next + 1, false);
    if (length.value === undefined) return length;
    const end = length.end! + length.value + 2;
    if (end > text.length) {
      const missing = end - text.length;
      const isLast = i === count.value - 1;
      const isAlmost = isLast && missing <= 2;
      return { missing, lineBreak: isAlmost ? "\r\n".slice(-missing) : "" };
    }
    words.push(text.slice(length.end, end - 2).toUpperCase());
    const hazard = hazardOf(words)?.name;
    if (hazard !== undefined) return { hazard };
    next = end;
  }
  return { end: next, words };
}

function takeNumber(
  text: string,
  at: number,
  signed: boolean,
): { end?: number; value?: number; faultAt?: number } {
  const negative = signed && text[at] === "-";
  const start = negative ? at + 1 : at;
  let end = start;
  for (; end < text.length && /[0-9]/.test(text[end]); end++) {
    const digits = text.slice(start, end + 1);
    const fits = negative
      ? /^[1-9]/.test(digits)
      : String(Number(digits)) === digits && Number(digits) < 2 ** 31;
    if (!fits) return { faultAt: end };
  }
  if (end === text.length) return {};
  if (end === start || text[end] !== "\r") return { faultAt: end };
  if (end + 1 === text.length) return {};
  if (text[end + 1] !== "\n") return { faultAt: end + 1 };
  const value = negative ? 0 : Number(text.slice(start, end));
  return { end: end + 2, value };
}

function takeInline(text: string, at: number): One {
  const found = text.indexOf("\n", at);
  const end = found === -1 ? text.length : found;
  const line = text.slice(at, end);
  const nul = line.indexOf("\0");
  // What is behind a NUL plays no part, but what is wrong before it does.
  const { words, junkAt, open } = splitLine(
    nul === -1 ? line : line.slice(0, nul),
  );
  if (junkAt !== undefined) return { faultAt: at + junkAt };
  if (nul !== -1) return { hazard: "an inline command with a NUL in it" };
  if (found === -1) return { lineBreak: "\n" };
  if (open) return { faultAt: found };
  const hazard = hazardOf(words)?.name;
  return hazard === undefined ? { end: found + 1, words } : { hazard };
}

/** What the server's splitter makes of a line, by regular expressions. */
function splitLine(
  line: string,
): { words: string[]; junkAt?: number; open: boolean } {
  const words: string[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    const match = pattern.exec(line.slice(at));
    if (match === null) return undefined;
    at += match[0].length;
    return match[0];
  };
  for (;;) {
    take(/^[ \t\v\f\r]+/);
    if (at === line.length) return { words, open: false };
    let word = take(/^[^ \t\r"']+/) ?? "";
    const quote = take(/^["']/);
    if (quote !== undefined) {
      const inside = quote === '"'
        ? take(/^(\\[^]|[^"\\])*/)!
        : take(/^(\\'|[^'])*/)!;
      if (take(/^["']/) === undefined) return { words, open: true };
      word += quote === '"' ? unescape(inside) : inside.replaceAll("\\'", "'");
      if (at < line.length && !/^[ \t\v\f\r]/.test(line.slice(at))) {
        return { words, junkAt: at, open: false };
      }
    }
    words.push(word.toUpperCase());
  }
}

function unescape(text: string): string {
  return text.replace(
    /\\(x[0-9a-f]{2}|[^])/gi,
    (_, code: string) =>
      /^x../.test(code)
        ? String.fromCharCode(Number.parseInt(code.slice(1), 16))
        : "nrtba".includes(code)
        ? "\0"
        : code,
  );
}
