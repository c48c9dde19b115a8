import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { load } from "../../src/engine/load.ts";
import type { Reject } from "../../src/engine/reject.ts";
import { Summary } from "../../src/engine/summary.ts";
import type { Source } from "../../src/transport/source.ts";
import { plain } from "../support/plain_reply.ts";
import { Random } from "../support/random.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";

/** A source of text, in one piece a read. */
function textSource(text: string): Source {
  let rest = new TextEncoder().encode(text);
  return {
    name: "rows",
    read(into: Uint8Array): Promise<number | null> {
      if (rest.length === 0) return Promise.resolve(null);
      const count = Math.min(into.length, rest.length);
      into.set(rest.subarray(0, count));
      rest = rest.subarray(count);
      return Promise.resolve(count);
    },
    close(): void {},
  };
}

/** What a load left behind: the data set's digest, the rejects, the counts. */
interface Outcome {
  digest: string;
  rejects: string[];
  summary: Summary;
}

async function outcomeOf(
  server: RedisServer,
  text: string,
  command: readonly string[],
  coalesce: boolean,
  before: readonly (readonly string[])[] = [],
  more: { user?: string; password?: string } = {},
): Promise<Outcome> {
  await server.command("FLUSHALL");
  for (const words of before) await server.command(...words);
  const rejects: string[] = [];
  const summary = new Summary();
  await load({
    sources: [textSource(text)],
    commands: [command],
    server: { port: server.port, ...more },
    coalesce,
    summary,
    onReject: ({ record, error, command }: Reject) =>
      rejects.push(`${record} ${command} ${error}`),
  });
  assertEquals(summary.unknown, 0);
  const digest = await digestOf(server, command[0] === "PFADD");
  return { digest, rejects, summary };
}

/** What is in the server: its digest, or what each key counts. */
async function digestOf(
  server: RedisServer,
  isCounted: boolean,
): Promise<string> {
  if (!isCounted) {
    const digest = plain(await server.command("DEBUG", "DIGEST"));
    assert(typeof digest === "string" && /^[0-9a-f]{40}$/.test(digest));
    return digest;
  }
  const counts: string[] = [];
  for (const key of plain(await server.command("KEYS", "key*")) as string[]) {
    counts.push(`${key} ${plain(await server.command("PFCOUNT", key))}`);
  }
  assert(counts.length > 0);
  return counts.sort().join();
}

/** Random rows, in runs of the same key, some with values that are wrong. */
function randomRows(random: Random, poison: readonly string[]): string {
  const lines = ["k,v,w"];
  const rows = 1 + random.int(20_000);
  const keys = 1 + random.int(20);
  while (lines.length <= rows) {
    const key = `key${random.int(keys)}`;
    for (let run = 1 + random.int(90); run > 0; run--) {
      const value = poison.length > 0 && random.int(150) === 0
        ? random.pick(poison)
        : String(random.int(40));
      lines.push(`${key},${value},m${random.int(30)}`);
    }
  }
  return lines.join("\n") + "\n";
}

const TEMPLATES: readonly {
  command: readonly string[];
  poison?: readonly string[];
}[] = [
  { command: ["SET", "{k}", "{v}"] },
  { command: ["set", "{k}:{v}", "{w}"] },
  { command: ["SADD", "{k}", "{v}", "{w}"] },
  { command: ["PFADD", "{k}", "{w}"] },
  { command: ["RPUSH", "{k}", "{v}"] },
  { command: ["LPUSH", "all", "{v}-{w}"] },
  { command: ["HSET", "h:{k}", "{*-k}"] },
  { command: ["HSET", "h:{k}", "{w}", "{v}"] },
  {
    command: ["ZADD", "{k}", "{v}", "{w}"],
    poison: ["no", "NX", "1e999x", "nan", "", "xx"],
  },
  {
    command: ["GEOADD", "{k}", "{v}", "1.5", "{w}"],
    poison: ["no", "CH", "999"],
  },
  { command: ["ZADD", "{k}", "GT", "{v}", "{w}"], poison: ["no"] },
];

Deno.test("rows that share commands leave what rows on their own leave", async () => {
  await using server = await startServer({ mayDebug: true });
  const seed = Random.seed();
  const random = new Random(seed);
  for (let round = 0; round < 3; round++) {
    for (const { command, poison = [] } of TEMPLATES) {
      const text = randomRows(random, poison);
      const wrong = `key${random.int(20)}`;
      // One key of the wrong type: its rows are rejected, all of them.
      const before = command[0] === "RPUSH" || command[0] === "SADD"
        ? [["SET", wrong, "in the way"]]
        : [["RPUSH", `h:${wrong}`, "in the way"]];
      const alone = await outcomeOf(server, text, command, false, before);
      const shared = await outcomeOf(server, text, command, true, before);
      const what = `${command.join(" ")}, RESPIPE_SEED=${seed}`;
      assertEquals(shared.digest, alone.digest, what);
      assertEquals(shared.rejects, alone.rejects, what);
      assertEquals(shared.summary.loaded, alone.summary.loaded, what);
    }
  }
});

Deno.test("rows of SET become far fewer commands, other templates none", async () => {
  await using server = await startServer();
  const rows = Array.from({ length: 5000 }, (_, i) => `k${i},${i},x`);
  const text = ["k,v,w", ...rows, ""].join("\n");
  const commandsOf = async (command: readonly string[]): Promise<number> => {
    await server.command("FLUSHALL");
    const summary = await load({
      sources: [textSource(text)],
      commands: [command],
      server: { port: server.port },
    });
    assertEquals(summary.loaded, 5000);
    return summary.commands;
  };
  assertLess(await commandsOf(["SET", "{k}", "{v}"]), 200);
  assertLess(await commandsOf(["RPUSH", "all", "{v}"]), 200);
  for (
    const command of [
      ["SET", "{k}", "{v}", "NX"],
      ["SET", "{k}", "{v}", "EX", "100"],
      ["SADD", "{k}", "{v}"],
      ["ZADD", "z", "NX", "{v}", "{k}"],
      ["INCRBY", "n", "{v}"],
    ]
  ) assertEquals(await commandsOf(command), 5000, command.join(" "));
});

Deno.test("a user who may SET but not MSET loads all the same", async () => {
  await using server = await startServer({ mayDebug: true });
  await server.command(
    ..."ACL SETUSER setter on >pw ~ok* +set +ping +echo".split(" "),
  );
  const rows = Array.from(
    { length: 3000 },
    (_, i) => `${i % 500 === 250 ? "no" : "ok"}${i % 700},${i}`,
  );
  const text = ["k,v", ...rows, ""].join("\n");
  const user = { user: "setter", password: "pw" };
  const command = ["SET", "{k}", "{v}"];
  const alone = await outcomeOf(server, text, command, false, [], user);
  const shared = await outcomeOf(server, text, command, true, [], user);
  assertEquals(shared.digest, alone.digest);
  assertEquals(shared.rejects, alone.rejects);
  assertEquals(shared.rejects.length, 6);
  assertGreater(shared.summary.coalescingStopped?.length ?? 0, 0);
});
