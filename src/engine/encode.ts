import { RaceSlot } from "./race_slot.ts";
import type { Reject } from "./reject.ts";
import type { RowOptions } from "./row_plan.ts";
import { Rows, type SourceOptions } from "./rows.ts";
import { Summary } from "./summary.ts";

/** What to encode and as what. */
export interface EncodeOptions extends RowOptions, SourceOptions {
  /** Counts to keep up to date. */
  summary?: Summary | undefined;
  /** Told about each record that is malformed, in the input's order. */
  onReject?: ((reject: Reject) => void) | undefined;
  /** Stops it between two batches, or while it waits. */
  signal?: AbortSignal | undefined;
}

/**
 * Turns rows into RESP: byte for byte what {@linkcode load} would send,
 * without the sentinel.
 *
 * @param options What to encode and as what.
 * @param write Takes the bytes; they are good until its promise is fulfilled.
 * @returns The counts; what was written counts as loaded.
 * @throws {UsageError} When an option or the template cannot work.
 * @throws {InputError} When a source cannot be read on; what came before it
 * was written.
 *
 * @example
 * ```ts no-run
 * import { encode } from "@respipe/respipe";
 *
 * await encode({
 *   sources: ["users.csv"],
 *   commands: [["SET", "user:{id}", "{name}"]],
 * }, async (bytes) => {
 *   await Deno.stdout.write(bytes);
 * });
 * ```
 */
export async function encode(
  options: EncodeOptions,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<Summary> {
  const { summary = new Summary(), onReject, signal } = options;
  const rows = new Rows(options, summary);
  const end = new RaceSlot();
  using _listening = end.failOn(signal);
  const batches = rows.batches();
  try {
    await end.race(rows.check());
    for (;;) {
      const { value: batch } = await end.race(batches.next());
      if (batch === undefined) return summary;
      if (batch.output.length > 0) {
        await end.race(write(batch.output.view()));
      }
      summary.records += batch.records;
      summary.loaded += batch.encoded;
      summary.commands += batch.commands;
      summary.bytesOut += batch.output.length;
      summary.rejected += batch.rejects.length;
      for (const reject of batch.rejects) {
        summary.errors.add(reject.error, `${reject.source}:${reject.line}`);
        onReject?.(reject);
      }
      rows.pool.release(batch);
    }
  } finally {
    // A read under way may never come back, so its end is not waited for.
    batches.return().catch(() => {});
    summary.end();
  }
}
