import { assert, assertEquals, assertMatch } from "@std/assert";
import { MARKER, MARKER_LOCK } from "../../src/engine/swap_db.ts";
import { assertSentence, readSummary, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import {
  endOf,
  type Run,
  runRespipe,
  spawnRespipe,
} from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const SET = ["--", "SET", "k:{id}", "{v}"];
const encoder = new TextEncoder();

function swap(
  server: RedisServer,
  stdin: string,
  ...words: string[]
): Promise<Run> {
  return runRespipe(
    [
      ...["load", "-p", `${server.port}`, "--swap-db", "5", "--json"],
      ...(words.includes("--") ? words : [...words, ...SET]),
    ],
    { stdin },
  );
}

/** What is in a database, by key. */
async function contents(
  server: RedisServer,
  database: number,
): Promise<Record<string, unknown>> {
  const [, keys] = await server.commands([
    ["SELECT", String(database)],
    ["KEYS", "*"],
  ]);
  const names = (plain(keys) as string[]).sort();
  const values = await server.commands([
    ...names.map((name) => ["GET", name]),
    ["SELECT", "0"],
  ]);
  return Object.fromEntries(names.map((name, i) => [name, plain(values[i])]));
}

/** Begins a load, whose first row is in the spare database then. */
async function begin(server: RedisServer, ...flags: string[]): Promise<{
  child: Deno.ChildProcess;
  writer: WritableStreamDefaultWriter<Uint8Array>;
}> {
  const child = spawnRespipe([
    ...["load", "-p", `${server.port}`, "--swap-db", "5"],
    ...flags,
    ...SET,
  ]);
  const writer = child.stdin.getWriter();
  await writer.write(encoder.encode("id,v\n1,new\n"));
  await until(
    async () => (await contents(server, 5))["k:1"] === "new",
    "the row",
  );
  return { child, writer };
}

Deno.test("readers see the old data or the new, while 200,000 keys are replaced", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const keys = 200_000;
  const version = (v: string): string =>
    files.write(
      `${v}.csv`,
      "id,v\n" + Array.from({ length: keys }, (_, i) => `${i},${v}\n`).join(""),
    );
  const words = ["load", "-p", `${server.port}`];
  const first = await runRespipe([...words, version("old"), ...SET]);
  assertEquals(first.code, 0, first.stderr);
  const spread = Array.from({ length: 100 }, (_, i) => `k:${i * 1999}`);
  let isOver = false;
  const seen: string[] = [];
  const reading = (async () => {
    while (!isOver || seen.at(-1) === "old") {
      const values = plain(await server.command("MGET", ...spread)) as string[];
      assertEquals([...new Set(values)].length, 1, "a mixture, or a miss");
      if (seen.at(-1) !== values[0]) seen.push(values[0]);
    }
  })();
  const second = await runRespipe([
    ...[...words, version("new"), "--swap-db", "5", "--json"],
    ...SET,
  ]);
  isOver = true;
  await reading;
  assertEquals(second.code, 0, second.stderr);
  assertEquals(seen, ["old", "new"]);
  assertEquals(readSummary(second.stdout).swapped, {
    database: 0,
    spare: 5,
    replaced: keys,
  });
  assertEquals(plain(await server.command("DBSIZE")), keys);
  assertEquals(await contents(server, 5), {});
});

Deno.test("keys that are gone from the file go from the server", async () => {
  await using server = await startServer();
  await server.command("SET", "k:9", "stale");
  const run = await runRespipe(
    ["load", "-p", `${server.port}`, "--swap-db", "5", ...SET],
    { stdin: "id,v\n1,a\n" },
  );
  assertEquals([run.code, run.stderr], [0, ""]);
  assertMatch(run.stdout, /database 5 is database 0 now, in place of 1 key\n$/);
  assertEquals(await contents(server, 0), { "k:1": "a" });
  assertEquals(await contents(server, 5), {});
});

Deno.test("the database of -n is the one that is replaced", async () => {
  await using server = await startServer();
  await server.command("SET", "k:9", "untouched");
  assertEquals((await swap(server, "id,v\n1,a\n", "-n", "3")).code, 0);
  assertEquals(await contents(server, 3), { "k:1": "a" });
  assertEquals(await contents(server, 0), { "k:9": "untouched" });
  const same = await swap(server, "id,v\n1,b\n", "-n", "5");
  assertEquals(same.code, 2);
  assertSentence(same.stderr, /database 5 and swap it with itself/);
});

const FAILURES: [code: number, what: string, stdin: string, words: string[]][] =
  [
    [3, "a reject", "id,v\n1,a\n2\n", []],
    [3, "rejects beyond --max-errors", "id,v\n1\n2\n", ["--max-errors", "1"]],
    [5, "broken input", 'id,v\n1,a\n2,"', ["--max-errors", "1"]],
    [3, "an error that hits every record", "id,v\n1,a\n", ["--", "NO", "{v}"]],
    [2, "a template that does not fit", "id,v\n1,a\n", [
      "--",
      "SET",
      "{x}",
      "1",
    ]],
  ];
for (const [code, what, stdin, words] of FAILURES) {
  Deno.test(`after ${what} the old data stands, and the spare is empty`, async () => {
    await using server = await startServer();
    await server.command("SET", "k:1", "old");
    const run = await swap(server, stdin, ...words);
    assertEquals(run.code, code, run.stderr);
    assertEquals(readSummary(run.stdout).swapped, null);
    const says = run.stderr.includes("; the data in database 0 is as it was\n");
    assertEquals(says, code !== 2, run.stderr);
    assertEquals(await contents(server, 0), { "k:1": "old" });
    assertEquals(await contents(server, 5), {});
  });
}

Deno.test("rejects within --max-errors do not keep the swap away", async () => {
  await using server = await startServer();
  const run = await swap(server, "id,v\n1,a\n2\n", "--max-errors", "1");
  assertEquals(run.code, 1, run.stderr);
  assertEquals(await contents(server, 0), { "k:1": "a" });
});

Deno.test("after SIGTERM the old data stands; after SIGKILL the next load cleans up", async () => {
  await using server = await startServer();
  await server.command("SET", "k:1", "old");
  const start = async (): Promise<Deno.ChildProcess> => {
    const { child, writer } = await begin(server);
    writer.releaseLock();
    return child;
  };
  const stopped = await start();
  stopped.kill("SIGTERM");
  assertEquals((await stopped.output()).code, 143);
  assertEquals(await contents(server, 0), { "k:1": "old" });
  assertEquals(await contents(server, 5), {});
  await stopped.stdin.abort().catch(() => {});

  const killed = await start();
  const second = await swap(server, "id,v\n1,b\n");
  assertEquals(second.code, 75, "one that runs is left alone");
  assertMatch(second.stderr, /"respipe:swap-db:lock" is held by process/);
  killed.kill("SIGKILL");
  await killed.output();
  await killed.stdin.abort().catch(() => {});
  assertEquals(
    Object.keys(await contents(server, 5)).sort(),
    ["k:1", MARKER, MARKER_LOCK],
  );
  // As if a minute had passed.
  await server.commands([["SELECT", "5"], ["DEL", MARKER_LOCK], [
    "SELECT",
    "0",
  ]]);
  const third = await swap(server, "id,v\n2,c\n");
  assertEquals(third.code, 0, third.stderr);
  assertMatch(third.stderr, /database 5 has 1 key of a --swap-db that was not/);
  assertEquals(await contents(server, 0), { "k:2": "c" });
  assertEquals(await contents(server, 5), {});
});

Deno.test("somebody's data in the spare database is refused, and stays", async () => {
  await using server = await startServer();
  await server.commands([["SELECT", "5"], ["SET", "a\n", "1"], [
    "SELECT",
    "0",
  ]]);
  const run = await swap(server, "id,v\n1,a\n");
  assertEquals(run.code, 2);
  assertSentence(
    run.stderr,
    /Cannot load into database 5: it holds 1 key, such as "a\\n", that no/,
  );
  assertEquals(await contents(server, 5), { "a\n": "1" });
  assertEquals(await contents(server, 0), {});
});

Deno.test("the lock of --lock goes over to the new data, and is given back", async () => {
  await using server = await startServer();
  await server.command("SET", "k:1", "old");
  const run = await swap(server, "id,v\n2,a\n", "--lock", "nightly");
  assertEquals([run.code, run.stderr], [0, ""]);
  assertEquals(await contents(server, 0), { "k:2": "a" });
  assertEquals(await contents(server, 5), {});
});

Deno.test("a lock that was lost keeps the swap away", async () => {
  await using server = await startServer();
  await server.command("SET", "k:1", "old");
  const { child, writer } = await begin(server, "--lock", "l");
  await server.command("SET", "l", "another");
  await writer.close();
  const { code, stderr } = await endOf(child);
  assertEquals(code, 3);
  assertMatch(
    stderr,
    /the lock "l" was lost: it is held by "another"/,
  );
  assertEquals(await contents(server, 0), { "k:1": "old", l: "another" });
  assertEquals(await contents(server, 5), {});
});

Deno.test("a server that was started anew is not trusted with a swap", async () => {
  const args = ["--appendonly", "yes", "--appendfsync", "always"];
  await using server = await startServer({ args });
  await server.command("SET", "k:1", "old");
  const { port, directory } = server;
  const { child, writer } = await begin(server);
  // The reply has come when nothing is waited for any more.
  await new Promise((wake) => setTimeout(wake, 200));
  await server.kill();
  await using again = await startServer({
    port,
    args: [...args, "--dir", directory],
  });
  await writer.write(encoder.encode("2,new\n"));
  await writer.close();
  const { code, stderr } = await child.output();
  const said = new TextDecoder().decode(stderr);
  assertEquals(code, 3, said);
  assertMatch(
    said,
    /database 5 with 0: 1 record may be lost, .*0 is as it was\n/,
  );
  assertEquals(await contents(again, 0), { "k:1": "old" });
  assertEquals(await contents(again, 5), {});
});

Deno.test("a server that forgets the load and its marker has an empty spare database all the same", async () => {
  await using server = await startServer();
  const { port } = server;
  const { child, writer } = await begin(server);
  await server.kill();
  await using again = await startServer({ port });
  await writer.write(encoder.encode("2,new\n"));
  await until(
    async () => (await contents(again, 5))["k:2"] === "new",
    "the row behind",
  );
  await writer.close();
  const { code, stderr } = await child.output();
  assertEquals(code, 3, new TextDecoder().decode(stderr));
  assertEquals(await contents(again, 5), {});
  const next = await swap(again, "id,v\n3,next\n");
  assertEquals(next.code, 0, next.stderr);
  assertEquals(await contents(again, 0), { "k:3": "next" });
});

Deno.test("a swap that is not allowed is found before the load", async () => {
  await using server = await startServer();
  await server.command(
    ...["ACL", "SETUSER", "u", "on", "nopass", "~*", "+@all", "-swapdb"],
  );
  const run = await swap(server, "id,v\n1,a\n", "--user", "u");
  assertEquals(run.code, 3, run.stderr);
  assertSentence(run.stderr, /answered "NOPERM .* to SWAPDB; the data in data/);
  assertEquals(await contents(server, 5), {});
});

Deno.test("--swap-db is refused in a cluster", async () => {
  await using server = await startServer({
    args: ["--cluster-enabled", "yes"],
  });
  const run = await swap(server, "id,v\n1,a\n");
  assertEquals(run.code, 2, run.stderr);
  assertMatch(run.stderr, /Cannot use --swap-db: .* is a node of a cluster/);
  assert(!run.stderr.includes("SELECT"), run.stderr);
});

Deno.test("what is not a whole load is no swap", async () => {
  await using server = await startServer();
  const cases: [words: string[], says: RegExp][] = [
    [["--from-line", "2"], /--swap-db and --from-line exclude each other/],
    [["--state", "/tmp/no.state"], /--swap-db and --state exclude each other/],
  ];
  using files = new TempFiles();
  const file = files.write("a.csv", "id,v\n1,a\n");
  for (const [words, says] of cases) {
    const run = await runRespipe(
      [
        ...["load", "-p", `${server.port}`, file, "--swap-db", "5"],
        ...[...words, ...SET],
      ].map((word) => word.replace("/tmp/", `${files.path}/`)),
      {
        permissions: [
          `--allow-net=127.0.0.1:${server.port}`,
          `--allow-read=${files.path}`,
          `--allow-write=${files.path}`,
        ],
      },
    );
    assertEquals(run.code, 2, run.stderr);
    assertSentence(run.stderr, says);
  }
  const stopped = await swap(server, "id,v\n1,a\n2\n");
  assert(!stopped.stderr.includes("to go on"), stopped.stderr);
});
