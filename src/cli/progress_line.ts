import { unicodeWidth } from "@std/cli/unicode-width";
import { counted, formatBytes, formatCount } from "../engine/counted.ts";
import type { ProgressState } from "./progress_meter.ts";

/** What a line has, in this order. */
type Part =
  | "name"
  | "bar"
  | "share"
  | "done"
  | "pace"
  | "speed"
  | "nodes"
  | "errors"
  | "left";

/** What is given up, in this order, where the room is short. */
const GIVEN_UP: readonly Part[] = [
  "speed",
  "nodes",
  "bar",
  "pace",
  "done",
  "left",
  "name",
  "errors",
];

/** The most columns of a source's name. */
const LONGEST_NAME = 24;

/** Columns between the bar's brackets. */
const BAR = { least: 6, most: 50 };

/** Red, and back to normal (ECMA-48). */
const RED = "\x1b[31m";
const NORMAL = "\x1b[39m";

/**
 * Writes how far a command is for a terminal, on one line; the bar takes what
 * room is left.
 *
 * @param width The most columns that the line may take.
 * @param colors Whether errors may be red.
 */
export function formatProgress(
  state: ProgressState,
  width: number,
  colors = false,
): string {
  const parts = partsOf(state, LONGEST_NAME);
  let room = width - widthOf(parts);
  for (const part of GIVEN_UP) {
    if (room >= 0) break;
    parts.delete(part);
    room = width - widthOf(parts);
  }
  if (room < 0) return [...parts.values()].join(" ").slice(0, width);
  if (parts.has("bar")) {
    const length = Math.min(BAR.least + room, BAR.most);
    parts.set("bar", barOf(state.fraction!, length));
  }
  const errors = parts.get("errors");
  if (colors && errors !== undefined) {
    parts.set("errors", `${RED}${errors}${NORMAL}`);
  }
  return [...parts.values()].join(" ");
}

/** Writes how far a command is for a log: everything, written out. */
export function formatProgressLog(state: ProgressState): string {
  const parts = partsOf(state, Infinity);
  parts.delete("bar");
  const line = [...parts.values()].map((part) => part.trim()).join(", ");
  return `respipe: after ${formatTime(Math.floor(state.elapsed))}: ${line}\n`;
}

function partsOf(state: ProgressState, longestName: number): Map<Part, string> {
  const { fraction, done, errors, secondsLeft } = state;
  const many = state.unit === "record" ? "records" : "replies";
  const parts = new Map<Part, string>([
    ["name", nameOf(state.source, longestName)],
  ]);
  if (fraction === undefined) parts.set("share", formatBytes(state.bytes));
  else {
    parts.set("bar", barOf(fraction, BAR.least));
    parts.set("share", `${String(Math.floor(fraction * 100)).padStart(3)}%`);
  }
  parts.set("done", `${formatCount(done)} ${done === 1 ? state.unit : many}`);
  const { waiting } = state;
  if (waiting === undefined) {
    parts.set("pace", `${formatCount(state.donePerSecond)}/s`);
    parts.set("speed", `${formatBytes(Math.round(state.bytesPerSecond))}/s`);
  } else {
    const time = formatTime(Math.floor(waiting));
    parts.set("pace", `waiting for the server ${time}`);
  }
  if (state.nodes !== undefined) {
    parts.set("nodes", counted(state.nodes, "node"));
  }
  if (errors > 0) parts.set("errors", counted(errors, "error"));
  if (secondsLeft !== undefined) {
    parts.set("left", `${formatTime(secondsLeft)} left`);
  }
  return parts;
}

/** The columns that parts take with a space between each two. */
function widthOf(parts: ReadonlyMap<Part, string>): number {
  return [...parts.values()].reduce((sum, it) => sum + unicodeWidth(it), 0) +
    parts.size - 1;
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

/** Minutes and seconds, such as 0:07 or 1:02:03. */
function formatTime(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (n: number): string => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}
