import { itemsIn, type Reply, textIn } from "../protocol/reply.ts";
import { formatAddress } from "./address.ts";

/** What a server says about its memory. */
export interface ServerMemory {
  /** Bytes that its data takes. */
  readonly used: number;
  /** Bytes that it may take; 0 is no limit. */
  readonly maxmemory: number;
  /** What the server does when it is full. */
  readonly policy: string;
}

/** What a server says about itself. */
export interface ServerInfo {
  /** Redis, Valkey, KeyDB, Dragonfly, Kvrocks, Garnet; none where unknown. */
  readonly name: string | undefined;
  /** Its own version, as it writes it. */
  readonly version: string | undefined;
  /** What its process is known by: another one after each start. */
  readonly runId?: string | undefined;
  /** Whether it is a node of a cluster. */
  readonly cluster: boolean;
  /** What it is to other servers; none where it may not be asked. */
  readonly role: "primary" | "replica" | "redisSentinel" | undefined;
  /** The address of a replica's primary. */
  readonly primary: string | undefined;
  /** Its memory when it was asked; none where it may not be. */
  readonly memory?: ServerMemory;
}

/**
 * Compares the processes behind two connections.
 *
 * @returns Whether they are the same one; nothing where that is not known.
 */
export function isSameProcess(
  one: Pick<ServerInfo, "runId"> | undefined,
  other: Pick<ServerInfo, "runId"> | undefined,
): boolean | undefined {
  if (one?.runId === undefined || other?.runId === undefined) return undefined;
  return one.runId === other.runId;
}

/** Which line of INFO names the version, the most telling first. */
const VERSIONS: readonly (readonly [field: string, name: string])[] = [
  ["valkey_version", "Valkey"],
  ["dragonfly_version", "Dragonfly"],
  ["kvrocks_version", "Kvrocks"],
  ["garnet_version", "Garnet"],
  ["redis_version", "Redis"],
];

/**
 * Reads what a server says about itself.
 *
 * @returns What is known; nothing where neither was answered.
 */
export function readServerInfo(
  role: Reply | undefined,
  info: Reply | undefined,
): ServerInfo | undefined {
  const fields = infoFields(info);
  const { kind, host, port } = roleOf(role);
  if (fields === undefined && kind === undefined) return undefined;
  const [field, name] = VERSIONS.find(([field]) => fields?.has(field)) ?? [];
  // KeyDB shows Redis' version, and gives itself away by its program.
  const isKeyDb = name === "Redis" &&
    /keydb[^/\\]*$/i.test(fields?.get("executable") ?? "");
  const mode = fields?.get("server_mode") ?? fields?.get("redis_mode");
  return {
    name: isKeyDb ? "KeyDB" : name,
    version: field === undefined ? undefined : fields?.get(field),
    runId: fields?.get("run_id"),
    cluster: mode === "cluster",
    role: kind,
    primary: kind === "replica" && host !== undefined
      ? formatAddress({ host, port: Number(port) })
      : undefined,
  };
}

/**
 * Reads what a server says about its memory.
 *
 * @returns What is known; nothing where it was not answered.
 */
export function readServerMemory(
  reply: Reply | undefined,
): ServerMemory | undefined {
  const fields = infoFields(reply);
  const used = Number(fields?.get("used_memory"));
  const maxmemory = Number(fields?.get("maxmemory"));
  if (Number.isNaN(used) || Number.isNaN(maxmemory)) return undefined;
  return {
    used,
    maxmemory,
    policy: fields?.get("maxmemory_policy") ?? "unknown",
  };
}

/**
 * Reads what `INFO` answers.
 *
 * @returns Its fields; nothing where the server does not tell.
 *
 * @example
 * ```ts
 * import { infoFields } from "./server_info.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const body = new TextEncoder().encode("# Memory\r\nused_memory:12\r\n");
 * const fields = infoFields({ kind: "bulk", length: body.length, body });
 * assertEquals(fields?.get("used_memory"), "12");
 * ```
 */
export function infoFields(
  reply: Reply | undefined,
): Map<string, string> | undefined {
  const text = textIn(reply);
  if (text === undefined) return undefined;
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/** `ROLE` answers master, slave (host, port, ...) or sentinel. */
function roleOf(
  reply: Reply | undefined,
): { kind?: ServerInfo["role"]; host?: string; port?: string } {
  const [kind, host, port] = (itemsIn(reply) ?? []).map((item) =>
    item.kind === "integer" ? String(item.value) : textIn(item)
  );
  switch (kind) {
    case "master":
      return { kind: "primary" };
    // Dragonfly and newer servers may use the other word.
    case "slave":
    case "replica":
      return host === undefined || port === undefined
        ? { kind: "replica" }
        : { kind: "replica", host, port };
    case "sentinel":
      return { kind: "redisSentinel" };
    default:
      return {};
  }
}
