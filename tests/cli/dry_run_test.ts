import { assert, assertEquals, assertMatch } from "@std/assert";
import { VERSION } from "../../src/cli/help.ts";
import { runRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const INPUT = 'id,name\n1,Ann\n2\n3,"so ""called"""\n\n4,Z\u00fcrich\n';

Deno.test("--dry-run shows rows as commands and what it comes to", async () => {
  const run = await runRespipe([
    ...["load", "--dry-run", "2", "--then", "EXPIRE u:{id} 60"],
    ...["--", "HSET", "u:{id}", "{*}"],
  ], { stdin: INPUT, permissions: [] });
  assertEquals(run.code, 1);
  assertMatch(
    run.stdout,
    new RegExp(
      "^HSET u:1 id 1 name Ann\n" +
        "EXPIRE u:1 60\n" +
        String.raw`HSET u:3 id 3 name "so \\"called\\""` + "\n" +
        "EXPIRE u:3 60\n" +
        "dry run: 3 of 4 records would be sent, 1 rejected, read in [^\n]+\n" +
        "6 commands, 45 B read, 283 B to send\n" +
        "1 blank line passed over\n" +
        "hash slots: 3 of 16,384; the fullest, \\d+, has 33.3% of the keys " +
        "\\(2\\)\n$",
    ),
  );
  assertMatch(run.stderr, /^rejected 1 record:\n.*1 field.*-:3\n$/);
});

Deno.test("--dry-run counts the very bytes that encode writes", async () => {
  const words = ["--then", "SADD all {id}", "--", "SET", "{id}", "{name}"];
  const [encoded, tried] = await Promise.all([
    runRespipe(["encode", ...words], { stdin: INPUT, permissions: [] }),
    runRespipe(["load", "--dry-run", "--json", ...words], {
      stdin: INPUT,
      permissions: [],
    }),
  ]);
  assertEquals(JSON.parse(tried.stdout).bytesOut, encoded.output.length);
});

Deno.test("--dry-run --json is one object", async () => {
  const run = await runRespipe([
    ...["load", "--json", "--dry-run=1", "--then", "PUBLISH news {id}"],
    ...["--", "SET", "{{app}}:{id}", "{name}"],
  ], { stdin: INPUT, permissions: [] });
  assertEquals(run.code, 1);
  const { seconds, startedAt, endedAt, errors, ...data } = JSON.parse(
    run.stdout,
  );
  assert(seconds >= 0 && startedAt <= endedAt);
  assertEquals(errors, [{
    error: "1 field instead of 2",
    count: 1,
    first: ["-:3"],
  }]);
  assertEquals(data, {
    exitCode: 1,
    message: null,
    version: VERSION,
    sources: ["-"],
    template: [["SET", "{{app}}:{id}", "{name}"], ["PUBLISH", "news", "{id}"]],
    dryRun: true,
    rows: [["SET {app}:1 Ann", "PUBLISH news 1"]],
    records: 4,
    ready: 3,
    rejected: 1,
    hint: null,
    blankLines: 1,
    commands: 6,
    bytesIn: 45,
    bytesOut: 220,
    slots: {
      touched: 1,
      commands: 3,
      withoutKey: 3,
      largest: { slot: 6805, commands: 3, share: 1 },
    },
  });
});

/** How many rows are shown of 8. */
const SHOWN: [flags: string[], rows: number][] = [
  [["--dry-run"], 5],
  [["--dry-run", "3"], 3],
  [["--dry-run=3"], 3],
  [["--dry-run", "0"], 0],
  [["--dry-run", "100"], 8],
  [["--dry-run", "7", "--limit", "2"], 2],
];

for (const [flags, rows] of SHOWN) {
  Deno.test(`${flags.join(" ")} shows ${rows} of 8 rows`, async () => {
    const run = await runRespipe(["load", ...flags, "--", "SET", "{id}", "x"], {
      stdin: "id\n1\n2\n3\n4\n5\n6\n7\n8\n",
      permissions: [],
    });
    assertEquals(run.code, 0);
    assertEquals(run.stdout.match(/^SET \d x$/gm)?.length ?? 0, rows);
  });
}

Deno.test("--dry-run takes a file behind it for a file", async () => {
  using files = new TempFiles();
  const path = files.write("in.csv", "id\n1\n");
  const run = await runRespipe(
    ["load", "--dry-run", path, "--", "SET", "{id}", "x"],
  );
  assertEquals([run.code, run.stderr], [0, ""]);
  assertMatch(run.stdout, /^SET 1 x\ndry run: 1 of 1 record would be sent/);
});

Deno.test("--dry-run writes the reject files of the reader", async () => {
  using files = new TempFiles();
  const bad = `${files.path}/bad.csv`;
  const run = await runRespipe(
    ["load", "--dry-run", "--rejects", bad, "--", "SET", "{id}", "{name}"],
    {
      stdin: INPUT,
      permissions: [
        `--allow-read=${files.path}`,
        `--allow-write=${files.path}`,
      ],
    },
  );
  assertEquals(run.code, 1);
  assertEquals(await Deno.readTextFile(bad), "id,name\n2\n");
});

Deno.test("--dry-run asks for no password, and reads none", async () => {
  const run = await runRespipe(
    [
      "load",
      "--dry-run",
      "--askpass",
      "-h",
      "no.such.host",
      "--",
      "--",
      "PING",
    ],
    { stdin: "id\n1\n", permissions: [] },
  );
  assertEquals([run.code, run.stderr], [0, ""]);
  assertMatch(run.stdout, /\n1 command without a key\n$/);
});

const ENDS: [why: string, input: string, words: string[], code: number][] = [
  ["a broken input", 'id\n1\n2,"\n', ["--", "SET", "{id}", "x"], 5],
  ["no header", "", ["--", "SET", "{id}", "x"], 5],
  ["a column that is not there", "id\n1\n", ["--", "SET", "{uid}", "x"], 2],
  ["a limit of errors that is none", "id\n1\n", [
    ...["--max-errors", "x", "--", "SET", "{id}", "y"],
  ], 2],
];

for (const [why, stdin, words, code] of ENDS) {
  Deno.test(`--dry-run exits with ${code} for ${why}`, async () => {
    const run = await runRespipe(["load", "--dry-run", ...words], {
      stdin,
      permissions: [],
    });
    assertEquals(run.code, code);
    assertMatch(run.stderr, /^respipe: [^\n]+\n$/m);
  });
}

Deno.test("--dry-run shows each row as its own command", async () => {
  const run = await runRespipe(
    ["load", "--dry-run", "--json", "--", "SADD", "all", "{id}"],
    { stdin: "id\n1\n2\n", permissions: [] },
  );
  const { rows, commands } = JSON.parse(run.stdout);
  assertEquals(rows, [["SADD all 1"], ["SADD all 2"]]);
  assertEquals(commands, 2);
});
