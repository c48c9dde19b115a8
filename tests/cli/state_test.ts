/**
 * `--state FILE`: the same command goes on where the last one ended.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { gzipSync } from "node:zlib";
import { startHttpServer } from "../support/http_server.ts";
import {
  assertSentence,
  bounded,
  readSummary,
  until,
} from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import {
  endOf,
  type Run,
  type RunOptions,
  runRespipe,
  spawnRespipe,
} from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const ROWS = 5_000;
const HSET = ["HSET", "h", "{id}", "{v}"];
const RPUSH = ["RPUSH", "h", "{id}"];

/** Rows of which every hundredth is malformed. */
function csv(count = ROWS, from = 1): string {
  let text = "id,v\n";
  for (let n = from; n < from + count; n++) {
    text += `${n},${n}${n % 100 === 0 ? ",x" : ""}\n`;
  }
  return text;
}

/** A load with a state, which ends early where it is told to. */
class Nightly implements AsyncDisposable {
  readonly bad: string;

  constructor(
    readonly server: RedisServer,
    readonly files = new TempFiles(),
    readonly state = `${files.path}/state.json`,
  ) {
    this.bad = `${files.path}/bad.csv`;
  }

  static async start(): Promise<Nightly> {
    return new Nightly(await startServer());
  }

  run(
    files: string[],
    flags: string[] = [],
    template = HSET,
    options: Pick<RunOptions, "stdin"> = {},
  ): Promise<Run> {
    const { path } = this.files;
    return runRespipe([
      ...["load", "-p", String(this.server.port), "--json"],
      ...["--state", this.state, ...flags, ...files, "--", ...template],
    ], {
      ...options,
      permissions: [
        `--allow-net=127.0.0.1:${this.server.port}`,
        `--allow-read=${path}`,
        `--allow-write=${path}`,
      ],
    });
  }

  /** What stands in the state. */
  saved(): Record<string, unknown> {
    return JSON.parse(Deno.readTextFileSync(this.state));
  }

  async count(): Promise<unknown> {
    return plain(await this.server.command("HLEN", "h"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.files[Symbol.dispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

/** Ends a load after so many of its records were rejected. */
function stop(rejects: number): string[] {
  return ["--max-errors", String(rejects)];
}

Deno.test("a load that was stopped goes on, of a file, and its rejects too", async () => {
  await using nightly = await Nightly.start();
  const { files, bad } = nightly;
  const one = files.write("one.csv", csv(1_000));
  const two = files.write("two.csv", csv(29_000, 1_001));
  const first = await nightly.run([one, two], [
    ...["--rejects", bad],
    ...stop(250),
  ]);
  assertEquals(first.code, 3, first.stderr);
  assertMatch(
    first.stderr,
    /to go on, give the same command again: \S+state\.json says from where\n$/,
  );
  const before = readSummary(first.stdout);
  assertEquals(before.unknown, 0);
  assertEquals(before.next!.source, two);
  const saved = nightly.saved();
  assertEquals([saved.status, saved.unknown], ["stopped", 0]);
  assertEquals(saved.loaded, before.loaded);

  const second = await nightly.run([one, two], ["--rejects", bad]);
  assertEquals(second.code, 1, second.stderr);
  const { source, line } = before.next!;
  assertMatch(
    second.stderr,
    new RegExp(
      `^respipe: Going on at ${source}:${line}, as \\S+ says: [0-9,]+ records ` +
        "before it are settled already\\n",
    ),
  );
  const after = readSummary(second.stdout);
  const { record } = before.next!;
  assertEquals(after.resumedAt, { source, record, line });
  assertEquals(before.records + after.records, 30_000);
  // Not from the start: that part of the file was sought.
  assert(Number(after.bytesIn) < Deno.statSync(two).size / 2);
  assertEquals(await nightly.count(), 30_000 * 0.99);
  const rejected = Deno.readTextFileSync(bad).split("\n");
  assertEquals(rejected.length, 1 + 30_000 / 100 + 1);
  assertEquals(rejected[0], "id,v");
  assertEquals(rejected[1], "100,100,x");
  assertEquals(rejected.at(-2), "30000,30000,x");
  assertEquals(new Set(rejected).size, rejected.length);
  const report = Deno.readTextFileSync(`${bad}.errors.csv`).split("\r\n");
  assertEquals(report.length, 1 + 30_000 / 100 + 1);
  assertEquals(nightly.saved().status, "complete");

  // The next night: all of it again.
  await nightly.server.command("FLUSHALL");
  const third = await nightly.run([one, two], ["--rejects", bad]);
  assertEquals(third.code, 1);
  assertEquals(readSummary(third.stdout).records, 30_000);
  assertEquals(await nightly.count(), 30_000 * 0.99);
});

/** Lines of JSON of which every hundredth is malformed. */
function jsonLines(count: number): string {
  let text = "";
  for (let n = 1; n <= count; n++) {
    text += `{"id":${n},"v":${n}}${n % 100 === 0 ? "," : ""}\n`;
  }
  return text;
}

/** More than may be in flight when a load is stopped. */
const MANY = 200_000;

const TEXTS: [name: string, bytes: Uint8Array, reject: string][] = [
  ["in.csv.gz", gzipSync(csv(MANY)), "100,100,x"],
  [
    "in.jsonl",
    new TextEncoder().encode(jsonLines(MANY)),
    '{"id":100,"v":100},',
  ],
  ["in.jsonl.gz", gzipSync(jsonLines(MANY)), '{"id":100,"v":100},'],
];

for (const [name, bytes, reject] of TEXTS) {
  Deno.test(`a load that was stopped goes on, of ${name}`, async () => {
    await using nightly = await Nightly.start();
    const path = nightly.files.write(name, bytes);
    const flags = ["--rejects", nightly.bad];
    const first = await nightly.run([path], [...flags, ...stop(150)]);
    assertEquals(first.code, 3, first.stderr);
    const second = await nightly.run([path], flags);
    assertEquals(second.code, 1, second.stderr);
    const [before, after] = [first, second].map((it) => readSummary(it.stdout));
    assert(before.records > 0 && after.records > 0);
    assertEquals(before.records + after.records, MANY);
    assertEquals(await nightly.count(), 0.99 * MANY);
    const rejected = Deno.readTextFileSync(nightly.bad).split("\n")
      .filter((line) => line !== "" && line !== "id,v");
    assertEquals(rejected.length, MANY / 100);
    assertEquals(rejected[0], reject);
    assertEquals(new Set(rejected).size, MANY / 100);
  });
}

Deno.test("nothing secret of a URL or its headers is in the state", async () => {
  await using nightly = await Nightly.start();
  const { server, files, state } = nightly;
  await using http = startHttpServer(() => ({
    head: ["200 OK"],
    body: csv(9),
  }));
  const run = await runRespipe([
    ...["load", "-p", String(server.port), "--state", state],
    ...["--header", "X-Key: HUSH", `${http.origin}/in.csv?sig=HUSH`],
    ...["--", ...HSET],
  ], {
    permissions: [
      `--allow-net=127.0.0.1:${server.port},127.0.0.1:${http.port}`,
      `--allow-read=${files.path}`,
      `--allow-write=${files.path}`,
    ],
  });
  assertEquals(run.code, 0, run.stderr);
  const text = Deno.readTextFileSync(state);
  assert(text.includes(`${http.origin}/in.csv?...`), text);
  assert(!(text + run.stdout + run.stderr).includes("HUSH"), text);
  assertEquals(http.seen[0].headers.get("x-key"), "HUSH");
});

Deno.test("standard input is read over", async () => {
  await using nightly = await Nightly.start();
  const stdin = csv();
  const first = await nightly.run([], stop(20), HSET, { stdin });
  assertEquals(first.code, 3, first.stderr);
  const second = await nightly.run([], [], HSET, { stdin });
  assertEquals(second.code, 1, second.stderr);
  assertMatch(second.stderr, /^respipe: Going on at -:\d+, as /);
  const counts = [first, second].map(({ stdout }) => readSummary(stdout));
  assertEquals(counts[0].records + counts[1].records, ROWS);
  assertEquals(await nightly.count(), ROWS * 0.99);
});

Deno.test("other bytes on standard input are noticed before anything is sent", async () => {
  for (const stdin of [csv(ROWS, 2), "id,v\n1,1\n"]) {
    await using nightly = await Nightly.start();
    await nightly.run([], stop(20), HSET, { stdin: csv() });
    const { next } = nightly.saved();
    await nightly.server.command("FLUSHALL");
    const run = await nightly.run([], [], HSET, { stdin });
    assertEquals(run.code, 2, run.stderr);
    assertMatch(
      run.stderr,
      /Cannot go on at -:\d+: what comes before/,
    );
    assertEquals(await nightly.count(), 0);
    assertEquals(nightly.saved().next, next);
  }
});

Deno.test("--limit counts the records of all runs", async () => {
  await using nightly = await Nightly.start();
  const file = nightly.files.write("a.csv", csv());
  const limit = ["--limit", "4000"];
  const first = await nightly.run([file], [...limit, ...stop(20)]);
  assertEquals(first.code, 3, first.stderr);
  const second = await nightly.run([file], limit);
  assertEquals(second.code, 1, second.stderr);
  const counts = [first, second].map(({ stdout }) => readSummary(stdout));
  assertEquals(counts[0].records + counts[1].records, 4_000);
});

/** What is another load, and what is said of it. */
const OTHERS: [
  name: string,
  flags: string[],
  template: string[],
  change: (path: string) => void,
  says: RegExp,
][] = [
  ["a template", [], RPUSH, () => {}, /the command template was another one/],
  [
    "a delimiter",
    ["--delimiter", ";"],
    HSET,
    () => {},
    /delimiter was not given/,
  ],
  ["a longer file", [], HSET, (path) => {
    Deno.writeTextFileSync(path, "9,9\n", { append: true });
  }, /a\.csv had [0-9,]+ bytes, and has [0-9,]+ bytes/],
  ["another start", [], HSET, (path) => {
    const text = Deno.readTextFileSync(path);
    Deno.writeTextFileSync(path, text.replace("\n1,", "\n8,"));
  }, /a\.csv begins with other bytes/],
  ["a newer file", [], HSET, (path) => {
    Deno.utimeSync(path, new Date(), new Date("2030-01-01"));
  }, /a\.csv was changed at 2030-01-01/],
];

for (const [name, flags, template, change, says] of OTHERS) {
  Deno.test(`another load is refused, and says what differs: ${name}`, async () => {
    await using nightly = await Nightly.start();
    const file = nightly.files.write("a.csv", csv());
    assertEquals((await nightly.run([file], stop(20))).code, 3);
    const before = Deno.readTextFileSync(nightly.state);
    await nightly.server.command("FLUSHALL");
    change(file);
    const run = await nightly.run([file], flags, template);
    assertEquals(run.code, 2, run.stderr);
    assertMatch(run.stderr, says);
    assertMatch(run.stderr, /to begin anew, remove \S+state\.json\n/);
    assertEquals(plain(await nightly.server.command("DBSIZE")), 0);
    assertEquals(Deno.readTextFileSync(nightly.state), before);
  });
}

Deno.test("other files are refused, by name", async () => {
  await using nightly = await Nightly.start();
  const file = nightly.files.write("a.csv", csv());
  const other = nightly.files.write("b.csv", csv());
  assertEquals((await nightly.run([file], stop(20))).code, 3);
  const run = await nightly.run([other]);
  assertEquals(run.code, 2);
  assertMatch(run.stderr, /the input was \S+a\.csv; to begin anew/);
});

Deno.test("a load that is not repeatable goes on only where nothing is unknown", async () => {
  await using nightly = await Nightly.start();
  const file = nightly.files.write("a.csv", csv());
  const first = await nightly.run([file], stop(20), RPUSH);
  assertEquals(first.code, 3, first.stderr);
  const second = await nightly.run([file], stop(30), RPUSH);
  assertEquals(second.code, 1, second.stderr);
  assertEquals(
    plain(await nightly.server.command("LRANGE", "h", "0", "-1")),
    Array.from({ length: ROWS }, (_, i) => `${i + 1}`)
      .filter((n) => !n.endsWith("00")),
  );
  // As a run leaves it that was killed.
  await nightly.run([file], stop(20), RPUSH);
  const killed = { ...nightly.saved(), status: "running", unknown: 7 };
  nightly.files.write("state.json", JSON.stringify(killed));
  const refused = await nightly.run([file], [], RPUSH);
  assertEquals(refused.code, 2);
  assertMatch(
    refused.stderr,
    /the last run was killed, and records behind that may be in already, which RPUSH would put in twice; --at-least-once allows that/,
  );
  const allowed = await nightly.run([file], ["--at-least-once"], RPUSH);
  assertEquals(allowed.code, 1, allowed.stderr);
});

Deno.test("a state that cannot be used is wrong usage", async () => {
  await using nightly = await Nightly.start();
  const { files, state } = nightly;
  const file = files.write("a.csv", csv(10));
  for (
    const text of ["{}", "[1]", '{"respipe":"state of a load"}', "null"]
  ) {
    Deno.writeTextFileSync(state, text);
    const run = await nightly.run([file]);
    assertEquals(run.code, 2, text);
    assertMatch(run.stderr, /it is not the state of a load .*; name another/);
    assertEquals(Deno.readTextFileSync(state), text);
  }
  Deno.removeSync(state);
  const input = await new Nightly(nightly.server, files, file).run([file]);
  assertEquals(input.code, 2);
  assertMatch(
    input.stderr,
    /Cannot use --state \S+a\.csv: it is an input file/,
  );
  const both = await nightly.run([file], ["--from-line", "3"]);
  assertEquals(both.code, 2);
  assertMatch(both.stderr, /--state and --from-line exclude each other/);
  const missing = `${files.path}/no/s`;
  const nowhere = await new Nightly(nightly.server, files, missing).run([file]);
  assertEquals(nowhere.code, 2);
  assertMatch(nowhere.stderr, /Cannot use --state \S+\/no\/s: /);
});

Deno.test("wrong usage leaves no state", async () => {
  await using nightly = await Nightly.start();
  const file = nightly.files.write("a.csv", csv(10));
  const wrong = await nightly.run([file], [], ["SET", "{no}", "1"]);
  assertEquals(wrong.code, 2);
  assertEquals([...Deno.readDirSync(nightly.files.path)].length, 1);
  const right = await nightly.run([file], [], HSET);
  assertEquals(right.code, 0, right.stderr);
});

/** Starts a load of endless rows, and harms it when some of them are in. */
async function interrupted(
  nightly: Nightly,
  harm: (child: Deno.ChildProcess) => Promise<unknown> | void,
): Promise<Run> {
  const { server, files, state } = nightly;
  const child = spawnRespipe([
    ...["load", "-p", String(server.port), "--json", "--retry", "0.3"],
    ...["--state", state, "--", ...HSET],
  ], {
    permissions: [
      `--allow-net=127.0.0.1:${server.port}`,
      ...[`--allow-read=${files.path}`, `--allow-write=${files.path}`],
    ],
  });
  const ended = endOf(child);
  const writer = child.stdin.getWriter();
  const feeding = (async (): Promise<void> => {
    try {
      await writer.write(new TextEncoder().encode("id,v\n"));
      for (let n = 1;; n++) {
        await writer.write(new TextEncoder().encode(`${n},${n}\n`));
        if (n % 100 === 0) await new Promise((wake) => setTimeout(wake, 1));
      }
    } catch {
      // It reads no more.
    }
  })();
  await until(async () => await nightly.count() as number > 500, "some rows");
  await harm(child);
  const run = await bounded(ended, "respipe");
  await feeding;
  return run;
}

/** The same rows, of which there is an end now. */
function endedBehind(count: number): string {
  return "id,v\n" +
    Array.from({ length: count }, (_, i) => `${i + 1},${i + 1}\n`).join("");
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test({
    name: `a load that was interrupted goes on: ${signal}`,
    ignore: Deno.build.os === "windows",
    fn: async () => {
      await using nightly = await Nightly.start();
      const first = await interrupted(
        nightly,
        (child) => child.kill(signal),
      );
      assertEquals(first.code, signal === "SIGINT" ? 130 : 143);
      const { records, next } = readSummary(first.stdout);
      assertEquals(nightly.saved().status, "stopped");
      const stdin = endedBehind(records + 1_000);
      const second = await nightly.run([], [], HSET, { stdin });
      assertEquals(second.code, 0, second.stderr);
      assertMatch(second.stderr, new RegExp(`Going on at -:${next!.line},`));
      const after = readSummary(second.stdout);
      assertEquals(after.records, records + 1_000 - (next!.record - 1));
      assertEquals(await nightly.count(), records + 1_000);
    },
  });
}

Deno.test("a load whose server was away for too long goes on when it is back", async () => {
  const durable = ["--appendonly", "yes", "--appendfsync", "always"];
  await using nightly = new Nightly(await startServer({ args: durable }));
  const { server } = nightly;
  const first = await interrupted(nightly, () => server.kill());
  assertEquals(first.code, 4, first.stderr);
  const { records, unknown, next } = readSummary(first.stdout);
  const saved = nightly.saved();
  assertEquals([saved.status, saved.unknown], ["stopped", unknown]);
  await using other = await startServer({
    port: server.port,
    args: [...durable, "--dir", server.directory],
  });
  const stdin = endedBehind(records + 1_000);
  const again = new Nightly(other, nightly.files);
  const second = await again.run([], [], HSET, { stdin });
  assertEquals(second.code, 0, second.stderr);
  assertMatch(second.stderr, new RegExp(`Going on at -:${next!.line},`));
  assertEquals(await again.count(), records + 1_000);
});

Deno.test("of two loads with one state the second ends, and harms nothing", async () => {
  await using nightly = await Nightly.start();
  const { state, files } = nightly;
  const file = files.write("a.csv", csv(10));
  let second: Run | undefined;
  const first = await interrupted(nightly, async (child) => {
    // What is locked has to be replaced by what is locked, too.
    await until(
      () => /"next": \{/.test(Deno.readTextFileSync(state)),
      "a state that was saved on the way",
    );
    second = await nightly.run([file], ["--rejects", `${files.path}/r`], HSET);
    child.kill("SIGKILL");
  });
  assertEquals(second!.code, 75, second!.stderr);
  assertSentence(
    second!.stderr,
    /Cannot use --state \S+: another respipe uses it now; nothing was sent/,
  );
  assertEquals(first.code, 137);
  const rows = endedBehind(Number(await nightly.count()));
  const third = await nightly.run([], [], HSET, { stdin: rows });
  assertEquals(third.code, 0, third.stderr);
  assertMatch(third.stderr, /Going on at -:\d+/);
});

Deno.test("a state that a killed load has left empty is a new one", async () => {
  await using nightly = await Nightly.start();
  const file = nightly.files.write("a.csv", csv(10));
  Deno.writeTextFileSync(nightly.state, "");
  const run = await nightly.run([file], [], HSET);
  assertEquals(run.code, 0, run.stderr);
});
