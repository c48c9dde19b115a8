/**
 * A load survives a failover by real Redis Sentinels.
 *
 * Replication is asynchronous: a primary that dies may have answered writes
 * that no replica has seen. What it had is read back from its append-only file,
 * so that those can be told from what a load would have lost: nothing.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { load, StoppedError, Summary } from "../../mod.ts";
import { bounded, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { startRedisSentinel } from "../support/redis_sentinel.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { rowSource } from "../support/row_source.ts";

const DURABLE = ["--appendonly", "yes", "--appendfsync", "always"];

/** Waits until the replica has all that the primary was told so far. */
async function replicate(primary: RedisServer): Promise<void> {
  // WAIT is about what its own connection has written last.
  await primary.command("SET", "mark", "1");
  assertEquals(plain(await primary.command("WAIT", "1", "10000")), 1);
}

/** A primary and its replica, watched. */
async function startPair(): Promise<
  AsyncDisposable & {
    primary: RedisServer;
    replica: RedisServer;
    watcher: RedisServer;
  }
> {
  const stack = new AsyncDisposableStack();
  const primary = stack.use(
    await startServer({
      args: [
        ...DURABLE,
        ...["--min-replicas-to-write", "1", "--repl-diskless-sync-delay", "0"],
      ],
    }),
  );
  const replica = stack.use(
    await startServer({
      args: ["--replicaof", "127.0.0.1", String(primary.port)],
    }),
  );
  const watcher = stack.use(
    await startRedisSentinel({ primary: primary.port, service: "m" }),
  );
  await until(async () => {
    const known = plain(await watcher.command("SENTINEL", "replicas", "m"));
    const info = String(plain(await primary.command("INFO", "replication")));
    return Array.isArray(known) && known.length === 1 &&
      info.includes("min_slaves_good_slaves:1");
  }, "the replica to be known");
  await replicate(primary);
  return {
    primary,
    replica,
    watcher,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function idsIn(server: RedisServer): Promise<Set<number>> {
  const ids = plain(await server.command("HKEYS", "h")) as string[];
  return new Set(ids.map(Number));
}

/** Redis Sentinel cuts all connections of a server that it reconfigures. */
async function hasRole(server: RedisServer, role: string): Promise<boolean> {
  try {
    return (plain(await server.command("ROLE")) as string[])[0] === role;
  } catch {
    return false;
  }
}

function assertAll(ids: Set<number>, count: number): void {
  for (let id = 1; id <= count; id++) assert(ids.has(id), `${id} is missing`);
}

Deno.test("SIGKILL of the primary: what is missing is what replication lost", async () => {
  await using pair = await startPair();
  const { primary, replica, watcher } = pair;
  const summary = new Summary();
  const notices: string[] = [];
  let isFailed = false;
  const loading = load({
    sources: [
      rowSource((n) => `${n}`, {
        header: "id",
        before: () => new Promise((wake) => setTimeout(wake, isFailed ? 5 : 1)),
        count: 400_000,
      }),
    ],
    commands: [["HSET", "h", "{id}", "{id}"]],
    server: {
      redisSentinel: {
        addresses: [{ host: "127.0.0.1", port: watcher.port }],
        service: "m",
      },
      retry: 60_000,
      onNotice: (sentence) => notices.push(sentence),
    },
    summary,
  });
  loading.catch(() => {});
  await until(() => summary.loaded > 20_000, "some rows");
  await primary.kill();
  isFailed = true;
  await bounded(loading, "the load");
  assertEquals([summary.loaded, summary.records], [400_000, 400_000]);
  assert(summary.reconnections >= 1);
  await until(() => hasRole(replica, "master"), "the new primary");
  assertEquals(summary.server?.address, `127.0.0.1:${replica.port}`);
  assertEquals(notices.length, 2, notices.join("\n"));
  await using dead = await startServer({
    args: [...DURABLE, "--dir", primary.directory],
  });
  await until(
    async () => plain(await dead.command("EXISTS", "h")) === 1,
    "the data set",
  );
  const survivors = await idsIn(replica);
  // What neither of them has would be lost by the load.
  assertAll(new Set([...survivors, ...await idsIn(dead)]), 400_000);
});

Deno.test("SENTINEL FAILOVER between two rows: nothing is lost", async () => {
  await using pair = await startPair();
  const { primary, replica, watcher } = pair;
  const summary = new Summary();
  const loading = load({
    sources: [
      rowSource((n) => `${n}`, {
        header: "id",
        count: 50_000,
        before: async (rows) => {
          if (rows !== 25_000) return;
          await until(() => summary.loaded === rows, "all that was sent");
          // From here on the load has not written, so replication loses nothing.
          await replicate(primary);
          // A Redis Sentinel that does not know the replica well yet refuses.
          await until(
            async () =>
              plain(await watcher.command("SENTINEL", "FAILOVER", "m")) ===
                "OK",
            "a Redis Sentinel that can",
          );
          await until(() => hasRole(replica, "master"), "the new primary");
          await until(() => hasRole(primary, "slave"), "the old one");
        },
      }),
    ],
    commands: [["HSET", "h", "{id}", "{id}"]],
    server: {
      redisSentinel: {
        addresses: [{ host: "127.0.0.1", port: watcher.port }],
        service: "m",
      },
      retry: 60_000,
    },
    summary,
  });
  await bounded(loading, "the load");
  assertEquals(summary.loaded, 50_000);
  assert(summary.rewinds > 0);
  assertAll(await idsIn(replica), 50_000);
});

for (const how of ["SIGKILL", "SENTINEL FAILOVER"] as const) {
  Deno.test(`${how} with --exactly-once: the same command until it is done, each row once`, async () => {
    await using pair = await startPair();
    const { primary, replica, watcher } = pair;
    const all = Array.from({ length: 60_000 }, (_, i) => i + 1);
    const summaries: Summary[] = [];
    const harmed = Promise.withResolvers<void>();
    const run = async (): Promise<void> => {
      const summary = new Summary();
      summaries.push(summary);
      await load({
        sources: [
          rowSource((n) => `${n}`, {
            header: "id",
            before: async (rows) => {
              await new Promise((wake) => setTimeout(wake, 1));
              if (rows > all.length / 2) await harmed.promise;
            },
            count: all.length,
          }),
        ],
        commands: [["RPUSH", "list", "{id}"]],
        exactlyOnce: { key: "once" },
        server: {
          retry: 60_000,
          redisSentinel: {
            addresses: [{ host: "127.0.0.1", port: watcher.port }],
            service: "m",
          },
        },
        summary,
      });
    };
    const loading = (async (): Promise<void> => {
      for (;;) {
        try {
          return await run();
        } catch (error) {
          // What the primary had acknowledged its replica may never have got;
          // the key that it has says from where to go on.
          if (!(error instanceof StoppedError)) throw error;
        }
      }
    })();
    loading.catch(() => {});
    await until(() => summaries[0]?.loaded > 10_000, "some rows");
    if (how === "SIGKILL") await primary.kill();
    else {
      await until(
        async () =>
          plain(await watcher.command("SENTINEL", "FAILOVER", "m")) === "OK",
        "a Redis Sentinel that can",
      );
    }
    // The rest is for the new primary.
    await until(() => hasRole(replica, "master"), "the failover");
    harmed.resolve();
    await bounded(loading, "the load");
    await until(() => hasRole(replica, "master"), "the new primary");
    const list = plain(await replica.command("LRANGE", "list", "0", "-1"));
    const wrong = (list as string[]).findIndex((id, i) => Number(id) !== i + 1);
    assertEquals([wrong, (list as string[]).length], [-1, all.length]);
    assertEquals(plain(await replica.command("EXISTS", "once")), 0);
    assertEquals(summaries.at(-1)?.isComplete, true);
  });
}
