/**
 * What becomes of a load into a cluster while the cluster changes, and whether
 * it is the same as a load into one server.
 *
 * Which redirections there were is asked of the nodes themselves.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ConnectionError, type LoadOptions, Summary } from "../../mod.ts";
import type { Reply } from "../../src/protocol/reply.ts";
import type { Source } from "../../src/transport/source.ts";
import { assertDealt } from "../support/dealt.ts";
import { Flow } from "../support/flow.ts";
import {
  bounded,
  type LoadOutcome,
  tryLoad,
  until,
} from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { Random } from "../support/random.ts";
import { readKeys } from "../support/read_keys.ts";
import {
  type RedisCluster,
  slotOf,
  startCluster,
} from "../support/redis_cluster.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { rowSource } from "../support/row_source.ts";
import { isServerBefore } from "../support/server_program.ts";
import { sleep } from "../support/sleep.ts";

const decoder = new TextDecoder();

/** No test here waits for a load for longer, in ms. */
const LIMIT = 120_000;

/** Rejects as text, in the order in which they were told. */
function told({ rejects }: LoadOutcome): unknown[] {
  return rejects.map(({ record, line, offset, command, error, bytes }) => [
    ...[record, line, offset, command, error, decoder.decode(bytes)],
  ]);
}

function loadRows(
  { port }: { port: number },
  source: Source,
  options: Omit<LoadOptions, "sources">,
): Promise<LoadOutcome> {
  const work = tryLoad({
    ...options,
    sources: [source],
    server: { port, retry: 30_000 },
  });
  return bounded(work, "a load into a cluster", LIMIT);
}

Deno.test("300 of 300,000 rows are poisoned: rejects as on one server", async (t) => {
  await using cluster = await startCluster();
  await using server = await startServer();
  const seed = Random.seed();
  const random = new Random(seed);
  const count = 300_000;
  const poisoned = new Set<number>();
  while (poisoned.size < 300) poisoned.add(1 + random.int(count));
  const row = (n: number): string => `${n},${n % 5_000},"the ""text"" ${n}"`;
  const templates: [string, string[], (n: number) => string][] = [
    ["a key per row", ["HSET", "user:{id}", "{*}"], (n) => `user:${n}`],
    // Rows of a list can share commands; each poisoned list has 60 rows.
    [
      "keys of many rows",
      ["RPUSH", "list:{group}", "{id}"],
      (n) => `list:${n % 5_000}`,
    ],
  ];
  for (const [name, command, keyOf] of templates) {
    await t.step(`${name}, seed ${seed}`, async () => {
      await cluster.flush();
      await server.command("FLUSHALL");
      const all = [...poisoned].map((n) => ["SET", keyOf(n), "poison"]);
      const poison = name === "a key per row" ? all : all.slice(0, 5);
      await cluster.commands(poison);
      await server.commands(poison);
      const source = () => rowSource(row, { header: "id,group,text", count });
      const options = { commands: [command] };
      const alone = await loadRows(server, source(), options);
      const outcome = await loadRows(cluster, source(), options);
      assertEquals([alone.error, outcome.error], [undefined, undefined]);
      assertEquals(outcome.summary.rejected, 300);
      assertEquals(outcome.summary.loaded, count - 300);
      assertEquals(told(outcome), told(alone));
      const keys = plain(await server.command("DBSIZE"));
      assertEquals(await cluster.size(), keys);
    });
  }
});

/** What random rows become; their keys are of many slots and few types. */
const TEMPLATES: readonly (readonly string[])[][] = [
  [["SET", "{a}", "{n}"]],
  [["RPUSH", "{a}", "{n}"]],
  [["HSET", "{a}", "f{b}", "{n}"], ["RPUSH", "{b}", "{n}"]],
  [["INCRBY", "{a}", "{v}"], ["SADD", "{b}", "{n}"], ["APPEND", "{c}", "{v}"]],
  [["ZADD", "{a}", "{v}", "{n}"], ["SADD", "{b}", "{v}"]],
  [["XADD", "{a}", "{n}-1", "v", "{v}"], ["SET", "{b}", "{n}"]],
  [["SADD", "all", "{n}"], ["HSET", "{a}", "{*}"], ["SADD", "all", "x{n}"]],
  [["MULTI"], ["RPUSH", "{{{a}}}l", "{n}"], ["INCR", "{{{a}}}i"], ["EXEC"]],
];

Deno.test("random rows leave a cluster with the data of one server", async (t) => {
  await using cluster = await startCluster();
  await using server = await startServer();
  const first = Random.seed();
  for (let i = 0; i < 3 * TEMPLATES.length; i++) {
    const seed = first + i;
    const commands = TEMPLATES[i % TEMPLATES.length];
    const name = commands.map((words) => words.join(" ")).join("; ");
    await t.step(`seed ${seed}: ${name}`, async () => {
      await cluster.flush();
      await server.command("FLUSHALL");
      const random = new Random(seed);
      const keys = Array.from(
        { length: 1 + random.int(200) },
        (_, k) =>
          random.pick([`k${k}`, `{t${k % 7}}${k}`, `x{}y${k}`, `ü ${k}`]),
      );
      // Keys of a wrong type make some rows fail, on both sides alike.
      const strings = keys.filter(() => random.int(8) === 0)
        .map((key) => ["SET", key, "no number"]);
      await cluster.commands(strings);
      await server.commands(strings);
      const lines = Array.from({ length: 3_000 }, (_, n) => {
        const value = random.int(9) === 0 ? "x" : random.int(1000);
        const [a, b, c] = [0, 0, 0].map(() => random.pick(keys));
        return `${n + 1},${a},${b},${c},${value}` +
          (random.int(99) === 0 ? ",more" : "");
      });
      const source = () =>
        rowSource((n) => lines[n - 1], {
          header: "n,a,b,c,v",
          count: lines.length,
        });
      const options = { commands, coalesce: random.int(3) > 0 };
      const alone = await loadRows(server, source(), options);
      const outcome = await loadRows(cluster, source(), options);
      assertEquals([alone.error, outcome.error], [undefined, undefined]);
      assertEquals(told(outcome), told(alone));
      assertEquals(
        await readKeys(await cluster.primaries()),
        await readKeys([server]),
      );
    });
  }
});

/** Loads what flows while something is done to the cluster. */
async function loadWhile(
  cluster: RedisCluster,
  flow: Flow,
  commands: LoadOptions["commands"],
  work: (summary: Summary) => Promise<void>,
): Promise<LoadOutcome> {
  const summary = new Summary();
  const loading = tryLoad({
    sources: [flow],
    commands,
    server: { port: cluster.port, retry: 30_000 },
    summary,
  });
  let failed: unknown;
  try {
    await until(() => summary.replies > 0, "the first replies");
    await work(summary);
  } catch (error) {
    failed = error;
  } finally {
    flow.end();
  }
  const outcome = await bounded(loading, "a load into a cluster", LIMIT);
  if (failed !== undefined) throw failed;
  return outcome;
}

const LISTS = Array.from({ length: 60 }, (_, i) => `list:${i}`);

/** Deals rows to lists while something is done: each is there once, in order. */
async function dealWhile(
  cluster: RedisCluster,
  work: (summary: Summary) => Promise<void>,
  said = "",
): Promise<Summary> {
  const flow = new Flow("n,key", (n) => `${n},${LISTS[n % LISTS.length]}`, 1);
  const { summary, error, rejects } = await loadWhile(
    cluster,
    flow,
    [["RPUSH", "{key}", "{n}"]],
    work,
  );
  const counts = `${said} ${JSON.stringify(summary)}`;
  assertEquals([error, rejects], [undefined, []], counts);
  assertEquals(summary.loaded, flow.rows, counts);
  await assertDealt(cluster, LISTS, flow.rows);
  return summary;
}

/** How nodes call each other, which is how they say it in MOVED and ASK. */
const ENDPOINTS: [name: string, args: string[]][] = [
  ["by address", []],
  // The client uses the host that it has asked: MOVED 3999 :6381.
  ["by port", ["--cluster-preferred-endpoint-type", "unknown-endpoint"]],
  // Nobody has a host name: MOVED 3999 ?:6381.
  ["by no name", ["--cluster-preferred-endpoint-type", "hostname"]],
];

for (const [name, args] of ENDPOINTS) {
  Deno.test({
    name: `slots that move lose and double no row; nodes go ${name}`,
    // Redis 6.2 names them by address alone.
    ignore: args.length > 0 && isServerBefore(7),
    fn: () => moveSlots(args),
  });
}

async function moveSlots(args: string[]): Promise<void> {
  const seed = Random.seed();
  const random = new Random(seed);
  // The spare has no slots at first, so it has no lane at first. When its last
  // one moves away it stays a primary, which can be given slots again.
  await using cluster = await startCluster({
    spares: 1,
    args: [...args, "--cluster-allow-replica-migration", "no"],
  });
  await cluster.everywhere("CONFIG", "RESETSTAT");
  const { redirections, rewinds } = await dealWhile(
    cluster,
    async (summary) => {
      for (let move = 0; move < 40; move++) {
        const slot = slotOf(random.pick(LISTS));
        const from = await cluster.ownerOf(slot);
        const to = (from + 1 + random.int(3)) % 4;
        await cluster.moveSlot(slot, from, to, {
          onStep: async () => {
            // So that every state of a slot is met by rows in flight.
            const seen = summary.records;
            await sleep(random.int(10));
            if (random.int(2) === 0) {
              await until(() => summary.records > seen + 120, "more rows");
            }
          },
        });
      }
      assert(await cluster.errors("ASK") > 0, "somebody was asked to ASK");
      assert(await cluster.errors("MOVED") > 0, "somebody was told MOVED");
    },
    `seed ${seed}`,
  );
  assert(redirections > 0 && rewinds > 0, `seed ${seed}`);
}

Deno.test("new keys of an open slot: TRYAGAIN is waited out", async () => {
  await using cluster = await startCluster();
  await cluster.everywhere("CONFIG", "RESETSTAT");
  const flow = new Flow("n", String, 1, 20);
  const { summary, error, rejects } = await loadWhile(
    cluster,
    flow,
    [["MSET", "{{tag}}a{n}", "{n}", "{{tag}}b{n}", "{n}"]],
    async (summary) => {
      const slot = slotOf("tag");
      for (let move = 0; move < 5; move++) {
        const from = await cluster.ownerOf(slot);
        await cluster.moveSlot(slot, from, (from + 1) % 3, {
          onStep: async (step) => {
            if (step !== "open") return;
            // The target takes no pair of keys that it does not have whole.
            const met = await cluster.errors("TRYAGAIN");
            await until(
              async () => await cluster.errors("TRYAGAIN") > met,
              "TRYAGAIN",
            );
          },
          batch: 1000,
        });
        // Pauses grow until something is loaded.
        const { records } = summary;
        await until(() => summary.loaded > records, "rows after that");
      }
    },
  );
  assertEquals([error, rejects], [undefined, []]);
  assertEquals(summary.loaded, flow.rows);
  assert(summary.redirections > 0 && summary.rewinds > 0);
  const keys = await readKeys(await cluster.primaries());
  assertEquals(keys.length, 2 * flow.rows);
  for (const [key, , value] of keys) {
    assertEquals(`{tag}${key[5]}${value}`, key);
  }
});

Deno.test("all slots of a node move away, and the node ends", async () => {
  await using cluster = await startCluster({ primaries: 2, spares: 1 });
  await dealWhile(cluster, async (summary) => {
    for (const slot of new Set(LISTS.map(slotOf))) {
      if (await cluster.ownerOf(slot) === 1) {
        await cluster.moveSlot(slot, 1, 2);
      }
    }
    // Nobody has a key of the others: they can be given away as they are.
    const mine = await cluster.slotsOf(1);
    const [seed, old, heir] = cluster.nodes;
    for (const { server } of [heir, old, seed]) {
      const replies = await server.commands(
        mine.map((slot) => [
          ...["CLUSTER", "SETSLOT", `${slot}`, "NODE", heir.id],
        ]),
      );
      // The old one may have heard of it from the heir, and follow it by now.
      const isTaken = (reply: Reply) =>
        reply.kind !== "error" || reply.text.includes("only with masters");
      assert(replies.every(isTaken));
    }
    const seen = summary.records;
    await until(() => summary.records > seen + 3_000, "rows after that");
    await cluster.kill(1);
    const later = summary.records;
    await until(() => summary.records > later + 3_000, "rows without it");
  });
});

Deno.test("a primary becomes a replica while rows flow", async () => {
  // Nodes hear of their new roles within half of that.
  await using cluster = await startCluster({ replicas: 1, nodeTimeout: 2_000 });
  const { rewinds } = await dealWhile(cluster, async (summary) => {
    for (const replica of [3, 4, 3]) {
      const { server } = cluster.nodes[replica];
      const role = plain(await server.command("ROLE")) as string[];
      // Back again: the former primary asks for its place.
      await cluster.failOver(role[0] === "slave" ? replica : 0);
      const seen = summary.records;
      await until(() => summary.records > seen + 3_000, "rows after that");
    }
  });
  assert(rewinds > 0);
});

Deno.test("a primary is lost, and its replica takes over", async () => {
  await using cluster = await startCluster({ replicas: 1, nodeTimeout: 2_000 });
  const flow = new Flow("n", String, 1);
  const { summary, error, rejects } = await loadWhile(
    cluster,
    flow,
    [["SET", "{n}", "{n}"]],
    async (summary) => {
      await cluster.kill(1);
      await until(
        async () => (await cluster.primaries()).length === 3,
        "the failover",
      );
      await cluster.settled();
      const seen = summary.records;
      await until(() => summary.records > seen + 3_000, "rows after that");
    },
  );
  assertEquals([error, rejects], [undefined, []]);
  assertEquals(summary.loaded, flow.rows);
  // What the old primary had acknowledged and not passed on is lost; what was
  // loaded later is there.
  const last = Array.from({ length: 1_000 }, (_, i) => `${flow.rows - i}`);
  const replies = await cluster.commands(last.map((key) => ["GET", key]));
  assertEquals(replies.map(plain), last);
});

Deno.test("a node is paused for less than the stall timeout: all wait", async () => {
  await using cluster = await startCluster();
  const source = rowSource((n) => `${n % 1_000},${n}${"v".repeat(200)}`, {
    header: "key,v",
    count: 600_000,
  });
  const summary = new Summary();
  const loading = tryLoad({
    sources: [source],
    commands: [["SET", "{key}", "{v}"]],
    server: { port: cluster.port },
    stallTimeout: 60_000,
    summary,
  });
  await until(() => summary.replies > 10_000, "some replies");
  cluster.pause(1);
  try {
    // Memory is bounded where reading stops.
    let seen = -1;
    await until(async () => {
      const same = seen === source.rows;
      seen = source.rows;
      await sleep(same ? 0 : 300);
      return same;
    }, "the others to wait");
    assert(source.rows < 600_000, "120 MB were read ahead");
  } finally {
    cluster.resume(1);
  }
  const { error, rejects } = await bounded(loading, "the load", LIMIT);
  assertEquals([error, rejects], [undefined, []]);
  assertEquals(summary.loaded, 600_000);
  const keys = await readKeys(await cluster.primaries());
  assertEquals(keys.length, 1_000);
  for (const [key, , value] of keys) {
    const last = key === "0" ? 600_000 : 599_000 + Number(key);
    assertEquals(value, `${last}${"v".repeat(200)}`, key);
  }
});

Deno.test("a node is paused for longer: the error names it", async () => {
  await using cluster = await startCluster();
  const summary = new Summary();
  const loading = tryLoad({
    sources: [rowSource(String, { header: "id" })],
    commands: [["SET", "{id}", "v"]],
    server: { port: cluster.port },
    stallTimeout: 2_000,
    summary,
  });
  let isOver = false;
  loading.finally(() => isOver = true);
  // One that ends before says why, below.
  await until(() => isOver || summary.replies > 10_000, "some replies");
  cluster.pause(1);
  const { error } = await bounded(loading, "a stalled load");
  cluster.resume(1);
  assert(error instanceof ConnectionError, String(error));
  const { port } = cluster.nodes[1];
  assertEquals(error.address, `127.0.0.1:${port}`);
  assertMatch(
    error.message,
    new RegExp(`127\\.0\\.0\\.1:${port}\\b.* no reply for 2 s`),
  );
  assertEquals(summary.next?.record, summary.loaded + 1);
  const there = await cluster.size();
  assert(summary.loaded <= there && there <= summary.records, `${there}`);
});

Deno.test("rejects of a fast node wait for the rows of a slow one", async () => {
  await using cluster = await startCluster({ primaries: 2 });
  const on = async (index: number): Promise<string> => {
    for (let i = 0;; i++) {
      if (await cluster.ownerOf(slotOf(`k${i}`)) === index) return `k${i}`;
    }
  };
  const [slow, fast] = [await on(0), await on(1)];
  await cluster.command("SET", slow, "text");
  await cluster.command("SET", fast, "text");
  const lines = [slow, fast, slow, fast, fast];
  const order: number[] = [];
  const summary = new Summary();
  const loading = tryLoad({
    sources: [rowSource((n) => lines[n - 1], {
      header: "key",
      count: lines.length,
      perRead: 1,
      before: (rows) => {
        if (rows === 1) cluster.pause(0);
      },
    })],
    commands: [["INCR", "{key}"]],
    server: { port: cluster.port },
    summary,
    onReject: ({ record }) => order.push(record),
  });
  const fastServer: RedisServer = cluster.nodes[1].server;
  await until(async () => {
    const stats = String(plain(await fastServer.command("INFO", "errorstats")));
    return /errorstat_ERR:count=[3-9]/.test(stats);
  }, "the rejects of the fast node");
  assertEquals(order.filter((record) => record > 1), []);
  cluster.resume(0);
  const { error } = await bounded(loading, "the load");
  assertEquals(error, undefined);
  assertEquals(order, [1, 2, 3, 4, 5]);
});
