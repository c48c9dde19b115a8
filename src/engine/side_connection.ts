import { ConnectionError } from "../errors.ts";
import { parseRedirection } from "../protocol/redirection.ts";
import { errorIn, type Reply } from "../protocol/reply.ts";
import { DEFAULT_ADDRESS } from "../transport/address.ts";
import { askWithin, type Command } from "../transport/ask.ts";
import { connect, type ConnectOptions } from "../transport/connect.ts";
import type { Connection } from "../transport/connection.ts";
import { type NodeMap, parseNodeMap } from "../transport/node_map.ts";
import { readTopology } from "../transport/read_topology.ts";
import { withUri } from "../transport/uri.ts";

/** How long an answer may take, in ms. */
const PATIENCE = 10_000;

/** How often a command is passed on from node to node. */
const MOST_REDIRECTIONS = 5;

/**
 * A connection of its own for what goes on beside a load: on the lanes such
 * commands would wait behind everything in flight, and their replies would have
 * to be told from those of the records.
 *
 * It connects when it is first used, and again after it was lost. A loss fails
 * the exchange under way, so a transaction never goes on on another connection
 * than it began on.
 */
export class SideConnection implements Disposable {
  #server: ConnectOptions;
  readonly #map: NodeMap;
  #connection: Connection | undefined;

  /**
   * Connects to nothing yet.
   *
   * @param map Where nodes of a cluster can be reached from here.
   */
  constructor(server: ConnectOptions, map: NodeMap = parseNodeMap()) {
    const plain = withUri(server, "url");
    this.#server = { ...plain, isRouted: true, onNotice: undefined };
    this.#map = map;
  }

  /** Where it connects to, its URI taken apart. */
  get place(): Omit<ConnectOptions, "url"> {
    return this.#server;
  }

  /** Connects, where it is not connected. */
  async open(): Promise<Connection> {
    if (this.#connection !== undefined) return this.#connection;
    this.#connection = await connect(this.#server);
    // A server that was there is asked again by whoever needs it.
    this.#server = { ...this.#server, retry: 0 };
    return this.#connection;
  }

  /**
   * Sends some commands at once and waits for their replies.
   *
   * @param patience How long that may take, in ms.
   * @returns A reply for each; error replies among them.
   * @throws {ConnectionError} When they do not all come.
   */
  async ask(
    commands: readonly Command[],
    patience: number = PATIENCE,
  ): Promise<Reply[]> {
    const connection = await this.open();
    const { address } = connection;
    try {
      const replies = await askWithin(
        connection,
        commands,
        patience,
        Infinity,
      );
      if (replies.length === commands.length) return replies;
      throw new ConnectionError(
        `Lost ${address}: it closed the connection`,
        address,
      );
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * The same for a key, on the node of a cluster that has it.
   *
   * @param patience How long each exchange may take, in ms.
   */
  async askForKey(
    commands: readonly Command[],
    patience?: number,
  ): Promise<Reply[]> {
    for (let redirections = 0;; redirections++) {
      const replies = await this.ask(commands, patience);
      const moved = replies.map((reply) =>
        parseRedirection(errorIn(reply) ?? "")
      ).find((to) => to?.kind === "moved");
      if (moved === undefined || redirections === MOST_REDIRECTIONS) {
        return replies;
      }
      const { host = this.#server.host ?? DEFAULT_ADDRESS.host, port } = moved;
      this.close();
      this.#server = {
        ...this.#server,
        path: undefined,
        redisSentinel: undefined,
        ...this.#map({ host, port }),
      };
    }
  }

  /** Closes it; it may be used again. */
  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** Closes it at the end of a scope. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** A connection that is found lost so soon, in ms, was lost before. */
const SOON = 1_000;

/**
 * Does what may be done twice, and again where the connection was lost before:
 * the server may be back.
 *
 * @throws {ConnectionError} When the second attempt fails, or the first one took
 * long.
 */
export async function againIfLost<T>(work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  try {
    return await work();
  } catch (error) {
    const isOld = performance.now() - began > SOON;
    if (isOld || !(error instanceof ConnectionError)) throw error;
    return await work();
  }
}

/**
 * Finds the servers that have the data: the primaries of a cluster, or the
 * server itself where it is no cluster.
 *
 * @param map Where nodes of a cluster can be reached from here.
 */
export async function primariesOf(
  server: ConnectOptions,
  map: NodeMap,
): Promise<readonly ConnectOptions[]> {
  using side = new SideConnection(server, map);
  const connection = await side.open();
  if (connection.server?.cluster !== true) return [server];
  const { host = DEFAULT_ADDRESS.host } = side.place;
  const shards = await readTopology(connection, host, PATIENCE);
  return shards.map(({ primary }) => ({
    ...side.place,
    path: undefined,
    ...map(primary),
  }));
}
