import { load } from "../engine/load.ts";
import { Summary } from "../engine/summary.ts";
import { ExitCode, exitCodeOf } from "./exit_code.ts";
import { MetricsFile } from "./metrics_file.ts";
import type { LoadOptions } from "./options.ts";
import { OutputError, print, say } from "./output.ts";
import { openRejects, printRejects, type WrittenFile } from "./rejects.ts";
import { formatJson, formatSummary, loadedPhrase } from "./report.ts";
import { startProgress, summaryCounts } from "./start_progress.ts";
import { withServer } from "./with_server.ts";

/**
 * Runs `respipe load`.
 *
 * @param options What it was told.
 * @returns The exit code.
 * @throws What ended the load early, after the summary was printed.
 */
export async function runLoad(options: LoadOptions): Promise<number> {
  const summary = new Summary();
  let failure: unknown;
  let code: number = ExitCode.Ok;
  let rejects: Awaited<ReturnType<typeof openRejects>>;
  let written: WrittenFile[] | undefined;
  let metrics: MetricsFile | undefined;
  try {
    metrics = options.metrics &&
      new MetricsFile(options.metrics, options.files);
    rejects = await openRejects(options.rejects, options.files);
    await withServer(options.server, async (server, signal) => {
      using _progress = await startProgress(
        options,
        summaryCounts(summary, options.rows.limit),
      );
      await load({
        ...options.rows,
        ...options.ends,
        sources: options.files,
        idleTimeout: options.idleTimeout,
        server,
        stallTimeout: options.stallTimeout,
        // Nothing else goes on in this process.
        mayBlock: true,
        endMarker: options.endMarker,
        maxErrors: options.maxErrors,
        signal,
        onReject: rejects && ((reject) => rejects?.add(reject)),
        summary,
      });
    });
    if (summary.rejected > 0) code = ExitCode.Rejected;
  } catch (error) {
    failure = error;
  }
  summary.end();
  try {
    written = rejects?.close();
  } catch (error) {
    failure ??= error;
  }
  if (failure !== undefined) code = exitCodeOf(failure);
  if (summary.coalescingStopped !== undefined) {
    say(
      "rows cannot share commands here " +
        `(${summary.coalescingStopped.trimEnd()}); later ones had their own, ` +
        "as with --no-coalesce",
    );
  }
  if (summary.sentinelRefusal !== undefined) {
    say(
      `the server refuses the closing command (${summary.sentinelRefusal}); ` +
        "the end was found by counting the replies, as with --end-marker count",
    );
  }
  printRejects(summary, written);
  try {
    await printSummary(summary, options, code, failure);
  } catch (error) {
    // That nobody reads the output is no excuse for hiding what went wrong.
    failure ??= error instanceof OutputError
      ? new OutputError(
        `${error.message}; the load itself went through: ${
          loadedPhrase(summary)
        }`,
        { cause: error },
      )
      : error;
  }
  if (failure !== undefined) code = exitCodeOf(failure);
  try {
    metrics?.write(summary, code);
  } catch (error) {
    failure ??= error;
  }
  if (failure !== undefined) throw failure;
  return code;
}

async function printSummary(
  summary: Summary,
  options: LoadOptions,
  code: number,
  failure: unknown,
): Promise<void> {
  if (options.json) {
    await print(formatJson(options, code, failure, summary.toJSON()));
  } else if (
    // Where nothing was read, the sentence says it all.
    !(failure !== undefined && summary.records === 0) &&
    !(options.quiet && code === ExitCode.Ok)
  ) {
    await print(formatSummary(summary));
  }
}
