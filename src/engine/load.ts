import { ConnectionError } from "../errors.ts";
import { Connection } from "../transport/connection.ts";
import { Checkpoints, type SaveCheckpoint } from "./checkpoints.ts";
import { connectAnd, connectUnless } from "./connect_unless.ts";
import { ErrorLimit } from "./error_limit.ts";
import { explainFull } from "./memory_forecast.ts";
import { type EndOptions, LoadEnds } from "./load_ends.ts";
import { openRouter, type TargetOptions } from "./open_router.ts";
import { openTransactions } from "./open_transactions.ts";
import { PATIENCE_UNDER_WAY } from "./patience.ts";
import type { OnReject } from "./reject.ts";
import type { RowOptions } from "./row_plan.ts";
import { Rows, type SourceOptions } from "./rows.ts";
import { Stream } from "./stream.ts";
import type { ExactlyOnceOptions } from "./transactions.ts";
import { Summary } from "./summary.ts";
import { Wait } from "./wait.ts";

/** What to load, as what, and where to. */
export interface LoadOptions
  extends RowOptions, SourceOptions, EndOptions, TargetOptions {
  /** Counts to keep up to date while the load runs. */
  summary?: Summary | undefined;
  /**
   * Told about each record that does not make it, in the input's order. What it
   * throws ends the load in front of what was not told.
   */
  onReject?: OnReject | undefined;
  /**
   * Rejects to bear: `N`, or `N%` of the records, judged from 1,000 records on
   * and at the end. Default: all.
   */
  maxErrors?: string | undefined;
  /**
   * Send again what may have been executed when a connection is lost, even
   * where repeating it is not without effect. Default: false.
   */
  atLeastOnce?: boolean | undefined;
  /**
   * Has each record in exactly once, on one server, whatever happens to
   * connections and to this process: records go in transactions, which also
   * write a key that says how far the load got.
   */
  exactlyOnce?: ExactlyOnceOptions | undefined;
  /**
   * Told how far everything is committed: before anything is sent, every half
   * second as it gets on, and in every ending. What it throws stops the load.
   */
  onCheckpoint?: SaveCheckpoint | undefined;
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
 * would hit every record; or when the lock was lost.
 * @throws {LockedError} When another load holds the lock.
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
  const { summary = new Summary(), signal } = options;
  const { coalesce = true } = options;
  const wait = new Wait();
  await using ends = new LoadEnds(options, summary, wait);
  const { server } = ends;
  const limit = ErrorLimit.parse(options.maxErrors ?? ends.maxErrors);
  const rows = new Rows({ ...options, coalesce }, summary, ends);
  using _listening = wait.failOn(signal);
  await wait.for(rows.check());
  const transactions = openTransactions(options, {
    summary,
    stream: () => stream,
  });
  await ends.prepare();

  const begin = transactions && (async (connection: Connection) => {
    rows.goOn(await transactions.begin(connection));
    rows.readAtOnce(transactions.chunkFor(connection));
  });
  const to = { signal, ...server, isRouted: true };
  const connection = options.connection === undefined
    ? await summary.waitFor(
      begin === undefined
        ? connectUnless(wait, to)
        : connectAnd(wait, to, server?.retry ?? 0, begin),
    )
    : Connection.from(options.connection);
  summary.met(connection);
  const stream = new Stream({
    rows,
    summary,
    wait,
    limit,
    transactions,
    written: ends.written,
    patience: server?.retry,
    atLeastOnce: options.atLeastOnce,
    onReject: options.onReject,
    onNotice: server?.onNotice,
    explain: (reply) => explainFull(reply, server),
  });
  const { router, report } = await openRouter(connection, {
    ...options,
    server: options.connection === undefined ? { ...server } : undefined,
    rows,
    stream,
    transactions,
    wait,
    summary,
  });
  const endTransactions = async (isComplete: boolean): Promise<void> => {
    if (transactions === undefined) return;
    // What ends the load does not end this.
    const connection = await connectAnd(
      new Wait(),
      { ...server, onNotice: undefined },
      isComplete ? server?.retry ?? PATIENCE_UNDER_WAY : 0,
      (connection) => transactions.end(connection, isComplete),
    );
    connection.close();
  };
  const checkpoints = options.onCheckpoint === undefined
    ? undefined
    : new Checkpoints(() => stream.checkpoint, options.onCheckpoint, wait);
  try {
    await checkpoints?.begin();
    await stream.run(router);
    // Until the key is gone, the load goes on from there.
    summary.next = stream.end;
    await endTransactions(true);
    summary.next = undefined;
    summary.isComplete = true;
    await checkpoints?.end();
  } catch (error) {
    await checkpoints?.endWith(error);
    // What the key says is true as it stands, too.
    if (!(error instanceof ConnectionError)) {
      await endTransactions(false).catch(() => {});
    }
    throw ends.failed(error);
  } finally {
    report(options.endMarker);
    await router.stop();
    summary.end();
  }
  const tooMany = limit.judge(summary, true);
  if (tooMany !== undefined) throw ends.failed(tooMany);
  await ends.conclude();
  return summary;
}
