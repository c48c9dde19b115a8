/**
 * A real Redis Sentinel for a test.
 *
 * @module
 */
import { launchServer, type RedisServer } from "./redis_server.ts";

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
 * Starts a server with `--sentinel`.
 *
 * A busy machine may keep a server from answering for a second: it is no
 * failure yet. Nor is a failover that takes it some seconds.
 *
 * @param fixture What it watches.
 * @returns The Redis Sentinel, once it answers.
 */
export function startRedisSentinel(
  { primary, service, lines = [] }: RedisSentinelFixture,
): Promise<RedisServer> {
  return launchServer((port, directory) => {
    const config = `${directory}/sentinel.conf`;
    Deno.writeTextFileSync(
      config,
      [
        ...["bind 127.0.0.1", `port ${port}`, `dir ${directory}`],
        `logfile ${directory}/log`,
        `sentinel monitor ${service} 127.0.0.1 ${primary} 1`,
        `sentinel down-after-milliseconds ${service} 2000`,
        `sentinel failover-timeout ${service} 10000`,
        ...lines,
        "",
      ].join("\n"),
    );
    return [config, "--sentinel"];
  });
}
