import { load } from "../engine/load.ts";
import { Summary } from "../engine/summary.ts";
import type { LoadConfig } from "./config.ts";
import { ExitCode, exitCodeOf } from "./exit_code.ts";
import { Interruption } from "./interruption.ts";
import { print, printError } from "./output.ts";
import { openRejects } from "./open_rejects.ts";
import { printRejects } from "./print_rejects.ts";
import { formatSummary } from "./report.ts";
import { startProgress } from "./start_progress.ts";
import { summaryProgress } from "./summary_progress.ts";
import { serverOptions } from "./server_options.ts";
import { throughWay } from "./through_way.ts";

/**
 * Runs `respipe load`.
 *
 * @param config What it was told.
 * @returns The exit code.
 * @throws What ended the load early, after the summary was printed.
 */
export async function runLoad(config: LoadConfig): Promise<number> {
  const summary = new Summary();
  let failure: unknown;
  let code: number = ExitCode.Ok;
  let rejects: Awaited<ReturnType<typeof openRejects>>;
  let written: { path: string; records: number }[] | undefined;
  try {
    rejects = await openRejects(config.rejects, config.files);
    const known = await serverOptions(config.server);
    using interruption = new Interruption();
    const { signal } = interruption;
    using _progress = await startProgress(
      config,
      summaryProgress(summary, config.rows.limit),
    );
    await throughWay(config.server.via, known, signal, (server) =>
      load({
        ...config.rows,
        sources: config.files,
        idleTimeout: config.idleTimeout,
        server,
        stallTimeout: config.stallTimeout,
        // Nothing else goes on in this process.
        mayBlock: true,
        endMarker: config.endMarker,
        maxErrors: config.maxErrors,
        signal,
        onReject: rejects && ((reject) => rejects?.add(reject)),
        summary,
      }));
    if (summary.rejected > 0) code = ExitCode.Rejected;
  } catch (error) {
    failure = error;
  }
  try {
    written = rejects?.close();
  } catch (error) {
    failure ??= error;
  }
  if (failure !== undefined) code = exitCodeOf(failure);
  if (summary.coalescingStopped !== undefined) {
    printError(
      "respipe: rows cannot share commands here " +
        `(${summary.coalescingStopped.trimEnd()}); later ones had their own, ` +
        "as with --no-coalesce\n",
    );
  }
  if (summary.sentinelRefusal !== undefined) {
    printError(
      "respipe: the server refuses the closing command " +
        `(${summary.sentinelRefusal}); the end was found by counting the ` +
        "replies, as with --end-marker count\n",
    );
  }
  try {
    printRejects(summary, written);
    await printSummary(summary, config, code, failure);
  } catch (error) {
    // That nobody reads the output is no excuse for hiding what went wrong.
    failure ??= error;
  }
  if (failure !== undefined) throw failure;
  return code;
}

async function printSummary(
  summary: Summary,
  { json, quiet }: LoadConfig,
  code: number,
  failure: unknown,
): Promise<void> {
  if (json) {
    const message = failure instanceof Error ? failure.message : null;
    await print(
      `${JSON.stringify({ exitCode: code, message, ...summary.toJSON() })}\n`,
    );
  } else if (
    // Where nothing was read, the sentence says it all.
    !(failure !== undefined && summary.records === 0) &&
    !(quiet && code === ExitCode.Ok)
  ) {
    await print(formatSummary(summary));
  }
}
