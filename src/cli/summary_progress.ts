import type { Summary } from "../engine/summary.ts";
import type { ProgressCounts } from "./progress_meter.ts";

/**
 * Shows a summary as progress.
 *
 * @param summary The counts, live.
 * @param limit The most records that will be read, where there is a limit.
 * @returns What gives the counts as they are.
 */
export function summaryProgress(
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
  });
}
