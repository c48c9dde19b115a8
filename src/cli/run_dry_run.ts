import { dryRun } from "../engine/dry_run.ts";
import { SlotTally } from "../engine/slot_tally.ts";
import { Summary } from "../engine/summary.ts";
import { dryRunData, formatDryRun } from "./dry_run_report.ts";
import { ExitCode, exitCodeOf } from "./exit_code.ts";
import { Interruption } from "./interruption.ts";
import type { LoadOptions } from "./options.ts";
import { print } from "./output.ts";
import { openRejects, printRejects, type WrittenFile } from "./rejects.ts";
import { formatJson } from "./report.ts";
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
    using interruption = new Interruption();
    using _progress = await startProgress(
      options,
      summaryCounts(summary, options.rows.limit),
    );
    await dryRun({
      ...options.rows,
      sources: options.files,
      idleTimeout: options.idleTimeout,
      maxErrors: options.maxErrors,
      signal: interruption.signal,
      show,
      onRow: async (commands) => {
        if (options.json) rows.push(commands);
        else await print(commands.map((command) => `${command}\n`).join(""));
      },
      onReject: (reject) => rejects?.add(reject),
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
  const code = failure !== undefined
    ? exitCodeOf(failure)
    : summary.rejected > 0
    ? ExitCode.Rejected
    : ExitCode.Ok;
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
