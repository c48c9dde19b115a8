/**
 * The program and a cluster that stays as it is; tests/faults has those that
 * change.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { SLOTS } from "../../src/protocol/key_slot.ts";
import { Certificates } from "../support/certificates.ts";
import {
  type JsonSummary,
  readSummary,
  withoutContinuation,
} from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { readKeys } from "../support/read_keys.ts";
import {
  type RedisCluster,
  slotOf,
  startCluster,
} from "../support/redis_cluster.ts";
import { startRedisSentinel } from "../support/redis_sentinel.ts";
import {
  type Run,
  type RunOptions,
  runRespipe,
} from "../support/run_respipe.ts";
import { csv, ROWS, STRUCTURES } from "../support/structures.ts";
import { TempFiles } from "../support/temp_files.ts";
import { testOf7 } from "../support/server_program.ts";

/** What `--json` says of one node. */
interface NodeData {
  address: string;
  slots: number;
  commands: number;
  replies: number;
  bytes: number;
  errors: number;
}

/** Runs respipe with no more than the nodes and the folder of the files. */
function run(
  cluster: RedisCluster,
  words: string[],
  options: RunOptions & { files?: TempFiles } = {},
): Promise<Run> {
  const { files, ...rest } = options;
  const permissions = [
    `--allow-net=${cluster.addresses}`,
    "--allow-env=REDISCLI_AUTH",
    ...(files === undefined ? [] : [`--allow-read=${files.path}`]),
  ];
  const [command, ...more] = words;
  return runRespipe([command, "-p", `${cluster.port}`, ...more], {
    permissions,
    ...rest,
  });
}

/** Checks that all went well; a notice on standard error does no harm. */
function assertWell({ code, stderr }: Run, what = ""): void {
  assertEquals(code, 0, `${what}${stderr}`);
  assert(!/Cannot|Lost|Stopped|cannot share/.test(stderr), stderr);
}

function nodesOf(summary: JsonSummary): NodeData[] {
  return summary.nodes as NodeData[];
}

function ids(count: number): string {
  const rows = Array.from({ length: count }, (_, i) => `${i + 1}\n`);
  return `id\n${rows.join("")}`;
}

Deno.test("a cluster of three primaries, each with a replica", async (t) => {
  await using cluster = await startCluster({ replicas: 1 });
  using files = new TempFiles();
  const path = files.write("drivers.csv", csv);

  /** Each step begins with an empty cluster. */
  async function step(name: string, work: () => Promise<void>): Promise<void> {
    await t.step(name, async () => {
      await cluster.flush();
      await work();
    });
  }

  for (const { name, words, check } of STRUCTURES) {
    await step(`the drivers table becomes ${name}`, async () => {
      const done = await run(
        cluster,
        ["load", path, "--json", ...words],
        { files },
      );
      assertWell(done);
      const summary = readSummary(done.stdout);
      assertEquals(summary.loaded, ROWS);
      assertEquals(nodesOf(summary).length, 3);
      await check(cluster);
    });
  }

  await step("the summary adds up over the nodes", async () => {
    await cluster.command("RPUSH", "driver:7", "not a string");
    const { code, stdout } = await run(cluster, [
      ...["load", path, "--json", "--", "APPEND", "driver:{id}", "{name}"],
    ], { files });
    assertEquals(code, 1);
    const summary = readSummary(stdout);
    const nodes = nodesOf(summary);
    const sum = (name: Exclude<keyof NodeData, "address">): number =>
      nodes.reduce((all, node) => all + node[name], 0);
    assertEquals(
      nodes.map(({ address }) => address).sort(),
      cluster.nodes.slice(0, 3).map(({ port }) => `127.0.0.1:${port}`).sort(),
    );
    assertEquals(sum("slots"), SLOTS);
    assertEquals(sum("commands"), summary.commands);
    assertEquals(sum("commands"), ROWS);
    assertEquals(sum("replies"), summary.replies);
    assertEquals(sum("bytes"), summary.bytesOut);
    assertEquals(sum("errors"), 1);
    assert(nodes.every(({ commands }) => commands > ROWS / 6), stdout);
    assertEquals([summary.redirections, summary.rewinds], [0, 0]);
  });

  for (const [index, { port }] of cluster.nodes.entries()) {
    await step(`node ${index} is the seed`, async () => {
      const words = ["--json", "--", "SET", "driver:{id}", "{name}"];
      const seed = index % 2 === 0
        ? ["-p", `${port}`]
        : ["-u", `redis://127.0.0.1:${port}`];
      const done = await runRespipe(
        ["load", ...seed, path, ...words],
        {
          permissions: [
            `--allow-net=${cluster.addresses}`,
            `--allow-read=${files.path}`,
          ],
        },
      );
      assertWell(done);
      assertEquals(await cluster.size(), ROWS);
    });
  }

  await step(
    "the commands of a row go each to the slot of its key",
    async () => {
      const done = await run(cluster, [
        ...["load", path, "--then", "SADD city:{city} {id}"],
        ...["--then", "RPUSH all {id}", "--", "SET", "driver:{id}", "{name}"],
      ], { files });
      assertWell(done);
      const all = plain(await cluster.command("LRANGE", "all", "0", "-1"));
      assertEquals(all, Array.from({ length: ROWS }, (_, i) => `${i + 1}`));
      const keys = await readKeys(await cluster.primaries());
      assertEquals(
        keys.filter(([key]) => key.startsWith("driver:")).length,
        ROWS,
      );
      const members = keys.filter(([key]) => key.startsWith("city:"))
        .map(([, , value]) => (value as string[]).length);
      assertEquals(members.reduce((sum, count) => sum + count), ROWS);
    },
  );

  await step("MULTI to EXEC in one slot is one unit", async () => {
    const done = await run(cluster, [
      ...["load", "--json", "--then", "SET {{user:{id}}}:name x"],
      ...["--then", "RPUSH {{user:{id}}}:log a b", "--then", "EXEC"],
      ...["--", "MULTI"],
    ], { stdin: ids(500) });
    assertWell(done);
    assertEquals(readSummary(done.stdout).loaded, 500);
    const keys = await readKeys(await cluster.primaries());
    assertEquals(keys.length, 1_000);
    assertEquals(keys.filter(([, type]) => type === "list").length, 500);
  });

  await step("MULTI to EXEC over several slots is not sent", async () => {
    await cluster.everywhere("CONFIG", "RESETSTAT");
    const { code, stdout } = await run(cluster, [
      ...["load", "--json", "--then", "SET a:{id} x", "--then", "SET b:{id} y"],
      ...["--then", "EXEC", "--", "MULTI"],
    ], { stdin: ids(500) });
    const summary = readSummary(stdout);
    assertEquals([code, summary.rejected], [1, 500]);
    assertEquals(summary.errors.length, 1);
    assertMatch(summary.errors[0].error, /hash tag/);
    assertEquals(summary.errors[0].count, 500);
    assertEquals(await cluster.size(), 0);
    const stats = await cluster.everywhere("INFO", "commandstats");
    assert(!/cmdstat_(multi|exec|set):/.test(stats.join("")));
  });

  await step("some rows of MULTI to EXEC are in one slot", async () => {
    const { code, stdout } = await run(cluster, [
      ...["load", "--json", "--then", "SET {a} x", "--then", "SET {b} y"],
      ...["--then", "EXEC", "--", "MULTI"],
    ], { stdin: "a,b\n{t}1,{t}2\nfoo,bar\n{u}1,{u}2\nbar,foo\nfoo,foo\n" });
    const summary = readSummary(stdout);
    assertEquals([code, summary.loaded, summary.rejected], [1, 3, 2]);
    assertEquals(
      (await readKeys(await cluster.primaries())).map(([key]) => key),
      ["foo", "{t}1", "{t}2", "{u}1", "{u}2"],
    );
  });

  await step("one command with keys of several slots is rejected", async () => {
    const { code, stdout } = await run(cluster, [
      ...["load", "--json", "--", "MSET", "{a}", "1", "{b}", "2"],
    ], { stdin: "a,b\n{t}1,{t}2\nfoo,bar\n{u}1,{u}2\n" });
    assert(slotOf("foo") !== slotOf("bar"));
    const summary = readSummary(stdout);
    assertEquals([code, summary.loaded, summary.rejected], [1, 2, 1]);
    assertMatch(summary.errors[0].error, /CROSSSLOT|hash tag/);
    assertEquals(await cluster.size(), 4);
  });

  await step("commands without keys go to one primary", async () => {
    const done = await run(cluster, [
      ...["load", "--json", "--", "PUBLISH", "channel", "{id}"],
    ], { stdin: ids(200) });
    assertWell(done);
    const counts = nodesOf(readSummary(done.stdout)).map(({ commands }) =>
      commands
    );
    assertEquals(counts.sort((a, b) => a - b), [0, 0, 200]);
  });

  await step(
    "a command whose keys nobody here knows is asked for",
    async () => {
      // The key of XGROUP's subcommand is its second argument, those of EVAL
      // stand behind their number.
      const done = await run(cluster, [
        ...["load", "--json", "--then", "XGROUP CREATE s:{id} g $ MKSTREAM"],
        ...[
          "--",
          "EVAL",
          "return redis.call('SET', KEYS[1], 'x')",
          "1",
          "k:{id}",
        ],
      ], { stdin: ids(200) });
      assertWell(done);
      assertEquals(readSummary(done.stdout).loaded, 200);
      assertEquals(await cluster.size(), 400);
    },
  );

  await step("a database is refused, for there is only one", async () => {
    for (const command of ["load", "pipe"]) {
      const { code, stdout, stderr } = await run(cluster, [
        ...[command, "-n", "1"],
        ...(command === "load" ? ["--", "SET", "{id}", "x"] : []),
      ], { stdin: ids(3) });
      assertEquals([code, stdout], [2, ""], stderr);
      assertMatch(stderr, /^respipe: [^\n]*-n[^\n]*cluster[^\n]*\n$/);
    }
    const { code } = await run(cluster, [
      ...["load", "-n", "0", "--", "SET", "{id}", "x"],
    ], { stdin: ids(3) });
    assertEquals([code, await cluster.size()], [0, 3]);
  });

  await step("a Redis Sentinel is refused", async () => {
    await using sentinel = await startRedisSentinel({
      primary: cluster.nodes[0].server.port,
      service: "one",
    });
    const { code, stdout, stderr } = await runRespipe([
      ...["load", "--sentinel", `127.0.0.1:${sentinel.port}`],
      ...["--service", "one", "--", "SET", "{id}", "x"],
    ], {
      permissions: [
        `--allow-net=${cluster.addresses},127.0.0.1:${sentinel.port}`,
      ],
      stdin: ids(3),
    });
    assertEquals([code, stdout], [2, ""], stderr);
    assertMatch(stderr, /^respipe: [^\n]*--sentinel[^\n]*cluster[^\n]*\n$/);
  });

  await step("the end is known without ECHO, too", async () => {
    for (const marker of ["echo", "ping", "count"]) {
      const done = await run(cluster, [
        ...["load", "--end-marker", marker, "--json", "--", "SET", "{id}", "x"],
      ], { stdin: ids(100) });
      assertWell(done);
      assertEquals(readSummary(done.stdout).endMarker, marker);
    }
  });
});

Deno.test("a cluster of one", async () => {
  await using cluster = await startCluster({ primaries: 1 });
  const done = await run(cluster, [
    ...["load", "--json", "--", "SET", "{id}", "x"],
  ], { stdin: ids(1_000) });
  assertWell(done);
  const [node, ...more] = nodesOf(readSummary(done.stdout));
  assertEquals([node.slots, more], [SLOTS, []]);
  assertEquals(await cluster.size(), 1_000);
});

Deno.test("a node without slots is a seed like any other", async () => {
  await using cluster = await startCluster({ primaries: 2, spares: 1 });
  const seed = cluster.nodes[2].port;
  const done = await runRespipe([
    ...["load", "-p", `${seed}`, "--json", "--", "SET", "{id}", "x"],
  ], {
    stdin: ids(1_000),
    permissions: [`--allow-net=${cluster.addresses}`],
  });
  assertWell(done);
  assertEquals(nodesOf(readSummary(done.stdout)).length, 2);
  assertEquals(await cluster.size(), 1_000);
});

Deno.test({
  name: "a seed behind a Unix socket leads to all nodes",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const args = ["--unixsocket", "redis.sock"];
    await using cluster = await startCluster({ primaries: 2, args });
    const path = `${cluster.nodes[0].server.directory}/redis.sock`;
    const attempts: [words: string[], stdin: string][] = [
      [["load", "-s", path, "--", "SET", "{id}", "1"], ids(100)],
      [["load", "-u", `unix://${path}`, "--", "SET", "{id}", "1"], ids(200)],
      [["pipe", "-s", path], "SET 201 1\nSET 202 1\nSET 203 1\nSET 204 1\n"],
    ];
    for (const [words, stdin] of attempts) {
      assertWell(await runRespipe(words, { stdin, permissions: ["-A"] }));
    }
    const keys = Array.from({ length: 204 }, (_, i) => String(i + 1));
    const values = await cluster.commands(keys.map((key) => ["GET", key]));
    assertEquals(values.map(plain), keys.map(() => "1"));
  },
});

Deno.test("slots that nobody serves are said before the first record", async () => {
  await using cluster = await startCluster({
    without: { from: 0, to: 8_000 },
  });
  const input = ids(1_000);
  const served = input.split("\n").slice(1, -1)
    .filter((id) => slotOf(id) > 8_000);
  const { code, stdout, stderr } = await run(cluster, [
    ...["load", "--retry", "0", "--json", "--", "SET", "{id}", "x"],
  ], { stdin: input });
  assert(code !== 0);
  assertMatch(
    stderr,
    /^respipe: No node of the cluster serves the hash slots 0-8000 \(8001 of/m,
  );
  const { loaded } = readSummary(stdout);
  assert(loaded <= served.length, stdout);
  assert(loaded <= await cluster.size());
  // Rows with keys in the others are loaded as ever.
  const { code: good } = await run(cluster, [
    ...["load", "--retry", "0", "--", "SET", "{id}", "y"],
  ], { stdin: `id\n${served.join("\n")}\n` });
  assertEquals(good, 0);
  assertEquals(await cluster.size(), served.length);
});

Deno.test("a cluster that is down ends the load, and says so", async () => {
  await using cluster = await startCluster({
    without: { from: 0, to: 0 },
    isDown: true,
  });
  const { code, stdout, stderr } = await run(cluster, [
    ...["load", "--retry", "0", "--json", "--", "SET", "{id}", "x"],
  ], { stdin: ids(1_000) });
  assertEquals(code, 3, stderr);
  assertMatch(withoutContinuation(stderr), /CLUSTERDOWN[^\n]*\n$/);
  assertEquals(readSummary(stdout).loaded, 0);
});

// Host names of nodes, and ACL rules of subcommands, are of Redis 7.
testOf7(
  "announced addresses that are not reachable, and --node-map",
  async () => {
    await using cluster = await startCluster({
      announce: (index) => ({ host: `node-${index}.invalid`, port: 6379 }),
    });
    const load = ["load", "--json", "--", "SET", "{id}", "x"];
    const lost = await run(cluster, load, {
      stdin: ids(10),
      permissions: ["--allow-net"],
    });
    assertEquals(lost.code, 4);
    assertMatch(lost.stderr, /node-\d\.invalid:6379[^\n]*--node-map/);
    assertEquals(await cluster.size(), 0);

    const bad = await run(cluster, [
      "load",
      "--node-map",
      "a",
      ...load.slice(1),
    ]);
    assertEquals(bad.code, 2);
    assertMatch(bad.stderr, /Cannot parse --node-map "a": must be HOST:PORT=/);

    // A load that is given the map needs no permission for more than the nodes.
    const mapped = ["load", "--node-map", cluster.nodeMap, ...load.slice(1)];
    assertWell(await run(cluster, mapped, { stdin: ids(500) }));
    assertEquals(await cluster.size(), 500);
  },
);

testOf7("a password, an ACL user, and a user who may not ask", async () => {
  await using cluster = await startCluster({
    password: "secret",
    users: [
      "bob on >pw ~user:* +@all",
      "carol on >pw ~* +@all -cluster|shards",
      "dave on >pw ~* +@all -cluster",
    ],
  });
  const load = ["load", "--json", "--", "SET", "{key}", "x"];
  const keys = Array.from({ length: 300 }, (_, i) => `user:${i}\n`).join("");
  const stdin = `key\n${keys}`;
  const none = await run(cluster, load, { stdin });
  assertEquals(none.code, 4);
  assertMatch(none.stderr, /NOAUTH|password/);
  const right = await run(cluster, load, {
    stdin,
    env: { REDISCLI_AUTH: "secret" },
  });
  assertWell(right);
  assertEquals(await cluster.size(), 300);
  for (const user of ["bob", "carol"]) {
    await cluster.flush();
    const done = await run(
      cluster,
      ["load", "--user", user, ...load.slice(1)],
      { stdin, env: { REDISCLI_AUTH: "pw" } },
    );
    assertWell(done, `${user}: `);
    assertEquals(await cluster.size(), 300);
  }
  // Keys that a user may not touch are its rows' own fault.
  const bob = await run(cluster, ["load", "--user", "bob", ...load.slice(1)], {
    stdin: `${stdin}other:1\nother:2\n`,
    env: { REDISCLI_AUTH: "pw" },
  });
  assertEquals([bob.code, readSummary(bob.stdout).rejected], [1, 2]);
  const dave = await run(
    cluster,
    ["load", "--user", "dave", ...load.slice(1)],
    {
      stdin,
      env: { REDISCLI_AUTH: "pw" },
    },
  );
  assertEquals(dave.code, 4);
  assertMatch(dave.stderr, /CLUSTER SLOTS with "NOPERM/);
});

Deno.test("the Job of the examples loads into a cluster", async () => {
  await using cluster = await startCluster({ password: "secret" });
  using files = new TempFiles();
  files.write("drivers.csv", csv);
  files.write("password", "secret\n");
  const path = new URL("../../examples/cluster-job.yaml", import.meta.url);
  const text = await Deno.readTextFile(path);
  const list = /args:\s*(\[[^\]]*\])/.exec(text)![1];
  const args: string[] = JSON.parse(list.replace(/,\s*\]$/, "]"));
  const mounted = /^\/(srv\/data|etc\/respipe)\//;
  const done = await runRespipe(
    args.map((word) => word.replace(mounted, `${files.path}/`)),
    {
      permissions: [
        `--allow-net=${cluster.addresses}`,
        `--allow-read=${files.path}`,
        "--allow-env=REDIS_URL",
      ],
      env: { REDIS_URL: `redis://127.0.0.1:${cluster.port}` },
    },
  );
  assertWell(done);
  assertEquals(readSummary(done.stdout).loaded, ROWS);
  assertEquals(await cluster.size(), ROWS);
});

Deno.test("TLS goes to every node", async () => {
  using tls = Certificates.make();
  await using cluster = await startCluster({ tls, replicas: 1, primaries: 2 });
  const files = tls.path("ca.crt");
  const flags = ["--tls", "--cacert", files];
  const permissions = [
    `--allow-net=${cluster.addresses}`,
    `--allow-read=${files}`,
  ];
  const done = await run(cluster, [
    ...["load", ...flags, "--json", "--", "SET", "{id}", "x"],
  ], { stdin: ids(500), permissions });
  assertWell(done);
  assertEquals(
    nodesOf(readSummary(done.stdout)).map(({ address }) => address).sort(),
    cluster.nodes.slice(0, 2).map(({ port }) => `127.0.0.1:${port}`).sort(),
  );
  assertEquals(await cluster.size(), 500);
});

testOf7("the seed announces another way to itself than was used", async () => {
  // Only the seed can be reached as it is announced; the other is mapped.
  await using cluster = await startCluster({
    primaries: 2,
    announce: (index) => index === 1 ? { host: "node-1.invalid" } : {},
    args: ["--cluster-preferred-endpoint-type", "hostname"],
  });
  const done = await run(cluster, [
    ...["load", "--node-map", "node-1.invalid=127.0.0.1", "--"],
    ...["SET", "{id}", "x"],
  ], { stdin: ids(500) });
  assertWell(done);
  assertEquals(await cluster.size(), 500);
});
