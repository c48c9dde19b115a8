import { assert, assertEquals, assertMatch } from "@std/assert";
import { readSummary, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { startCluster } from "../support/redis_cluster.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { endOf, runRespipe, spawnRespipe } from "../support/run_respipe.ts";

const SET = ["--", "SET", "k:{id}", "{v}"];
const encoder = new TextEncoder();

/** Starts a replica that is in step. */
async function startReplica(primary: RedisServer): Promise<RedisServer> {
  const replica = await startServer({
    args: ["--replicaof", "127.0.0.1", `${primary.port}`],
  });
  await until(async () => {
    const info = plain(await primary.command("INFO", "replication")) as string;
    return info.includes(`port=${replica.port},state=online`);
  }, "the replica");
  return replica;
}

/** Rows of a kilobyte each. */
function rows(from: number, to: number): string {
  let csv = "";
  for (let i = from; i < to; i++) csv += `${i},${"x".repeat(1_000)}\n`;
  return csv;
}

function words(server: RedisServer, ...more: string[]): string[] {
  return ["load", "-p", `${server.port}`, "--json", ...more, ...SET];
}

Deno.test("after --wait a replica has every record", async () => {
  await using primary = await startServer();
  await using replica = await startReplica(primary);
  const run = await runRespipe(words(primary, "--wait", "1"), {
    stdin: `id,v\n${rows(0, 20_000)}`,
  });
  assertEquals([run.code, run.stderr], [0, ""]);
  assertEquals(plain(await replica.command("DBSIZE")), 20_000);
  const { replicated } = readSummary(run.stdout) as unknown as {
    replicated: { replicas: number; largestLag: number };
  };
  assertEquals(replicated.replicas, 1);
  assert(replicated.largestLag >= 0, `${replicated.largestLag}`);
});

Deno.test("without the replicas nothing is sent", async () => {
  await using primary = await startServer();
  await using _replica = await startReplica(primary);
  const run = await runRespipe(
    words(primary, "--wait", "2", "--stall-timeout", "0.5"),
    { stdin: "id,v\n1,1\n" },
  );
  assertEquals(run.code, 3);
  assertMatch(
    run.stderr,
    /Stopped: 1 of 2 replicas \(--wait\) had acknowledged within 0\.5 s .*; nothing was sent\n$/,
  );
  assertEquals(plain(await primary.command("DBSIZE")), 0);
});

Deno.test("a paused replica holds a load up, and lets it go on", async () => {
  await using primary = await startServer();
  await using replica = await startReplica(primary);
  const child = spawnRespipe(words(primary, "--wait", "1"));
  const ended = endOf(child);
  const writer = child.stdin.getWriter();
  await writer.write(encoder.encode(`id,v\n${rows(0, 100)}`));
  await until(
    async () => (plain(await primary.command("DBSIZE")) as number) > 0,
    "the first rows",
  );
  replica.pause();
  // More than the pipe, the window and two steps hold.
  const rest = writer.write(encoder.encode(rows(100, 30_000)))
    .then(() => writer.close());
  // It asks the replica again and again, and sends nothing.
  const calls = async (): Promise<number> => {
    const stats = plain(
      await primary.command("INFO", "commandstats"),
    ) as string;
    return Number(/cmdstat_wait:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  };
  const before = await calls();
  await until(async () => await calls() > before + 2, "three calls of WAIT");
  const held = plain(await primary.command("DBSIZE")) as number;
  assert(held < 15_000, `${held} of 30,000`);
  replica.resume();
  await rest;
  const { code, stdout, stderr } = await ended;
  assertEquals(code, 0, stderr);
  assertEquals(plain(await replica.command("DBSIZE")), 30_000);
  const { replicated } = readSummary(
    stdout,
  ) as unknown as { replicated: { largestLag: number } };
  assert(replicated.largestLag > 1_000_000, `${replicated.largestLag}`);
});

Deno.test("a replica that stays away ends the load with code 3 and says how many did", async () => {
  await using primary = await startServer();
  await using replica = await startReplica(primary);
  replica.pause();
  const run = await runRespipe(
    words(primary, "--wait", "1", "--stall-timeout", "1"),
    { stdin: "id,v\n1,1\n" },
  );
  assertEquals(run.code, 3);
  assertMatch(
    run.stderr,
    /Stopped: 0 of 1 replica \(--wait\) had acknowledged within 1 s .*; every record is in\n$/,
  );
  assertEquals(readSummary(run.stdout).loaded, 1);
});

Deno.test("a replica that is away keeps a swap away", async () => {
  await using primary = await startServer();
  await using replica = await startReplica(primary);
  await primary.command("SET", "k:1", "old");
  replica.pause();
  const run = await runRespipe(
    words(primary, "--wait", "1", "--stall-timeout", "1", "--swap-db", "3"),
    { stdin: "id,v\n1,new\n" },
  );
  assertEquals(run.code, 3, run.stderr);
  assertEquals(plain(await primary.command("GET", "k:1")), "old");
});

Deno.test("in a cluster every primary's replicas are waited for", async () => {
  await using cluster = await startCluster({ primaries: 3, replicas: 1 });
  const permissions = [`--allow-net=${cluster.addresses}`];
  const command = ["load", "-p", `${cluster.port}`, "--wait", "1"];
  const all = await runRespipe(
    [...command, "--json", ...SET],
    { stdin: `id,v\n${rows(0, 3_000)}`, permissions },
  );
  assertEquals(all.code, 0, all.stderr);
  const last = cluster.nodes.at(-1)!.server;
  last.pause();
  const less = await runRespipe(
    [...command, "--stall-timeout", "1", ...SET],
    { stdin: `id,v\n${rows(0, 3_000)}`, permissions },
  );
  assertEquals(less.code, 3, less.stderr);
  assertMatch(less.stderr, /0 of 1 replica \(--wait\)/);
});

Deno.test("a server that does not tell is refused before the load", async () => {
  await using primary = await startServer();
  await primary.command(
    ...["ACL", "SETUSER", "u", "on", "nopass", "~*", "+@all", "-info"],
  );
  const run = await runRespipe(
    words(primary, "--wait", "1", "--user", "u"),
    { stdin: "id,v\n1,1\n" },
  );
  assertEquals(run.code, 3);
  assertMatch(run.stderr, /does not tell INFO replication: "NOPERM/);
  const none = await runRespipe(words(primary, "--wait", "0"), { stdin: "" });
  assertEquals(none.code, 2);
  assertMatch(none.stderr, /Cannot use --wait 0: must be 1 replica or more/);
});
