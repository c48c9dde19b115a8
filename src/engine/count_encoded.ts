import type { Batch } from "./batch.ts";
import type { Reject } from "./reject.ts";
import type { Summary } from "./summary.ts";

/**
 * Counts a batch that no server is asked about: what is encoded counts as
 * loaded.
 *
 * @param batch The batch.
 * @param summary The counts to add to.
 * @param onReject Told about each malformed record.
 */
export function countEncoded(
  batch: Batch,
  summary: Summary,
  onReject: ((reject: Reject) => void) | undefined,
): void {
  summary.records += batch.records;
  summary.loaded += batch.encoded;
  summary.commands += batch.commands;
  summary.bytesOut += batch.output.length;
  summary.rejected += batch.rejects.length;
  for (const reject of batch.rejects) {
    summary.errors.add(reject.error, `${reject.source}:${reject.line}`);
    onReject?.(reject);
  }
}
