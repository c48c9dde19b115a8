import type { Checkpoint } from "../engine/checkpoint.ts";
import { counted } from "../engine/counted.ts";
import { load } from "../engine/load.ts";
import type { KeptFile, LoadState } from "../engine/load_state.ts";
import { Summary } from "../engine/summary.ts";
import type { EarlierRun } from "../engine/transactions.ts";
import { type Continuation, continuationOf } from "./continuation.ts";
import { ExitCode, exitCodeOf, tellFailure } from "./exit_code.ts";
import { MetricsFile } from "./metrics.ts";
import type { LoadOptions } from "./options.ts";
import { Notices, OutputError, print, say } from "./output.ts";
import {
  openRejects,
  printRejects,
  rejectsBehind,
  type WrittenFile,
} from "./rejects.ts";
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
  let failure: unknown;
  let code: number = ExitCode.Ok;
  let rejects: Awaited<ReturnType<typeof openRejects>>;
  let written: WrittenFile[] | undefined;
  let metrics: MetricsFile | undefined;
  let state: LoadState | undefined;
  let latest: Checkpoint | undefined;
  let isBegun = false;
  let earlier: EarlierRun | undefined;
  const save = (
    status: Parameters<LoadState["save"]>[0],
    checkpoint?: Checkpoint,
    hasSucceeded = false,
  ): Promise<void> | undefined =>
    state?.save(
      status,
      summary,
      checkpoint,
      rejects?.flush() ?? [],
      hasSucceeded,
    );
  const rejectedBefore = (): number =>
    state?.rejected ?? earlier?.rejected ?? 0;
  try {
    metrics = options.metrics &&
      new MetricsFile(options.metrics, options.files);
    state = await openState(options);
    if (state?.sentence !== undefined) notices.say(state.sentence);
    if (options.ifChanged) {
      await compareSources(options, state!, notices, summary);
    }
    if (!summary.isSkipped) {
      // With a key on the server that one says what is kept.
      if (options.exactlyOnce === undefined) {
        rejects = await openRejects(
          options.rejects,
          options.files,
          state?.rejects,
        );
      }
      const limit = options.rows.limit === undefined
        ? undefined
        : Math.max(0, options.rows.limit - settledBefore(state));
      await withServer(options.server, notices.say, async (server, signal) => {
        using _progress = await startProgress(
          options,
          summaryCounts(summary, limit),
        );
        await load({
          ...options.rows,
          ...options.ends,
          limit,
          checkpoint: state?.from,
          watch: options.ifChanged
            ? (source, index) => state!.watch(source, index)
            : undefined,
          sources: options.files,
          idleTimeout: options.idleTimeout,
          headers: options.headers,
          server,
          stallTimeout: options.stallTimeout,
          // Nothing else goes on in this process.
          mayBlock: true,
          endMarker: options.endMarker,
          maxErrors: options.maxErrors,
          atLeastOnce: options.atLeastOnce,
          exactlyOnce: options.exactlyOnce === undefined ? undefined : {
            key: options.exactlyOnce,
            note: () => rejects?.flush() ?? null,
            onBegin: async (found) => {
              earlier = found;
              if (found !== undefined) notices.say(found.sentence);
              const kept = found?.note as KeptFile[] | null | undefined;
              const known = kept && await rejectsBehind(options.rejects, kept);
              rejects = await openRejects(
                options.rejects,
                options.files,
                kept ?? undefined,
              );
              return known ?? undefined;
            },
          },
          nodeMap: options.nodeMap,
          signal,
          onReject: options.rejects === undefined
            ? undefined
            : (reject) => rejects?.add(reject),
          onCheckpoint: state && ((checkpoint) => {
            isBegun = true;
            latest = checkpoint ?? latest;
            return save("running", checkpoint);
          }),
          summary,
        });
      });
    }
    if (summary.rejected + rejectedBefore() > 0) code = ExitCode.Rejected;
  } catch (error) {
    failure = error;
  }
  summary.end();
  if (isBegun) {
    try {
      const hasSucceeded = failure === undefined && code === ExitCode.Ok &&
        options.rows.limit === undefined && summary.mayBeLost === 0;
      await save(
        summary.isComplete ? "complete" : "stopped",
        latest,
        hasSucceeded,
      );
    } catch (error) {
      failure ??= error;
    }
  }
  try {
    written = rejects?.close();
  } catch (error) {
    failure ??= error;
  }
  if (failure !== undefined) code = exitCodeOf(failure);
  notices.end(code);
  const continuation = failure === undefined
    ? undefined
    : continuationOf(options, summary, failure);
  // A load that goes through goes through so every night.
  const isFine = options.quiet && code === ExitCode.Ok;
  if (summary.coalescingStopped !== undefined && !isFine) {
    say(
      "rows cannot share commands here " +
        `(${summary.coalescingStopped.trimEnd()}); later rows got their own, ` +
        "as with --no-coalesce",
    );
  }
  if (summary.sentinelRefusal !== undefined && !isFine) {
    say(
      `the server refuses the closing command (${summary.sentinelRefusal}); ` +
        "the end was found by counting the replies, as with --end-marker count",
    );
  }
  printRejects(summary, written);
  const isSilent = options.json || isFine;
  // Else the summary says it.
  if (summary.repliesLost > 0 && isSilent) say(repliesLostPhrase(summary));
  if (summary.mayBeLost > 0 && isSilent) say(mayBeLostPhrase(summary));
  const before = rejectedBefore();
  if (before > 0) {
    say(`earlier runs of this load rejected ${counted(before, "record")}`);
  }
  // Where all went well, the summary says it, and cron stays silent.
  if (summary.hint !== undefined && code !== ExitCode.Ok) say(summary.hint);
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
  if (failure !== undefined) code = exitCodeOf(failure);
  try {
    await metrics?.write(summary, code);
  } catch (error) {
    failure ??= error;
  }
  if (failure === undefined) return code;
  code = tellFailure(failure);
  if (continuation !== undefined) say(continuation.sentence);
  return code;
}

async function openState(
  { state, files, rows, atLeastOnce }: LoadOptions,
): Promise<LoadState | undefined> {
  if (state === undefined) return undefined;
  const { LoadState } = await import("../engine/load_state.ts");
  return LoadState.open(state, { sources: files, rows, atLeastOnce });
}

/** Finds out whether there is something to load, and says why there is. */
async function compareSources(
  { headers }: LoadOptions,
  state: LoadState,
  notices: Notices,
  summary: Summary,
): Promise<void> {
  summary.compared = await state.compare(headers);
  const { source, result, by } = summary.compared.at(-1)!;
  summary.isSkipped = result === "same";
  if (summary.isSkipped) return;
  const what = result === "changed"
    ? "has changed"
    : "is loaded, changed or not";
  notices.say(`${source} ${what} (--if-changed): ${by}`);
}

/** Records that earlier runs of the same load have settled. */
function settledBefore(state: LoadState | undefined): number {
  return (state?.loaded ?? 0) + (state?.rejected ?? 0);
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
