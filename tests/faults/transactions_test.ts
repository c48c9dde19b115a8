/**
 * With `--exactly-once` each row is in exactly once, in the input's order,
 * whatever is lost meanwhile: the connection, the server, respipe itself.
 *
 * Rows push onto one list, so a row that is missing, doubled or out of its place
 * shows. Some are the reader's to reject, and some the server's: while they are
 * executed (a wrong type), or while they are queued (a key that the user may not
 * touch). `RESPIPE_SEEDS` says how many seeds each test runs.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type LoadOptions, Summary } from "../../mod.ts";
import { FaultProxy } from "../support/fault_proxy.ts";
import { killAgain } from "../support/kill_clients.ts";
import { bounded, tryLoad, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { Random } from "../support/random.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { rowSource } from "../support/row_source.ts";
import { sleep } from "../support/sleep.ts";

const DURABLE = ["--appendonly", "yes", "--appendfsync", "always"];
const ROWS = 20_000;
const SEEDS = Number(Deno.env.get("RESPIPE_SEEDS") ?? 2);

/** Which of the rows are rejected, and where. */
function keyOf(n: number): "list" | "other" | "mine" {
  if (n % 1_499 === 0) return "mine";
  return n % 101 === 0 ? "other" : "list";
}

function isMalformed(n: number): boolean {
  return n % 13 === 0;
}

function row(n: number): string {
  return `${keyOf(n)},${n}${isMalformed(n) ? ",one too many" : ""}`;
}

const ALL = Array.from({ length: ROWS }, (_, i) => i + 1);
const LISTED = ALL.filter((n) => !isMalformed(n) && keyOf(n) === "list");
const REJECTED = ALL.filter((n) => isMalformed(n) || keyOf(n) !== "list");

/** A user that may not touch a key of the rows'. */
const USER = [
  ...["--user", "loader", "on", ">secret", "+@all"],
  ...["~list", "~other", "~once"],
];

/** Makes a key of another type. */
async function makeOther(server: RedisServer): Promise<void> {
  assertEquals(plain(await server.command("SET", "other", "text")), "OK");
}

function options(
  port: number,
  coalesce: boolean,
  summary: Summary,
): LoadOptions {
  return {
    sources: [
      rowSource(row, { header: "k,v", count: ROWS, before: breathe }),
    ],
    commands: [["RPUSH", "{k}", "{v}"]],
    coalesce,
    exactlyOnce: { key: "once" },
    server: { port, retry: 30_000, user: "loader", password: "secret" },
    summary,
  };
}

/** Keeps the source from being read before anything happens. */
function breathe(): Promise<void> {
  return sleep(1);
}

async function listOf(server: RedisServer): Promise<number[]> {
  const list = plain(await server.command("LRANGE", "list", "0", "-1"));
  return (list as string[]).map(Number);
}

/** Loads, is harmed meanwhile, and must end as if nothing had been. */
async function survives(
  port: number,
  coalesce: boolean,
  harm: (summary: Summary, isOver: () => boolean) => Promise<unknown>,
): Promise<Summary> {
  const summary = new Summary();
  let isOver = false;
  const loading = bounded(
    tryLoad(options(port, coalesce, summary)).finally(() => isOver = true),
    "the load",
    120_000,
  );
  await harm(summary, () => isOver);
  const { error, rejects } = await loading;
  assertEquals(error, undefined);
  assertEquals(summary.records, ROWS);
  assertEquals(summary.repeated, 0);
  const told = rejects.map(({ record }) => record);
  const isTold = new Set(told);
  const untold = REJECTED.filter((n) => !isTold.has(n));
  // Of those whose replies were lost, what failed in EXEC is not known.
  assert(untold.length <= summary.repliesLost, `${untold.length} untold`);
  assert(untold.every((n) => keyOf(n) === "other"), String(untold));
  assertEquals(told, REJECTED.filter((n) => isTold.has(n)));
  return summary;
}

async function assertOnce(server: RedisServer): Promise<void> {
  const list = await listOf(server);
  // Said in short, as a difference of lists is long.
  const wrong = list.findIndex((n, i) => n !== LISTED[i]);
  const around = `at ${wrong} of ${list.length}: ${
    list.slice(wrong - 3, wrong + 5)
  }`;
  assert(wrong === -1 && list.length === LISTED.length, around);
  assertEquals(plain(await server.command("EXISTS", "once", "mine")), 0);
}

async function eachSeed(
  t: Deno.TestContext,
  run: (random: Random) => Promise<void>,
): Promise<void> {
  const first = Random.seed();
  for (let seed = first; seed < first + SEEDS; seed++) {
    await t.step(`seed ${seed}`, () => run(new Random(seed)));
  }
}

for (const coalesce of [true, false]) {
  const how = coalesce ? "rows shared" : "each row on its own";

  Deno.test(`exactly once, CLIENT KILL again and again: ${how}`, async (t) => {
    let reconnections = 0;
    await using server = await startServer({ args: USER });
    await eachSeed(t, async (random) => {
      await server.command("FLUSHALL");
      await makeOther(server);
      const summary = await survives(
        server.port,
        coalesce,
        (summary, isOver) => killAgain(server, summary, random, isOver),
      );
      reconnections += summary.reconnections;
      await assertOnce(server);
    });
    assert(reconnections > 0);
  });

  Deno.test(`exactly once, a proxy cuts at random bytes: ${how}`, async (t) => {
    // Shared commands are few bytes, and have few replies.
    const most = coalesce ? 150_000 : 600_000;
    let reconnections = 0;
    await eachSeed(t, async (random) => {
      await using server = await startServer({ args: USER });
      await makeOther(server);
      await using proxy = new FaultProxy(server.port, () => ({
        ...random.int(2) === 0
          ? { requests: random.int(random.int(3) === 0 ? 400 : most) }
          : { replies: random.int(coalesce ? 12_000 : 120_000) },
        cut: (["fin", "rst", "half"] as const)[random.int(3)],
      }));
      const summary = await survives(
        proxy.port,
        coalesce,
        () => Promise.resolve(),
      );
      reconnections += summary.reconnections;
      await assertOnce(server);
    });
    assert(reconnections > 0);
  });

  Deno.test(`exactly once, kill -9 of the server, which comes back: ${how}`, async (t) => {
    await eachSeed(t, async (random) => {
      await using server = await startServer({ args: [...USER, ...DURABLE] });
      await makeOther(server);
      const { port, directory } = server;
      const back = Promise.withResolvers<RedisServer>();
      const summary = await survives(port, coalesce, async (summary) => {
        const moment = 1 + random.int(ROWS / 2);
        await until(() => summary.loaded >= moment, `${moment} rows`);
        await server.kill();
        await sleep(random.int(300));
        const again = await startServer({
          port,
          args: [...USER, ...DURABLE, "--dir", directory],
        });
        back.resolve(again);
      });
      await using other = await back.promise;
      assert(summary.reconnections > 0);
      await assertOnce(other);
    });
  });
}
