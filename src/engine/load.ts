import type { ConnectOptions } from "../transport/connect.ts";
import { Connection } from "../transport/connection.ts";
import { connectUnless } from "./connect_unless.ts";
import { ErrorLimit } from "./error_limit.ts";
import { Lane, type LaneOptions } from "./lane.ts";
import { Ledger } from "./ledger.ts";
import { RaceSlot } from "./race_slot.ts";
import type { Reject } from "./reject.ts";
import type { RowOptions } from "./row_plan.ts";
import { Rows, type SourceOptions } from "./rows.ts";
import { Resender } from "./resender.ts";
import { StopRule } from "./stop_rule.ts";
import { Summary } from "./summary.ts";
import { windUp } from "./wind_up.ts";

/** What to load, as what, and where to. */
export interface LoadOptions extends
  RowOptions,
  SourceOptions,
  Pick<
    LaneOptions,
    "window" | "stallTimeout" | "endMarker" | "mayBlock"
  > {
  /** The server; the one on this machine by default. */
  server?: ConnectOptions | undefined;
  /**
   * A connection to use instead of a new one; it is closed in the end. On a
   * `Deno.Conn` the caller has logged in already.
   */
  connection?: Connection | Deno.Conn | undefined;
  /** Counts to keep up to date while the load runs. */
  summary?: Summary | undefined;
  /** Told about each record that does not make it, in the input's order. */
  onReject?: ((reject: Reject) => void) | undefined;
  /** Rejects to bear: `N`, or `N%` of the records so far. Default: all. */
  maxErrors?: string | undefined;
  /** Stops the load: what is in flight is waited for, for up to 5 s. */
  signal?: AbortSignal | undefined;
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
 * @throws {StoppedError} When there are too many rejects, or an error that
 * would hit every record.
 *
 * @example
 * ```ts ignore
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
  const { summary = new Summary(), maxErrors, signal } = options;
  const limit = maxErrors === undefined
    ? undefined
    : ErrorLimit.parse(maxErrors);
  const { coalesce = true } = options;
  const rows = new Rows({ ...options, coalesce }, summary);
  const end = new RaceSlot();
  using _listening = end.failOn(signal);
  await end.race(rows.check());

  const rule = new StopRule(summary, limit, rows.sameShape);
  const asked = performance.now();
  using connection = options.connection === undefined
    ? await connectUnless(end, { signal, ...options.server })
    : Connection.from(options.connection);
  summary.secondsWaiting = (performance.now() - asked) / 1000;
  summary.server = connection.server === undefined
    ? undefined
    : { ...connection.server, address: connection.address };
  const ledger = new Ledger({
    summary,
    isTold: options.onReject !== undefined,
    isStopping: (error) => rule.isStopping(error),
    onError: (reject) => end.failWith(rule.judge(reject)),
    onReject: (reject) => {
      summary.errors.add(reject.error, `${reject.source}:${reject.line}`);
      options.onReject?.(reject);
    },
    onAnswered: ({ records, rejects }) => {
      end.failWith(rule.judgeBatch(records, rejects.length));
    },
    onDone: (batch) => rows.pool.release(batch),
  });
  const lane = new Lane(connection, ledger, {
    ...options,
    onFailure: (error) => end.failWith(error),
  });
  const again = new Resender(ledger, lane, rows, summary, end);
  const batches = rows.batches();
  try {
    for (;;) {
      const { value: batch } = await end.race(batches.next());
      await end.race(again.sendHeld());
      if (batch === undefined) break;
      ledger.enter(batch);
      await end.race(lane.send({
        bytes: batch.output.view(),
        weight: batch.weight,
        withdrawn: () => ledger.withdraw(batch),
      }));
    }
    await end.race(lane.settle());
    await end.race(again.sendHeld());
    await end.race(lane.finish());
    summary.sentinelRefusal = lane.sentinelRefusal;
    summary.endMarker = lane.sentinelRefusal === undefined
      ? options.endMarker ?? "echo"
      : "count";
    return summary;
  } catch (error) {
    const { server } = options;
    const unfinished = { lane, ledger, again, summary, end, server };
    throw await windUp(error, unfinished);
  } finally {
    // A read under way may never come back, so its end is not waited for.
    batches.return().catch(() => {});
    await lane.stop();
    ledger.settle();
    summary.end();
  }
}
