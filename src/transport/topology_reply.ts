/**
 * The replies that describe a cluster, as the topology that they mean.
 *
 * `CLUSTER SLOTS` names one port of each node, of the kind that the asking
 * connection uses. In RESP3 what has names is a map, in RESP2 a flat array.
 *
 * A reply that is not as it should be gives no topology, rather than a part of
 * one: rows would go to the wrong nodes.
 *
 * @module
 */
import { SLOTS } from "../protocol/key_slot.ts";
import { itemsIn, numberIn, type Reply, textIn } from "../protocol/reply.ts";
import type { TcpAddress } from "./address.ts";
import type { Shard, SlotRange, Topology } from "./cluster_topology.ts";

/**
 * Reads the reply to `CLUSTER SLOTS`.
 *
 * @param asked The host of the node that was asked, which is also that of nodes
 * that say none of their own.
 * @param failed Ids of nodes that have failed.
 * @returns The topology; none where the reply is something else.
 */
export function readSlots(
  reply: Reply,
  asked: string,
  failed: ReadonlySet<string>,
): Topology | undefined {
  const entries = itemsIn(reply);
  if (entries === undefined) return undefined;
  // One entry for each run of slots; a shard has one or more of them.
  const shards = new Map<string, Shard & { slots: SlotRange[] }>();
  for (const entry of entries) {
    const [from, to, ...nodes] = itemsIn(entry) ?? [];
    const range = rangeOf(from, to);
    const [primary, ...replicas] = nodes.map((node) => nodeOf(node, asked));
    if (range === undefined || primary === undefined) return undefined;
    if (!replicas.every((replica) => replica !== undefined)) return undefined;
    const { address, id } = primary;
    const key = JSON.stringify(address);
    const shard = shards.get(key);
    if (shard !== undefined) {
      shard.slots.push(range);
      continue;
    }
    shards.set(key, {
      primary: address,
      isFailed: id !== undefined && failed.has(id),
      slots: [range],
      replicas: replicas.map(({ address }) => address),
    });
  }
  const first = ({ slots }: Shard): number =>
    Math.min(...slots.map(({ from }) => from));
  return [...shards.values()].toSorted((a, b) => first(a) - first(b));
}

/**
 * Reads the reply to `CLUSTER SHARDS`.
 *
 * @returns Ids of the nodes that the others agree to have failed; of those that
 * the reply does not tell of, or not as it should, nothing is known.
 */
export function readFailed(reply: Reply | undefined): ReadonlySet<string> {
  const shards = itemsIn(reply) ?? [];
  const nodes = shards.flatMap((shard) =>
    itemsIn(fieldsOf(shard)?.get("nodes")) ?? []
  ).map(fieldsOf);
  return new Set(nodes.flatMap((node) => {
    const [id, health] = ["id", "health"].map((name) =>
      textIn(node?.get(name))
    );
    // Redis says fail, its documentation failed.
    const isFailed = health === "fail" || health === "failed";
    return isFailed && id !== undefined ? [id] : [];
  }));
}

function nodeOf(
  reply: Reply,
  asked: string,
): { address: TcpAddress; id: string | undefined } | undefined {
  // Redis 3 has no more than endpoint and port, 4 an id, 7 further names.
  const [endpoint, port, id, more] = itemsIn(reply) ?? [];
  const chosen = portOf(port);
  if (endpoint === undefined || chosen === undefined) return undefined;
  const fields = more === undefined ? undefined : fieldsOf(more);
  if (more !== undefined && fields === undefined) return undefined;
  const address = { host: hostOf(endpoint, fields, asked), port: chosen };
  return { address, id: textIn(id) };
}

/**
 * Tells where a node is to be found. `?` means that host names are preferred
 * and that it has none; nothing, that it is found where the asked node is.
 */
function hostOf(
  endpoint: Reply,
  fields: Map<string, Reply> | undefined,
  asked: string,
): string {
  const said = textIn(endpoint) ?? "";
  if (said !== "?") return said === "" ? asked : said;
  const others = ["hostname", "ip"].map((name) => textIn(fields?.get(name)));
  return others.find((host) => host !== undefined && !/^\??$/.test(host)) ??
    asked;
}

function rangeOf(
  first: Reply | undefined,
  last: Reply | undefined,
): SlotRange | undefined {
  const [from, to] = [numberIn(first), numberIn(last)];
  if (from === undefined || to === undefined) return undefined;
  return from < 0 || from > to || to >= SLOTS ? undefined : { from, to };
}

function portOf(reply: Reply | undefined): number | undefined {
  const port = numberIn(reply);
  // 0 says that there is none of this kind.
  return port === undefined || port < 1 || port > 65535 ? undefined : port;
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
