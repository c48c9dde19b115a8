import { assert, assertEquals, assertMatch } from "@std/assert";
import { connect } from "../../mod.ts";
import { SLOTS } from "../../src/protocol/key_slot.ts";
import { readServerInfo } from "../../src/transport/server_info.ts";
import { plain } from "../support/plain_reply.ts";
import { readSummary, until } from "../support/outcome.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { type Run, runRespipe } from "../support/run_respipe.ts";

const SET = ["--", "SET", "k:{a}", "v"];

function load(server: RedisServer, words: string[] = []): Promise<Run> {
  return runRespipe(
    ["load", "-p", String(server.port), "--json", ...words, ...SET],
    { stdin: "a\n1\n" },
  );
}

Deno.test("the report tells what the server is", async () => {
  await using server = await startServer();
  const run = await load(server);
  const told = readSummary(run.stdout).server as Record<string, string>;
  const info = String(plain(await server.command("INFO", "server")));
  const name = info.includes("valkey_version:") ? "Valkey" : "Redis";
  const version = new RegExp(`${name.toLowerCase()}_version:(.*)\r`).exec(info);
  assertEquals(told, {
    name,
    version: version![1],
    address: `127.0.0.1:${server.port}`,
  });
});

Deno.test("a replica is refused, unless it is wanted", async () => {
  await using primary = await startServer();
  await using replica = await startServer({
    args: [
      ...["--replicaof", "127.0.0.1", String(primary.port)],
      ...["--replica-read-only", "no"],
    ],
  });
  await until(
    async () =>
      String(plain(await replica.command("INFO", "replication")))
        .includes("master_link_status:up"),
    "replication",
  );
  const refused = await load(replica);
  assertEquals(refused.code, 4);
  assertEquals(
    refused.stderr,
    `respipe: Cannot use 127.0.0.1:${replica.port}: it is a replica of ` +
      `127.0.0.1:${primary.port}; load into that, or add --allow-replica\n`,
  );
  const wanted = await load(replica, ["--allow-replica"]);
  assertEquals([wanted.code, wanted.stderr], [0, ""]);
  // As redis-cli does, pipe sends what it is given.
  const piped = await runRespipe(["pipe", "-p", String(replica.port)], {
    stdin: "GET k:1\r\n",
  });
  assertEquals(piped.code, 0, piped.stderr);
});

Deno.test("a node of a cluster is told apart", async () => {
  await using node = await startServer({ args: ["--cluster-enabled", "yes"] });
  const slots = Array.from({ length: SLOTS }, (_, slot) => String(slot));
  await node.command("CLUSTER", "ADDSLOTS", ...slots);
  await until(
    async () =>
      String(plain(await node.command("CLUSTER", "INFO")))
        .includes("cluster_state:ok"),
    "the cluster",
  );
  // Both find their way in a cluster; what is done with a connection to one
  // node does not.
  const loaded = await load(node);
  assertEquals([loaded.code, loaded.stderr], [0, ""]);
  const { port } = node;
  const piped = await runRespipe(["pipe", "-p", `${port}`], {
    stdin: "PING\r\n",
    permissions: [`--allow-net=127.0.0.1:${port}`],
  });
  assertEquals([piped.code, piped.stderr], [0, ""]);
  const notices: string[] = [];
  const onNotice = (sentence: string): void => void notices.push(sentence);
  using _connection = await connect({ port, onNotice });
  assertEquals(notices.length, 1);
  assertMatch(notices[0], /is a node of a cluster: only the keys of its own /);
});

Deno.test("an ACL that forbids looking is no reason to stop", async () => {
  await using server = await startServer();
  await server.command(
    ...["ACL", "SETUSER", "u", "on", ">pw", "~*", "+set", "+mset", "+echo"],
  );
  const run = await load(
    server,
    ["--user", "u", "--pass", "pw", "--no-auth-warning"],
  );
  assertEquals([run.code, run.stderr], [0, ""]);
  assertEquals(readSummary(run.stdout).server, null);
});

Deno.test("a proxy that hangs up on what it does not know is served", async () => {
  await using server = await startServer();
  await using proxy = pickyProxy(server.port);
  const run = await load({ port: proxy.port } as RedisServer);
  assertEquals([run.code, run.stderr], [0, ""]);
  assertEquals(readSummary(run.stdout).server, null);
  assert(proxy.hungUp() > 0);
});

Deno.test("a proxy that has hung up because its server was away is asked again", async () => {
  await using server = await startServer();
  await using proxy = pickyProxy(server.port, 1);
  const run = await load({ port: proxy.port } as RedisServer);
  assertEquals([run.code, run.stderr], [0, ""]);
  assert(readSummary(run.stdout).server !== null);
  assertEquals(proxy.hungUp(), 1);
});

const INFO: [lines: string[], name: string, version: string][] = [
  [["redis_version:7.0.15", "redis_mode:standalone"], "Redis", "7.0.15"],
  [
    ["redis_version:7.2.4", "server_name:valkey", "valkey_version:8.1.0"],
    "Valkey",
    "8.1.0",
  ],
  [
    ["redis_version:6.3.4", "executable:/usr/bin/keydb-server"],
    "KeyDB",
    "6.3.4",
  ],
  [
    ["redis_version:7.4.0", "dragonfly_version:df-v1.2"],
    "Dragonfly",
    "df-v1.2",
  ],
  [["kvrocks_version:2.9.0", "redis_version:4.0.0"], "Kvrocks", "2.9.0"],
];

for (const [lines, name, version] of INFO) {
  Deno.test(`INFO of ${name} is understood`, () => {
    const body = new TextEncoder().encode(
      ["# Server", ...lines, "server_mode:cluster", ""].join("\r\n"),
    );
    const info = readServerInfo(
      undefined,
      { kind: "bulk", length: body.length, body },
    );
    assertEquals(
      [info?.name, info?.version, info?.cluster],
      [name, version, true],
    );
  });
}

/** Forwards to a server, and hangs up when it sees ROLE, so often. */
function pickyProxy(
  target: number,
  times = Infinity,
): AsyncDisposable & { port: number; hungUp(): number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving: Promise<unknown>[] = [];
  let count = 0;
  const forward = async (client: Deno.TcpConn): Promise<void> => {
    const server = await Deno.connect({ port: target });
    const back = server.readable.pipeTo(client.writable).catch(() => {});
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let n; (n = await client.read(buffer)) !== null;) {
        const bytes = buffer.slice(0, n);
        if (new TextDecoder().decode(bytes).includes("ROLE") && count < times) {
          count++;
          break;
        }
        await server.write(bytes);
      }
    } catch {
      // The client has gone.
    }
    await server.closeWrite().catch(() => {});
    await back;
  };
  const accepting = (async () => {
    for await (const client of listener) serving.push(forward(client));
  })();
  return {
    port: listener.addr.port,
    hungUp: () => count,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await accepting;
      await Promise.all(serving);
    },
  };
}
