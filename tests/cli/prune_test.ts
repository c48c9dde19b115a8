import { assert, assertEquals, assertMatch } from "@std/assert";
import { assertSentence, readSummary, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { startCluster } from "../support/redis_cluster.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { type Run, runRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const SET = ["--", "SET", "k:{id}", "v"];

/** The ids of some rows, as a CSV. */
function ids(from: number, to: number): string {
  let csv = "id\n";
  for (let i = from; i < to; i++) csv += `${i}\n`;
  return csv;
}

function load(
  server: RedisServer,
  stdin: string,
  words: string[],
  template: string[] = SET,
): Promise<Run> {
  return runRespipe(
    ["load", "-p", `${server.port}`, ...words, ...template],
    { stdin },
  );
}

async function keysOf(server: RedisServer): Promise<string[]> {
  return (plain(await server.command("KEYS", "*")) as string[]).sort();
}

Deno.test("of 500,000 keys the 100,000 stale ones go, and no other", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const words = ["load", "-p", `${server.port}`];
  const old = files.write("old.csv", ids(0, 500_000));
  assertEquals((await runRespipe([...words, old, ...SET])).code, 0);
  await server.command("SET", "other:1", "stays");
  const now = files.write("new.csv", ids(100_000, 500_000));
  const run = await runRespipe([
    ...words,
    now,
    "--prune",
    "k:*",
    "--json",
    ...SET,
  ]);
  assertEquals([run.code, run.stderr], [0, ""]);
  const pruned = readSummary(run.stdout).pruned as Record<string, unknown>;
  const { memory, ...rest } = pruned;
  assertEquals(rest, {
    pattern: "k:*",
    matching: 500_000,
    stale: 100_000,
    deleted: 100_000,
    examples: [],
  });
  assert(typeof memory === "number" && memory <= 16 * 1_000_000 + 3 * 2 ** 19);
  assertEquals(plain(await server.command("DBSIZE")), 400_001);
  const some = ["k:99999", "k:0", "k:100000", "k:499999", "other:1"];
  const there = await server.commands(some.map((key) => ["EXISTS", key]));
  assertEquals(there.map(plain), [0, 0, 1, 1, 1]);
});

Deno.test("in a cluster stale keys go from every primary", async () => {
  await using cluster = await startCluster({ primaries: 3 });
  const permissions = [`--allow-net=${cluster.addresses}`];
  const words = ["load", "-p", `${cluster.port}`];
  const first = await runRespipe([...words, ...SET], {
    stdin: ids(0, 500_000),
    permissions,
  });
  assertEquals(first.code, 0, first.stderr);
  const second = await runRespipe(
    [...words, "--prune", "k:*", "--lock", "k:lock", "--json", ...SET],
    { stdin: ids(0, 400_000), permissions },
  );
  assertEquals(second.code, 0, second.stderr);
  const pruned = readSummary(second.stdout).pruned as Record<string, unknown>;
  // The lock is there while it is counted.
  assertEquals(
    [pruned.matching, pruned.stale, pruned.deleted],
    [500_001, 100_000, 100_000],
  );
  let keys = 0;
  for (const { server } of cluster.nodes) {
    keys += plain(await server.command("DBSIZE")) as number;
  }
  assertEquals(keys, 400_000);
  assertEquals(plain(await cluster.command("EXISTS", "k:399999")), 1);
  assertEquals(plain(await cluster.command("EXISTS", "k:400000")), 0);
});

Deno.test("a truncated file does not empty a cache", async () => {
  await using server = await startServer();
  assertEquals((await load(server, ids(0, 100), [])).code, 0);
  const run = await load(server, ids(0, 79), ["--prune", "k:*"]);
  assertEquals(run.code, 3);
  assertSentence(
    run.stderr,
    /Nothing was pruned: 21 of 100 keys that match "k:\*" were not written by this load, more than --prune-limit 20% allows; the load itself is complete/,
  );
  assertEquals(plain(await server.command("DBSIZE")), 100);
  const empty = await load(server, "id\n", ["--prune", "k:*"]);
  assertEquals(empty.code, 3);
  assertEquals(plain(await server.command("DBSIZE")), 100);
  // The share itself is allowed.
  const exact = await load(server, ids(0, 80), ["--prune", "k:*"]);
  assertEquals(exact.code, 0, exact.stderr);
  assertMatch(
    exact.stdout,
    /\n20 of 100 keys that match k:\* pruned, [\d.]+ MB to remember keys\n$/,
  );
  assertEquals(plain(await server.command("DBSIZE")), 80);
});

Deno.test("a limit is a number of keys, or a share", async (t) => {
  const cases: [limit: string, stale: number, code: number][] = [
    ["3", 3, 0],
    ["3", 4, 3],
    ["50%", 50, 0],
    ["50%", 51, 3],
    ["100%", 100, 0],
    ["12.5%", 13, 3],
  ];
  await using server = await startServer();
  for (const [limit, stale, code] of cases) {
    await t.step(`${limit} of 100, ${stale}`, async () => {
      assertEquals((await load(server, ids(0, 100), [])).code, 0);
      const run = await load(
        server,
        ids(0, 100 - stale),
        ["--prune", "k:*", "--prune-limit", limit],
      );
      assertEquals(run.code, code, run.stderr);
      assertEquals(
        plain(await server.command("DBSIZE")),
        code === 0 ? 100 - stale : 100,
      );
    });
  }
  for (const wrong of ["x", "-1", "101%", ""]) {
    const words = ["--prune", "k:*", `--prune-limit=${wrong}`];
    const run = await load(server, ids(0, 1), words);
    assertEquals(run.code, 2);
    assertMatch(run.stderr, /Cannot parse --prune-limit/);
  }
});

Deno.test("--prune-limit 0 shows ten of what would go, and deletes nothing", async () => {
  await using server = await startServer();
  assertEquals((await load(server, ids(0, 50), [])).code, 0);
  const run = await load(
    server,
    ids(0, 20),
    ["--prune", "k:*", "--prune-limit", "0"],
  );
  assertEquals([run.code, run.stderr], [0, ""]);
  const [, said] = run.stdout.split("sent\n");
  assertMatch(
    said,
    /^30 of 50 keys that match k:\* would be pruned, .* keys:\n/,
  );
  const shown = said.trimEnd().split("\n").slice(1);
  assertEquals(new Set(shown).size, 10);
  for (const line of shown) {
    const [, id] = /^ {2}"k:(\d+)"$/.exec(line) ?? [];
    assert(Number(id) >= 20 && Number(id) < 50, line);
  }
  assertEquals(plain(await server.command("DBSIZE")), 50);
});

Deno.test("patterns mean what they mean to SCAN", async (t) => {
  const stale = ["a*b", "a?b", "axb", "a[b", "a\\b", "é:1", "a b", "b"];
  const cases: [pattern: string, gone: string[]][] = [
    ["a\\*b", ["a*b"]],
    ["a\\?b", ["a?b"]],
    ["a[x?]b", ["a?b", "axb"]],
    ["a\\[b", ["a[b"]],
    ["a\\\\b", ["a\\b"]],
    ["é:*", ["é:1"]],
    ["a b", ["a b"]],
    ["nothing", []],
    ["*", stale],
  ];
  await using server = await startServer();
  for (const [pattern, gone] of cases) {
    await t.step(pattern, async () => {
      await server.commands(stale.map((key) => ["SET", key, "1"]));
      const run = await load(
        server,
        ids(0, 2),
        ["--prune", pattern, "--prune-limit", "100%"],
      );
      assertEquals(run.code, 0, run.stderr);
      const left = stale.filter((key) => !gone.includes(key));
      assertEquals(await keysOf(server), [...left, "k:0", "k:1"].sort());
    });
  }
});

Deno.test("what a load writes is known for every kind of template", async (t) => {
  const rows = "id,v\n1,a\n2,b\n3,c\n3,d\n";
  const cases: [template: string[], keys: string[]][] = [
    [["--", "SET", "k:{id}", "{v}"], ["k:1", "k:2", "k:3"]],
    [["--no-coalesce", "--", "SET", "k:{id}", "{v}"], ["k:1", "k:2", "k:3"]],
    [["--", "SADD", "k:{id}", "{v}"], ["k:1", "k:2", "k:3"]],
    [["--", "HSET", "k:{id}", "{*}"], ["k:1", "k:2", "k:3"]],
    [["--", "MSET", "k:{id}", "1", "k:{v}", "2"], [
      ...["k:1", "k:2", "k:3"],
      ...["k:a", "k:b", "k:c", "k:d"],
    ]],
    [["--then", "RENAME t:{id} k:{id}", "--", "SET", "t:{id}", "1"], [
      ...["k:1", "k:2", "k:3"],
    ]],
    [["--then", "EXPIRE k:{id} 99", "--", "SET", "k:{id}", "1"], [
      ...["k:1", "k:2", "k:3"],
    ]],
    [
      ["--then", "SET k:{id} {v}", "--then", "EXEC", "--", "MULTI"],
      ["k:1", "k:2", "k:3"],
    ],
    [
      ["--", "EVAL", "return redis.call('SET', KEYS[1], 1)", "1", "k:{id}"],
      ["k:1", "k:2", "k:3"],
    ],
  ];
  await using server = await startServer();
  for (const [template, keys] of cases) {
    await t.step(template.join(" "), async () => {
      await server.command("FLUSHALL");
      await server.command("SET", "k:stale", "1");
      const words = ["--prune", "*", "--prune-limit", "90%"];
      const run = await load(server, rows, words, template);
      assertEquals(run.code, 0, run.stderr);
      assertEquals(await keysOf(server), keys);
    });
  }
});

Deno.test("a load with rejects, or that was stopped, prunes nothing", async (t) => {
  const cases: [code: number, stdin: string, says: RegExp][] = [
    [1, "id\n1\n2,2\n", /nothing is pruned: 1 record was rejected/],
    [5, 'id\n1\n"', /never closed/],
  ];
  await using server = await startServer();
  for (const [code, stdin, says] of cases) {
    await t.step(`exit ${code}`, async () => {
      await server.command("SET", "k:stale", "1");
      const words = ["--prune", "k:*", "--prune-limit", "100%", "--json"];
      const run = await load(server, stdin, words);
      assertEquals(run.code, code, run.stderr);
      assertMatch(run.stderr, says);
      assertEquals(readSummary(run.stdout).pruned, null);
      assertEquals(await keysOf(server), ["k:1", "k:stale"]);
    });
  }
});

Deno.test("the lock's key is not pruned away", async () => {
  await using server = await startServer();
  const words = ["--lock", "k:lock", "--prune", "*", "--json"];
  const run = await load(server, ids(0, 1), words);
  assertEquals([run.code, run.stderr], [0, ""]);
  assertEquals((readSummary(run.stdout).pruned as { stale: number }).stale, 0);
});

Deno.test("flags that contradict --prune are refused", async () => {
  await using server = await startServer();
  const cases: [words: string[], says: RegExp][] = [
    [
      ["--prune", "*", "--limit", "1"],
      /--prune and --limit exclude each other/,
    ],
    [["--prune", "*", "--from-line", "2"], /--prune and --from-line exclude/],
    [["--prune", "*", "--swap-db", "1"], /--prune and --swap-db exclude/],
    [["--prune", ""], /without a pattern/],
    [["--prune-limit", "0"], /means nothing without --prune/],
  ];
  for (const [words, says] of cases) {
    const run = await load(server, ids(0, 1), words);
    assertEquals(run.code, 2);
    assertSentence(run.stderr, says);
  }
  assertEquals(plain(await server.command("DBSIZE")), 0);
});

Deno.test("whether the user may prune is found out before the first row", async (t) => {
  const REFUSED = /Cannot prune: the server answered "NOPERM .*; no record was/;
  const cases: [rules: string[], limit: string, says: RegExp | null][] = [
    [["~*", "+@all", "-scan"], "50%", REFUSED],
    [["~*", "+@all", "-unlink"], "50%", REFUSED],
    [["~*", "+@all", "-scan"], "0", REFUSED],
    [["~*", "+@all", "-unlink"], "0", null],
    // The key that it is tried on may be none of the user's.
    [["~k:*", "+@all"], "50%", null],
  ];
  for (const [rules, limit, says] of cases) {
    await t.step([...rules, limit].join(" "), async () => {
      await using server = await startServer();
      await server.command("ACL", "SETUSER", "u", "on", "nopass", ...rules);
      await server.command("SET", "k:stale", "v");
      const flags = ["--prune", "k:*", "--prune-limit", limit, "--user", "u"];
      const run = await load(server, ids(0, 2), flags);
      if (says !== null) assertSentence(run.stderr, says);
      assertEquals(run.code, says === null ? 0 : 3, run.stderr);
      const loaded = ["k:0", "k:1"];
      const isPruned = says === null && limit !== "0";
      assertEquals(await keysOf(server), [
        ...(says === null ? loaded : []),
        ...(isPruned ? [] : ["k:stale"]),
      ]);
    });
  }
});

Deno.test("a server that takes SCAN away meanwhile says so; the load is complete", async () => {
  await using server = await startServer();
  const user = ["ACL", "SETUSER", "u"];
  await server.command(...user, "on", "nopass", "~*", "+@all");
  let isTaken = false;
  const run = await runRespipe(
    [
      ...["load", "-p", `${server.port}`, "--prune", "*", "--user", "u"],
      ...SET,
    ],
    {
      stdin: new ReadableStream({
        async pull(controller): Promise<void> {
          if (isTaken) return controller.close();
          isTaken = true;
          controller.enqueue(new TextEncoder().encode(ids(0, 2)));
          await until(
            async () => plain(await server.command("DBSIZE")) === 2,
            "the rows",
          );
          await server.command(...user, "-scan");
        },
      }),
    },
  );
  assertEquals(run.code, 3);
  assertSentence(
    run.stderr,
    /Cannot prune: the server answered "NOPERM .* to SCAN; the load itself is/,
  );
  assertEquals(plain(await server.command("DBSIZE")), 2);
});

Deno.test("in a cluster every primary is asked whether it lets prune", async () => {
  await using cluster = await startCluster({ primaries: 3 });
  const { server } = cluster.nodes.at(-1)!;
  const rules = ["on", "nopass", "~*", "&*", "+@all"];
  for (const node of cluster.nodes) {
    await node.server.command("ACL", "SETUSER", "u", ...rules);
  }
  const words = ["load", "-p", `${cluster.port}`, "--user", "u"];
  const prune = (): Promise<Run> =>
    runRespipe([...words, "--prune", "k:*", ...SET], {
      stdin: ids(0, 10),
      permissions: [`--allow-net=${cluster.addresses}`],
    });
  const allowed = await prune();
  assertEquals(allowed.code, 0, allowed.stderr);
  await server.command("ACL", "SETUSER", "u", "-unlink");
  const refused = await prune();
  assertEquals(refused.code, 3, refused.stderr);
  assertMatch(refused.stderr, /Cannot prune: .* to UNLINK: .*; no record was/);
});

Deno.test("a load that goes on prunes nothing, and says so", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const rows = Array.from(
    { length: 20 },
    (_, i) => `${i},${i === 2 ? "x" : i}`,
  );
  const file = files.write("a.csv", `id,v\n${rows.join("\n")}\n`);
  const state = `${files.path}/s.json`;
  const run = (...more: string[]): Promise<Run> =>
    runRespipe([
      ...["load", "-p", `${server.port}`, file, ...more],
      ...["--prune", "*", "--prune-limit", "100%", "--rate", "40"],
      ...["--", "INCRBY", "k:{id}", "{v}"],
    ], {
      permissions: [
        `--allow-net=127.0.0.1:${server.port}`,
        `--allow-read=${files.path}`,
        `--allow-write=${files.path}`,
      ],
    });
  await server.command("SET", "stale", "1");
  const first = await run("--state", state, "--max-errors", "0");
  assertEquals(first.code, 3, first.stderr);
  // The command that goes on would prune what the first part has written.
  const plainly = await run("--max-errors", "0");
  assertMatch(plainly.stderr, /to go on/);
  assert(!plainly.stderr.includes("--prune"), plainly.stderr);
  const second = await run("--state", state);
  assertMatch(second.stderr, /nothing is pruned: this load went on from where/);
  assertEquals(
    plain(await server.command("EXISTS", "stale", "k:1", "k:19")),
    3,
  );
});
