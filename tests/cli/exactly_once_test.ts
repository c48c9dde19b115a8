/**
 * `--exactly-once KEY`: each row is in once, and the same command goes on.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { gzipSync } from "node:zlib";
import { bounded, readSummary, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { startCluster } from "../support/redis_cluster.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import {
  endOf,
  type Run,
  runRespipe,
  spawnRespipe,
} from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const ROWS = 5_000;
const RPUSH = ["RPUSH", "h", "{id}"];

/** Rows of which every hundredth is malformed. */
function csv(count = ROWS): string {
  let text = "id,v\n";
  for (let n = 1; n <= count; n++) {
    text += `${n},${n}${n % 100 === 0 ? ",x" : ""}\n`;
  }
  return text;
}

function permissions(server: RedisServer, { path }: TempFiles): string[] {
  return [
    `--allow-net=127.0.0.1:${server.port}`,
    `--allow-read=${path}`,
    `--allow-write=${path}`,
  ];
}

function run(
  server: RedisServer,
  files: TempFiles,
  words: string[],
  template = RPUSH,
): Promise<Run> {
  return runRespipe(
    ["load", "-p", String(server.port), ...words, "--", ...template],
    { permissions: permissions(server, files) },
  );
}

async function list(server: RedisServer): Promise<number[]> {
  const reply = plain(await server.command("LRANGE", "h", "0", "-1"));
  return (reply as string[]).map(Number);
}

const ALL = Array.from({ length: ROWS }, (_, i) => i + 1)
  .filter((n) => n % 100 !== 0);

Deno.test("a load that was stopped goes on from the key, and its rejects too", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const file = files.write("a.csv", csv());
  const bad = `${files.path}/bad.csv`;
  const words = ["--exactly-once", "once", "--rejects", bad, "--json"];
  // Small batches, so that it stops in the middle.
  const slow = ["--rate", "20000"];
  const first = await run(
    server,
    files,
    [...words, ...slow, "--max-errors", "9", file],
  );
  assertEquals(first.code, 3, first.stderr);
  assertMatch(
    first.stderr,
    /to go on, give the same command again: the key once says from where/,
  );
  const one = readSummary(first.stdout);
  assert(one.transactions as number > 0);
  assertEquals(one.resumedAt, null);
  const second = await run(server, files, [...words, file]);
  assertEquals(second.code, 1, second.stderr);
  const place = one.loaded + one.rejected;
  assertMatch(
    second.stderr,
    new RegExp(
      `^respipe: Going on at ${file}:${place + 2}, as the key once says: ` +
        "[0-9,]+ records before it are settled already\n",
    ),
  );
  assertMatch(second.stderr, /earlier runs of this load rejected \d+ records/);
  const two = readSummary(second.stdout);
  assertEquals(two.resumedAt, {
    source: file,
    record: place + 1,
    line: place + 2,
  });
  assertEquals(one.loaded + two.loaded, ALL.length);
  assertEquals(two.repliesLost, 0);
  assertEquals(await list(server), ALL);
  assertEquals(plain(await server.command("EXISTS", "once")), 0);
  const malformed = csv().split("\n").filter((line) => line.endsWith(",x"));
  assertEquals(
    Deno.readTextFileSync(bad),
    `id,v\n${malformed.join("\n")}\n`,
  );
  // A complete load begins anew.
  const third = await run(server, files, [...words, file]);
  assertEquals(third.code, 1);
  assertEquals((await list(server)).length, 2 * ALL.length);
});

Deno.test("a key of another load: nothing is sent, and the sentence says what differs", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const file = files.write("a.csv", csv());
  const words = ["--exactly-once", "once", "--rate", "20000"];
  const stopped = await run(
    server,
    files,
    [...words, "--max-errors", "9", file],
  );
  assertEquals(stopped.code, 3);
  const before = await list(server);
  const key = plain(await server.command("GET", "once"));
  const cases: [words: string[], template: string[], says: RegExp][] = [
    [
      [...words, file],
      ["RPUSH", "h", "{v}"],
      /the command template was another one/,
    ],
    [[...words, "--skip-empty", file], RPUSH, /skipEmpty was false/],
    [
      [...words, files.write("b.csv", csv())],
      RPUSH,
      /the input was .*a\.csv; to begin anew, delete the key/,
    ],
  ];
  for (const [words, template, says] of cases) {
    const other = await run(server, files, words, template);
    assertEquals(other.code, 2, other.stderr);
    assertMatch(
      other.stderr,
      /^respipe: Cannot go on at .*a\.csv:\d+, where the key once says: /,
    );
    assertMatch(other.stderr, says);
  }
  files.write("a.csv", csv(ROWS + 1));
  const changed = await run(server, files, [...words, file]);
  assertEquals(changed.code, 2);
  assertMatch(
    changed.stderr,
    /a\.csv had [0-9,]+ bytes, and has [0-9,]+ bytes/,
  );
  assertEquals(await list(server), before);
  assertEquals(plain(await server.command("GET", "once")), key);
});

Deno.test("a key that is something else is left alone", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const file = files.write("a.csv", csv());
  const cases: [make: string[], says: RegExp][] = [
    [["SET", "once", "mine"], /was not written by this version of respipe/],
    [["SET", "once", '{"respipe":"else"}'], /was not written by this version/],
    [["RPUSH", "once", "mine"], /the server answers "WRONGTYPE .*" to GET/],
  ];
  for (const [make, says] of cases) {
    await server.command("FLUSHALL");
    await server.command(...make);
    const dump = await server.command("DUMP", "once");
    const refused = await run(server, files, ["--exactly-once", "once", file]);
    assertEquals(refused.code, 2, refused.stderr);
    assertMatch(refused.stderr, /^respipe: Cannot use --exactly-once once: /);
    assertMatch(refused.stderr, says);
    assertEquals(await server.command("DUMP", "once"), dump);
    assertEquals(plain(await server.command("DBSIZE")), 1);
  }
});

Deno.test("what does not go together is refused before anything is sent", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const file = files.write("a.csv", csv());
  const cases: [words: string[], template: string[], says: RegExp][] = [
    [["--state", `${files.path}/s`], RPUSH, /without --state: the key says/],
    [["--from-line", "7"], RPUSH, /without --from-line: the key says/],
    [["--at-least-once"], RPUSH, /--at-least-once is its opposite/],
    [["--swap-db", "1"], RPUSH, /without --swap-db: a load that ends early/],
    [["--prune", "h"], RPUSH, /without --prune: a load that goes on/],
    [
      ["--then", "RPUSH h {id}", "--then", "EXEC"],
      ["MULTI"],
      /the template has a transaction of its own/,
    ],
    [["--then", "RPUSH h {id}"], ["select", "{v}"], /SELECT leads to another/],
    [["--then", "SWAPDB 0 1"], RPUSH, /SWAPDB leads to another database/],
  ];
  for (const [words, template, says] of cases) {
    const refused = await run(
      server,
      files,
      ["--exactly-once", "once", ...words, file],
      template,
    );
    assertEquals(refused.code, 2, refused.stderr);
    assertMatch(refused.stderr, /^respipe: Cannot use --exactly-once: /);
    assertMatch(refused.stderr, says);
  }
  assertEquals(plain(await server.command("DBSIZE")), 0);
});

Deno.test("what does not fit the key is refused before anything is sent", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const file = files.write(`${"a".repeat(200)}.csv`, csv(1));
  const many = Array<string>(3_600).fill(file);
  const refused = await run(
    server,
    files,
    ["--exactly-once", "once", ...many],
  );
  assertEquals(refused.code, 2, refused.stderr);
  assertMatch(refused.stderr, /what 3,600 sources are known by does not fit/);
  assertEquals(plain(await server.command("DBSIZE")), 0);
});

Deno.test("in a cluster it is refused", async () => {
  await using cluster = await startCluster({ primaries: 1 });
  using files = new TempFiles();
  const file = files.write("a.csv", csv());
  const [{ server: node }] = cluster.nodes;
  const refused = await run(node, files, ["--exactly-once", "once", file]);
  assertEquals(refused.code, 2, refused.stderr);
  assertMatch(
    refused.stderr,
    /is a node of a cluster, where a transaction has the keys of one hash slot/,
  );
  assertEquals(plain(await node.command("DBSIZE")), 0);
});

/** Rows that are refused in all the ways there are. */
function refusedRows(): string {
  let text = "k,v,w\n";
  for (let n = 1; n <= 20_000; n++) {
    const key = n % 331 === 0 ? "mine" : n % 17 === 0 ? "other" : `l${n % 7}`;
    const value = n % 1_013 === 0 ? "1,one too many" : n % 29 === 0 ? "" : "1";
    text += `${key},${n % 501 === 0 ? "x" : n},${value}\n`;
  }
  return text;
}

for (
  const { name, template, flags } of [
    {
      name: "while executing, and while queueing for its key",
      template: ["RPUSH", "{k}", "{v}"],
      flags: [],
    },
    {
      name: "the same, each row on its own",
      template: ["RPUSH", "{k}", "{v}"],
      flags: ["--no-coalesce"],
    },
    {
      name: "one of several commands",
      template: ["RPUSH", "{k}", "{v}"],
      flags: ["--then", "INCRBY n {v}", "--then", "HSET h {k} {v}"],
    },
    {
      name: "too few arguments, where fields are empty",
      template: ["HSET", "h:{#}", "{*-k,v}"],
      flags: ["--skip-empty"],
    },
  ]
) {
  Deno.test(`rejects are byte for byte those of a plain load: ${name}`, async () => {
    await using server = await startServer({
      args: [
        ...["--user", "loader", "on", ">secret", "+@all"],
        ...["~l?", "~other", "~once", "~n", "~h", "~h:*"],
      ],
    });
    using files = new TempFiles();
    const file = files.write("a.csv", refusedRows());
    const outcomes: unknown[] = [];
    for (const how of [[], ["--exactly-once", "once"]]) {
      await server.command("FLUSHALL");
      await server.command("SET", "other", "text");
      const bad = `${files.path}/bad.csv`;
      const { code, stdout, stderr } = await run(
        server,
        files,
        [
          ...["--user", "loader", "--pass", "secret", "--json"],
          ...[...flags, ...how, "--rejects", bad, file],
        ],
        template,
      );
      assertEquals(code, 1, stderr);
      const { loaded, rejected, partly, errors, repliesLost } = readSummary(
        stdout,
      );
      assert(
        loaded > 10_000 && rejected > 500,
        `${loaded} loaded, ${rejected} rejected`,
      );
      assertEquals(repliesLost, 0);
      outcomes.push({
        ...{ loaded, rejected, partly, errors },
        bad: Deno.readTextFileSync(bad),
        report: Deno.readTextFileSync(`${bad}.errors.csv`),
        keys: await Promise.all(
          ["l0", "l3", "l6", "n", "h", "h:9", "once"].map((key) =>
            server.command("DUMP", key).then(plain)
          ),
        ),
      });
    }
    assertEquals(outcomes[1], outcomes[0]);
  });
}

Deno.test("an error that would hit every row ends the load, and nothing of it is in", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const file = files.write("a.csv", csv());
  const { code, stdout, stderr } = await run(
    server,
    files,
    ["--exactly-once", "once", "--json", file],
    ["NONESUCH", "h", "{id}"],
  );
  assertEquals(code, 3);
  assertMatch(stderr, /"ERR unknown command .*: the server does not know this/);
  assertEquals(readSummary(stdout).loaded, 0);
  assertEquals(plain(await server.command("DBSIZE")), 0);
});

Deno.test("a full server: the load stops, and goes on when there is room", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  let text = "id,v\n";
  for (let n = 1; n <= ROWS; n++) text += `${n},${"v".repeat(1_000)}\n`;
  const file = files.write("a.csv", text);
  const template = ["RPUSH", "h", "{id}", "{v}"];
  const words = ["--exactly-once", "once", "--json", "--no-coalesce", file];
  await server.command("CONFIG", "SET", "maxmemory", "4mb");
  const first = await run(server, files, words, template);
  assertEquals(first.code, 3, first.stderr);
  assertMatch(first.stderr, /OOM command not allowed/);
  const length = plain(await server.command("LLEN", "h")) as number;
  const { loaded, unknown } = readSummary(first.stdout);
  // Of a transaction that was refused nothing is in, and that is known.
  assertEquals([2 * loaded, unknown], [length, 0]);
  // Nothing is sent, and yet it is no mistake in the command.
  await server.command("CONFIG", "SET", "maxmemory", "1");
  const full = await run(server, files, words, template);
  assertEquals([full.code, await server.command("LLEN", "h")], [3, {
    kind: "integer",
    value: length,
  }], full.stderr);
  await server.command("CONFIG", "SET", "maxmemory", "0");
  const second = await run(server, files, words, template);
  assertEquals(second.code, 0, second.stderr);
  assertEquals(
    (await list(server)).filter((_, i) => i % 2 === 0),
    Array.from({ length: ROWS }, (_, i) => i + 1),
  );
});

Deno.test("a key that cannot be deleted: all is in, and the same command ends it", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const file = files.write("a.csv", csv());
  const words = ["--exactly-once", "once", "--json", file];
  await server.command("ACL", "SETUSER", "default", "-del");
  const first = await run(server, files, words);
  assertEquals(first.code, 3, first.stderr);
  assertMatch(first.stderr, /'del' command/);
  assertMatch(first.stderr, /to go on, give the same command again: the key/);
  const one = readSummary(first.stdout);
  assertEquals([one.state, one.records, one.unknown], ["stopped", ROWS, 0]);
  assertEquals([one.next!.record, one.next!.line], [ROWS + 1, ROWS + 2]);
  assert(one.continue !== null);
  await server.command("ACL", "SETUSER", "default", "+del");
  const second = await run(server, files, words);
  assertEquals(second.code, 1, second.stderr);
  assertEquals(await list(server), ALL);
  assertEquals(plain(await server.command("EXISTS", "once")), 0);
});

/** Begins a load whose first half is in. */
async function half(
  server: RedisServer,
  words: string[] = [],
): Promise<{ child: Deno.ChildProcess; finish(): Promise<Run> }> {
  const child = spawnRespipe([
    ...["load", "-p", String(server.port), "--exactly-once", "once"],
    ...[...words, "--json", "--", ...RPUSH],
  ]);
  const ended = endOf(child);
  const writer = child.stdin.getWriter();
  const rows = csv(200).split("\n");
  const encoder = new TextEncoder();
  await writer.write(encoder.encode(rows.slice(0, 98).join("\n") + "\n"));
  await until(
    async () => plain(await server.command("LLEN", "h")) === 97,
    "the first rows",
  );
  return {
    child,
    finish: async (): Promise<Run> => {
      const rest = encoder.encode(rows.slice(98).join("\n"));
      await writer.write(rest).catch(() => {});
      await writer.close().catch(() => {});
      return await bounded(ended, "respipe");
    },
  };
}

Deno.test("somebody else writes the key: the load stops, and nothing more is in", async () => {
  await using server = await startServer();
  const load = await half(server);
  await server.command("SET", "once", "mine");
  const { code, stderr } = await load.finish();
  assertEquals(code, 3, stderr);
  assertMatch(
    stderr,
    /the key once \(--exactly-once\) is not what this load wrote/,
  );
  assertEquals(plain(await server.command("LLEN", "h")), 97);
  assertEquals(plain(await server.command("GET", "once")), "mine");
});

Deno.test("another load with the key ends the one before it, and is done itself", async () => {
  await using server = await startServer();
  const first = await half(server);
  // It has the key, and no rows yet.
  const words = ["load", "-p", String(server.port), "--exactly-once", "once"];
  const second = spawnRespipe([...words, "--", ...RPUSH]);
  const output = endOf(second);
  const rows = second.stdin.getWriter();
  await rows.write(new TextEncoder().encode("id,v\n"));
  await until(
    async () =>
      String(plain(await server.command("GET", "once"))).endsWith("\n"),
    "the second one",
  );
  const stopped = await first.finish();
  assertEquals(stopped.code, 3, stopped.stderr);
  await rows.write(new TextEncoder().encode(csv(200).slice("id,v\n".length)));
  await rows.close();
  const { code, stderr } = await output;
  assertEquals(code, 1, stderr);
  assertEquals(await list(server), ALL.slice(0, 198));
});

Deno.test("interrupted: the key says where it was, and nothing is in doubt", async () => {
  await using server = await startServer();
  const load = await half(server);
  load.child.kill("SIGINT");
  await bounded(load.child.status, "the end");
  const stopped = await load.finish();
  assertEquals(stopped.code, 130, stopped.stderr);
  const { loaded } = readSummary(stopped.stdout);
  assertEquals(loaded, 97);
  const rest = await runRespipe([
    ...["load", "-p", String(server.port), "--exactly-once", "once"],
    ...["--json", "--", ...RPUSH],
  ], { stdin: csv(200) });
  assertEquals(rest.code, 1, rest.stderr);
  const { loaded: more, repliesLost, rejected } = readSummary(rest.stdout);
  assertEquals([more, repliesLost, rejected], [101, 0, 2]);
  assertEquals(await list(server), ALL.slice(0, 198));
});

Deno.test("a lost connection: RPUSH goes on, and the summary says how", async () => {
  await using server = await startServer();
  const load = await half(server);
  await server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  const { code, stdout, stderr } = await load.finish();
  assertEquals(code, 1, stderr);
  const { reconnections, repeated, transactions } = readSummary(stdout);
  assertEquals([reconnections, repeated], [1, 0]);
  assert(transactions as number >= 2);
  assertEquals(await list(server), ALL.slice(0, 198));
  assertEquals(plain(await server.command("EXISTS", "once")), 0);
});

Deno.test("a failover to what lacks acknowledged rows: the same command loads them", async () => {
  await using server = await startServer();
  const load = await half(server);
  // As it was when the load had begun.
  await server.commands([
    ["MULTI"],
    ["DEL", "h"],
    ["SET", "once", "\n"],
    ["EXEC"],
    ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"],
  ]);
  const stopped = await load.finish();
  assertEquals(stopped.code, 3, stopped.stderr);
  assertMatch(stopped.stderr, /the server has lost writes/);
  const rest = await runRespipe([
    ...["load", "-p", String(server.port), "--exactly-once", "once"],
    ...["--json", "--", ...RPUSH],
  ], { stdin: csv(200) });
  assertEquals(rest.code, 1, rest.stderr);
  assertEquals(await list(server), ALL.slice(0, 198));
});

Deno.test("going on in the second of two files, one of them packed, under a limit", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const paths = [
    files.write("a.csv", csv(2_000)),
    files.write("b.csv.gz", gzipSync(csv(3_000))),
  ];
  const words = [
    ...["--exactly-once", "once", "--rate", "20000", "--limit", "4000"],
    ...["--json", ...paths],
  ];
  const first = await run(server, files, ["--max-errors", "25", ...words]);
  assertEquals(first.code, 3, first.stderr);
  const { next } = readSummary(first.stdout);
  assertEquals(next?.source, paths[1]);
  const second = await run(server, files, words);
  assertEquals(second.code, 1, second.stderr);
  assertMatch(
    second.stderr,
    /Going on at .*b\.csv\.gz:\d+, as the key once says/,
  );
  const { records, repliesLost } = readSummary(second.stdout);
  assertEquals(
    [records + 2_000 + next!.record - 1, repliesLost],
    [4_000, 0],
  );
  const one = ALL.filter((n) => n <= 2_000);
  assertEquals(await list(server), [...one, ...one]);
});

Deno.test("what was refused before the server went away is in the rejects in the end", async () => {
  const args = ["--appendonly", "yes", "--appendfsync", "always"];
  await using server = await startServer({ args });
  using files = new TempFiles();
  const { port, directory } = server;
  await server.command("SET", "other", "text");
  let text = "k,v\n";
  for (let n = 1; n <= 3_000; n++) {
    text += `${n % 7 === 0 ? "other" : "h"},${n}${n % 50 === 0 ? ",x" : ""}\n`;
  }
  const file = files.write("a.csv", text);
  const bad = `${files.path}/bad.csv`;
  const template = ["RPUSH", "{k}", "{v}"];
  const words = [
    ...["--exactly-once", "once", "--rejects", bad, "--json"],
    ...["--then", "RPUSH h2 {v}", "--retry", "0", file],
  ];
  // Slow enough not to be over when it is seen.
  const slowly = ["--rate", "1000", ...words];
  const running = run(server, files, slowly, template);
  await until(
    async () => (plain(await server.command("LLEN", "h")) as number) > 700,
    "some rows",
  );
  await server.kill();
  const first = await running;
  assertEquals(first.code, 4, first.stderr);
  await using again = await startServer({
    port,
    args: [...args, "--dir", directory],
  });
  const second = await run(again, files, words, template);
  assertEquals(second.code, 1, second.stderr);
  const one = readSummary(first.stdout);
  const two = readSummary(second.stdout);
  assert(two.resumedAt !== null);
  const lines = text.split("\n").slice(1, -1);
  const expected = lines.filter((line) =>
    line.startsWith("other") || line.endsWith(",x")
  );
  const found = Deno.readTextFileSync(bad).split("\n").slice(1, -1);
  const missing = expected.filter((line) => !found.includes(line));
  // Of what was in doubt when the server was lost nobody knows.
  assert(one.unknown > 0 || missing.length === 0, String(missing));
  assertEquals(found, expected.filter((line) => !missing.includes(line)));
  const report = Deno.readTextFileSync(`${bad}.errors.csv`).split("\n");
  assertEquals(report.length - 2, found.length);
  const refused = report.filter((row) => row.includes("RPUSH"));
  assert(refused.length > 100);
  for (const row of refused) {
    assertMatch(row, /,RPUSH other \d+,WRONGTYPE [^,]+,1 of 2\r?$/);
  }
});

Deno.test("what was executed outside of a transaction is said to be in", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const user = ["ACL", "SETUSER", "u"];
  await server.command(...user, "on", "nopass", "~*", "+@all");
  const rows = Array.from({ length: 1_000_000 }, (_, i) => `${i}\n`);
  const file = files.write("in.csv", `id\n${rows.join("")}`);
  const words = ["--user", "u", "--exactly-once", "once", "--json"];
  const running = run(server, files, [...words, "--no-coalesce", file]);
  const length = async (): Promise<number> =>
    plain(await server.command("LLEN", "h")) as number;
  await until(async () => await length() > 20_000, "some rows");
  await server.command(...user, "-multi");
  const { code, stdout, stderr } = await running;
  assertEquals(code, 3, stderr);
  assertMatch(stderr, /NOPERM .*: the unknown records may be in, and would/);
  const { loaded, unknown, next } = readSummary(stdout);
  assert(Number(unknown) > 0, stderr);
  assertEquals(await length(), Number(loaded) + Number(unknown));
  assertEquals((next as { record: number }).record, Number(loaded) + 1);
});
