import { assert } from "@std/assert";
import { plain } from "./plain_reply.ts";
import type { RedisServer } from "./redis_server.ts";

/** For each type the command that reads a key of it whole. */
const READERS: Readonly<Record<string, (key: string) => string[]>> = {
  string: (key) => ["GET", key],
  list: (key) => ["LRANGE", key, "0", "-1"],
  hash: (key) => ["HGETALL", key],
  set: (key) => ["SMEMBERS", key],
  zset: (key) => ["ZRANGE", key, "0", "-1", "WITHSCORES"],
  stream: (key) => ["XRANGE", key, "-", "+"],
};

/**
 * Reads all that some servers hold.
 *
 * @param servers One server, or the primaries of a cluster.
 * @returns Each key's type and value, in the order of the keys; members of sets
 * and fields of hashes are put in order, too.
 */
export async function readKeys(
  servers: readonly RedisServer[],
): Promise<[key: string, type: string, value: unknown][]> {
  const found = new Map<string, [string, string, unknown]>();
  for (const server of servers) {
    const keys = plain(await server.command("KEYS", "*")) as string[];
    const replies = await server.commands(keys.map((key) => ["TYPE", key]));
    const types = replies.map((reply) => String(plain(reply)));
    const values = await server.commands(
      keys.map((key, i) => READERS[types[i]](key)),
    );
    for (const [i, key] of keys.entries()) {
      assert(!found.has(key), `${key} is in two places`);
      found.set(key, [key, types[i], ordered(types[i], plain(values[i]))]);
    }
  }
  return [...found.values()].sort(([a], [b]) => a < b ? -1 : 1);
}

function ordered(type: string, value: unknown): unknown {
  if (type === "set") return (value as string[]).toSorted();
  if (type !== "hash") return value;
  const words = value as string[];
  const fields = words.flatMap((name, i) =>
    i % 2 === 0 ? [[name, words[i + 1]]] : []
  );
  return fields.sort(([a], [b]) => a < b ? -1 : 1);
}
