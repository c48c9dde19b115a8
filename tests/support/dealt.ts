import { assertEquals } from "@std/assert";
import { plain } from "./plain_reply.ts";
import type { RedisCluster } from "./redis_cluster.ts";

/**
 * Checks lists that have the numbers 1, 2, 3 ... dealt out to them in turn.
 *
 * @param cluster The cluster that has them.
 * @param lists Their keys.
 * @param rows The last number.
 */
export async function assertDealt(
  cluster: RedisCluster,
  lists: string[],
  rows: number,
): Promise<void> {
  const replies = await cluster.commands(
    lists.map((key) => ["LRANGE", key, "0", "-1"]),
  );
  for (const [i, key] of lists.entries()) {
    const expected: string[] = [];
    for (let n = i; n <= rows; n += lists.length) {
      if (n > 0) expected.push(String(n));
    }
    assertEquals(plain(replies[i]), expected, key);
  }
}
