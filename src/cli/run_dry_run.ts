import { counted, formatBytes, formatCount } from "../engine/counted.ts";
import { dryRun } from "../engine/dry_run.ts";
import { type SlotData, SlotTally } from "../engine/slot_tally.ts";
import { Summary, type SummaryData } from "../engine/summary.ts";
import { SLOTS } from "../protocol/key_slot.ts";
import { codeOf } from "./exit_code.ts";
import { Interruption } from "./interruption.ts";
import type { LoadOptions } from "./options.ts";
import { print } from "./output.ts";
import { openRejects, printRejects, type WrittenFile } from "./rejects.ts";
import { formatJson, foundLines } from "./report.ts";
import { startProgress, summaryCounts } from "./start_progress.ts";

/**
 * Runs `respipe load --dry-run`: all of a load but the load.
 *
 * @param options What it was told; nothing in it about the server is used.
 * @throws What ended it early, after the counts so far were printed.
 */
export async function runDryRun(
  options: LoadOptions,
  show: number,
): Promise<number> {
  const summary = new Summary();
  const slots = new SlotTally(options.rows.commands);
  const rows: (readonly string[])[] = [];
  let failure: unknown;
  let rejects: Awaited<ReturnType<typeof openRejects>>;
  let written: WrittenFile[] | undefined;
  try {
    rejects = await openRejects(options.rejects, options.files);
    const interruption = new Interruption();
    using _progress = await startProgress(
      options,
      summaryCounts(summary, options.rows.limit),
    );
    await dryRun({
      ...options.rows,
      ...options.input,
      sources: options.files,
      maxErrors: options.maxErrors,
      signal: interruption.signal,
      show,
      onRow: async (commands) => {
        if (options.json) rows.push(commands);
        else await print(commands.map((command) => `${command}\n`).join(""));
      },
      onReject: (...reject) => rejects?.add(...reject),
      summary,
    }, slots);
  } catch (error) {
    failure = error;
  }
  try {
    written = rejects?.close();
  } catch (error) {
    failure ??= error;
  }
  const code = codeOf(failure, summary.rejected);
  try {
    printRejects(summary, written);
    if (options.json) {
      const data = dryRunData(summary, slots.toJSON(), rows);
      await print(formatJson(options, code, failure, data));
    } else if (failure === undefined || summary.records > 0) {
      await print(formatDryRun(summary, slots.toJSON()));
    }
  } catch (error) {
    failure ??= error;
  }
  if (failure !== undefined) throw failure;
  return code;
}

/** A dry run as plain data, with the names that `--json` prints. */
interface DryRunData extends
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
    | "formats"
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
function dryRunData(
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
    formats: rest.formats,
    hint: rest.hint,
    slots,
  };
}

/** Writes the counts of a dry run for people. */
function formatDryRun(summary: Summary, slots: SlotData): string {
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
  lines.push(...foundLines(summary));
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
