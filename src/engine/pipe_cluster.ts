import { CommandKeys } from "../protocol/command_keys.ts";
import { quotePiped } from "../protocol/quote.ts";
import { askWithin } from "../transport/ask.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import type { Connection } from "../transport/connection.ts";
import { ErrorLimit } from "./error_limit.ts";
import { openCluster, refuseSentinel } from "./open_router.ts";
import type { PipeOptions } from "./pipe.ts";
import type { PipeCounts } from "./pipe_ledger.ts";
import { PipedCommands } from "./piped_commands.ts";
import { COMMAND_WORDS } from "./record_words.ts";
import { Stream } from "./stream.ts";
import { Summary } from "./summary.ts";
import type { Wait } from "./wait.ts";

/** How long a node may take to say where keys stand, in ms. */
const PATIENCE = 10_000;

/** What a pipe into a cluster needs. */
interface PipeClusterOptions extends PipeOptions {
  /** How to reach the nodes, but for host and port. */
  readonly server: ConnectOptions;
  /** The counts to keep up to date. */
  readonly counts: PipeCounts;
}

/**
 * Pipes into a cluster: each command goes to the node of its key.
 *
 * It is a load whose records are commands, through the same stream, ledger,
 * recovery and router.
 *
 * @param connection A connection to one of the nodes; it is closed.
 * @throws As `pipe` does.
 */
export async function pipeIntoCluster(
  connection: Connection,
  options: PipeClusterOptions,
  wait: Wait,
): Promise<void> {
  const { server, counts, onError } = options;
  refuseSentinel(connection, server);
  const summary = new Summary();
  const asking = askWithin(connection, [["COMMAND"]], PATIENCE, Infinity);
  const [commands] = await wait.for(asking);
  const keys = new CommandKeys(commands);
  const count = (): void => {
    counts.replies = summary.loaded + summary.rejected;
    counts.errors = summary.rejected;
    counts.bytes = summary.bytesIn;
    counts.source = summary.source;
    const { unknown, redirections, rewinds, reconnections } = summary;
    const { nodes = [] } = summary;
    const seen = { redirections, rewinds, reconnections };
    counts.cluster = { unknown, ...seen, nodes };
  };
  const rows = new PipedCommands(options, keys, summary);
  const stream = new Stream({
    rows,
    summary,
    wait,
    limit: ErrorLimit.parse(undefined),
    patience: server.retry,
    goesOn: true,
    words: COMMAND_WORDS,
    onCommit: count,
    onNotice: server.onNotice,
    onReject: ({ error, record, source, offset, bytes }) =>
      onError?.({
        error,
        command: record,
        source,
        offset,
        text: quotePiped(bytes, 0, bytes.length),
      }),
  });
  const { router, report } = await openCluster(
    connection,
    { ...options, stream, wait, summary },
    keys,
    // What may come next is not known.
    false,
  );
  try {
    await stream.run(router);
  } finally {
    report(options.endMarker);
    await router.stop();
    count();
  }
}
