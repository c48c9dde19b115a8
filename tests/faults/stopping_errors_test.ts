import { assert, assertEquals, assertMatch } from "@std/assert";
import { StoppedError } from "../../mod.ts";
import { byteSource } from "../support/byte_source.ts";
import {
  assertSentence,
  readSummary,
  tryLoad,
  until,
  withoutContinuation,
} from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { rowSource } from "../support/row_source.ts";
import { type Run, runRespipe } from "../support/run_respipe.ts";

const SET = ["--", "SET", "k:{id}", "{v}"];

function rows(count: number, value: (n: number) => string): string {
  let csv = "id,v\n";
  for (let n = 1; n <= count; n++) csv += `${n},${value(n)}\n`;
  return csv;
}

function load(
  server: { port: number },
  words: string[],
  stdin: string,
): Promise<Run> {
  return runRespipe(
    ["load", "-p", String(server.port), "--json", ...words],
    { stdin },
  );
}

async function sizeOf(server: RedisServer): Promise<number> {
  return Number(plain(await server.command("DBSIZE")));
}

/** An error that stops a load at its first record. */
interface Stop {
  name: string;
  args?: string[];
  /** What is done to the server first. */
  before?: (server: RedisServer) => Promise<unknown>;
  words?: string[];
  code: number;
  sentence: RegExp;
}

const STOPS: Stop[] = [
  {
    name: "min-replicas-to-write",
    args: ["--min-replicas-to-write", "1"],
    code: 3,
    sentence: /Stopped at -:2: .*"NOREPLICAS .*too few good replicas/,
  },
  {
    name: "a user without the command",
    before: (server) =>
      server.command("ACL", "SETUSER", "u", "on", ">pw", "~*", "+get"),
    words: ["--user", "u", "--pass", "pw", "--no-coalesce"],
    code: 3,
    sentence: /Stopped at -:2: .*"NOPERM .*may not run this command/,
  },
  {
    name: "an unknown command",
    words: ["--", "NOSUCH", "{id}"],
    code: 3,
    sentence: /Stopped at -:2: .*ERR unknown command .*does not know this/,
  },
  {
    name: "a wrong number of arguments",
    words: ["--", "SET", "{id}"],
    code: 3,
    sentence: /Stopped at -:2: .*wrong number .*too few or too many/,
  },
  {
    name: "a wrong number of arguments within a transaction",
    words: ["--then", "SET {id}", "--then", "EXEC", "--", "MULTI"],
    code: 3,
    sentence: /Stopped at -:2: .*wrong number .*too few or too many/,
  },
  {
    name: "a wrong password",
    args: ["--requirepass", "right"],
    words: ["-a", "wrong"],
    code: 4,
    sentence: /Cannot log in to 127\.0\.0\.1:\d+: WRONGPASS/,
  },
  {
    name: "no password",
    args: ["--requirepass", "right"],
    code: 4,
    sentence: /Cannot use 127\.0\.0\.1:\d+: it wants a password/,
  },
];

for (const { name, args = [], before, words = SET, code, sentence } of STOPS) {
  Deno.test(`stopped by ${name}`, async () => {
    await using server = await startServer({ args });
    await before?.(server);
    const template = words.includes("--") ? words : [...words, ...SET];
    const run = await load(server, template, rows(50_000, String));
    assertEquals(run.code, code, run.stderr);
    // Of the thousands in flight nobody hears: they are not to blame.
    const [sentenceOf, ...others] = withoutContinuation(run.stderr).trimEnd()
      .split("\n").reverse();
    assertSentence(`${sentenceOf}\n`, sentence);
    const isOfUser = /warning: a password|refuses the closing command/;
    assert(others.every((line) => isOfUser.test(line)), run.stderr);
    const { exitCode, records, unknown, rejected } = readSummary(run.stdout);
    assertEquals([exitCode, records, unknown, rejected], [code, 0, 0, 0]);
    if (args.length > 0) await server.command("AUTH", "right");
    assertEquals(await sizeOf(server), 0);
  });
}

Deno.test("stopped by a server that is full", async () => {
  await using server = await startServer({
    args: ["--maxmemory", "5mb", "--maxmemory-policy", "noeviction"],
  });
  const csv = rows(100_000, () => "x".repeat(100));
  const run = await load(server, SET, csv);
  assertEquals(run.code, 3);
  assertMatch(
    withoutContinuation(run.stderr),
    /^(respipe: warning: [^\n]*\n)?respipe: Stopped at -:\d+: .*"OOM .*\(\S+ of maxmemory 5\.00M used, maxmemory-policy noeviction\)[^\n]*\n$/,
  );
  // What a few more bytes were found for in between may be sent again.
  const { loaded, rejected, unknown, next } = readSummary(run.stdout);
  const size = await sizeOf(server);
  assert(loaded > 0 && loaded <= size && size <= loaded + unknown, run.stdout);
  assertEquals(rejected, 0);
  assertEquals(next?.record, loaded + 1);
});

Deno.test("stopped by a read-only replica", async () => {
  await using primary = await startServer();
  await using replica = await startServer({
    args: ["--replicaof", "127.0.0.1", String(primary.port)],
  });
  const words = ["--allow-replica", ...SET];
  const run = await load(replica, words, rows(50_000, String));
  assertEquals(run.code, 3, run.stderr);
  assertMatch(
    withoutContinuation(run.stderr),
    /^respipe: Stopped at -:2: .*"READONLY .*load into its primary[^\n]*\n$/,
  );
  assertEquals(readSummary(run.stdout).loaded, 0);
});

Deno.test("stopped by a server that cannot save", async () => {
  await using server = await startServer();
  await server.command("SET", "k", "v");
  const config = (...words: string[]): Promise<unknown> =>
    server.command("CONFIG", "SET", ...words);
  // The file's name leads to a directory, so that saving fails.
  Deno.mkdirSync(`${server.directory}/dump.rdb/x`, { recursive: true });
  await config("save", "1000 1000");
  await server.command("BGSAVE");
  await until(
    async () =>
      String(plain(await server.command("INFO", "persistence")))
        .includes("rdb_last_bgsave_status:err"),
    "a save that fails",
  );
  const run = await load(server, SET, rows(50_000, String));
  assertEquals(run.code, 3, run.stderr);
  assertMatch(
    withoutContinuation(run.stderr),
    /^respipe: Stopped at -:2: .*"MISCONF [^\n]*\n$/,
  );
  assertEquals([readSummary(run.stdout).loaded, await sizeOf(server)], [0, 1]);
});

Deno.test("stopped by a server that is busy with a script", async () => {
  await using server = await startServer({
    args: ["--lua-time-limit", "50"],
  });
  using other = await Deno.connect({ port: server.port });
  const { summary, error } = await tryLoad({
    sources: [rowSource(String, {
      header: "id",
      perRead: 10,
      before: async (rows) => {
        if (rows === 100) {
          await until(
            async () => plain(await server.command("DBSIZE")) === 100,
            "a hundred rows",
          );
          await other.write(
            new TextEncoder().encode('EVAL "while true do end" 0\r\n'),
          );
          await until(
            async () =>
              /BUSY/.test(String(plain(await server.command("PING")))),
            "a busy server",
          );
        }
      },
    })],
    commands: [["SET", "{id}", "v"]],
    server: { port: server.port },
  });
  await server.command("SCRIPT", "KILL");
  assert(error instanceof StoppedError, String(error));
  assertMatch(error.message, /^Stopped at rows:\d+: .*"BUSY /);
  assertEquals([summary.loaded, summary.unknown], [100, 0]);
});

Deno.test("stopped while rows that shared a command are sent again", async () => {
  await using server = await startServer();
  await server.command("ACL", "SETUSER", "u", "on", ">pw", "~*", "+get");
  const { summary, error, rejects } = await tryLoad({
    sources: [rowSource((n) => n % 1000 === 7 ? `${n},1,1` : `${n},1`, {
      header: "id,v",
      count: 400_000,
      perRead: 20_000,
    })],
    commands: [["SET", "{id}", "{v}"]],
    coalesce: true,
    server: { port: server.port, user: "u", password: "pw" },
  });
  assert(error instanceof StoppedError, String(error));
  assertEquals([summary.loaded, await sizeOf(server)], [0, 0]);
  // Whoever goes on from there misses none.
  const { next } = summary;
  assert(next !== undefined && next.record <= summary.records + 1);
  const before = rejects.filter(({ record }) => record < next.record).length;
  assertEquals(before, next.record - 1);
});

Deno.test("a user without some keys is a data error", async () => {
  await using server = await startServer();
  await server.command(
    ...["ACL", "SETUSER", "u", "on", ">pw", "~k:1*", "+set", "+echo", "+ping"],
  );
  const words = ["--user", "u", "--pass", "pw", "--no-auth-warning", ...SET];
  const run = await load(server, words, rows(100, String));
  assertEquals(run.code, 1, run.stderr);
  assertMatch(
    run.stderr,
    /^respipe: rows cannot share commands here \(NOPERM [^\n]*'mset'[^\n]*\nrejected 88 records:\n {2}NOPERM [^\n]* x 88, first/,
  );
  const { loaded, rejected } = readSummary(run.stdout);
  assertEquals([loaded, rejected, await sizeOf(server)], [12, 88, 12]);
});

/** A limit to rejects, and whether so many of so many pass it. */
const LIMITS: [limit: string, bad: (n: number) => boolean, stops: boolean][] = [
  ["0", () => false, false],
  ["0", (n) => n === 30_000, true],
  ["10", (n) => n <= 10, false],
  ["10", (n) => n <= 11, true],
  // Not judged before 1,000 records, and not by what is in flight.
  ["1%", (n) => n <= 20, false],
  ["1%", (n) => n % 110 === 0, false],
  ["1%", (n) => n % 90 === 0, true],
  ["50%", (n) => n % 3 === 0, false],
  ["0%", (n) => n === 30_000, true],
  ["100%", () => true, false],
];

for (const kind of ["the server", "the reader"]) {
  for (const [limit, bad, stops] of LIMITS) {
    const what = `${stops ? "passed" : "kept"}: ${bad}, by ${kind}`;
    Deno.test(`--max-errors ${limit} is ${what}`, async () => {
      await using server = await startServer();
      const wrong = kind === "the server" ? "x" : "1,1";
      const { summary, error } = await tryLoad({
        sources: [rowSource((n) => `${n},${bad(n) ? wrong : 1}`, {
          header: "id,v",
          count: 100_000,
          perRead: 20_000,
        })],
        commands: [["INCRBY", "k:{id}", "{v}"]],
        server: { port: server.port },
        maxErrors: limit,
      });
      assertEquals(summary.unknown, 0);
      assertEquals(await sizeOf(server), summary.loaded);
      if (!stops) {
        assertEquals([error, summary.records], [undefined, 100_000]);
        return;
      }
      assert(error instanceof StoppedError, String(error));
      assert(error.message.includes(`more than --max-errors ${limit} allows`));
      assertMatch(error.message, /^Stopped: [^\n]*$/);
    });
  }
}

Deno.test("a share of a few rows is judged when all are in", async () => {
  for (
    const [count, limit, code] of [[999, "1%", 3], [3, "10%", 3], [
      999,
      "100%",
      0,
    ]] as const
  ) {
    await using server = await startServer();
    const { summary, error } = await tryLoad({
      sources: [rowSource((n) => `${n},x`, { header: "id,v", count })],
      commands: [["INCRBY", "k:{id}", "{v}"]],
      server: { port: server.port },
      maxErrors: limit,
    });
    assertEquals([summary.rejected, summary.next], [count, undefined]);
    assertEquals(error instanceof StoppedError, code === 3);
  }
});

Deno.test("a load that is stopped when all was read names no next record", async () => {
  await using server = await startServer();
  const { error, summary } = await tryLoad({
    // The reply comes long after the end of the input.
    sources: [byteSource("in", "id\n1\n2,2\n")],
    commands: [["BLPOP", "k:{id}", "0.3"]],
    maxErrors: "0",
    server: { port: server.port },
  });
  assert(error instanceof StoppedError, String(error));
  assertMatch(error.message, /, rejected: 1; all of the input was read$/);
  assertEquals([summary.loaded, summary.rejected], [1, 1]);
});
