import type { Reply } from "../src/protocol/reply.ts";
import type { RedisServer } from "../tests/support/redis_server.ts";

/**
 * Picks a key to show.
 *
 * @param server The server
 * @param favourite The key to pick if it is there
 * @returns The key, `undefined` where the server is empty
 */
export async function exampleKey(
  server: RedisServer,
  favourite?: string,
): Promise<string | undefined> {
  if (favourite !== undefined) {
    const [found] = replyLines(await server.command("EXISTS", favourite));
    if (found === "1") return favourite;
  }
  const [key] = replyLines(await server.command("RANDOMKEY"));
  return key;
}

/**
 * Gives the command that shows what a key holds, or the start of it.
 *
 * @param server The server
 * @param key The key
 * @returns The command, one word per argument
 */
export async function readCommand(
  server: RedisServer,
  key: string,
): Promise<string[]> {
  const [type] = replyLines(await server.command("TYPE", key));
  switch (type) {
    case "hash":
      return ["HGETALL", key];
    case "list":
      return ["LRANGE", key, "0", "4"];
    case "set":
      return ["SRANDMEMBER", key, "5"];
    case "zset":
      return ["ZRANGE", key, "0", "4", "WITHSCORES"];
    case "stream":
      return ["XRANGE", key, "-", "+", "COUNT", "2"];
    case "string":
      return ["GETRANGE", key, "0", "199"];
    default:
      return ["TYPE", key];
  }
}

/**
 * Writes a reply as redis-cli does into a pipe: one line per value.
 *
 * @param reply The reply
 * @returns The lines; none for a null
 */
export function replyLines(reply: Reply): string[] {
  switch (reply.kind) {
    case "null":
      return [];
    case "simple":
    case "error":
      return [reply.text];
    case "bulk":
    case "verbatim":
      return [new TextDecoder().decode(reply.body)];
    case "array":
    case "set":
    case "push":
      return reply.items.flatMap(replyLines);
    case "map":
      return reply.entries.flat().flatMap(replyLines);
    default:
      return [String(reply.value)];
  }
}
