import { countEncoded } from "./encode.ts";
import { ErrorLimit } from "./error_limit.ts";
import { quoteCommands } from "../protocol/quote.ts";
import type { OnReject } from "./reject.ts";
import type { RowOptions } from "./row_plan.ts";
import { Rows, type SourceOptions } from "./rows.ts";
import type { SlotTally } from "./slot_tally.ts";
import { Summary } from "./summary.ts";
import { Wait } from "./wait.ts";

/** How much of a command is shown: all of it, within reason. */
const LIMITS = { bytes: 1024, arguments: 1024 };

/** What to try, and what to show of it. */
interface DryRunOptions extends RowOptions, SourceOptions {
  /** How many records to show. */
  show: number;
  /** Takes what a record would become: its commands, as redis-cli quotes. */
  onRow: (commands: readonly string[]) => Promise<void>;
  /** Counts to keep up to date; what would be sent counts as loaded. */
  summary?: Summary | undefined;
  /** Told about each record that is malformed, in the input's order. */
  onReject?: OnReject | undefined;
  /** Checked, and nothing more: a dry run sees the whole input. */
  maxErrors?: string | undefined;
  /** Stops it. */
  signal?: AbortSignal | undefined;
}

/**
 * Does all of a load but the load: reads every record, makes its commands, and
 * connects to nothing.
 *
 * @throws {UsageError} When an option or the template cannot work.
 * @throws {InputError} When a source cannot be read on; what came before it is
 * counted.
 */
export async function dryRun(
  options: DryRunOptions,
  slots: SlotTally,
): Promise<Summary> {
  const { summary = new Summary(), maxErrors, onReject, signal } = options;
  ErrorLimit.parse(maxErrors);
  // Shown and counted is what each row becomes on its own.
  const rows = new Rows({ ...options, coalesce: false }, summary);
  const wait = new Wait();
  using _listening = wait.failOn(signal);
  const each = options.commands.length;
  let left = options.show;
  const batches = rows.batches();
  try {
    await wait.for(rows.check());
    for (;;) {
      const { value: batch } = await wait.for(batches.next());
      if (batch === undefined) {
        summary.isComplete = true;
        return summary;
      }
      const commands = batch.output.view();
      const shown = quoteCommands(commands, left * each, LIMITS);
      for (let i = 0; i < shown.length; i += each) {
        await options.onRow(shown.slice(i, i + each));
      }
      left -= shown.length / each;
      slots.add(commands);
      countEncoded(batch, summary, onReject);
      rows.pool.release(batch);
    }
  } finally {
    // A read under way may never come back, so its end is not waited for.
    batches.return().catch(() => {});
    summary.end();
  }
}
