import { counted, formatBytes, formatCount } from "../engine/counted.ts";
import type { ErrorKind } from "../engine/error_tally.ts";
import type { Pruned } from "../engine/prune.ts";
import type { Summary } from "../engine/summary.ts";
import { sourceName } from "../transport/url_source.ts";
import { VERSION } from "./help.ts";
import type { LoadOptions, PipeOptions } from "./options.ts";
import { printable } from "./output.ts";

/**
 * Writes the counts of a load for people.
 *
 * @returns One line or a few, each with its line break.
 */
export function formatSummary(summary: Summary): string {
  const { records, seconds, blankLines } = summary;
  const rate = seconds > 0 ? formatCount(records / seconds) : "0";
  const lines = [
    `${loadedPhrase(summary)}, in ${seconds.toFixed(2)} s (${rate} records/s)`,
    `${counted(summary.commands, "command")}, ` +
    `${formatCount(summary.replies)} ` +
    `${summary.replies === 1 ? "reply" : "replies"}, ` +
    `${formatBytes(summary.bytesIn)} read, ` +
    `${formatBytes(summary.bytesOut)} sent`,
  ];
  lines.push(...reconnections(summary));
  if (records === 0) lines.push("no record was read");
  const isFine = summary.isComplete && summary.rejected === 0;
  if (isFine && summary.hint !== undefined) lines.push(`note: ${summary.hint}`);
  if (blankLines > 0) {
    lines.push(`${counted(blankLines, "blank line")} passed over`);
  }
  lines.push(...foundLines(summary));
  if (summary.swapped !== undefined) {
    const { database, spare, replaced } = summary.swapped;
    lines.push(
      `database ${spare} is database ${database} now` +
        (replaced === null ? "" : `, in place of ${counted(replaced, "key")}`),
    );
  }
  if (summary.replicated !== undefined) {
    const { replicas, largestLag } = summary.replicated;
    lines.push(
      `${counted(replicas, "replica")} had all of it, ` +
        `${formatBytes(largestLag)} behind at the most`,
    );
  }
  if (summary.pruned !== undefined) lines.push(...prunedLines(summary.pruned));
  return lines.map((line) => `${line}\n`).join("");
}

function prunedLines(
  { pattern, matching, stale, deleted, examples, memory }: Pruned,
): string[] {
  const of = `of ${counted(matching, "key")} that match ${pattern}`;
  const memo = `${formatBytes(memory)} to remember keys`;
  if (deleted > 0 || stale === 0) {
    return [`${formatCount(deleted)} ${of} pruned, ${memo}`];
  }
  if (examples.length === 0) return [];
  return [
    `${formatCount(stale)} ${of} would be pruned, ${memo}:`,
    ...examples.map((key) => `  ${key}`),
  ];
}

/** Says which records nobody knows the replies to. */
export function repliesLostPhrase({ repliesLost }: Summary): string {
  return `of ${counted(repliesLost, "record")} the replies were lost: they ` +
    "are in, but for those that the server may have refused";
}

/** Says which records the server may have forgotten. */
export function mayBeLostPhrase({ mayBeLost }: Summary): string {
  return `${counted(mayBeLost, "record")} may be lost: they were loaded ` +
    "before the server was started anew, or another took its place";
}

/** What lost connections have cost, and what transactions were for. */
function reconnections(summary: Summary): string[] {
  const { reconnections, secondsWaiting, repeated } = summary;
  const { transactions, repliesLost, resumedAt } = summary;
  const lines: string[] = [];
  if (reconnections > 0) {
    lines.push(
      `reconnected ${counted(reconnections, "time")}, waited ` +
        `${secondsWaiting.toFixed(1)} s`,
    );
  }
  if (repeated > 0) {
    lines.push(`${counted(repeated, "record")} may be in twice`);
  }
  if (summary.mayBeLost > 0) lines.push(mayBeLostPhrase(summary));
  if (transactions > 0) {
    const from = resumedAt === null
      ? ""
      : `, from ${printable(resumedAt.source)}:${resumedAt.line} on`;
    lines.push(counted(transactions, "transaction") + from);
  }
  if (repliesLost > 0) lines.push(repliesLostPhrase(summary));
  return lines;
}

/**
 * Says what sources were found to be, where that is not plain CSV.
 *
 * @returns A line for each format, such as `users.gz: read as gzip, CSV`.
 */
export function foundLines({ formats }: Summary): string[] {
  const sources = new Map<string, string[]>();
  for (const { source, format } of formats) {
    if (format === "CSV") continue;
    sources.set(format, [...sources.get(format) ?? [], source]);
  }
  return [...sources].map(([format, [first, ...others]]) => {
    const more = others.length > 0
      ? ` and ${counted(others.length, "other")}`
      : "";
    return `${printable(first)}${more}: read as ${format}`;
  });
}

/**
 * Writes what became of the records for people.
 *
 * @returns Such as `2 of 3 records loaded, 1 rejected`.
 */
export function loadedPhrase(summary: Summary): string {
  const { records, loaded, rejected, partly, unknown } = summary;
  const parts = [
    `${formatCount(loaded)} of ${counted(records, "record")} loaded`,
  ];
  if (rejected > 0) {
    const part = partly > 0 ? ` (${formatCount(partly)} of them in part)` : "";
    parts.push(`${formatCount(rejected)} rejected${part}`);
  }
  if (unknown > 0) parts.push(`${formatCount(unknown)} unknown`);
  return parts.join(", ");
}

/**
 * Writes what `--json` prints: first what was asked for and how it ended, the
 * same for every command, then the counts.
 */
export function formatJson(
  options: LoadOptions | PipeOptions,
  exitCode: number,
  failure: unknown,
  data: object,
): string {
  const json = JSON.stringify({
    exitCode,
    message: failure instanceof Error ? failure.message : null,
    version: VERSION,
    sources: options.files.map(sourceName),
    ...(options.command === "load" ? { template: options.rows.commands } : {}),
    ...data,
  });
  return `${json}\n`;
}

/**
 * Writes what was rejected for people: a line per kind of error.
 *
 * @param kinds The kinds with their counts and first places.
 * @returns The lines, each with its line break.
 */
export function formatErrors(kinds: readonly ErrorKind[]): string {
  return kinds.map(({ error, count, first }) =>
    `  ${printable(error)} x ${formatCount(count)}, ` +
    `first ${printable(first.join(", "))}\n`
  ).join("");
}
