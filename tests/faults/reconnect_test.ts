/**
 * A load survives the loss of its connection, and of its server.
 *
 * Rows write few keys again and again, so that a row which is repeated at the
 * wrong place, or not at all, leaves another value than the input's last one.
 * `RESPIPE_SEEDS` says how many seeds each test runs.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  connect,
  ConnectionError,
  type LoadOptions,
  Summary,
} from "../../mod.ts";
import { FaultProxy } from "../support/fault_proxy.ts";
import { killAgain, killClients } from "../support/kill_clients.ts";
import { bounded, tryLoad, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { Random } from "../support/random.ts";
import { RecordingProxy } from "../support/recording_proxy.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { rowSource } from "../support/row_source.ts";
import { sleep } from "../support/sleep.ts";

const DURABLE = ["--appendonly", "yes", "--appendfsync", "always"];
const ROWS = 40_000;
const FIELDS = 997;
/** No test waits for a load for longer, in ms. */
const LIMIT = 120_000;
/** Seeds of each test. */
const SEEDS = Number(Deno.env.get("RESPIPE_SEEDS") ?? 4);

/** Every thirteenth is the reader's to reject. */
function row(n: number): string {
  return `${n % FIELDS},${n}${n % 13 === 0 ? ",one too many" : ""}`;
}

/** What the rows leave: for each key the last row's value. */
const EXPECTED = ((): Map<string, string> => {
  const last = new Map<string, string>();
  for (let n = 1; n <= ROWS; n++) {
    if (n % 13 !== 0) last.set(String(n % FIELDS), String(n));
  }
  return last;
})();
const LOADED = ROWS - Math.floor(ROWS / 13);

/** What rows become, and how to read back what they left. */
interface Way {
  name: string;
  command: string[];
  coalesce: boolean;
  read(server: RedisServer): Promise<Map<string, string>>;
}

function pairs(reply: unknown): Map<string, string> {
  const list = reply as string[];
  const map = new Map<string, string>();
  for (let i = 0; i < list.length; i += 2) map.set(list[i], list[i + 1]);
  return map;
}

const WAYS: Way[] = [true, false].flatMap((coalesce) => [
  {
    name: `SET${coalesce ? ", shared" : ""}`,
    command: ["SET", "{k}", "{v}"],
    coalesce,
    read: async (server): Promise<Map<string, string>> => {
      const keys = [...EXPECTED.keys()];
      const values = plain(await server.command("MGET", ...keys)) as string[];
      return new Map(keys.map((key, i) => [key, values[i]]));
    },
  },
  {
    name: `HSET${coalesce ? ", shared" : ""}`,
    command: ["HSET", "h", "{k}", "{v}"],
    coalesce,
    read: async (server): Promise<Map<string, string>> =>
      pairs(plain(await server.command("HGETALL", "h"))),
  },
  {
    name: `ZADD${coalesce ? ", shared" : ""}`,
    command: ["ZADD", "z", "{v}", "{k}"],
    coalesce,
    read: async (server): Promise<Map<string, string>> =>
      pairs(plain(
        await server.command("ZRANGE", "z", "0", "-1", "WITHSCORES"),
      )),
  },
]);

function options(way: Way, port: number, summary: Summary): LoadOptions {
  return {
    sources: [rowSource(row, { header: "k,v", count: ROWS, before: breathe })],
    commands: [way.command],
    coalesce: way.coalesce,
    server: { port, retry: 30_000 },
    summary,
  };
}

/** Keeps the source from being read before anything happens. */
function breathe(): Promise<void> {
  return new Promise((wake) => setTimeout(wake, 1));
}

/** Loads, is harmed meanwhile, and must end as if nothing had been. */
async function survives(
  way: Way,
  port: number,
  harm: (summary: Summary, isOver: () => boolean) => Promise<unknown>,
): Promise<Summary> {
  const summary = new Summary();
  let isOver = false;
  const loading = bounded(
    tryLoad(options(way, port, summary)).finally(() => isOver = true),
    way.name,
    LIMIT,
  );
  await harm(summary, () => isOver);
  const { error, rejects } = await loading;
  assertEquals(error, undefined);
  assertEquals(
    [summary.records, summary.loaded, summary.rejected, summary.repeated],
    [ROWS, LOADED, ROWS - LOADED, 0],
  );
  assertEquals(
    rejects.map(({ record }) => record),
    Array.from({ length: ROWS - LOADED }, (_, i) => (i + 1) * 13),
  );
  return summary;
}

for (const way of WAYS) {
  Deno.test(`CLIENT KILL again and again: ${way.name}`, async (t) => {
    await using server = await startServer();
    const first = Random.seed();
    let reconnections = 0;
    for (let seed = first; seed < first + SEEDS; seed++) {
      await t.step(`seed ${seed}`, async () => {
        const random = new Random(seed);
        await server.command("FLUSHALL");
        const summary = await survives(
          way,
          server.port,
          (summary, isOver) => killAgain(server, summary, random, isOver),
        );
        reconnections += summary.reconnections;
        assertEquals(await way.read(server), EXPECTED);
      });
    }
    assert(reconnections > 0);
  });

  Deno.test(`a proxy cuts at random bytes: ${way.name}`, async (t) => {
    const first = Random.seed();
    let reconnections = 0;
    for (let seed = first; seed < first + SEEDS; seed++) {
      await t.step(`seed ${seed}`, async () => {
        const random = new Random(seed);
        await using server = await startServer();
        await using proxy = new FaultProxy(server.port, () => ({
          // The login has 2,200 bytes of replies; shared commands have few.
          ...random.int(2) === 0
            ? { requests: random.int(random.int(3) === 0 ? 200 : 300_000) }
            : { replies: random.int(way.coalesce ? 3_000 : 60_000) },
          cut: (["fin", "rst", "half"] as const)[random.int(3)],
        }));
        const summary = await survives(
          way,
          proxy.port,
          () => Promise.resolve(),
        );
        reconnections += summary.reconnections;
        assertEquals(await way.read(server), EXPECTED);
      });
    }
    assert(reconnections > 0);
  });

  Deno.test(`kill -9 of the server, which comes back: ${way.name}`, async (t) => {
    const first = Random.seed();
    for (let seed = first; seed < first + SEEDS; seed++) {
      await t.step(`seed ${seed}`, async () => {
        const random = new Random(seed);
        await using server = await startServer({ args: DURABLE });
        const { port, directory } = server;
        const loading = Promise.withResolvers<RedisServer>();
        const summary = await survives(way, port, async (summary) => {
          const moment = 1 + random.int(ROWS / 2);
          await until(() => summary.loaded >= moment, `${moment} rows`);
          await server.kill();
          await sleep(random.int(300));
          loading.resolve(
            await startServer({ port, args: [...DURABLE, "--dir", directory] }),
          );
        });
        await using other = await loading.promise;
        assertEquals(summary.reconnections, 1);
        assertEquals(await way.read(other), EXPECTED);
      });
    }
  });
}

Deno.test("a demoted primary says READONLY until it is one again", async () => {
  await using server = await startServer();
  const [way] = WAYS;
  const summary = await survives(way, server.port, async (summary) => {
    await until(() => summary.loaded > 1_000, "some rows");
    // Nobody listens there, so its own data stays.
    await server.command("REPLICAOF", "127.0.0.1", "1");
    await until(() => summary.waitingSince !== undefined, "the wait");
    await sleep(300);
    await server.command("REPLICAOF", "NO", "ONE");
    await until(() => summary.waitingSince === undefined, "its end");
  });
  assert(summary.secondsWaiting > 0.2);
  assertEquals(await way.read(server), EXPECTED);
});

/** Rows that are one element each, in order. */
function pushes(
  port: number,
  from: number,
  more: Partial<LoadOptions> = {},
): LoadOptions {
  return {
    sources: [
      rowSource((n) => String(from + n - 1), {
        header: "id",
        count: ROWS - from + 1,
        before: breathe,
      }),
    ],
    commands: [["RPUSH", "list", "{id}"]],
    server: { port, retry: 30_000 },
    ...more,
  };
}

async function listOf(server: RedisServer): Promise<number[]> {
  const list = plain(await server.command("LRANGE", "list", "0", "-1"));
  return (list as string[]).map(Number);
}

Deno.test("RPUSH is not repeated: the load ends, and says from where to go on", async () => {
  await using server = await startServer();
  const random = new Random(Random.seed());
  for (const coalesce of [true, false]) {
    await server.command("FLUSHALL");
    const summary = new Summary();
    const loading = tryLoad({ ...pushes(server.port, 1), coalesce, summary });
    const moment = 1 + random.int(ROWS / 2);
    await until(() => summary.loaded > moment, "some rows");
    let isOver = false;
    const ended = loading.finally(() => isOver = true);
    // A moment at which nothing is in flight is none to end it.
    while (!isOver) {
      await killClients(server);
      await sleep(7);
    }
    const { error } = await bounded(ended, "the end");
    assert(error instanceof ConnectionError, String(error));
    const list = await listOf(server);
    assertEquals(list, Array.from(list, (_, i) => i + 1), "a prefix, once");
    const { loaded, unknown, next } = summary;
    assert(loaded <= list.length && list.length <= loaded + unknown);
    assertEquals(next?.record, loaded + 1);
    // The server says what became of the unknown ones: go on behind them.
    const rest = await bounded(
      tryLoad({ ...pushes(server.port, list.length + 1), coalesce }),
      "the rest",
    );
    assertEquals(rest.error, undefined);
    assertEquals(
      await listOf(server),
      Array.from({ length: ROWS }, (_, i) => i + 1),
    );
  }
});

for (const coalesce of [true, false]) {
  const how = coalesce ? "shared" : "each on its own";
  Deno.test(`RPUSH at least once, ${how}: \`repeated\` bounds what is in twice`, async () => {
    await using server = await startServer();
    const first = Random.seed();
    let twice = 0;
    // Until one kill has met commands that were executed and not answered.
    const isDone = (runs: number): boolean =>
      runs >= SEEDS && (twice > 0 || runs >= 25 * SEEDS);
    for (let seed = first; !isDone(seed - first); seed++) {
      const random = new Random(seed);
      await server.command("FLUSHALL");
      const summary = new Summary();
      const atLeastOnce = true;
      let isOver = false;
      const loading = bounded(
        tryLoad({ ...pushes(server.port, 1), coalesce, atLeastOnce, summary })
          .finally(() => isOver = true),
        `seed ${seed}`,
      );
      await killAgain(server, summary, random, () => isOver);
      const { error } = await loading;
      assertEquals(error, undefined, `seed ${seed}`);
      assertEquals(summary.loaded, ROWS);
      const list = await listOf(server);
      const distinct = [...new Set(list)];
      // First occurrences are in the input's order, and none is missing.
      assertEquals(distinct, Array.from({ length: ROWS }, (_, i) => i + 1));
      const extra = list.length - ROWS;
      assert(extra <= summary.repeated, `seed ${seed}: ${extra} extra`);
      twice += extra;
    }
    assert(twice > 0, "some are in twice");
  });
}

Deno.test("nothing of a record goes to another database than its SELECT says", async () => {
  await using server = await startServer();
  for (let cut = 1_000; cut < 1_070; cut += 5) {
    const faults = [{ requests: cut, cut: "half" as const }];
    await using proxy = new FaultProxy(server.port, () => faults.pop() ?? {});
    const { error } = await bounded(
      tryLoad({
        ...pushes(proxy.port, ROWS - 1_000),
        commands: [["SELECT", "1"], ["RPUSH", "list", "{id}"]],
        atLeastOnce: true,
      }),
      `cut at ${cut}`,
    );
    assert(error instanceof ConnectionError, String(error));
    assertEquals(await listOf(server), [], `cut at ${cut}`);
  }
});

Deno.test("a server that is away for longer than --retry: go on from `next`", async (t) => {
  const first = Random.seed();
  for (let seed = first; seed < first + 5; seed++) {
    await t.step(`seed ${seed}`, async () => {
      const random = new Random(seed);
      await using server = await startServer({ args: DURABLE });
      const { port, directory } = server;
      const [way] = WAYS;
      const summary = new Summary();
      const loading = tryLoad({
        ...options(way, port, summary),
        server: { port, retry: 500 },
      });
      const moment = 1 + random.int(ROWS / 2);
      await until(() => summary.loaded > moment, `${moment} rows`);
      await server.kill();
      const { error } = await bounded(loading, "the end");
      assert(error instanceof ConnectionError, String(error));
      assertMatch(
        error.message,
        /waited for 0\.\d+ s \(--retry\); loaded so far/,
      );
      const { next, loaded, rejected, unknown, records } = summary;
      assert(next !== undefined);
      assertEquals(next.record - 1, loaded + rejected);
      assertEquals(loaded + rejected + unknown, records);
      await using other = await startServer({
        port,
        args: [...DURABLE, "--dir", directory],
      });
      const left = next.record - 1;
      const rest = await bounded(
        tryLoad({
          ...options(way, port, new Summary()),
          sources: [
            rowSource((n) => row(n + left), {
              header: "k,v",
              count: ROWS - left,
            }),
          ],
        }),
        "the rest",
      );
      assertEquals(rest.error, undefined);
      assertEquals(rest.summary.loaded + loaded, LOADED);
      assertEquals(await way.read(other), EXPECTED);
    });
  }
});

Deno.test("a connection lost right behind its login is made again", async () => {
  await using server = await startServer();
  await using recording = new RecordingProxy(server.port);
  (await connect({ port: recording.port })).close();
  const login = recording.sent().length;
  let connections = 0;
  await using proxy = new FaultProxy(
    server.port,
    () => connections++ === 0 ? { requests: login, cut: "half" } : {},
  );
  const [way] = WAYS;
  const summary = await survives(way, proxy.port, () => Promise.resolve());
  assertEquals(summary.reconnections, 1);
  assertEquals(await way.read(server), EXPECTED);
});
