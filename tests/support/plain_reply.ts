import type { Reply } from "../../src/protocol/reply.ts";
import type { RedisServer } from "./redis_server.ts";

const decoder = new TextDecoder();

/**
 * Shows a reply in plain values, for tests to compare.
 *
 * @param reply A reply whose body was held.
 * @returns Text, a number, `null`, or an array of these.
 */
export function plain(reply: Reply): unknown {
  switch (reply.kind) {
    case "simple":
      return reply.text;
    case "error":
      return `(error) ${reply.text}`;
    case "bulk":
    case "verbatim":
      return decoder.decode(reply.body);
    case "null":
      return null;
    case "array":
    case "set":
    case "push":
      return reply.items.map(plain);
    case "map":
      return reply.entries.map((pair) => pair.map(plain));
    default:
      return reply.value;
  }
}

/**
 * Asks a server, for tests to compare what it answers.
 *
 * @returns The reply in plain values.
 */
export async function ask(
  server: Pick<RedisServer, "command">,
  ...words: string[]
): Promise<unknown> {
  return plain(await server.command(...words));
}
