/**
 * What an error asks for is done at once.
 *
 * The producer gives a few rows and falls silent. It goes on only when the test
 * has seen what it waits for, so a load that waits for more input first, waits
 * for ever.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { StoppedError } from "../../mod.ts";
import {
  bounded,
  type JsonSummary,
  type LoadOutcome,
  readSummary,
  tryLoad,
} from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { rowSource } from "../support/row_source.ts";
import { endOf, runRespipe, spawnRespipe } from "../support/run_respipe.ts";

/**
 * When a load that does nothing is given up, in ms: before a PING that keeps
 * its connection alive could be what makes it act.
 */
const PATIENCE = 12_000;

/** Rows of which one is bad. */
interface Bad {
  name: string;
  command: string[];
  /** The rows, of `k,v`; all but the bad one are loaded. */
  rows: string[];
  /** The bad one's ordinal. */
  bad: number;
  /** Prepares the server. */
  before?: string[];
  /** Counts the rows that are in. */
  count: string[];
}

const BAD: Bad[] = [
  {
    name: "a malformed row",
    command: ["SET", "{k}", "{v}"],
    rows: ["a,1", "b,2", "c,3,4", "d,5"],
    bad: 3,
    count: ["DBSIZE"],
  },
  {
    name: "a score that is no number",
    command: ["ZADD", "z", "{v}", "{k}"],
    rows: ["a,1", "b,2", "c,x", "d,5"],
    bad: 3,
    count: ["ZCARD", "z"],
  },
  {
    name: "a score that looks like a number",
    command: ["ZADD", "z", "{v}", "{k}"],
    rows: ["a,1", "b,2", "c,1e999", "d,5"],
    bad: 3,
    count: ["ZCARD", "z"],
  },
  {
    name: "coordinates that are out of range",
    command: ["GEOADD", "z", "{v}", "{v}", "{k}"],
    rows: ["a,1", "b,2", "c,89", "d,5"],
    bad: 3,
    count: ["ZCARD", "z"],
  },
  {
    name: "a key of a wrong type, by RPUSH",
    command: ["RPUSH", "{k}", "{v}"],
    rows: ["a,1", "a,2", "wrong,3", "a,4"],
    bad: 3,
    before: ["SET", "wrong", "in the way"],
    count: ["LLEN", "a"],
  },
  {
    name: "a key of a wrong type, by HSET",
    command: ["HSET", "{k}", "{v}", "1"],
    rows: ["a,1", "a,2", "wrong,3", "a,4"],
    bad: 3,
    before: ["SET", "wrong", "in the way"],
    count: ["HLEN", "a"],
  },
  {
    name: "a key that the user may not touch, by SET",
    command: ["SET", "{k}", "{v}"],
    rows: ["ok:a,1", "ok:b,2", "no:c,3", "ok:d,4"],
    bad: 3,
    before: ["ACL", "SETUSER", "default", "resetkeys", "~ok:*"],
    count: ["DBSIZE"],
  },
  {
    name: "the only row, by SET",
    command: ["SET", "{k}", "{v}"],
    rows: ["no:c,3"],
    bad: 1,
    before: ["ACL", "SETUSER", "default", "resetkeys", "~ok:*"],
    count: ["DBSIZE"],
  },
];

const WAYS = [["shared", true], ["not shared", false]] as const;

async function ask(server: RedisServer, words: string[]): Promise<unknown> {
  return plain(await server.command(...words));
}

/** Waits in front of a producer that is silent. */
async function seen(
  isSo: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  while (!await isSo()) {
    if (Date.now() > deadline) throw new Error(`nothing is done: ${what}`);
    await new Promise((wake) => setTimeout(wake, 5));
  }
}

/** A load from a producer that gives some rows, waits, and gives no more. */
function loadSilently(
  server: RedisServer,
  { command, rows }: Pick<Bad, "command" | "rows">,
  options: {
    coalesce: boolean;
    maxErrors?: string;
    onReject?: () => void;
    silence: Promise<void>;
  },
): Promise<LoadOutcome> {
  return tryLoad({
    sources: [rowSource((n) => rows[n - 1], {
      header: "k,v",
      count: rows.length,
      before: (count) => count === rows.length ? options.silence : undefined,
    })],
    commands: [command],
    server: { port: server.port },
    ...options,
  });
}

for (const { before, ...bad } of BAD) {
  for (const [how, coalesce] of WAYS) {
    const what = `${bad.name}, ${how}`;
    Deno.test(`${what}: told and settled before more comes`, async () => {
      await using server = await startServer();
      if (before !== undefined) await server.command(...before);
      const silence = Promise.withResolvers<void>();
      let told = 0;
      const loading = loadSilently(server, bad, {
        coalesce,
        silence: silence.promise,
        onReject: () => told++,
      });
      const good = bad.rows.length - 1;
      try {
        await seen(
          async () => told === 1 && await ask(server, bad.count) === good,
          what,
        );
      } finally {
        silence.resolve();
        await loading;
      }
      const { summary, error, rejects } = await loading;
      assertEquals([error, summary.loaded], [undefined, good]);
      assertEquals(rejects.map(({ record }) => record), [bad.bad]);
    });

    Deno.test(`${what}: --max-errors 0 acts before more comes`, async () => {
      await using server = await startServer();
      if (before !== undefined) await server.command(...before);
      const silence = Promise.withResolvers<void>();
      let result: LoadOutcome;
      try {
        result = await bounded(
          loadSilently(server, bad, {
            coalesce,
            maxErrors: "0",
            silence: silence.promise,
          }),
          what,
          PATIENCE,
        );
      } finally {
        silence.resolve();
      }
      const { summary, error, rejects } = result;
      assert(error instanceof StoppedError, String(error));
      assertEquals(rejects.map(({ record }) => record), [bad.bad]);
      const record = summary.next?.record ?? 0;
      assert(record > bad.bad, `next is ${record}`);
      assertEquals([summary.loaded, summary.rejected], [record - 2, 1]);
    });
  }
}

Deno.test("a refused MSET among many is taken apart before more comes", async () => {
  await using server = await startServer();
  await server.command("ACL", "SETUSER", "default", "resetkeys", "~ok:*");
  const silence = Promise.withResolvers<void>();
  const rows = Array.from(
    { length: 9_000 },
    (_, i) => i % 3_000 === 1_234 ? `no:${i},x` : `ok:${i % 700},${i}`,
  );
  const loading = loadSilently(server, {
    command: ["SET", "{k}", "{v}"],
    rows,
  }, { coalesce: true, silence: silence.promise });
  const expected = new Map(
    rows.filter((row) => row.startsWith("ok"))
      .map((row) => row.split(",") as [string, string]),
  );
  const keys = [...expected.keys()];
  try {
    await seen(async () => {
      const values = await ask(server, ["MGET", ...keys]) as string[];
      return values.every((value, i) => value === expected.get(keys[i]));
    }, "the last values of all keys");
  } finally {
    silence.resolve();
    await loading;
  }
  const { summary, error, rejects } = await loading;
  assertEquals([error, summary.loaded], [undefined, 8_997]);
  assertEquals(rejects.map(({ record }) => record), [1_235, 4_235, 7_235]);
});

/** Runs the program with standard input left open until something is so. */
async function runOpen(
  server: RedisServer,
  words: string[],
  stdin: string,
  isSo?: () => Promise<boolean>,
): Promise<{ code: number; summary: JsonSummary }> {
  const child = spawnRespipe(["load", "-p", `${server.port}`, ...words]);
  const ended = endOf(child);
  const writer = child.stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(stdin));
    if (isSo !== undefined) {
      await seen(isSo, words.join(" "));
      await writer.close();
    }
    const { code, stdout } = await bounded(ended, words.join(" "), PATIENCE);
    return { code, summary: readSummary(stdout) };
  } finally {
    // It ends, whatever the test has found.
    await writer.abort().catch(() => {});
    await ended;
  }
}

Deno.test("the program: --max-errors 0 while a producer is silent", async () => {
  await using server = await startServer();
  const words = ["--json", "--max-errors", "0", "--"];
  const { code, summary } = await runOpen(
    server,
    [...words, "ZADD", "z", "{v}", "{k}"],
    "k,v\na,1\nb,x\nc,3\n",
  );
  assertEquals([code, summary.rejected, summary.unknown], [3, 1, 0]);
});

Deno.test("the program: a refused MSET while a producer is silent", async () => {
  await using server = await startServer();
  await server.command("ACL", "SETUSER", "default", "resetkeys", "~ok:*");
  const { code, summary } = await runOpen(
    server,
    ["--json", "--", "SET", "{k}", "{v}"],
    "k,v\nok:a,1\nno:b,2\nok:c,3\n",
    async () => await ask(server, ["DBSIZE"]) === 2,
  );
  assertEquals([code, summary.loaded, summary.rejected], [1, 2, 1]);
});

/** Shares of rows that are bad, and the exit codes. */
const SHARES: [rows: number, bad: number, limit: string, code: number][] = [
  [3, 3, "10%", 3],
  [500, 55, "10%", 3],
  [500, 50, "10%", 1],
  [500, 45, "10%", 1],
  [999, 999, "100%", 1],
  [1, 1, "0%", 3],
  [2_000, 220, "10%", 3],
];

for (const [count, bad, limit, code] of SHARES) {
  for (const kind of ["the server", "the reader"]) {
    Deno.test(`--max-errors ${limit}: ${bad} of ${count} by ${kind}`, async () => {
      await using server = await startServer();
      let csv = "k,v\n";
      for (let n = 1; n <= count; n++) {
        // Spread evenly, so that the share is passed at the end, not before.
        const isBad = Math.floor(n * bad / count) >
          Math.floor((n - 1) * bad / count);
        csv += isBad
          ? `${n},${kind === "the server" ? "x" : "1,1"}\n`
          : `${n},1\n`;
      }
      const run = await runRespipe([
        ...["load", "-p", `${server.port}`, "--json", "--max-errors", limit],
        ...["--", "ZADD", "z", "{v}", "{k}"],
      ], { stdin: csv });
      assertEquals(run.code, code, run.stderr);
      const { records, rejected, unknown } = readSummary(run.stdout);
      assertEquals(unknown, 0);
      if (count < 1_000) assertEquals([records, rejected], [count, bad]);
      assertEquals(await ask(server, ["ZCARD", "z"]), records - rejected);
    });
  }
}
