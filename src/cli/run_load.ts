import { counted } from "../engine/counted.ts";
import { load } from "../engine/load.ts";
import { Summary } from "../engine/summary.ts";
import { type Continuation, continuationOf } from "./continuation.ts";
import { codeOf, ExitCode, tellFailure } from "./exit_code.ts";
import { LoadFiles } from "./load_files.ts";
import { MetricsFile } from "./metrics.ts";
import type { LoadOptions } from "./options.ts";
import { Notices, OutputError, print, say } from "./output.ts";
import { printRejects } from "./rejects.ts";
import {
  formatJson,
  formatSummary,
  loadedPhrase,
  mayBeLostPhrase,
  repliesLostPhrase,
} from "./report.ts";
import { startProgress, summaryCounts } from "./start_progress.ts";
import { withServer } from "./with_server.ts";

/**
 * Runs `respipe load`.
 *
 * @returns The exit code; what ended the load early was told, and how it goes
 * on.
 */
export async function runLoad(options: LoadOptions): Promise<number> {
  const summary = new Summary();
  const notices = new Notices(options.quiet);
  const files = new LoadFiles(options, summary, notices);
  let metrics: MetricsFile | undefined;
  let failed: unknown;
  try {
    metrics = options.metrics &&
      new MetricsFile(options.metrics, options.files);
    await files.open();
    if (!summary.isSkipped) await loadInto(options, files, summary, notices);
  } catch (error) {
    failed = error;
  }
  summary.end();
  const closed = await files.close(failed);
  let { failure } = closed;
  const rejected = summary.rejected + files.rejectedBefore;
  const code = codeOf(failure, rejected);
  notices.end(code);
  sayMore(summary, files.rejectedBefore, options, code);
  printRejects(summary, closed.written);
  const continuation = failure === undefined
    ? undefined
    : continuationOf(options, summary, failure);
  try {
    await printSummary(summary, options, code, failure, continuation);
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
  try {
    await metrics?.write(summary, codeOf(failure, rejected));
  } catch (error) {
    failure ??= error;
  }
  if (failure === undefined) return code;
  const failureCode = tellFailure(failure);
  if (continuation !== undefined) say(continuation.sentence);
  return failureCode;
}

async function loadInto(
  options: LoadOptions,
  files: LoadFiles,
  summary: Summary,
  notices: Notices,
): Promise<void> {
  await withServer(options.server, notices.say, async (server, signal) => {
    const { limit } = files;
    using _progress = await startProgress(
      options,
      summaryCounts(summary, limit),
    );
    await load({
      ...options.rows,
      ...options.ends,
      ...options.input,
      ...options.target,
      ...files.forLoad(),
      limit,
      sources: options.files,
      server,
      maxErrors: options.maxErrors,
      atLeastOnce: options.atLeastOnce,
      signal,
      summary,
    });
  });
}

/** Says what the counts alone do not. */
function sayMore(
  summary: Summary,
  rejectedBefore: number,
  { json, quiet }: LoadOptions,
  code: number,
): void {
  const { coalescingStopped, sentinelRefusal, repliesLost, mayBeLost, hint } =
    summary;
  // A load that goes through goes through so every night.
  const isFine = quiet && code === ExitCode.Ok;
  if (coalescingStopped !== undefined && !isFine) {
    say(
      `rows cannot share commands here (${coalescingStopped.trimEnd()}); ` +
        "later rows got their own, as with --no-coalesce",
    );
  }
  if (sentinelRefusal !== undefined && !isFine) {
    say(
      `the server refuses the closing command (${sentinelRefusal}); the end ` +
        "was found by counting the replies, as with --end-marker count",
    );
  }
  // Else the summary says it.
  const isSilent = json || isFine;
  if (repliesLost > 0 && isSilent) say(repliesLostPhrase(summary));
  if (mayBeLost > 0 && isSilent) say(mayBeLostPhrase(summary));
  if (rejectedBefore > 0) {
    const records = counted(rejectedBefore, "record");
    say(`earlier runs of this load rejected ${records}`);
  }
  // Where all went well, the summary says it, and cron stays silent.
  if (hint !== undefined && code !== ExitCode.Ok) say(hint);
}

async function printSummary(
  summary: Summary,
  options: LoadOptions,
  code: number,
  failure: unknown,
  continuation: Continuation | undefined,
): Promise<void> {
  if (options.json) {
    const data = {
      ...summary.toJSON(),
      continue: continuation?.command ?? null,
    };
    await print(formatJson(options, code, failure, data));
  } else if (
    // Where nothing was read, the sentence says it all.
    !(failure !== undefined && summary.records === 0) &&
    !(options.quiet && code === ExitCode.Ok)
  ) {
    await print(
      summary.isSkipped
        ? `skipped: the sources are those of the last complete load (${
          [...new Set(summary.compared!.map(({ by }) => by))].join(", ")
        })\n`
        : formatSummary(summary),
    );
  }
}
