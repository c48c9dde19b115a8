/**
 * A real cluster for a test, gone when the test ends.
 *
 * ```ts ignore
 * await using cluster = await startCluster({ primaries: 3, replicas: 1 });
 * await cluster.command("SET", "user:1", "x"); // follows redirections
 * await cluster.moveSlot(slotOf("user:1"), 0, 1);
 * ```
 *
 * A node says cluster_state:ok at the earliest 2 s after its start, whatever is
 * done: tests that can should share a cluster.
 *
 * @module
 */
import { keySlot, SLOTS } from "../../src/protocol/key_slot.ts";
import { parseRedirection } from "../../src/protocol/redirection.ts";
import type { Reply } from "../../src/protocol/reply.ts";
import type { Certificates } from "./certificates.ts";
import { until } from "./outcome.ts";
import { plain } from "./plain_reply.ts";
import {
  type Argument,
  freePort,
  type RedisServer,
  startServer,
} from "./redis_server.ts";
import { isServerBefore } from "./server_program.ts";

/** How often a node is started: another process may take one of its ports. */
const START_ATTEMPTS = 5;

/** Where all nodes are. */
const LOCAL = "127.0.0.1";

/** Before Redis 7 a node's bus has its port plus this. */
const TO_BUS = 10_000;

/** After so many ms a node may be told of another once more. */
const MEET_AGAIN = 1_000;

/** When a failover that was asked for has been given up for certain, in ms. */
const FAILOVER_TIMEOUT = 6_000;

/** How often a redirected command is sent at the most. */
const MOST_TRIES = 20;

/** How to start a cluster. */
export interface ClusterOptions {
  /** Nodes that share the slots. Default: 3. */
  primaries?: number;
  /** Replicas of each of them. Default: 0. */
  replicas?: number;
  /** Further primaries, which get no slots. Default: 0. */
  spares?: number;
  /** What is special about every node. */
  args?: string[];
  /** The password of the default user. */
  password?: string;
  /** ACL rules, each a user's, such as `bob on >secret ~* +@all`. */
  users?: string[];
  /** Speaks TLS on a second port, which is what the nodes announce then. */
  tls?: Certificates;
  /** What nodes announce instead of where they are; by the node's index. */
  announce?: (index: number) => { host?: string; port?: number };
  /** When a silent node counts as failed, in ms. Default: 15,000. */
  nodeTimeout?: number;
  /** Which slots are given to nobody. Default: none. */
  without?: { from: number; to: number };
  /** Whether such slots stop the whole cluster. Default: no. */
  isDown?: boolean;
}

/** What has been done when a slot moves; see {@linkcode RedisCluster.moveSlot}. */
export type MoveStep = "open" | "keys" | "done";

/** A node of a cluster. */
export interface ClusterNode {
  /** The server; its own connection is logged in as the default user. */
  readonly server: RedisServer;
  /** Its id in the cluster. */
  readonly id: string;
  /** The port that clients use: with TLS where that is spoken. */
  readonly port: number;
  /** The address that it announces. */
  readonly announced: { readonly host: string; readonly port: number };
}

/** A cluster that runs until it is disposed of. */
export class RedisCluster implements AsyncDisposable {
  readonly #password: string | undefined;
  readonly #hasTls: boolean;
  readonly #isDown: boolean;
  readonly #assigned: number;
  readonly #replicas: number;
  readonly #killed = new Set<number>();

  /**
   * Takes over the nodes.
   *
   * @param nodes The primaries, the spares, the replicas of the first primary,
   * of the second, and so on.
   * @param options How they were started.
   */
  constructor(
    readonly nodes: readonly ClusterNode[],
    options: ClusterOptions,
  ) {
    this.#password = options.password;
    const { primaries = 3, replicas = 0, without, isDown = false } = options;
    this.#hasTls = options.tls !== undefined;
    this.#isDown = isDown;
    this.#assigned = without === undefined
      ? SLOTS
      : SLOTS - (without.to - without.from + 1);
    this.#replicas = primaries * replicas;
  }

  /** The port of the first node. */
  get port(): number {
    return this.nodes[0].port;
  }

  /** The addresses of all nodes, as `--allow-net` takes them. */
  get addresses(): string {
    return this.nodes.map(({ port }) => `127.0.0.1:${port}`).join(",");
  }

  /** What `--node-map` needs where other addresses are announced. */
  get nodeMap(): string {
    return this.nodes.map(({ announced: { host, port }, port: real }) =>
      `${host}:${port}=127.0.0.1:${real}`
    ).join(",");
  }

  /**
   * Sends a command to where its keys are.
   *
   * @param args The command.
   * @returns The reply; MOVED and ASK are followed, TRYAGAIN is repeated.
   */
  async command(...args: Argument[]): Promise<Reply> {
    let node = this.#alive()[0];
    let asking = false;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const replies = await node.server.commands(
        asking ? [["ASKING"], args] : [args],
      );
      const reply = replies[replies.length - 1];
      if (reply.kind !== "error") return reply;
      if (reply.text.startsWith("TRYAGAIN")) continue;
      const to = parseRedirection(reply.text);
      if (to === undefined) return reply;
      // This connection is a plain one: it is told the plain ports.
      const next = this.nodes.find(({ announced: { host, port }, server }) =>
        (port === to.port || server.port === to.port) &&
        (to.host === undefined || to.host === host)
      );
      if (next === undefined) throw new Error(`Cannot find ${reply.text}`);
      node = next;
      asking = to.kind === "ask";
    }
    throw new Error(`Cannot send ${args[0]}: redirected ${MOST_TRIES} times`);
  }

  /**
   * Sends many commands, in no order, each to where its keys are.
   *
   * @param list The commands.
   * @returns Their replies, in the order of the commands.
   */
  commands(list: Argument[][]): Promise<Reply[]> {
    return Promise.all(list.map((args) => this.command(...args)));
  }

  /**
   * Finds the primaries that run.
   *
   * @returns Their servers, in the order of the nodes.
   */
  async primaries(): Promise<RedisServer[]> {
    const servers: RedisServer[] = [];
    for (const { server } of this.#alive()) {
      const role = plain(await server.command("ROLE"));
      if (Array.isArray(role) && role[0] === "master") servers.push(server);
    }
    return servers;
  }

  /**
   * Asks every primary that runs.
   *
   * @param args A command without keys.
   * @returns What each answers, in the order of the nodes.
   */
  async everywhere(...args: Argument[]): Promise<unknown[]> {
    const replies: unknown[] = [];
    for (const server of await this.primaries()) {
      replies.push(plain(await server.command(...args)));
    }
    return replies;
  }

  /**
   * Counts the errors of a kind that the nodes have answered with, since
   * `CONFIG RESETSTAT`.
   *
   * @param kind Such as `ASK`.
   * @returns How many there were in all.
   */
  async errors(kind: string): Promise<number> {
    const line = new RegExp(`errorstat_${kind}:count=(\\d+)`);
    let count = 0;
    for (const { server } of this.#alive()) {
      const stats = String(plain(await server.command("INFO", "errorstats")));
      count += Number(line.exec(stats)?.[1] ?? 0);
    }
    return count;
  }

  /** How many keys there are in all. */
  async size(): Promise<number> {
    const sizes = await this.everywhere("DBSIZE");
    return sizes.reduce<number>((sum, size) => sum + Number(size), 0);
  }

  /** Removes every key. */
  async flush(): Promise<void> {
    await this.everywhere("FLUSHALL");
  }

  /**
   * Looks which slots a node has.
   *
   * @param index The node.
   * @returns The slots, as the node itself says; none of a replica's.
   */
  async slotsOf(index: number): Promise<number[]> {
    const { server } = this.nodes[index];
    const text = String(plain(await server.command("CLUSTER", "NODES")));
    const mine = text.split("\n").find((line) => line.includes("myself")) ?? "";
    if (!mine.includes("master")) return [];
    // Behind them stand the slots that are open, in brackets.
    return mine.split(" ").slice(8).filter((range) => /^\d/.test(range))
      .flatMap((range) => {
        const [from, to = from] = range.split("-").map(Number);
        return Array.from({ length: to - from + 1 }, (_, i) => from + i);
      });
  }

  /**
   * Looks who has a slot.
   *
   * @param slot The slot.
   * @returns The node's index.
   */
  async ownerOf(slot: number): Promise<number> {
    for (const index of this.nodes.keys()) {
      if (this.#killed.has(index)) continue;
      if ((await this.slotsOf(index)).includes(slot)) return index;
    }
    throw new Error(`Cannot find the owner of slot ${slot}`);
  }

  /**
   * Moves a slot with its keys from one node to another, as resharding does.
   *
   * @param slot The slot.
   * @param from The index of the node that has it.
   * @param to The index of the node that gets it.
   * @param options `onStep` is awaited when the slot is open on both sides
   * (whoever asks for a missing key gets ASK), after each `batch` of keys, and
   * when it belongs to the other node.
   */
  async moveSlot(
    slot: number,
    from: number,
    to: number,
    options: {
      onStep?: (step: MoveStep) => Promise<void> | void;
      batch?: number;
    } = {},
  ): Promise<void> {
    const { onStep, batch = 10 } = options;
    const [source, target] = [this.nodes[from], this.nodes[to]];
    const set = ["CLUSTER", "SETSLOT", String(slot)];
    await said(target, [...set, "IMPORTING", source.id]);
    await said(source, [...set, "MIGRATING", target.id]);
    await onStep?.("open");
    for (;;) {
      const keys = await source.server.command(
        ...["CLUSTER", "GETKEYSINSLOT", String(slot), String(batch)],
      );
      if (keys.kind !== "array") throw new Error(String(plain(keys)));
      // An open slot gets no new keys where they come from.
      if (keys.items.length === 0) break;
      const bodies = keys.items.map((key) => key.kind === "bulk" && key.body);
      const reply = await source.server.command(
        ...["MIGRATE", LOCAL, String(this.#busClientPort(target))],
        ...["", "0", "10000"],
        ...(this.#password === undefined ? [] : ["AUTH", this.#password]),
        ...["KEYS", ...bodies.filter((body) => body instanceof Uint8Array)],
      );
      if (reply.kind === "error") throw new Error(reply.text);
      await onStep?.("keys");
    }
    // The other way round both would send clients to each other for a moment.
    await said(target, [...set, "NODE", target.id]);
    await said(source, [...set, "NODE", target.id]);
    await onStep?.("done");
  }

  /** Servers that use TLS among each other use it for MIGRATE too. */
  #busClientPort({ server, port }: ClusterNode): number {
    return this.#hasTls ? port : server.port;
  }

  /**
   * Stops a node in its tracks; connections stay open.
   *
   * @param index The node.
   */
  pause(index: number): void {
    this.nodes[index].server.pause();
  }

  /**
   * Lets it go on.
   *
   * @param index The node.
   */
  resume(index: number): void {
    this.nodes[index].server.resume();
  }

  /**
   * Ends a node as a crash would.
   *
   * @param index The node.
   */
  async kill(index: number): Promise<void> {
    this.#killed.add(index);
    await this.nodes[index].server.kill();
  }

  /**
   * Makes a replica take the place of its primary, which takes its own.
   *
   * @param index The replica.
   */
  async failOver(index: number): Promise<void> {
    const { server } = this.nodes[index];
    let asked = -Infinity;
    await until(async () => {
      const [role] = plain(await server.command("ROLE")) as string[];
      if (role === "master") return true;
      // It is refused while the two have lost each other, and ends in nothing
      // when they take too long.
      if (performance.now() - asked > FAILOVER_TIMEOUT) {
        const reply = await server.command("CLUSTER", "FAILOVER");
        if (reply.kind !== "error") asked = performance.now();
      }
      return false;
    }, "the failover");
    await this.settled();
  }

  #alive(): ClusterNode[] {
    return this.nodes.filter((_, index) => !this.#killed.has(index));
  }

  /** Waits until every node that runs knows all slots and is content. */
  async settled(): Promise<void> {
    await until(async () => {
      const views = await Promise.all(
        this.#alive().map(async ({ server }) => {
          const replies = await server.commands([
            ...[["CLUSTER", "INFO"], ["CLUSTER", "NODES"]],
            ["INFO", "replication"],
          ]);
          return replies.map((reply) => String(plain(reply)));
        }),
      );
      return views.every(([info, nodes, replication]) =>
        info.includes(`cluster_state:${this.#isDown ? "fail" : "ok"}`) &&
        info.includes(`cluster_slots_assigned:${this.#assigned}\r`) &&
        info.includes("cluster_slots_fail:0") &&
        !nodes.includes("handshake") &&
        this.nodes.every((node) => isKnown(node, nodes)) &&
        (this.#killed.size > 0 ||
          nodes.split(" slave ").length + nodes.split(",slave ").length - 2 ===
            this.#replicas) &&
        !replication.includes("master_link_status:down")
      );
    }, "the cluster");
  }

  /** Ends the nodes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.nodes.map(({ server }) => server[Symbol.asyncDispose]()),
    );
  }
}

/**
 * Starts a cluster, of Redis or Valkey, from version 6.2 on.
 *
 * @param options What is special about it.
 * @returns The cluster, once every node takes commands for all its slots.
 */
export async function startCluster(
  options: ClusterOptions = {},
): Promise<RedisCluster> {
  const { primaries = 3, replicas = 0, spares = 0, without } = options;
  const count = primaries * (1 + replicas) + spares;
  const nodes = await startNodes(count, options);
  const cluster = new RedisCluster(nodes, options);
  try {
    for (let i = 0; i < primaries; i++) {
      const ranges = cut(
        Math.floor(i * SLOTS / primaries),
        Math.floor((i + 1) * SLOTS / primaries) - 1,
        without,
      );
      if (ranges.length === 0) continue;
      await said(nodes[i], ["CLUSTER", "ADDSLOTS", ...ranges.flatMap(slotsOf)]);
    }
    await meet(nodes);
    for (let i = 0; i < primaries * replicas; i++) {
      const primary = nodes[Math.floor(i / replicas)];
      const replica = nodes[primaries + spares + i];
      await said(replica, ["CLUSTER", "REPLICATE", primary.id]);
    }
    await cluster.settled();
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

/** Starts the servers side by side; none is left where one cannot. */
async function startNodes(
  count: number,
  options: ClusterOptions,
): Promise<ClusterNode[]> {
  const started = await Promise.allSettled(
    Array.from({ length: count }, (_, index) => startNode(index, options)),
  );
  const failed = started.find((one) => one.status === "rejected");
  const nodes = started.flatMap((one) =>
    one.status === "fulfilled" ? [one.value] : []
  );
  if (failed === undefined) return nodes;
  await Promise.all(nodes.map(({ server }) => server[Symbol.asyncDispose]()));
  throw failed.reason;
}

async function startNode(
  index: number,
  options: ClusterOptions,
): Promise<ClusterNode> {
  for (let attempt = 1;; attempt++) {
    try {
      return await tryNode(index, options);
    } catch (error) {
      const isTaken = String(error).includes("Address already in use");
      if (!isTaken || attempt === START_ATTEMPTS) throw error;
    }
  }
}

async function tryNode(
  index: number,
  options: ClusterOptions,
): Promise<ClusterNode> {
  const { password, users = [], tls, nodeTimeout = 15_000 } = options;
  const { isDown = options.without === undefined } = options;
  const { host, port: otherPort } = options.announce?.(index) ?? {};
  const tlsPort = tls === undefined ? undefined : nodePort();
  const server = await startServer({
    port: nodePort(),
    args: [
      ...["--cluster-enabled", "yes"],
      ...(isServerBefore(7) ? [] : ["--cluster-port", String(freePort())]),
      ...["--cluster-node-timeout", String(nodeTimeout)],
      ...["--cluster-require-full-coverage", isDown ? "yes" : "no"],
      // An empty replica need not wait for another that may join the copy.
      ...["--repl-diskless-sync-delay", "0"],
      ...(password === undefined
        ? []
        : ["--requirepass", password, "--masterauth", password]),
      ...users.flatMap((user) => ["--user", ...user.split(" ")]),
      ...(tls === undefined ? [] : [
        ...["--tls-port", String(tlsPort), "--tls-cluster", "yes"],
        ...["--tls-replication", "yes", ...tls.serverArgs("server", "no")],
      ]),
      // Not the IP address: the nodes themselves use what is announced of it.
      ...(host === undefined ? [] : [
        ...["--cluster-announce-hostname", host],
        ...["--cluster-preferred-endpoint-type", "hostname"],
      ]),
      ...(otherPort === undefined ? [] : [
        tls === undefined
          ? "--cluster-announce-port"
          : "--cluster-announce-tls-port",
        String(otherPort),
      ]),
      ...options.args ?? [],
    ],
  });
  if (password !== undefined) await server.command("AUTH", password);
  const port = tlsPort ?? server.port;
  const id = String(plain(await server.command("CLUSTER", "MYID")));
  const announced = { host: host ?? LOCAL, port: otherPort ?? port };
  return { server, id, port, announced };
}

/** Makes the nodes known to each other. */
async function meet(nodes: readonly ClusterNode[]): Promise<void> {
  if (nodes.length === 1) return;
  await Promise.all(nodes.map(async (node, index) => {
    // Else two of them would have to find out who changes it, one at a time.
    await said(node, ["CLUSTER", "SET-CONFIG-EPOCH", String(index + 1)]);
  }));
  for (const [index, node] of nodes.entries()) {
    await introduce(node, nodes.slice(0, index));
  }
  await linked(nodes);
}

/** Tells a node where others are. */
async function introduce(
  node: ClusterNode,
  others: readonly ClusterNode[],
): Promise<void> {
  for (const [port, busPort] of await Promise.all(others.map(portsOf))) {
    await said(node, ["CLUSTER", "MEET", LOCAL, port, busPort]);
  }
}

/** A free port; another process may take it, or the bus's, at any time. */
function nodePort(): number {
  for (;;) {
    const port = freePort();
    if (!isServerBefore(7) || port + TO_BUS <= 65_535) return port;
  }
}

/** The port that a node is met at, and its port for the cluster bus. */
async function portsOf({ server, port }: ClusterNode): Promise<string[]> {
  if (isServerBefore(7)) return [String(port), String(port + TO_BUS)];
  const reply = plain(await server.command("CONFIG", "GET", "cluster-port"));
  return [String(port), String((reply as string[])[1])];
}

/** Waits until every node has heard of every other by its real id. */
async function linked(nodes: readonly ClusterNode[]): Promise<void> {
  let told = performance.now();
  await until(async () => {
    for (const node of nodes) {
      const reply = await node.server.command("CLUSTER", "NODES");
      const text = String(plain(reply));
      if (text.includes("handshake")) return false;
      const strangers = nodes.filter(({ id }) => !text.includes(id));
      if (strangers.length === 0) continue;
      // A handshake that takes too long is given up.
      if (performance.now() - told > MEET_AGAIN) {
        told = performance.now();
        await introduce(node, strangers);
      }
      return false;
    }
    return true;
  }, "nodes that know each other");
}

/** What is left of a run of slots: the first and the last of each. */
function cut(
  from: number,
  to: number,
  without: ClusterOptions["without"],
): number[][] {
  const { from: gap, to: gapEnd } = without ?? { from: SLOTS, to: SLOTS };
  return [[from, Math.min(to, gap - 1)], [Math.max(from, gapEnd + 1), to]]
    .filter(([first, last], i) => first <= last && (i === 0 || gap <= to));
}

/** Whether a node's list has another, with the name that it announces. */
function isKnown(
  { id, announced: { host } }: ClusterNode,
  list: string,
): boolean {
  const line = list.split("\n").find((line) => line.startsWith(id));
  // One that has met nobody does not know its own address.
  return line !== undefined && (host === LOCAL || line.includes(host));
}

function slotsOf([first, last]: number[]): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => String(first + i));
}

async function said(
  { server }: ClusterNode,
  command: readonly string[],
): Promise<void> {
  const reply = await server.command(...command);
  if (reply.kind === "error") {
    throw new Error(`Cannot say ${command.join(" ")}: ${reply.text}`);
  }
}

/** The hash slot of a key. */
export function slotOf(key: string): number {
  return keySlot(new TextEncoder().encode(key));
}
