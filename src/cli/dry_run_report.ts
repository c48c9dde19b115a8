import { counted, formatCount } from "../engine/counted.ts";
import type { SlotData } from "../engine/slot_tally.ts";
import type { Summary, SummaryData } from "../engine/summary.ts";
import { SLOTS } from "../protocol/key_slot.ts";
import { formatBytes } from "./report.ts";

/** A dry run as plain data, with the names that `--json` prints. */
export interface DryRunData extends
  Pick<
    SummaryData,
    | "records"
    | "rejected"
    | "blankLines"
    | "commands"
    | "bytesIn"
    | "bytesOut"
    | "startedAt"
    | "endedAt"
    | "seconds"
    | "errors"
    | "hint"
  > {
  /** Nothing was sent. */
  dryRun: true;
  /** The commands of the first records, as redis-cli would quote them. */
  rows: readonly (readonly string[])[];
  /** Records that would be sent. */
  ready: number;
  /** What a cluster's hash slots would get. */
  slots: SlotData;
}

/** Takes the counts of a dry run as plain data. */
export function dryRunData(
  summary: Summary,
  slots: SlotData,
  rows: readonly (readonly string[])[],
): DryRunData {
  const { records, rejected, blankLines, commands, ...rest } = summary.toJSON();
  return {
    dryRun: true,
    rows,
    records,
    ready: summary.loaded,
    rejected,
    blankLines,
    commands,
    bytesIn: rest.bytesIn,
    bytesOut: rest.bytesOut,
    startedAt: rest.startedAt,
    endedAt: rest.endedAt,
    seconds: rest.seconds,
    errors: rest.errors,
    hint: rest.hint,
    slots,
  };
}

/**
 * Writes the counts of a dry run for people.
 *
 * @returns A few lines, each with its line break.
 */
export function formatDryRun(summary: Summary, slots: SlotData): string {
  const { records, loaded, rejected, blankLines, seconds } = summary;
  const lines = [
    `dry run: ${formatCount(loaded)} of ${counted(records, "record")} would ` +
    `be sent${rejected > 0 ? `, ${formatCount(rejected)} rejected` : ""}, ` +
    `read in ${seconds.toFixed(2)} s`,
    `${counted(summary.commands, "command")}, ` +
    `${formatBytes(summary.bytesIn)} read, ` +
    `${formatBytes(summary.bytesOut)} to send`,
  ];
  if (blankLines > 0) {
    lines.push(`${counted(blankLines, "blank line")} passed over`);
  }
  if (summary.hint !== undefined) lines.push(`note: ${summary.hint}`);
  const { touched, withoutKey, largest } = slots;
  if (largest !== null) {
    const share = (largest.share * 100).toFixed(largest.share < 0.1 ? 2 : 1);
    lines.push(
      `hash slots: ${formatCount(touched)} of ${formatCount(SLOTS)}; the ` +
        `fullest, ${largest.slot}, has ${share}% of the keys ` +
        `(${formatCount(largest.commands)})`,
    );
  }
  if (withoutKey > 0) {
    lines.push(`${counted(withoutKey, "command")} without a key`);
  }
  return lines.map((line) => `${line}\n`).join("");
}
