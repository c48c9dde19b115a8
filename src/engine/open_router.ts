import { UsageError } from "../errors.ts";
import type { CommandKeys } from "../protocol/command_keys.ts";
import { isKnown, keyPosition, traitsOf } from "../protocol/command_traits.ts";
import { TemplateKeys } from "../protocol/template_keys.ts";
import { ask } from "../transport/ask.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import type { Connection } from "../transport/connection.ts";
import { parseNodeMap } from "../transport/node_map.ts";
import type { BatchOrigin } from "./batch.ts";
import { ClusterNodes } from "./cluster_nodes.ts";
import { ClusterRouter } from "./cluster_router.ts";
import { connectAnd } from "./connect_unless.ts";
import { type EndMarker, Lane, type LaneOptions } from "./lane.ts";
import { OneLane, type Router } from "./router.ts";
import type { Rows } from "./rows.ts";
import { sever } from "./sever.ts";
import type { Stream } from "./stream.ts";
import type { Summary } from "./summary.ts";
import type { Transactions } from "./transactions.ts";
import type { Wait } from "./wait.ts";

/** Where commands go, and how their lanes behave. */
export interface TargetOptions extends LaneOptions {
  /** The server; the one on this machine by default. */
  server?: ConnectOptions | undefined;
  /**
   * A connection to use instead of a new one; it is closed in the end. On a
   * `Deno.Conn` the caller has logged in already. All goes to that server, be
   * it a node of a cluster.
   */
  connection?: Connection | Deno.Conn | undefined;
  /**
   * Where addresses that a cluster announces can be reached from here:
   * `ANNOUNCED=REACHABLE,...`, each a host or a host and a port.
   */
  nodeMap?: string | undefined;
  /** Ends it early: what is in flight is waited for, for up to 5 s. */
  signal?: AbortSignal | undefined;
}

/** What lanes are for. */
interface OpenLanesOptions
  extends LaneOptions, Pick<TargetOptions, "nodeMap" | "signal"> {
  /** How to reach the server; the connection is the only one without. */
  readonly server: ConnectOptions | undefined;
  /** What the lanes tell. */
  readonly stream: Stream;
  /** What each shipment is made a transaction with. */
  readonly transactions?: Transactions | undefined;
  /** Where it waits. */
  readonly wait: Wait;
  /** The counts. */
  readonly summary: Summary;
}

/** What a router is for. */
interface OpenRouterOptions extends OpenLanesOptions {
  /** The commands of each record, as the user wrote them. */
  readonly commands: readonly (readonly string[])[];
  /** The rows to come. */
  readonly rows: Rows;
}

/** A router, and what is to be told about it in the end. */
interface OpenRouter {
  /** The router. */
  readonly router: Router;
  /** Notes in the summary what the lanes have seen. */
  report(endMarker: EndMarker | undefined): void;
}

/**
 * Makes the router for a server: one lane, or in a cluster one for each
 * primary. Nobody has to say which: the server does.
 *
 * @throws {ConnectionError} When a node of the cluster cannot be reached.
 */
export async function openRouter(
  connection: Connection,
  options: OpenRouterOptions,
): Promise<OpenRouter> {
  const { server, stream, wait, summary, signal, transactions } = options;
  if (connection.server?.cluster === true && server !== undefined) {
    const { commands, rows } = options;
    refuseSentinel(connection, server);
    const keys = new TemplateKeys(
      await keyPositions(connection, commands),
      commands,
    );
    // Keys of one MSET would have to be in one slot.
    if (traitsOf(commands[0]).sharing?.as !== undefined) rows.stopCoalescing();
    return await openCluster(
      connection,
      { ...options, server },
      keys,
      rows.isRepeatable,
    );
  }
  let latest = connection;
  const open = (connection: Connection): Lane<BatchOrigin> => {
    latest = connection;
    return new Lane(connection, stream.events, wait, {
      ...options,
      frame: transactions,
    });
  };
  // In the middle of a record, a new connection is in another database.
  const isMoving = options.commands.some((one) =>
    traitsOf(one).changesDatabase
  );
  const reopenAt = server && (async (patience: number) => {
    const again = { signal, ...server, onNotice: undefined };
    const to = { ...again, awaitPrimary: true };
    return open(
      await connectAnd(wait, to, patience, async (made) => {
        await sever(latest, made, server.onNotice);
        // In transactions the key tells whether everything is there.
        const before = transactions ? undefined : summary.server;
        summary.met(made);
        summary.reconnected(before, made.server, stream.answered);
        await transactions?.reconnect(made);
      }),
    );
  });
  const router = new OneLane(open(connection), isMoving ? undefined : reopenAt);
  return {
    router,
    report: (endMarker) => summary.parted(router.lane, endMarker),
  };
}

/** Refuses a Redis Sentinel that has led to a node of a cluster. */
export function refuseSentinel(
  connection: Connection,
  { redisSentinel }: ConnectOptions,
): void {
  if (redisSentinel === undefined) return;
  connection.close();
  throw new UsageError(
    `Cannot use --sentinel: ${connection.address} is a node of a cluster, ` +
      "which fails over by itself; name any of its nodes with -h and -p",
    "--sentinel",
  );
}

/**
 * Makes the router of a cluster.
 *
 * @param connection A connection to one of its nodes; it is closed.
 * @param keys Tells where keys stand.
 * @param isRepeatable Whether the commands may be repeated, in order.
 * @throws {ConnectionError} When a node cannot be reached.
 */
export async function openCluster(
  connection: Connection,
  options: OpenLanesOptions & { readonly server: ConnectOptions },
  keys: TemplateKeys | CommandKeys,
  isRepeatable: boolean,
): Promise<OpenRouter> {
  const { server, stream, wait, summary } = options;
  const nodes = new ClusterNodes({
    server: { signal: options.signal, ...server },
    map: parseNodeMap(options.nodeMap),
    wait,
    summary,
    open: (connection): Lane<BatchOrigin> =>
      new Lane(connection, router.recycling(stream.events), wait, options),
  });
  const router = new ClusterRouter(nodes, keys, isRepeatable);
  try {
    await nodes.begin(connection);
  } catch (error) {
    connection.close();
    await nodes.stop();
    throw error;
  }
  return {
    router,
    report: (endMarker): void => {
      summary.nodes = nodes.data;
      summary.parted(nodes.lanes[0], endMarker);
    },
  };
}

/** Which argument of each command is its key; 0 where it has none. */
async function keyPositions(
  connection: Connection,
  commands: readonly (readonly string[])[],
): Promise<number[]> {
  const positions: number[] = [];
  for (const words of commands) {
    positions.push(
      isKnown(words) ? keyPosition(words) : await askForKey(connection, words),
    );
  }
  return positions;
}

const decoder = new TextDecoder();

/** Asks the server where a command has its key that is not in the table. */
async function askForKey(
  connection: Connection,
  words: readonly string[],
): Promise<number> {
  const reply = await ask(connection, ["COMMAND", "GETKEYS", ...words]);
  if (reply.kind === "error") {
    return /no key arguments/i.test(reply.text) ? 0 : keyPosition(words);
  }
  const [first] = reply.kind === "array" ? reply.items : [];
  if (first?.kind !== "bulk" || first.body === undefined) {
    return keyPosition(words);
  }
  const key = decoder.decode(first.body);
  return Math.max(0, words.indexOf(key, 1));
}
