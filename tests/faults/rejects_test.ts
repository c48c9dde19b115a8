import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse } from "@std/csv";
import {
  assertSentence,
  readSummary,
  withoutContinuation,
} from "../support/outcome.ts";
import { ask } from "../support/plain_reply.ts";
import { Random } from "../support/random.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import {
  endOf,
  respipeCommand,
  type Run,
  runRespipe,
  spawnRespipe,
} from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

/**
 * Megabytes that no load comes to, however many rejects it has: measured are
 * 95 without any, and 330 where each of 1,000,000 or 3,000,000 rows is one.
 */
const MOST_MEMORY = 400;

/** Runs a load that may write its rejects; also gives its peak memory. */
async function load(
  server: { port: number },
  files: TempFiles,
  words: string[],
): Promise<Run & { peak: number }> {
  const child = spawnRespipe(["load", "-p", `${server.port}`, ...words], {
    permissions: [
      `--allow-net=127.0.0.1:${server.port}`,
      `--allow-read=${files.path}`,
      `--allow-write=${files.path}`,
    ],
    cwd: files.path,
  });
  await child.stdin.close();
  let peak = 0;
  const watching = setInterval(() => {
    try {
      const status = Deno.readTextFileSync(`/proc/${child.pid}/status`);
      const kb = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0);
      peak = Math.max(peak, kb * 1024);
    } catch {
      // Not everywhere there is a /proc, and not for ever.
    }
  }, 10);
  const run = await endOf(child);
  clearInterval(watching);
  return { ...run, peak };
}

function filesIn(files: TempFiles): string[] {
  return [...Deno.readDirSync(files.path)].map(({ name }) => name).sort();
}

const HEADER = '"id",n,"the text"\n';
const TEMPLATE = ["--", "HINCRBY", "h", "{id}", "{n}"];

/** A row, and what it is where it is poisoned. */
function rowOf(n: number, poison: number): string {
  const text = n % 5 === 0 ? `"line\nbreak, ""${n}"""` : `row ${n}`;
  switch (poison) {
    case 1:
      return `${n},one,${text}\n`;
    case 2:
      return `${n},1,${text},more\n`;
    case 3:
      return `${n},1,"te"xt\n`;
    case 4:
      return `"${n}"x,1,text\n`;
    default:
      return `${n},1,${text}\n`;
  }
}

/** A CSV with poison at random places. */
function poisoned(
  random: Random,
  rows: number,
  count: number,
): { csv: string; rejects: string[]; mended: string } {
  const places = new Set<number>();
  while (places.size < count) places.add(1 + random.int(rows));
  const lines: string[] = [HEADER];
  const rejects: string[] = [];
  const mended: string[] = [HEADER];
  for (let n = 1; n <= rows; n++) {
    const line = rowOf(n, places.has(n) ? 1 + random.int(4) : 0);
    lines.push(line);
    if (!places.has(n)) continue;
    rejects.push(line);
    mended.push(rowOf(n, 0));
  }
  return { csv: lines.join(""), rejects, mended: mended.join("") };
}

const SIZES: [rows: number, count: number][] = [
  [1_000_000, 1],
  [1_000_000, 1_000],
  [1_000_000, 100_000],
];

for (const [rows, count] of SIZES) {
  const seed = Random.seed();
  Deno.test(`${count} of ${rows} rows are poisoned, seed ${seed}`, async () => {
    await using server = await startServer();
    using files = new TempFiles();
    const { csv, rejects, mended } = poisoned(new Random(seed), rows, count);
    const path = files.write("in.csv", csv);
    const flags = ["--json", "--rejects", `${files.path}/out.csv`];
    const run = await load(server, files, [...flags, path, ...TEMPLATE]);
    assertEquals(run.code, 1, run.stderr);
    assert(run.stderr.length < 2_000, run.stderr);
    const summary = readSummary(run.stdout);
    assertEquals(
      [summary.records, summary.loaded, summary.rejected, summary.unknown],
      [rows, rows - count, count, 0],
    );
    assertEquals(await ask(server, "HLEN", "h"), rows - count);
    if (Deno.build.os === "linux") {
      const megabytes = Math.round(run.peak / 1e6);
      assert(megabytes > 0 && megabytes < MOST_MEMORY, `${megabytes} MB`);
    }

    const out = Deno.readTextFileSync(`${files.path}/out.csv`);
    assert(out === HEADER + rejects.join(""), "rejects, byte for byte");
    assertErrors(files, path, csv, rejects);

    Deno.writeTextFileSync(`${files.path}/out.csv`, mended);
    const again = await load(server, files, [
      ...["--json", "--rejects", `${files.path}/again.csv`],
      ...[`${files.path}/out.csv`, ...TEMPLATE],
    ]);
    assertEquals([again.code, again.stderr], [0, ""]);
    assertEquals(await ask(server, "HLEN", "h"), rows);
    assertEquals(filesIn(files), ["in.csv", "out.csv", "out.csv.errors.csv"]);
  });
}

/** Checks the report against the input itself. */
function assertErrors(
  files: TempFiles,
  path: string,
  csv: string,
  rejects: string[],
): void {
  const text = Deno.readTextFileSync(`${files.path}/out.csv.errors.csv`);
  const [columns, ...errors] = parse(text) as string[][];
  assertEquals(columns, [
    ...["file", "record", "line", "offset", "command", "error", "failed"],
  ]);
  assertEquals(errors.length, rejects.length);
  let line = 1;
  let seen = 0;
  errors.forEach((row, i) => {
    const [file, record, atLine, offset, command, error, failed] = row;
    const at = Number(offset);
    const id = /^"?(\d+)/.exec(rejects[i])![1];
    // The input is ASCII: a character is a byte.
    const found = csv.slice(at, at + rejects[i].length);
    for (; seen < at; seen++) if (csv[seen] === "\n") line++;
    const isServer = rejects[i].startsWith(`${id},one,`);
    assertEquals(
      [file, record, Number(atLine), found, command, failed],
      [
        ...[path, id, line, rejects[i]],
        ...(isServer ? [`HINCRBY h ${id} one`, "1 of 1"] : ["", ""]),
      ],
    );
    assertMatch(error, isServer ? /^ERR value is not an/ : /field|quote/);
  });
}

Deno.test("rejects of sources with different headers", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  files.write("a.csv", "id,n\n1,1\n2,x\n");
  files.write("b.csv", "n,id\nx,3\n1,4");
  // The last row has no line break, and another one comes behind it.
  files.write("c.csv", "id,n\n5,x");
  files.write("d.csv", "id,n\n6,x");
  const run = await load(server, files, [
    ...["--rejects", "out", "a.csv", "b.csv", "c.csv", "d.csv"],
    ...["--", "INCRBY", "k:{id}", "{n}"],
  ]);
  assertEquals(run.code, 1, run.stderr);
  assertEquals(await ask(server, "DBSIZE"), 2);
  const read = (name: string): string =>
    Deno.readTextFileSync(`${files.path}/${name}`);
  assertEquals(read("out"), "id,n\n2,x\n5,x\n6,x");
  assertEquals(read("out.2"), "n,id\nx,3\n");
  const errors = parse(read("out.errors.csv")) as string[][];
  assertEquals(errors.map(([file, , line]) => `${file}:${line}`), [
    ...["file:line", "a.csv:3", "b.csv:2", "c.csv:2", "d.csv:2"],
  ]);
});

Deno.test("a row whose second command fails", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  files.write("in.csv", "id,n\n1,1\n2,x\n3,1\n");
  const run = await load(server, files, [
    ...["--json", "--rejects", "out", "in.csv"],
    ...["--then", "INCRBY n {n}", "--then", "INCR m", "--", "SET", "{id}", "v"],
  ]);
  assertEquals(run.code, 1);
  assertEquals(readSummary(run.stdout).loaded, 2);
  const [, [, record, , , command]] = parse(
    Deno.readTextFileSync(`${files.path}/out.errors.csv`),
  ) as string[][];
  assertEquals([record, command], ["2", "INCRBY n x"]);
  assertEquals(Deno.readTextFileSync(`${files.path}/out`), "id,n\n2,x\n");
});

Deno.test("a row whose error is longer than any line", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  files.write("in.csv", "id\n1\n2\n3\n");
  const script = "if ARGV[1] == '2' then " +
    "return redis.error_reply('ERR ' .. string.rep('x', 100000)) end " +
    "return redis.call('SADD', 's', ARGV[1])";
  const run = await load(server, files, [
    ...["in.csv", "--json", "--rejects", "bad.csv"],
    ...["--", "EVAL", script, "0", "{id}"],
  ]);
  assertEquals(run.code, 1, run.stderr);
  const { loaded, rejected, unknown } = readSummary(run.stdout);
  assertEquals([loaded, rejected, unknown], [2, 1, 0]);
  assertEquals(await ask(server, "SCARD", "s"), 2);
  assertEquals(
    Deno.readTextFileSync(`${files.path}/bad.csv`),
    "id\n2\n",
  );
});

Deno.test("a row whose transaction fails within EXEC", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  files.write("in.csv", "id,n\n1,1\n2,x\n3,1\n");
  const run = await load(server, files, [
    ...["--json", "--rejects", "out", "in.csv"],
    ...["--then", "SET k:{id} v", "--then", "INCRBY n {n}", "--then", "EXEC"],
    ...["--", "MULTI"],
  ]);
  assertEquals(run.code, 1);
  const { loaded, errors } = readSummary(run.stdout);
  assertEquals([loaded, errors.length, errors[0].first], [2, 1, ["in.csv:3"]]);
  assertMatch(errors[0].error, /^ERR value is not an integer/);
  assertEquals(Deno.readTextFileSync(`${files.path}/out`), "id,n\n2,x\n");
});

/** A path for rejects that cannot be, and what is said. */
const REFUSED: [
  name: string,
  prepare: (files: TempFiles) => void,
  path: string,
  sentence: RegExp,
][] = [
  ["the input itself", () => {}, "in.csv", /rejects to in\.csv: .* input/],
  ["the input by another way", () => {}, "./in.csv", /: it is an input file/],
  [
    "a link to the input",
    ({ path }) => Deno.symlinkSync(`${path}/in.csv`, `${path}/link`),
    "link",
    /rejects to link: it is an input file/,
  ],
  [
    "a hard link to the input",
    ({ path }) => Deno.linkSync(`${path}/in.csv`, `${path}/link`),
    "link",
    /rejects to link: it is an input file/,
  ],
  [
    "a path whose report would be the input",
    ({ path }) => Deno.symlinkSync(`${path}/in.csv`, `${path}/out.errors.csv`),
    "out",
    /rejects to out\.errors\.csv: it is an input file/,
  ],
  ["a directory that is not there", () => {}, "no/out", /Cannot write no\/out/],
  [
    "a path that is a directory",
    ({ path }) => Deno.mkdirSync(`${path}/dir`),
    "dir",
    /Cannot write dir: /,
  ],
  [
    "a report that is a directory",
    ({ path }) => Deno.mkdirSync(`${path}/out.errors.csv`),
    "out",
    /Cannot write out\.errors\.csv: /,
  ],
];

for (const [name, prepare, path, sentence] of REFUSED) {
  Deno.test(`--rejects refuses ${name}`, async () => {
    await using server = await startServer();
    using files = new TempFiles();
    files.write("in.csv", "id,n\n1,1\n");
    prepare(files);
    const before = filesIn(files);
    const run = await load(server, files, [
      ...["--json", "--rejects", path, "in.csv", "--", "SET", "{id}", "{n}"],
    ]);
    assertEquals(run.code, 2, run.stderr);
    assertSentence(run.stderr, sentence);
    assertEquals(readSummary(run.stdout).exitCode, 2);
    assertEquals(await ask(server, "DBSIZE"), 0);
    assertEquals(filesIn(files), before);
    assertEquals(
      Deno.readTextFileSync(`${files.path}/in.csv`),
      "id,n\n1,1\n",
    );
  });
}

Deno.test({
  name: "--rejects finds a link to the input without leave to look at it",
  ignore: (Deno.env.get("RESPIPE_BIN") ?? "") !== "",
  fn: async () => {
    await using server = await startServer();
    using files = new TempFiles();
    const path = files.write("in.csv", "id,n\n1,1\n2,x\n");
    const link = `${files.path}/link`;
    Deno.linkSync(path, link);
    const run = await runRespipe([
      ...["load", "-p", `${server.port}`, "--rejects", link, path],
      ...["--", "INCRBY", "{id}", "{n}"],
    ], {
      permissions: [
        `--allow-net=127.0.0.1:${server.port}`,
        `--allow-read=${path}`,
        `--allow-write=${link},${link}.errors.csv`,
      ],
    });
    assertEquals(Deno.readTextFileSync(path), "id,n\n1,1\n2,x\n");
    assertEquals([run.code, await ask(server, "DBSIZE")], [2, 0], run.stderr);
  },
});

/** Runs a load whose rejects go to a disk that is full. */
async function loadIntoFull(
  server: RedisServer,
  csv: string,
): Promise<Run> {
  using files = new TempFiles();
  files.write("in.csv", csv);
  Deno.symlinkSync("/dev/full", `${files.path}/out`);
  return await runRespipe([
    ...["load", "-p", `${server.port}`, "--json", "--rejects", "out", "in.csv"],
    ...["--", "INCRBY", "{id}", "{n}"],
  ], { permissions: ["-A"], cwd: files.path });
}

Deno.test("a disk that is full of rejects stops the load", async () => {
  await using server = await startServer();
  const rows = Array.from({ length: 100_000 }, (_, i) => `${i},x\n`);
  const run = await loadIntoFull(server, `id,n\n${rows.join("")}`);
  assertEquals(run.code, 3, run.stderr);
  assertMatch(
    withoutContinuation(run.stderr),
    /(^|\n)respipe: Cannot write to out: [^\n]+\n$/,
  );
  const summary = readSummary(run.stdout);
  assertEquals([summary.exitCode, summary.loaded], [3, 0]);
  // Each is counted, whether it could be written or not.
  const errors = summary.errors as { count: number }[];
  const told = errors.reduce((sum, { count }) => sum + count, 0);
  assertEquals(told, summary.rejected);
});

Deno.test("rejects that fit a buffer are missed no more than others", async () => {
  await using server = await startServer();
  const run = await loadIntoFull(server, "id,n\n1,x\n2,1\n");
  assertEquals(run.code, 3, run.stderr);
  const { exitCode, rejected, unknown, next } = readSummary(run.stdout);
  assertEquals([exitCode, rejected, unknown], [3, 0, 2]);
  assertEquals((next as { line: number }).line, 2);
});

/** Runs a load whose files may have so many blocks of 512 bytes. */
async function loadIntoSmallFiles(
  words: string[],
  cwd: string,
  blocks: number,
): Promise<Run> {
  const { program, words: all } = respipeCommand(words, ["-A"]);
  const limited = `trap "" XFSZ; ulimit -f ${blocks}; exec "$@"`;
  return await endOf(
    new Deno.Command("sh", {
      args: ["-c", limited, "sh", program, ...all],
      cwd,
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
}

for (
  const [name, kept] of [["--from-line", []], ["--state", ["state"]]] as const
) {
  Deno.test(`${name} goes on behind the rejects that were written`, async () => {
    await using server = await startServer();
    using files = new TempFiles();
    const bad = (i: number): boolean => i % 4 === 0;
    const rows = Array.from(
      { length: 60_000 },
      (_, i) => `${i},${bad(i) ? "x" : i}\n`,
    );
    files.write("in.csv", `id,n\n${rows.join("")}`);
    const words = [
      ...["load", "-p", `${server.port}`, "--json"],
      ...(kept.length > 0 ? [name, ...kept] : []),
      ...["--rejects", "out", "in.csv", "--", "ZADD", "z", "{n}", "{id}"],
    ];
    const full = await loadIntoSmallFiles(words, files.path, 1_000);
    assertEquals(full.code, 3, full.stderr);
    assertMatch(full.stderr, /unknown: [\d,]+ \(rejects among them could not /);
    const summary = readSummary(full.stdout);
    const [loaded, rejected] = [
      Number(summary.loaded),
      Number(summary.rejected),
    ];
    assert(rejected > 0, full.stderr);
    const { record } = summary.next as { record: number };
    assertEquals(loaded + rejected, record - 1);
    const written = rows.slice(0, record - 1).filter((_, i) => bad(i));
    assertEquals(
      Deno.readTextFileSync(`${files.path}/out`),
      `id,n\n${written.join("")}`,
    );
    assertEquals(written.length, rejected);

    const line = String(summary.continue).replaceAll("'", "");
    const [, ...command] = line.split(" ");
    const again = await runRespipe(command, {
      permissions: ["-A"],
      cwd: files.path,
    });
    assertEquals(again.code, 1, again.stderr);
    const [out] = command.slice(command.indexOf("--rejects") + 1);
    const rest = Deno.readTextFileSync(`${files.path}/${out}`);
    const all = out === "out" ? "" : written.join("");
    assertEquals(
      all + rest.slice("id,n\n".length),
      rows.filter((_, i) => bad(i)).join(""),
    );
    assertEquals(await ask(server, "ZCARD", "z"), 45_000);
  });
}

Deno.test("a load goes on in front of rejects that could not be written", async () => {
  await using server = await startServer();
  for (const kept of [["--state", "state"], ["--exactly-once", "once"]]) {
    using files = new TempFiles();
    const bad = (i: number): boolean => i % 2 === 0;
    const rows = Array.from(
      { length: 50_000 },
      (_, i) => `${i},${bad(i) ? "x" : i}\n`,
    );
    files.write("in.csv", `id,n\n${rows.join("")}`);
    Deno.symlinkSync("/dev/full", `${files.path}/out`);
    const load = (): Promise<Run> =>
      runRespipe([
        ...["load", "-p", `${server.port}`, ...kept, "--rejects", "out"],
        ...["in.csv", "--", "ZADD", "z", "{n}", "{id}"],
      ], { permissions: ["-A"], cwd: files.path });
    const full = await load();
    assertEquals(full.code, 3, full.stderr);
    assertMatch(full.stderr, /the last rejected records are missing in it/);
    Deno.removeSync(`${files.path}/out`);
    const again = await load();
    assertEquals(again.code, 1, again.stderr);
    assertEquals(
      Deno.readTextFileSync(`${files.path}/out`),
      `id,n\n${rows.filter((_, i) => bad(i)).join("")}`,
    );
  }
});
