/**
 * The replies that describe a cluster, as the topology that they mean.
 *
 * `CLUSTER SHARDS` (Redis 7, Valkey) names every node's health and both of its
 * ports; `CLUSTER SLOTS` (Redis 3) names one port, of the kind that the asking
 * connection uses. In RESP3 what has names is a map, in RESP2 a flat array.
 *
 * A reply that is not as it should be gives no topology, rather than a part of
 * one: rows would go to the wrong nodes.
 *
 * @module
 */
import { SLOTS } from "../protocol/key_slot.ts";
import { itemsIn, type Reply, textIn } from "../protocol/reply.ts";
import type { TcpAddress } from "./address.ts";
import type { Shard, SlotRange, Topology } from "./cluster_topology.ts";

/** Whom a cluster was asked through. */
export interface AskedNode {
  /** Its host: that of nodes too which say no host of their own. */
  readonly host: string;
  /** Whether TLS is spoken, so that the nodes' TLS ports are wanted. */
  readonly isEncrypted: boolean;
}

/**
 * Reads the reply to `CLUSTER SHARDS`.
 *
 * @returns The topology; none where the reply is something else.
 */
export function readShards(
  reply: Reply,
  asked: AskedNode,
): Topology | undefined {
  const shards = itemsIn(reply)?.map((item) => shardOf(item, asked));
  return shards === undefined ? undefined : topologyOf(shards);
}

/**
 * Reads the reply to `CLUSTER SLOTS`.
 *
 * @returns The topology; none where the reply is something else.
 */
export function readSlots(
  reply: Reply,
  asked: AskedNode,
): Topology | undefined {
  const entries = itemsIn(reply);
  if (entries === undefined) return undefined;
  // One entry for each run of slots; a shard has one or more of them.
  const shards = new Map<string, Shard & { slots: SlotRange[] }>();
  for (const entry of entries) {
    const [from, to, ...nodes] = itemsIn(entry) ?? [];
    const [range] = rangesOf([from, to]) ?? [];
    const [primary, ...replicas] = nodes.map((node) => slotNode(node, asked));
    if (range === undefined || primary === undefined) return undefined;
    if (!replicas.every((replica) => replica !== undefined)) return undefined;
    const key = JSON.stringify(primary);
    const shard = shards.get(key);
    if (shard === undefined) {
      shards.set(key, { primary, isFailed: false, slots: [range], replicas });
    } else {
      shard.slots.push(range);
    }
  }
  return topologyOf([...shards.values()]);
}

function topologyOf(
  shards: readonly (Shard | undefined)[],
): Topology | undefined {
  if (!shards.every((shard) => shard !== undefined)) return undefined;
  const first = ({ slots }: Shard): number =>
    Math.min(...slots.map(({ from }) => from));
  return shards.filter(({ slots }) => slots.length > 0)
    .toSorted((a, b) => first(a) - first(b));
}

/** A node as `CLUSTER SHARDS` describes it. */
interface ShardNode {
  readonly address: TcpAddress;
  readonly isPrimary: boolean;
  readonly isFailed: boolean;
}

function shardOf(reply: Reply, asked: AskedNode): Shard | undefined {
  const fields = fieldsOf(reply);
  const slots = rangesOf(itemsIn(fields?.get("slots")) ?? [undefined]);
  const nodes = itemsIn(fields?.get("nodes"))
    ?.map((node) => shardNode(node, asked));
  if (slots === undefined || nodes === undefined) return undefined;
  if (!nodes.every((node) => node !== undefined)) return undefined;
  // Behind a failover the old primary may still call itself one; in the middle
  // of one there may be none.
  const primaries = nodes.filter(({ isPrimary }) => isPrimary);
  const primary = primaries.find(({ isFailed }) => !isFailed) ??
    primaries[0] ?? nodes[0];
  if (primary === undefined) return undefined;
  return {
    primary: primary.address,
    isFailed: primary.isFailed || !primary.isPrimary,
    slots,
    replicas: nodes.filter((node) => node !== primary)
      .map(({ address }) => address),
  };
}

function shardNode(reply: Reply, asked: AskedNode): ShardNode | undefined {
  const fields = fieldsOf(reply);
  if (fields === undefined) return undefined;
  const [port, tlsPort] = ["port", "tls-port"].map((name) =>
    portOf(fields.get(name))
  );
  const chosen = asked.isEncrypted ? tlsPort ?? port : port ?? tlsPort;
  if (chosen === undefined) return undefined;
  const host = hostOf(fields.get("endpoint"), fields, asked);
  const health = textIn(fields.get("health"));
  return {
    address: { host, port: chosen },
    isPrimary: textIn(fields.get("role")) === "master",
    // Redis says fail, its documentation failed.
    isFailed: health === "fail" || health === "failed",
  };
}

function slotNode(reply: Reply, asked: AskedNode): TcpAddress | undefined {
  // Redis 3 has no more than endpoint and port, 4 an id, 7 further names.
  const [endpoint, port, , more] = itemsIn(reply) ?? [];
  const chosen = portOf(port);
  if (endpoint === undefined || chosen === undefined) return undefined;
  const fields = more === undefined ? undefined : fieldsOf(more);
  if (more !== undefined && fields === undefined) return undefined;
  return { host: hostOf(endpoint, fields, asked), port: chosen };
}

/**
 * Tells where a node is to be found. `?` means that host names are preferred
 * and that it has none; nothing, that it is found where the asked node is.
 */
function hostOf(
  endpoint: Reply | undefined,
  fields: Map<string, Reply> | undefined,
  asked: AskedNode,
): string {
  const said = endpoint === undefined ? "?" : textIn(endpoint) ?? "";
  if (said !== "?") return said === "" ? asked.host : said;
  const others = ["hostname", "ip"].map((name) => textIn(fields?.get(name)));
  return others.find((host) => host !== undefined && !/^\??$/.test(host)) ??
    asked.host;
}

/** Pairs of a first and a last slot, one after the other. */
function rangesOf(
  items: readonly (Reply | undefined)[],
): SlotRange[] | undefined {
  const ranges: SlotRange[] = [];
  for (let i = 0; i < items.length; i += 2) {
    const [from, to] = [numberOf(items[i]), numberOf(items[i + 1])];
    if (from === undefined || to === undefined) return undefined;
    if (from > to || to >= SLOTS) return undefined;
    ranges.push({ from, to });
  }
  return ranges;
}

function portOf(reply: Reply | undefined): number | undefined {
  const port = numberOf(reply);
  // 0 says that there is none of this kind.
  return port === undefined || port < 1 || port > 65535 ? undefined : port;
}

function numberOf(reply: Reply | undefined): number | undefined {
  if (reply?.kind !== "integer" || typeof reply.value !== "number") {
    return undefined;
  }
  return reply.value < 0 ? undefined : reply.value;
}

function fieldsOf(reply: Reply): Map<string, Reply> | undefined {
  if (reply.kind === "map") {
    if (reply.entries.length !== reply.length) return undefined;
    return new Map(
      reply.entries.map(([name, value]) => [textIn(name) ?? "", value]),
    );
  }
  const items = itemsIn(reply);
  if (items === undefined || items.length % 2 !== 0) return undefined;
  const fields = new Map<string, Reply>();
  for (let i = 0; i < items.length; i += 2) {
    fields.set(textIn(items[i]) ?? "", items[i + 1]);
  }
  return fields;
}
