/**
 * What becomes of a pipe into a cluster while the cluster changes, and whether
 * it is the same as a pipe into one server.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  ConnectionError,
  pipe,
  type PipeCounts,
  type PipeError,
  type PipeOptions,
  type Source,
} from "../../mod.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { quotePiped } from "../../src/protocol/quote.ts";
import { byteSource } from "../support/byte_source.ts";
import { assertDealt } from "../support/dealt.ts";
import { Flow } from "../support/flow.ts";
import { bounded, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { Random } from "../support/random.ts";
import { readKeys } from "../support/read_keys.ts";
import {
  type RedisCluster,
  slotOf,
  startCluster,
} from "../support/redis_cluster.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { sleep } from "../support/sleep.ts";

const encoder = new TextEncoder();

/** No test here waits for a pipe for longer, in ms. */
const LIMIT = 120_000;

/** How a pipe ended. */
interface Outcome {
  counts: PipeCounts;
  errors: PipeError[];
  error: unknown;
}

async function tryPipe(options: PipeOptions): Promise<Outcome> {
  const counts = options.counts ?? { replies: 0, errors: 0, bytes: 0 };
  const errors: PipeError[] = [];
  let error: unknown;
  const onError = (one: PipeError): void => void errors.push(one);
  try {
    const work = pipe({ ...options, counts, onError });
    await bounded(work, "a pipe into a cluster", LIMIT);
  } catch (thrown) {
    error = thrown;
  }
  assertEquals(errors.length, counts.errors);
  return { counts, errors, error };
}

/** Pipes into both, and gives the errors, which must be the same. */
async function pipeAlike(
  server: RedisServer,
  cluster: RedisCluster,
  source: () => Source,
): Promise<PipeError[]> {
  const into = ({ port }: { port: number }): Promise<Outcome> =>
    tryPipe({ sources: [source()], server: { port } });
  const alone = await into(server);
  const routed = await into(cluster);
  assertEquals([alone.error, routed.error], [undefined, undefined]);
  assertEquals(routed.errors, alone.errors);
  assertEquals(routed.counts.replies, alone.counts.replies);
  return routed.errors;
}

/** Pipes what flows while something is done to the cluster. */
async function pipeWhile(
  cluster: RedisCluster,
  flow: Flow,
  work: (counts: PipeCounts) => Promise<void>,
): Promise<Outcome> {
  const counts: PipeCounts = { replies: 0, errors: 0, bytes: 0 };
  const server = { port: cluster.port, retry: 30_000 };
  const piping = tryPipe({ sources: [flow], server, counts });
  let failed: unknown;
  try {
    await until(() => counts.replies > 0, "the first replies");
    await work(counts);
  } catch (error) {
    failed = error;
  } finally {
    flow.end();
  }
  const outcome = await piping;
  if (failed !== undefined) throw failed;
  return outcome;
}

/** What a random input is made of: keys of many slots and few types. */
class Commands {
  readonly #random: Random;
  readonly #keys: string[];

  constructor(random: Random) {
    this.#random = random;
    this.#keys = Array.from(
      { length: 1 + random.int(100) },
      (_, k) => random.pick([`k${k}`, `{t${k % 7}}${k}`, `x{}y${k}`, `ü ${k}`]),
    );
  }

  /** Makes the bytes of some commands. */
  take(count: number): Uint8Array {
    const all: Uint8Array[] = [];
    for (let n = 0; n < count; n++) {
      const random = this.#random;
      const chance = random.int(30);
      if (chance === 0) {
        const tag = `{t${random.int(7)}}`;
        all.push(this.#write(["MULTI"]));
        for (let i = random.int(4); i > 0; i--) {
          all.push(this.#write(this.#command(`${tag}${random.int(9)}`, n)));
        }
        all.push(this.#write([random.int(9) === 0 ? "DISCARD" : "EXEC"]));
      } else if (chance === 1) {
        all.push(this.#write(random.pick([["PING"], ["ECHO", "x"]])));
      } else if (chance === 2) {
        all.push(encoder.encode(random.pick(["\r\n", "*0\r\n", "\n"])));
      } else {
        all.push(this.#write(this.#command(random.pick(this.#keys), n)));
      }
    }
    return Uint8Array.from(all.flatMap((bytes) => [...bytes]));
  }

  #command(key: string, n: number): string[] {
    return this.#random.pick([
      ["RPUSH", key, `${n}`],
      ["INCR", key],
      ["APPEND", key, `${n}`],
      ["HSET", key, `f${n % 5}`, `${n}`],
      ["SADD", key, `${n}`, "a b"],
      ["GET", key],
      ["NOPE", key],
      ["set", key],
      ["EVAL", "return redis.call('RPUSH', KEYS[1], 'e')", "1", key],
      ["DEL", key],
    ]);
  }

  /** Writes a command as RESP or as a line. */
  #write(words: string[]): Uint8Array {
    if (this.#random.int(3) > 0) return encodeCommand(words);
    const quoted = words.map((word) =>
      /^[\w{}]+$/.test(word) ? word : `"${word}"`
    );
    return encoder.encode(quoted.join(" ") + this.#random.pick(["\n", "\r\n"]));
  }
}

Deno.test("a random pipe leaves a cluster with the data of one server", async (t) => {
  await using cluster = await startCluster();
  await using server = await startServer();
  const first = Random.seed();
  for (let seed = first; seed < first + 20; seed++) {
    await t.step(`seed ${seed}`, async () => {
      await cluster.flush();
      await server.command("FLUSHALL");
      const random = new Random(seed);
      const input = new Commands(random).take(2_000);
      const most = random.pick([40, 500, 100_000]);
      const source = () =>
        byteSource("input", input, () => 1 + random.int(most));
      await pipeAlike(server, cluster, source);
      assertEquals(
        await readKeys(await cluster.primaries()),
        await readKeys([server]),
      );
    });
  }
});

Deno.test("300 of 200,000 commands are poisoned: errors as on one server", async () => {
  await using cluster = await startCluster();
  await using server = await startServer();
  const random = new Random(Random.seed());
  const poisoned = new Set<number>();
  while (poisoned.size < 300) poisoned.add(random.int(200_000));
  const keys = [...poisoned].map((n) => ["SET", `key:${n}`, "poison"]);
  await cluster.commands(keys);
  await server.commands(keys);
  const text = Array.from(
    { length: 200_000 },
    (_, n) =>
      n % 3 === 0
        ? `RPUSH key:${n} v\r\n`
        : `*3\r\n$5\r\nRPUSH\r\n$${
          `key:${n}`.length
        }\r\nkey:${n}\r\n$1\r\nv\r\n`,
  );
  const input = encoder.encode(text.join(""));
  const source = () => byteSource("input", input);
  const errors = await pipeAlike(server, cluster, source);
  assertEquals(errors.length, 300);
  for (const { offset, text } of errors) {
    assertEquals(text, quotePiped(input, offset!, input.length));
  }
  assertEquals(await cluster.size(), 200_000);
});

const LISTS = Array.from({ length: 60 }, (_, i) => `list:${i}`);

/** Moves slots of the lists about, so that every state of one is met. */
async function moveSlots(
  cluster: RedisCluster,
  flow: Flow,
  random: Random,
  counts: PipeCounts,
  moves: number,
): Promise<void> {
  for (let move = 0; move < moves; move++) {
    const slot = slotOf(random.pick(LISTS));
    const from = await cluster.ownerOf(slot);
    const to = (from + 1 + random.int(2)) % 3;
    await cluster.moveSlot(slot, from, to, {
      onStep: async () => {
        const seen = flow.rows;
        await sleep(random.int(10));
        if (random.int(2) === 0) {
          await until(() => flow.rows > seen + 120, "more commands");
        }
      },
    });
    // Pauses grow until something is known to be in.
    const { replies } = counts;
    await until(() => counts.replies > replies, "replies after that");
  }
}

/** What a line of the flow is, for the number that goes to its list. */
const SHAPES: [name: string, line: (n: number, key: string) => string][] = [
  ["inline commands", (n, key) => `RPUSH ${key} ${n}`],
  // The line break is the flow's.
  [
    "RESP",
    (n, key) =>
      `*3\r\n$5\r\nRPUSH\r\n$${key.length}\r\n${key}\r\n` +
      `$${`${n}`.length}\r\n${n}\r`,
  ],
  [
    "transactions",
    (n, key) =>
      `MULTI\nRPUSH ${key} ${n}\nINCR {${key}}:count\n` +
      `APPEND {${key}}:text .\nEXEC`,
  ],
];

for (const [name, line] of SHAPES) {
  Deno.test(`slots that move lose and double no command: ${name}`, async () => {
    const seed = Random.seed();
    const random = new Random(seed);
    await using cluster = await startCluster({
      args: ["--cluster-allow-replica-migration", "no"],
    });
    await cluster.everywhere("CONFIG", "RESETSTAT");
    // Those with several keys wait until their slot has moved.
    const moves = name === "transactions" ? 10 : 25;
    const flow = new Flow(
      undefined,
      (n) => line(n, LISTS[n % LISTS.length]),
      1,
    );
    const { counts, errors, error } = await pipeWhile(
      cluster,
      flow,
      (counts) => moveSlots(cluster, flow, random, counts, moves),
    );
    const said = `seed ${seed}: ${JSON.stringify(counts)}`;
    assertEquals([error, errors], [undefined, []], said);
    const each = name === "transactions" ? 5 : 1;
    assertEquals(counts.replies, each * flow.rows, said);
    assert(await cluster.errors("ASK") > 0, "somebody was asked to ASK");
    assert(await cluster.errors("MOVED") > 0, "somebody was told MOVED");
    assert(counts.cluster!.redirections > 0, said);
    assert(counts.cluster!.rewinds > 0, said);
    await assertDealt(cluster, LISTS, flow.rows);
    if (name !== "transactions") return;
    for (const key of LISTS) {
      const [items, times, text] = await Promise.all([
        cluster.command("LLEN", key),
        cluster.command("GET", `{${key}}:count`),
        cluster.command("STRLEN", `{${key}}:text`),
      ]);
      assertEquals(Number(plain(times)), plain(items), `${key}, ${said}`);
      assertEquals(plain(text), plain(items), `${key}, ${said}`);
    }
  });
}

Deno.test("a primary becomes a replica while commands flow", async () => {
  // Nodes hear of their new roles within half of that.
  await using cluster = await startCluster({ replicas: 1, nodeTimeout: 2_000 });
  const flow = new Flow(
    undefined,
    (n) => `RPUSH ${LISTS[n % LISTS.length]} ${n}`,
    1,
  );
  const { counts, errors, error } = await pipeWhile(
    cluster,
    flow,
    async () => {
      for (const replica of [3, 4]) {
        await cluster.failOver(replica);
        const seen = flow.rows;
        await until(() => flow.rows > seen + 3_000, "commands after that");
      }
    },
  );
  assertEquals([error, errors], [undefined, []]);
  assertEquals(counts.replies, flow.rows);
  assert(counts.cluster!.rewinds > 0);
  await assertDealt(cluster, LISTS, flow.rows);
});

Deno.test("a primary is lost: what may be repeated is sent again", async () => {
  await using cluster = await startCluster({ replicas: 1, nodeTimeout: 2_000 });
  const flow = new Flow(undefined, (n) => `SET ${n} ${n}`, 1);
  const { counts, errors, error } = await pipeWhile(
    cluster,
    flow,
    async () => {
      await cluster.kill(1);
      await until(
        async () => (await cluster.primaries()).length === 3,
        "the failover",
      );
      await cluster.settled();
      const seen = flow.rows;
      await until(() => flow.rows > seen + 3_000, "commands after that");
    },
  );
  assertEquals([error, errors], [undefined, []]);
  assertEquals(counts.replies, flow.rows);
  // What the old primary had acknowledged and not passed on is lost; what was
  // piped later is there.
  const last = Array.from({ length: 1_000 }, (_, i) => `${flow.rows - i}`);
  const replies = await cluster.commands(last.map((key) => ["GET", key]));
  assertEquals(replies.map(plain), last);
});

Deno.test("a node is paused for less than the stall timeout: the pipe waits", async () => {
  await using cluster = await startCluster();
  let made = 0;
  const value = "v".repeat(200);
  // Reads come as fast as they are taken, 60 MB in all.
  const source = {
    name: "input",
    read(into: Uint8Array): Promise<number | null> {
      if (made === 250_000) return Promise.resolve(null);
      let text = "";
      for (let i = 0; i < 250; i++, made++) {
        text += `SET key:${made % 1_000} ${made}${value}\n`;
      }
      return Promise.resolve(encoder.encodeInto(text, into).written);
    },
    close(): void {},
  };
  const counts: PipeCounts = { replies: 0, errors: 0, bytes: 0 };
  const piping = tryPipe({
    sources: [source],
    server: { port: cluster.port },
    stallTimeout: 60_000,
    counts,
  });
  await until(() => counts.replies > 10_000, "some replies");
  cluster.pause(1);
  try {
    // Memory is bounded where reading stops.
    let seen = -1;
    await until(async () => {
      const isSame = seen === made;
      seen = made;
      await sleep(isSame ? 0 : 300);
      return isSame;
    }, "the others to wait");
    assert(made < 250_000, "60 MB were read ahead");
  } finally {
    cluster.resume(1);
  }
  const { errors, error } = await piping;
  assertEquals([error, errors], [undefined, []]);
  assertEquals(counts.replies, 250_000);
  const keys = await readKeys(await cluster.primaries());
  assertEquals(keys.length, 1_000);
  for (const [key, , text] of keys) {
    assertEquals(text, `${249_000 + Number(key.slice(4))}${value}`, key);
  }
});

Deno.test("a node is paused for longer: the pipe ends, and names it", async () => {
  await using cluster = await startCluster();
  const counts: PipeCounts = { replies: 0, errors: 0, bytes: 0 };
  const flow = new Flow(
    undefined,
    (n) => `RPUSH ${LISTS[n % LISTS.length]} ${n}`,
    0,
  );
  const piping = tryPipe({
    sources: [flow],
    server: { port: cluster.port },
    stallTimeout: 2_000,
    counts,
  });
  await until(() => counts.replies > 5_000, "some replies");
  cluster.pause(1);
  const { error } = await piping;
  cluster.resume(1);
  assert(error instanceof ConnectionError, String(error));
  const { port } = cluster.nodes[1];
  assertMatch(
    error.message,
    new RegExp(`127\\.0\\.0\\.1:${port}\\b.* no reply for 2 s.*; executed`),
  );
  // The first unknown one is that behind the last known one.
  const { unknown } = counts.cluster!;
  assertMatch(
    error.message,
    new RegExp(`first of them is command ${counts.replies + 1} \\(rows, byte`),
  );
  const lengths = await cluster.commands(LISTS.map((key) => ["LLEN", key]));
  const there = lengths.reduce((sum, reply) => sum + Number(plain(reply)), 0);
  assert(
    counts.replies <= there && there <= counts.replies + unknown,
    `${there}: ${JSON.stringify(counts)}`,
  );
});
