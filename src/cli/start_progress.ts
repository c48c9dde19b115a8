import type { Summary } from "../engine/summary.ts";
import { STANDARD_INPUT } from "../transport/source.ts";
import { readVariable } from "./environment.ts";
import type { ProgressCounts } from "./progress_meter.ts";

/** When progress is shown: on a terminal, always as a log, or never. */
export type ProgressChoice = "auto" | "log" | "never";

/** What decides whether and how progress is shown. */
interface ProgressConfig {
  /** What the user wants. */
  readonly progress: ProgressChoice;
  /** Paths of the input files; `-` is standard input. */
  readonly files: readonly string[];
}

/**
 * Shows progress where there is somebody to see it.
 *
 * What draws it is imported only then: it costs start-up time.
 *
 * @param counts Gives the counts; called whenever they are shown.
 * @returns What ends it; nothing where none is shown.
 */
export async function startProgress(
  config: ProgressConfig,
  counts: () => ProgressCounts,
): Promise<Disposable | undefined> {
  const style = styleOf(config);
  if (style === undefined) return undefined;
  const { Progress } = await import("./progress.ts");
  return new Progress({ style, counts });
}

/**
 * Shows a summary as progress.
 *
 * @param limit The most records that will be read, where there is a limit.
 * @returns What gives the counts as they are.
 */
export function summaryCounts(
  summary: Summary,
  limit: number | undefined,
): () => ProgressCounts {
  return () => ({
    source: summary.source,
    bytes: summary.bytesIn,
    bytesExpected: summary.bytesExpected,
    done: summary.records - summary.unknown,
    limit,
    unit: "record",
    errors: summary.rejected,
    waitingSince: summary.waitingSince,
    nodes: summary.nodes?.length,
  });
}

function styleOf(
  { progress, files }: ProgressConfig,
): "line" | "log" | undefined {
  if (progress === "log") return "log";
  if (progress === "never" || !Deno.stderr.isTerminal()) return undefined;
  // Who types the input sees how far it is, and would type into the line.
  if (files.includes(STANDARD_INPUT) && Deno.stdin.isTerminal()) {
    return undefined;
  }
  return readVariable("TERM") === "dumb" ? "log" : "line";
}
