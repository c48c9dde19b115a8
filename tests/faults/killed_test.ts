/**
 * respipe itself is killed, again and again, and the same command is given until
 * it is done.
 *
 * With `--state` rows write few keys again and again, so that going on too late
 * leaves another value than the input's last one; with `--exactly-once` they add
 * up, so that a row which is missing or doubled leaves another sum. The files of
 * rejects show records that were passed over, or read twice.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { bounded } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { Random } from "../support/random.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { spawnRespipe } from "../support/run_respipe.ts";
import { sleep } from "../support/sleep.ts";
import { TempFiles } from "../support/temp_files.ts";
import { tryKill } from "../support/try_kill.ts";

const ROWS = 1_500_000;
const FIELDS = 997;
/** Seeds of each test. */
const SEEDS = Number(Deno.env.get("RESPIPE_SEEDS") ?? 2);
/** A run that is not over by then is not killed any more. */
const MOST_KILLS = 8;

/** Some are the server's to reject, and some the reader's. */
function row(n: number): string {
  if (n % 1_009 === 0) return `${n % FIELDS},${n},one too many`;
  return `${n % FIELDS},${n % 1_013 === 0 ? "x" : n}`;
}

function isRejected(n: number): boolean {
  return n % 1_009 === 0 || n % 1_013 === 0;
}

const LINES = Array.from({ length: ROWS }, (_, i) => row(i + 1));
const INPUT = `k,v\n${LINES.join("\n")}\n`;
const REJECTED = LINES.filter((_, i) => isRejected(i + 1));

/** For each field what the rows leave of it. */
function leaves(
  value: (before: number, n: number) => number,
): Map<string, string> {
  const found = new Map<string, number>();
  for (let n = 1; n <= ROWS; n++) {
    const field = String(n % FIELDS);
    if (!isRejected(n)) found.set(field, value(found.get(field) ?? 0, n));
  }
  return new Map([...found].map(([field, value]) => [field, String(value)]));
}

/** How a load goes on that was killed. */
interface Way {
  flag: "--state" | "--exactly-once";
  template: string[];
  read: string[];
  expected: Map<string, string>;
  /** Tells how far the load is. */
  look(server: RedisServer, state: string): Promise<string>;
}

const WAYS: Way[] = [
  {
    flag: "--state",
    template: ["ZADD", "z", "{v}", "{k}"],
    read: ["ZRANGE", "z", "0", "-1", "WITHSCORES"],
    expected: leaves((_, n) => n),
    look: (_, state) => {
      try {
        // It is empty before the load begins.
        const { next } = JSON.parse(
          Deno.readTextFileSync(state) || '{"next":null}',
        );
        return Promise.resolve(JSON.stringify(next));
      } catch (error) {
        // A state is there whole, or not at all.
        if (error instanceof Deno.errors.NotFound) {
          return Promise.resolve("null");
        }
        throw error;
      }
    },
  },
  {
    flag: "--exactly-once",
    template: ["HINCRBY", "h", "{k}", "{v}"],
    read: ["HGETALL", "h"],
    expected: leaves((sum, n) => sum + n),
    look: async (server) =>
      String(plain(await server.command("GET", "once"))).trim(),
  },
];

for (const way of WAYS) {
  for (const from of ["a file", "standard input"] as const) {
    Deno.test(`kill -9 of respipe, and the same command again: ${way.flag}, ${from}`, async (t) => {
      const first = Random.seed();
      let gained = 0;
      for (let seed = first; seed < first + SEEDS; seed++) {
        await t.step(`seed ${seed}`, async () => {
          gained += await kill(new Random(seed), way, from);
        });
      }
      assert(gained > 0, "some runs went on where a killed one was");
    });
  }
}

/** Gives the command until it is done; counts the runs that went on. */
async function kill(
  random: Random,
  way: Way,
  from: "a file" | "standard input",
): Promise<number> {
  await using server = await startServer();
  using files = new TempFiles();
  const file = files.write("a.csv", INPUT);
  const bad = `${files.path}/bad.csv`;
  const state = `${files.path}/state`;
  const words = [
    ...["load", "-p", String(server.port), "--no-coalesce"],
    ...[way.flag, way.flag === "--state" ? state : "once", "--rejects", bad],
    ...from === "a file" ? [file] : ["-"],
    ...["--", ...way.template],
  ];
  let gained = 0;
  for (let run = 0;; run++) {
    const child = spawnRespipe(words, {
      permissions: [
        `--allow-net=127.0.0.1:${server.port}`,
        ...[`--allow-read=${files.path}`, `--allow-write=${files.path}`],
      ],
    });
    const feeding = feed(child, from === "a file" ? "" : INPUT);
    const killing = run < MOST_KILLS
      ? killSoon(child, random, () => way.look(server, state))
      : undefined;
    const { code, signal, stderr } = await bounded(child.output(), "respipe");
    await killing;
    await feeding;
    const said = new TextDecoder().decode(stderr);
    if (said.includes("Going on at")) gained++;
    if (signal === "SIGKILL") {
      // The key goes when all is in; nobody was told any more.
      const isIn = way.flag === "--exactly-once" &&
        plain(await server.command("EXISTS", "once")) === 0 &&
        plain(await server.command("EXISTS", "h")) === 1;
      if (!isIn) continue;
      assertEquals(await leftBy(server, way), way.expected);
      return gained;
    }
    assertEquals(code, 1, said);
    assertMatch(said, /rejected/);
    break;
  }
  assertEquals(plain(await server.command("EXISTS", "once")), 0);
  assertEquals(await leftBy(server, way), way.expected);
  const [header, ...rejected] = Deno.readTextFileSync(bad).trim().split("\n");
  assertEquals(header, "k,v");
  if (way.flag === "--state") assertEquals(rejected, REJECTED);
  else {
    // What the server has said of a transaction may have been lost.
    const malformed = (line: string): boolean => line.endsWith("too many");
    assertEquals(rejected.filter(malformed), REJECTED.filter(malformed));
    let at = 0;
    for (const line of REJECTED) if (rejected[at] === line) at++;
    assertEquals(at, rejected.length, "in the input's order, each once");
  }
  const report = Deno.readTextFileSync(`${bad}.errors.csv`).trim().split("\n");
  assertEquals(report.length, 1 + rejected.length);
  return gained;
}

async function leftBy(
  server: RedisServer,
  way: Way,
): Promise<Map<string, string>> {
  const pairs = plain(await server.command(...way.read)) as string[];
  const found = new Map<string, string>();
  for (let i = 0; i < pairs.length; i += 2) found.set(pairs[i], pairs[i + 1]);
  return found;
}

/** Kills it at any moment, mostly when it has got on since it was started. */
async function killSoon(
  child: Deno.ChildProcess,
  random: Random,
  look: () => Promise<string>,
): Promise<void> {
  let isOver = false;
  child.status.then(() => isOver = true);
  const before = await look();
  const isPatient = random.int(4) > 0;
  while (isPatient && !isOver && await look() === before) await sleep(5);
  await sleep(random.int(isPatient ? 200 : 600));
  tryKill(child, "SIGKILL");
}

async function feed(child: Deno.ChildProcess, input: string): Promise<void> {
  const writer = child.stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  } catch {
    // It was killed.
  }
}
