/**
 * How far a command is, as one line.
 *
 * Why it has this shape: what a line says and how long it says it is decided
 * by a list of steps, from generous to terse. Each step gives up a little
 * more; the first whose line fits is taken, and what room is left goes to the
 * bar.
 *
 * @module
 */
import { unicodeWidth } from "@std/cli/unicode-width";
import { counted, formatCount } from "../engine/counted.ts";
import type { ProgressState } from "./progress_meter.ts";
import { formatBytes } from "./report.ts";

/** What a line says, and how long it says it. */
interface Shape {
  /** The most columns of the source's name; 0: it is left out. */
  readonly name: number;
  /** The fewest columns between the bar's brackets; 0: there is no bar. */
  readonly bar: number;
  /** Whether numbers are written out: 1,234,567 instead of 1.23M. */
  readonly long: boolean;
  /** Whether speeds are written out: `records/s` instead of `/s`. */
  readonly words: boolean;
  /** Whether numbers have words behind them: `records`, `errors`, `left`. */
  readonly units: boolean;
  /** Whether records or replies are counted. */
  readonly done: boolean;
  /** Whether it says how many come in a second. */
  readonly pace: boolean;
  /** Whether it says how many bytes come in a second. */
  readonly speed: boolean;
  /** Whether it says how many nodes a cluster has. */
  readonly nodes: boolean;
  /** Whether it says so where there is no error. */
  readonly noErrors: boolean;
  /** Whether it says how much time is left. */
  readonly left: boolean;
}

const GENEROUS: Shape = {
  name: 40,
  bar: 10,
  long: true,
  words: true,
  units: true,
  done: true,
  pace: true,
  speed: true,
  nodes: true,
  noErrors: true,
  left: true,
};

/** What is given up, in this order, where the room is short. */
const STEPS: readonly Partial<Shape>[] = [
  {},
  { words: false },
  { name: 16 },
  { long: false },
  { nodes: false },
  { bar: 6 },
  { noErrors: false },
  { name: 12 },
  { units: false },
  { speed: false },
  { bar: 0 },
  { name: 8 },
  { pace: false },
  { name: 0 },
  { done: false },
  { left: false },
];

/** The most columns between the bar's brackets. */
const LONGEST_BAR = 50;

/** Red, and back to normal (ECMA-48). */
const RED = "\x1b[31m";
const NORMAL = "\x1b[39m";

/**
 * Writes how far a command is for a terminal, on one line.
 *
 * @param width The most columns that the line may take.
 * @param colors Whether errors may be red.
 * @returns The line, without a line break.
 *
 * @example
 * ```ts
 * import { formatProgress } from "./progress_line.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const state = {
 *   source: "users.csv",
 *   elapsed: 5,
 *   bytes: 42e6,
 *   fraction: 0.42,
 *   done: 1234567,
 *   unit: "record",
 *   donePerSecond: 250000,
 *   bytesPerSecond: 8.4e6,
 *   errors: 0,
 *   secondsLeft: 7,
 * } as const;
 * assertEquals(
 *   formatProgress(state, 40),
 *   "users.csv  42% 1.23M 250k/s 0:07",
 * );
 * ```
 */
export function formatProgress(
  state: ProgressState,
  width: number,
  colors = false,
): string {
  let shape = GENEROUS;
  let parts: string[] = [];
  for (const step of STEPS) {
    shape = { ...shape, ...step };
    parts = partsOf(state, shape);
    const room = width - widthOf(parts) - barRoom(state, shape);
    if (room >= 0) {
      const bar = state.fraction === undefined || shape.bar === 0
        ? []
        : [barOf(state.fraction, Math.min(shape.bar + room, LONGEST_BAR))];
      // The bar stands behind the name.
      parts.splice(shape.name > 0 ? 1 : 0, 0, ...bar);
      return paint(parts, state, colors).join(" ");
    }
  }
  return parts.join(" ").slice(0, Math.max(0, width));
}

/** Writes how far a command is for a log: everything, written out. */
export function formatProgressLog(state: ProgressState): string {
  const parts = partsOf(state, { ...GENEROUS, name: Infinity, bar: 0 });
  const line = parts.map((part) => part.trim()).join(", ");
  return `respipe: after ${formatTime(Math.floor(state.elapsed))}: ${line}\n`;
}

/** All but the bar; the errors' place is where {@linkcode paint} finds it. */
function partsOf(state: ProgressState, shape: Shape): string[] {
  const number = shape.long ? formatCount : formatShort;
  const { unit, done, errors, secondsLeft } = state;
  const many = unit === "record" ? "records" : "replies";
  const parts: string[] = [];
  if (shape.name > 0) parts.push(nameOf(state.source, shape.name));
  parts.push(
    state.fraction === undefined
      ? formatBytes(state.bytes)
      : `${String(Math.floor(state.fraction * 100)).padStart(3)}%`,
  );
  if (shape.done) {
    const what = done === 1 ? unit : many;
    parts.push(number(done) + (shape.units ? ` ${what}` : ""));
  }
  if (shape.pace) {
    parts.push(
      `${number(state.donePerSecond)}${shape.words ? ` ${many}` : ""}/s`,
    );
  }
  if (shape.speed) {
    parts.push(`${formatBytes(Math.round(state.bytesPerSecond))}/s`);
  }
  if (shape.nodes && state.nodes !== undefined) {
    parts.push(counted(state.nodes, "node"));
  }
  if (errors > 0 || shape.noErrors) parts.push(errorsOf(state, shape));
  if (shape.left && secondsLeft !== undefined) {
    parts.push(formatTime(secondsLeft) + (shape.units ? " left" : ""));
  }
  return parts;
}

function errorsOf({ errors }: ProgressState, { long, units }: Shape): string {
  const count = long ? formatCount(errors) : formatShort(errors);
  return `${count} ${units ? errors === 1 ? "error" : "errors" : "err"}`;
}

function paint(
  parts: readonly string[],
  { errors }: ProgressState,
  colors: boolean,
): string[] {
  return parts.map((part) =>
    colors && errors > 0 && /^[\d.,]+[kMGT]? (errors?|err)$/.test(part)
      ? `${RED}${part}${NORMAL}`
      : part
  );
}

/** The columns that parts take with a space between each two. */
function widthOf(parts: readonly string[]): number {
  return parts.reduce((sum, part) => sum + unicodeWidth(part), 0) +
    parts.length - 1;
}

/** The columns that the shortest bar takes with its brackets and a space. */
function barRoom({ fraction }: ProgressState, { bar }: Shape): number {
  return fraction === undefined || bar === 0 ? 0 : bar + 3;
}

function barOf(fraction: number, length: number): string {
  const done = Math.floor(fraction * length);
  const head = done < length ? ">" : "";
  return `[${"=".repeat(done)}${head}${
    " ".repeat(length - done - head.length)
  }]`;
}

/** The end of a name is what tells it from others. */
function nameOf(source: string, most: number): string {
  const name = source === "-"
    ? "stdin"
    // A file may be called anything, escape codes included.
    : source.replace(/\p{C}/gu, "?");
  if (unicodeWidth(name) <= most) return name;
  const chars = [...name];
  while (chars.length > 0 && unicodeWidth(chars.join("")) > most - 2) {
    chars.shift();
  }
  return `..${chars.join("")}`;
}

/** Three digits and a letter, such as 1.23M. */
function formatShort(n: number): string {
  let value = Math.round(n);
  const units = ["", "k", "M", "G", "T"];
  let unit = 0;
  // 999.5 and more would be rounded to "1000".
  while (value >= (unit === 0 ? 1000 : 999.5) && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  if (unit === 0) return String(value);
  const digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return value.toFixed(digits) + units[unit];
}

/** Minutes and seconds, such as 0:07 or 1:02:03. */
function formatTime(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (n: number): string => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}
