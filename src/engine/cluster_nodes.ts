import { ConnectionError } from "../errors.ts";
import { NO_SLOT, SLOTS } from "../protocol/key_slot.ts";
import type { Redirection } from "../protocol/redirection.ts";
import {
  type Address,
  DEFAULT_ADDRESS,
  formatAddress,
  type TcpAddress,
} from "../transport/address.ts";
import {
  describeUnserved,
  type Shard,
  slotTable,
  type Topology,
} from "../transport/cluster_topology.ts";
import { addressOf, type ConnectOptions } from "../transport/connect.ts";
import type { Connection } from "../transport/connection.ts";
import type { NodeMap } from "../transport/node_map.ts";
import { readTopology } from "../transport/read_topology.ts";
import { backoff } from "../transport/retry.ts";
import { withUri } from "../transport/uri.ts";
import type { BatchOrigin } from "./batch.ts";
import { connectUnless } from "./connect_unless.ts";
import type { Flight } from "./flight.ts";
import type { Lane } from "./lane.ts";
import { sever } from "./sever.ts";
import type { NodeData, Summary } from "./summary.ts";
import type { Wait } from "./wait.ts";

/** How long one node may take to be connected to, in ms. */
const NODE_TIMEOUT = 5_000;

/** What it takes to reach a cluster. */
export interface ClusterOptions {
  /** How to connect, but for host and port. */
  readonly server: ConnectOptions;
  /** Where announced addresses can be reached from here. */
  readonly map: NodeMap;
  /** Where it waits. */
  readonly wait: Wait;
  /** Where connections are counted. */
  readonly summary: Summary;
  /** Makes a lane; its node's counts are kept with it. */
  open(connection: Connection): Lane<BatchOrigin>;
}

/** A primary. */
interface Node {
  readonly announced: TcpAddress;
  lane: Lane<BatchOrigin>;
  slots: number;
  connection: Connection;
  /** What earlier lanes of it have counted. */
  past: Counts;
}

/** What was sent to a primary, and what came back. */
type Counts = Pick<NodeData, "commands" | "replies" | "bytes" | "errors">;

const NOTHING: Counts = { commands: 0, replies: 0, bytes: 0, errors: 0 };

/** What all lanes of a primary have counted so far. */
function countsOf({ lane: { flight, sent }, past }: Node): Counts {
  return {
    commands: past.commands + sent.commands,
    replies: past.replies + flight.successes + flight.errors,
    bytes: past.bytes + sent.bytes,
    errors: past.errors + flight.errors,
  };
}

/** The primaries of a cluster, a lane each, and which has which hash slots. */
export class ClusterNodes {
  readonly #options: ClusterOptions;
  /** By the announced address. */
  readonly #nodes = new Map<string, Node>();
  /** Nodes that are lost, and had their part in the load. */
  readonly #gone: Node[] = [];
  /** For each slot its lane; the last element is for commands without a key. */
  readonly #lanes: Lane<BatchOrigin>[] = new Array(SLOTS + 1);
  /** Where the first connection leads. */
  readonly #first: Address;
  /** Every address that is known to be a node, the last good one first. */
  #seeds: TcpAddress[];
  /** Where slots were said to have moved to since the last look. */
  readonly #moved = new Map<number, TcpAddress>();
  /** Some slot has moved, and nobody has said where to. */
  #isStale = false;

  /** Knows of no node yet. */
  constructor(options: ClusterOptions) {
    const seed = withUri(options.server, "url");
    this.#options = { ...options, server: { ...seed, path: undefined } };
    this.#first = addressOf(seed);
    // Through a socket nodes are not reached, and none is asked again.
    this.#seeds = "path" in this.#first ? [] : [this.#first];
  }

  /**
   * Opens a lane to every primary; says which slots nobody serves.
   *
   * @param seed A connection to one of the nodes; it is closed.
   * @throws {ConnectionError} When a node cannot be reached.
   */
  async begin(seed: Connection): Promise<void> {
    const host = "path" in this.#first
      ? DEFAULT_ADDRESS.host
      : this.#first.host;
    const topology = await readTopology(seed, host, NODE_TIMEOUT);
    seed.close();
    const unserved = describeUnserved(topology);
    if (unserved !== undefined) this.#options.server.onNotice?.(unserved);
    await this.#follow(topology);
  }

  /** The lanes of all nodes. */
  get lanes(): readonly Lane<BatchOrigin>[] {
    return [...this.#nodes.values()].map(({ lane }) => lane);
  }

  /** What each node has done. */
  get data(): NodeData[] {
    const all = [...this.#nodes.values(), ...this.#gone];
    return all.map((node) => ({
      address: formatAddress(node.announced),
      slots: node.slots,
      ...countsOf(node),
    }));
  }

  /** The lane of a hash slot; {@linkcode NO_SLOT} is none. */
  laneOf(slot: number): Lane<BatchOrigin> {
    return this.#lanes[slot];
  }

  /** The lane of the node that a redirection names. */
  laneAt({ host, port }: Redirection): Lane<BatchOrigin> | undefined {
    if (host === undefined) return undefined;
    return this.#nodes.get(formatAddress({ host, port }))?.lane;
  }

  /**
   * Finds the node that a redirection means. One without a host means the host
   * of the node that sent it, as the cluster specification has it; or, where
   * nodes announce no names, one that only its port tells.
   *
   * @param said The redirection.
   * @param flight The flight of the lane that it came by.
   * @returns The node's address; nothing where it cannot be told.
   */
  resolve(
    { host, port }: Redirection,
    flight: Flight<BatchOrigin>,
  ): TcpAddress | undefined {
    if (host !== undefined) return { host, port };
    const nodes = [...this.#nodes.values()];
    const sender = nodes.find(({ lane }) => lane.flight === flight);
    const same = sender && { host: sender.announced.host, port };
    if (same !== undefined && this.#nodes.has(formatAddress(same))) return same;
    const others = nodes.filter(({ announced }) => announced.port === port);
    return others.length === 1 ? others[0].announced : undefined;
  }

  /** Notes where a slot has moved to; the topology tells where it is not said. */
  note({ slot, host, port }: Redirection): void {
    if (host === undefined) this.#isStale = true;
    else this.#moved.set(slot, { host, port });
  }

  /**
   * Follows the cluster to what it is now.
   *
   * @param patience How long that may take, in ms.
   * @param isTrouble Whether a node is lost, or would not serve.
   * @param asked Where commands were passed on to.
   * @throws {ConnectionError} When it takes longer.
   */
  async mend(
    patience: number,
    isTrouble: boolean,
    asked: readonly Redirection[],
  ): Promise<void> {
    const { wait } = this.#options;
    const deadline = performance.now() + patience;
    for (let attempts = 1;; attempts++) {
      try {
        // Where that fails, the slots' own nodes are asked again.
        for (const { host, port } of attempts === 1 ? asked : []) {
          if (host !== undefined) await this.#join({ host, port });
        }
        if (isTrouble || this.#isStale || this.#moved.size > 0) {
          await this.#follow(await this.#look(isTrouble));
        }
        return;
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        const pause = backoff(attempts);
        if (performance.now() + pause > deadline) throw error;
        await wait.pause(pause);
        isTrouble = true;
      }
    }
  }

  /** Closes every lane. */
  async stop(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.stop()));
  }

  /** Asks the first node that answers what the cluster looks like. */
  async #look(isTrouble: boolean): Promise<Topology> {
    let failure: unknown;
    // What the last one thinks of the cluster may be what is wrong.
    if (isTrouble) this.#seeds.push(this.#seeds.shift()!);
    for (const seed of this.#seeds) {
      try {
        using connection = await this.#connect(this.#options.map(seed));
        const topology = await readTopology(
          connection,
          seed.host,
          NODE_TIMEOUT,
        );
        this.#seeds = [seed, ...this.#seeds.filter((one) => one !== seed)];
        return topology;
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        failure ??= error;
      }
    }
    throw failure;
  }

  /** Opens what lanes a topology needs, and learns its slots. */
  async #follow(shards: Topology): Promise<void> {
    const table = slotTable(shards);
    const opening = shards.map(({ primary, isFailed, slots }) =>
      isFailed ? undefined : this.#join(primary, slots)
    );
    const joined = await Promise.allSettled(opening);
    const failed = joined.find(({ status }) => status === "rejected");
    if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
    const lanes = joined.map((one) =>
      (one as PromiseFulfilledResult<Node | undefined>).value?.lane
    );
    const [first] = lanes.filter((lane) => lane !== undefined);
    if (first === undefined) {
      throw new ConnectionError(
        "Cannot load into the cluster: no node of it serves a hash slot",
        formatAddress(this.#first),
      );
    }
    for (let slot = 0; slot < SLOTS; slot++) {
      // Some node has to say what is wrong with a slot that nobody serves.
      this.#lanes[slot] = lanes[table[slot]] ?? first;
    }
    this.#lanes[NO_SLOT] = first;
    await this.#applyMoves();
    this.#isStale = false;
    this.#partFromLost();
    for (const { primary, replicas } of shards) {
      for (const one of [primary, ...replicas]) this.#know(one);
    }
    this.#options.summary.nodes = this.data;
  }

  /**
   * What nodes have said themselves is newer than what another one thinks. It is
   * heard once: where a node is gone, the cluster has another for its slots.
   */
  async #applyMoves(): Promise<void> {
    const moved = [...this.#moved];
    this.#moved.clear();
    for (const [slot, address] of moved) {
      const node = await this.#join(address);
      this.#lanes[slot] = node.lane;
    }
  }

  /** Keeps no lane that is lost and that nothing needs any more. */
  #partFromLost(): void {
    for (const [name, node] of this.#nodes) {
      if (!node.lane.hasEnded) continue;
      this.#nodes.delete(name);
      this.#gone.push(node);
    }
  }

  #know(address: TcpAddress): void {
    const name = formatAddress(address);
    if (this.#seeds.some((seed) => formatAddress(seed) === name)) return;
    this.#seeds.push(address);
  }

  /** Connects to a node once, whatever it is in the cluster. */
  async #connect(reached: TcpAddress): Promise<Connection> {
    const { server, wait } = this.#options;
    return await connectUnless(wait, {
      ...server,
      ...reached,
      allowReplica: true,
      retry: 0,
      connectTimeout: NODE_TIMEOUT,
      onNotice: undefined,
    });
  }

  /** The node at an address, with a lane that is good. */
  async #join(
    announced: TcpAddress,
    slots?: Shard["slots"],
  ): Promise<Node> {
    const { map, server, summary, wait, open } = this.#options;
    const name = formatAddress(announced);
    const known = this.#nodes.get(name);
    const count = slots?.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    if (known !== undefined && count !== undefined) known.slots = count;
    if (known !== undefined && !known.lane.hasEnded) return known;
    const reached = map(announced);
    let connection: Connection;
    try {
      connection = await this.#connect(reached);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      const isMapped = formatAddress(reached) !== name;
      error.message += `; the cluster announces it as ${name}` +
        (isMapped
          ? " (see --node-map)"
          : `: where it can be reached by another address from here, say so ` +
            `with --node-map ${name}=HOST:PORT`);
      throw error;
    }
    if (known === undefined) {
      const lane = open(connection);
      const node = {
        ...{ announced, connection, lane },
        ...{ slots: count ?? 0, past: NOTHING },
      };
      this.#nodes.set(name, node);
      return node;
    }
    try {
      await wait.for(sever(known.connection, connection, server.onNotice));
    } catch (error) {
      connection.close();
      throw error;
    }
    const before = known.connection.server;
    known.past = countsOf(known);
    await known.lane.stop();
    summary.reconnected(before, connection.server, summary.unknown);
    known.connection = connection;
    known.lane = open(connection);
    return known;
  }
}
