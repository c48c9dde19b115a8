import { InputError } from "../errors.ts";
import { connect, type ConnectOptions } from "../transport/connect.ts";
import type { Connection } from "../transport/connection.ts";
import { Lane } from "./lane.ts";
import { Ledger } from "./ledger.ts";
import type { Reject } from "./reject.ts";
import type { RowOptions } from "./row_plan.ts";
import { Rows, type SourceOptions } from "./rows.ts";
import { Summary } from "./summary.ts";

/** What to load, as what, and where to. */
export interface LoadOptions extends RowOptions, SourceOptions {
  /** The server; the one on this machine by default. */
  server?: ConnectOptions | undefined;
  /** A connection to use instead of a new one; it is closed in the end. */
  connection?: Connection | undefined;
  /** Counts to keep up to date while the load runs. */
  summary?: Summary | undefined;
  /** Told about each record that does not make it, in the input's order. */
  onReject?: ((reject: Reject) => void) | undefined;
  /** Bytes that may be in flight, unacknowledged. Default: 8 MiB. */
  window?: number | undefined;
}

/**
 * Loads rows into a server.
 *
 * A record that the server or the reader rejects does not end the load: it is
 * counted, and told to `onReject`.
 *
 * @param options What to load, as what, and where to.
 * @returns The counts.
 * @throws {UsageError} When an option or the template cannot work; nothing was
 * sent then, unless a later source's header is what does not fit.
 * @throws {InputError} When a source cannot be read on; what came before it is
 * loaded.
 * @throws {ConnectionError} When the server cannot be reached or is lost.
 *
 * @example
 * ```ts no-run
 * import { load } from "@respipe/respipe";
 *
 * const summary = await load({
 *   sources: ["users.csv"],
 *   commands: [["HSET", "user:{id}", "{*}"]],
 *   server: { host: "127.0.0.1", port: 6379 },
 * });
 * console.log(summary.loaded, summary.rejected);
 * ```
 */
export async function load(options: LoadOptions): Promise<Summary> {
  const { summary = new Summary(), onReject } = options;
  const rows = new Rows(options, summary);
  await rows.check();

  using connection = options.connection ?? await connect(options.server);
  const ledger = new Ledger({
    summary,
    onReject: (reject) => {
      summary.errors.add(reject.error, `${reject.source}:${reject.line}`);
      onReject?.(reject);
    },
    onDone: (batch) => rows.pool.release(batch),
  });
  const lane = new Lane(connection, ledger, options);
  try {
    for await (const batch of rows.batches()) {
      ledger.enter(batch);
      await lane.send({ bytes: batch.output.view() });
    }
    await lane.finish();
    return summary;
  } catch (error) {
    if (error instanceof InputError) await lane.finish();
    throw error;
  } finally {
    await lane.stop();
    ledger.settle();
    summary.end();
  }
}
