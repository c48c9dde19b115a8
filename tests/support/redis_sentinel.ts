/**
 * A real Redis Sentinel for a test.
 *
 * @module
 */
import { RedisServer } from "./redis_server.ts";
import { freePort } from "./redis_server.ts";
import { until } from "./outcome.ts";

/** What it watches, and who may ask it. */
export interface RedisSentinelFixture {
  /** The port of the primary. */
  primary: number;
  /** The name of the service. */
  service: string;
  /** More lines of its configuration. */
  lines?: string[];
}

/**
 * Starts `redis-server --sentinel`.
 *
 * @param fixture What it watches.
 * @returns The Redis Sentinel, once it answers.
 */
export async function startRedisSentinel(
  { primary, service, lines = [] }: RedisSentinelFixture,
): Promise<RedisServer> {
  const directory = await Deno.makeTempDir({ prefix: "respipe_test_" });
  const port = freePort();
  const config = `${directory}/sentinel.conf`;
  await Deno.writeTextFile(
    config,
    [
      ...["bind 127.0.0.1", `port ${port}`, `dir ${directory}`],
      `sentinel monitor ${service} 127.0.0.1 ${primary} 1`,
      `sentinel down-after-milliseconds ${service} 500`,
      `sentinel failover-timeout ${service} 3000`,
      ...lines,
      "",
    ].join("\n"),
  );
  const process = new Deno.Command(
    Deno.env.get("REDIS_SERVER") ?? "redis-server",
    {
      args: [config, "--sentinel"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    },
  ).spawn();
  const server = new RedisServer(process, port, directory);
  await until(
    () => server.command("PING").then(() => true, () => false),
    "the Redis Sentinel",
  );
  return server;
}
