/**
 * What becomes of a load whose connection is lost.
 *
 * How many records the server really has is asked of the server itself. After
 * kill -9 another server reads the append-only file of the first, which synced
 * each write before it answered.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  Connection,
  ConnectionError,
  type LoadOptions,
  Summary,
} from "../../mod.ts";
import { formatCount } from "../../src/engine/counted.ts";
import { ReplyReader } from "../../src/protocol/reply_reader.ts";
import { type Cut, FaultProxy } from "../support/fault_proxy.ts";
import {
  assertSentence,
  bounded,
  type LoadOutcome,
  readSummary,
  tryLoad,
  until,
  withoutContinuation,
} from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { Random } from "../support/random.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { rowSource } from "../support/row_source.ts";
import {
  endOf,
  type Run,
  runRespipe,
  spawnRespipe,
} from "../support/run_respipe.ts";

const DURABLE = ["--appendonly", "yes", "--appendfsync", "always"];

/** Every tenth row is the server's to reject, every thirteenth the reader's. */
function row(n: number): string {
  if (n % 13 === 0) return `${n},1,one too many`;
  return `${n},${n % 10 === 0 ? "x" : n}`;
}

/** What rows become, and how to count those that are in. */
interface Way {
  command: (key: string) => string[];
  count: "HLEN" | "ZCARD" | "LLEN";
}

/** One that rows cannot share, and some that they do. */
const WAYS: readonly Way[] = [
  { command: (key) => ["HINCRBY", key, "{id}", "{v}"], count: "HLEN" },
  { command: (key) => ["ZADD", key, "{v}", "{id}"], count: "ZCARD" },
  { command: (key) => ["RPUSH", key, "{id}"], count: "LLEN" },
];

function nameOf({ command }: Way): string {
  return command("")[0];
}

async function countOf(
  server: RedisServer,
  { count }: Way,
  key: string,
): Promise<number> {
  return Number(plain(await server.command(count, key)));
}

function at({ port }: { port: number }): Pick<LoadOptions, "server"> {
  return { server: { port } };
}

/** Starts another server with what the first one has on disk. */
async function revive(first: RedisServer): Promise<RedisServer> {
  const args = [...DURABLE, "--dir", first.directory];
  const other = await startServer({ args });
  await until(
    async () => plain(await other.command("EXISTS", "h")) === 1,
    "the data set",
  );
  return other;
}

/** A load into a key that is cut off somewhere. */
function loadInto(
  way: Way,
  key: string,
  server: Pick<LoadOptions, "connection" | "server">,
  count: number,
  summary = new Summary(),
): Promise<LoadOutcome> {
  return bounded(
    tryLoad({
      sources: [rowSource(row, { header: "id,v", count })],
      commands: [way.command(key)],
      ...server,
      summary,
    }),
    key,
  );
}

/** Checks all that must be so when a connection was lost. */
async function assertLost(
  { summary, error, rejects }: LoadOutcome,
  has: () => Promise<number>,
): Promise<void> {
  assert(error instanceof ConnectionError, String(error));
  assertMatch(error.message, /^(Lost|Cannot use) 127\.0\.0\.1:\d+[^\n]+$/);
  const count = await has();
  const { loaded, unknown } = summary;
  const counts = `${loaded} loaded, ${unknown} unknown, ${count} there`;
  assert(loaded <= count, counts);
  assert(count <= loaded + unknown, counts);
  if (summary.records > 0) {
    assert(error.message.includes(` ${formatCount(loaded)} record`));
  }
  if (unknown > 0) {
    // The first of whose fate nothing is known is no reject, and is not in.
    assert(summary.next !== undefined);
    const { record, line } = summary.next;
    assertEquals(line, record + 1);
    assert(!rejects.some((reject) => reject.record === record));
    assertMatch(error.message, new RegExp(`first of them is rows:${line}$`));
    const before = rejects.filter((reject) => reject.record < record).length;
    assertEquals(record - 1 - before, loaded, "all before it are settled");
  }
}

for (const cut of ["fin", "rst", "half"] as const) {
  for (const way of WAYS) {
    const what = `${nameOf(way)}, ${cut}`;
    Deno.test(`a proxy cuts at every byte of the first 200: ${what}`, async () => {
      await using server = await startServer();
      for (let at = 0; at <= 200; at++) {
        await cutAt(server, way, "requests", at, cut);
        await cutAt(server, way, "replies", at, cut);
      }
    });
  }
}

async function cutAt(
  server: RedisServer,
  way: Way,
  direction: "requests" | "replies",
  at: number,
  cut: Cut,
): Promise<void> {
  const key = `${direction}:${at}`;
  // 40,000 bytes have more than 200 bytes of replies; the client sends more.
  const faults = { [direction]: at, cut, take: 40_000 };
  await using proxy = new FaultProxy(server.port, faults);
  // Without a handshake, so that the first byte is the first record's.
  const conn = await Deno.connect({ port: proxy.port });
  const { port } = conn.localAddr;
  const connection = new Connection(conn, `127.0.0.1:${proxy.port}`);
  const outcome = await loadInto(way, key, { connection }, 6_000);
  await assertLost(outcome, () => countOf(server, way, key));
  if (cut === "rst") return;
  // What had come was read before the end was noticed.
  const reader = new ReplyReader();
  let replies = 0;
  for (const piece of proxy.repliesSent.get(port) ?? []) {
    reader.feed(piece);
    while (reader.next() !== undefined) replies++;
  }
  assertEquals(outcome.summary.replies, replies, key);
}

Deno.test("a proxy cuts at every byte of the handshake", async () => {
  await using server = await startServer();
  for (let at = 0; at <= 50; at++) {
    for (const cut of ["fin", "rst", "half"] as const) {
      for (const way of ["requests", "replies"] as const) {
        const key = `${way}:${at}:${cut}`;
        const faults = { [way]: at, cut, take: 8_000 };
        await using proxy = new FaultProxy(server.port, faults);
        const outcome = await loadInto(
          WAYS[0],
          key,
          { server: { port: proxy.port, connectTimeout: 2_000 } },
          2_000,
        );
        await assertLost(outcome, () => countOf(server, WAYS[0], key));
      }
    }
  }
});

Deno.test("replies that are late and come byte by byte are no loss", async () => {
  await using server = await startServer();
  await using proxy = new FaultProxy(server.port, { delay: 2, split: true });
  const { summary, error } = await loadInto(
    WAYS[0],
    "h",
    at(proxy),
    500,
  );
  assertEquals(error, undefined);
  assertEquals(await countOf(server, WAYS[0], "h"), summary.loaded);
  assertEquals(summary.records, 500);
});

for (const way of WAYS) {
  Deno.test(`kill -9 at a random moment: ${nameOf(way)}`, async (t) => {
    const first = Random.seed();
    for (let seed = first; seed < first + 10; seed++) {
      await t.step(`seed ${seed}`, async () => {
        const random = new Random(seed);
        await using server = await startServer({ args: DURABLE });
        const summary = new Summary();
        const loading = loadInto(way, "h", at(server), Infinity, summary);
        const moment = 1 + random.int(60_000);
        await until(() => summary.loaded >= moment, `${moment} rows`);
        await server.kill();
        const outcome = await loading;
        await using other = await revive(server);
        await assertLost(outcome, () => countOf(other, way, "h"));
        assert(outcome.summary.loaded >= moment);
      });
    }
  });

  Deno.test(`CLIENT KILL at a random moment: ${nameOf(way)}`, async () => {
    await using server = await startServer();
    const seed = Random.seed();
    const random = new Random(seed);
    for (let i = 0; i < 10; i++) {
      const summary = new Summary();
      const key = `seed ${seed}, ${i}`;
      const loading = loadInto(way, key, at(server), Infinity, summary);
      const moment = random.int(30_000);
      await until(() => summary.loaded >= moment, `${key}: ${moment} rows`);
      await server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      await assertLost(await loading, () => countOf(server, way, key));
    }
  });
}

/** Runs the program with rows that never end until it ends itself. */
async function runEndless(
  server: RedisServer,
  way: Way,
  port: number,
  harm: () => Promise<void>,
): Promise<Run> {
  const child = spawnRespipe([
    ...["load", "-p", String(port), "--retry", "0", "--json"],
    ...["--", ...way.command("h")],
  ]);
  const ended = endOf(child);
  const writer = child.stdin.getWriter();
  const feeding = (async (): Promise<void> => {
    let n = 0;
    try {
      await writer.write(new TextEncoder().encode("id,v\n"));
      for (;;) {
        let text = "";
        for (let i = 0; i < 100; i++) text += `${++n},1\n`;
        await writer.write(new TextEncoder().encode(text));
      }
    } catch {
      // It reads no more.
    }
  })();
  await until(
    async () => await countOf(server, way, "h") > 0,
    "the first row",
  );
  await harm();
  const run = await bounded(ended, "respipe");
  await feeding;
  return run;
}

for (const way of WAYS) {
  Deno.test(`the program: kill -9, ${nameOf(way)}`, async () => {
    await using server = await startServer({ args: DURABLE });
    const run = await runEndless(server, way, server.port, () => server.kill());
    assertEquals(run.code, 4);
    assertSentence(
      run.stderr,
      /Lost 127\.0\.0\.1:\d+: the (server|connection)/,
    );
    const { exitCode, message, loaded, unknown } = readSummary(run.stdout);
    assertEquals(exitCode, 4);
    assertEquals(withoutContinuation(run.stderr), `respipe: ${message}\n`);
    await using other = await revive(server);
    const count = await countOf(other, way, "h");
    assert(loaded <= count && count <= loaded + unknown, run.stdout);
  });

  Deno.test(`the program: CLIENT KILL, ${nameOf(way)}`, async () => {
    await using server = await startServer();
    const run = await runEndless(server, way, server.port, async () => {
      await server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    });
    assertEquals(run.code, 4);
    assertSentence(
      run.stderr,
      /Lost 127\.0\.0\.1:\d+: the (server|connection)/,
    );
    const { loaded, unknown } = readSummary(run.stdout);
    const count = await countOf(server, way, "h");
    assert(loaded <= count && count <= loaded + unknown, run.stdout);
  });

  for (const cut of ["fin", "rst", "half"] as const) {
    const what = `${nameOf(way)}, ${cut}`;
    Deno.test(`the program: a proxy cuts behind 4,000 bytes, ${what}`, async () => {
      await using server = await startServer();
      const faults = { replies: 4_000, cut, take: 600_000 };
      await using proxy = new FaultProxy(server.port, faults);
      const run = await runEndless(server, way, proxy.port, async () => {});
      assertEquals(run.code, 4, run.stderr);
      assertSentence(run.stderr, /Lost .*; the first of them is -:\d+\n$/);
      const { loaded, unknown, next } = readSummary(run.stdout);
      assertEquals(next?.record, loaded + 1);
      const count = await countOf(server, way, "h");
      assert(loaded <= count && count <= loaded + unknown, run.stdout);
    });
  }
}

Deno.test("last words: the server has too many clients", async () => {
  // The fixture is the one client.
  await using server = await startServer({ args: ["--maxclients", "1"] });
  for (const command of ["load", "pipe"]) {
    const template = command === "load" ? ["--", "SET", "{id}", "v"] : [];
    const run = await runRespipe(
      [command, "-p", String(server.port), ...template],
      { stdin: "id\n1\n" },
    );
    assertEquals([run.code, run.stdout], [4, ""]);
    assertSentence(run.stderr, /ERR max number of clients reached/);
  }
});

Deno.test("last words: a protocol error", async () => {
  await using server = await startServer();
  const run = await runRespipe(["pipe", "-p", String(server.port)], {
    stdin: "SET a 1\r\n*1\r\n$-5\r\n",
  });
  assertEquals(run.code, 5);
  assertSentence(
    run.stderr,
    /it said "ERR Protocol error: .* -, byte 14: expected/,
  );
});
