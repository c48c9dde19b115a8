import { dryRun } from "../engine/dry_run.ts";
import { SlotTally } from "../engine/slot_tally.ts";
import { Summary } from "../engine/summary.ts";
import type { LoadConfig } from "./config.ts";
import { dryRunData, formatDryRun } from "./dry_run_report.ts";
import { ExitCode, exitCodeOf } from "./exit_code.ts";
import { Interruption } from "./interruption.ts";
import { openRejects } from "./open_rejects.ts";
import { print } from "./output.ts";
import { printRejects } from "./print_rejects.ts";
import { startProgress } from "./start_progress.ts";
import { summaryProgress } from "./summary_progress.ts";

/**
 * Runs `respipe load --dry-run`: all of a load but the load.
 *
 * @param config What it was told; nothing in it about the server is used.
 * @param show How many rows to show.
 * @returns The exit code.
 * @throws What ended it early, after the counts so far were printed.
 */
export async function runDryRun(
  config: LoadConfig,
  show: number,
): Promise<number> {
  const summary = new Summary();
  const slots = new SlotTally(config.rows.commands);
  const rows: (readonly string[])[] = [];
  let failure: unknown;
  let rejects: Awaited<ReturnType<typeof openRejects>>;
  let written: { path: string; records: number }[] | undefined;
  try {
    rejects = await openRejects(config.rejects, config.files);
    using interruption = new Interruption();
    using _progress = await startProgress(
      config,
      summaryProgress(summary, config.rows.limit),
    );
    await dryRun({
      ...config.rows,
      sources: config.files,
      idleTimeout: config.idleTimeout,
      maxErrors: config.maxErrors,
      signal: interruption.signal,
      show,
      onRow: async (commands) => {
        if (config.json) rows.push(commands);
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
    if (config.json) {
      const message = failure instanceof Error ? failure.message : null;
      const data = dryRunData(summary, slots.toJSON(), rows);
      await print(`${JSON.stringify({ exitCode: code, message, ...data })}\n`);
    } else if (failure === undefined || summary.records > 0) {
      await print(formatDryRun(summary, slots.toJSON()));
    }
  } catch (error) {
    failure ??= error;
  }
  if (failure !== undefined) throw failure;
  return code;
}
