import { assert, assertEquals, assertMatch } from "@std/assert";
import { continuationOf } from "../../src/cli/continuation.ts";
import { parseOptions } from "../../src/cli/options.ts";
import { quoteWord } from "../../src/cli/shell_words.ts";
import { readSummary } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { startServer } from "../support/redis_server.ts";
import { respipeCommand, runRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const SET = ["--", "SET", "k:{id}", "it's"];
const SET_QUOTED = "-- SET 'k:{id}' 'it'\\''s'";

/** A command line, where it left off, and the one that goes on. */
const CASES: [
  name: string,
  words: string[],
  next: string,
  settled: [loaded: number, rejected: number, unknown?: number],
  command: string | undefined,
  needs?: RegExp,
][] = [
  [
    "one file",
    ["a.csv", ...SET],
    "a.csv:7",
    [5, 0],
    `respipe load --from-line 7 a.csv ${SET_QUOTED}`,
  ],
  [
    "the remaining files",
    ["--from-line", "3", "a.csv", "b.csv", "c d.csv", ...SET],
    "b.csv:7",
    [5, 0],
    `respipe load --from-line 7 b.csv 'c d.csv' ${SET_QUOTED}`,
  ],
  [
    "standard input",
    SET,
    "-:7",
    [5, 0],
    `respipe load --from-line 7 - ${SET_QUOTED}`,
    /with the same standard input again, which cannot be sought: respipe/,
  ],
  [
    "what is left of a limit",
    ["a.csv", "--limit", "20", ...SET],
    "a.csv:7",
    [4, 1],
    `respipe load --limit 15 --from-line 7 a.csv ${SET_QUOTED}`,
  ],
  ["nothing left of a limit", ["a.csv", "--limit=5", ...SET], "a.csv:7", [
    ...[4, 1] as [number, number],
  ], undefined],
  [
    "files of rejects that are not overwritten",
    ["a.csv", "--rejects", "bad.csv", "--quiet", ...SET],
    "a.csv:7",
    [4, 1],
    `respipe load --rejects bad.csv.7 --quiet --from-line 7 a.csv ${SET_QUOTED}`,
  ],
  [
    "files of rejects that were not needed",
    ["a.csv", "--rejects=bad.csv", ...SET],
    "a.csv:7",
    [5, 0],
    `respipe load --rejects=bad.csv --from-line 7 a.csv ${SET_QUOTED}`,
  ],
  [
    "no password",
    ["a.csv", "-a", "secret", "--sentinel-pass=secret", "--sentinel", "s:1"]
      .concat(["--service", "m", ...SET]),
    "a.csv:7",
    [5, 0],
    `respipe load --sentinel s:1 --service m --from-line 7 a.csv ${SET_QUOTED}`,
    /with the password, which is not shown: respipe/,
  ],
  [
    "a URI without its password",
    ["-u", "redis://me:secret:secret@host:7/2", "a.csv", ...SET],
    "a.csv:7",
    [5, 0],
    `respipe load -u redis://me@host:7/2 --from-line 7 a.csv ${SET_QUOTED}`,
    /with the password/,
  ],
  [
    "a URI that was a password and a host",
    ["--uri=redis://secret@host", "a.csv", ...SET],
    "a.csv:7",
    [5, 0],
    `respipe load --uri=redis://host --from-line 7 a.csv ${SET_QUOTED}`,
    /with the password/,
  ],
  [
    "a URI without a password",
    ["-u", "redis://host", "a.csv", ...SET],
    "a.csv:7",
    [5, 0],
    `respipe load -u redis://host --from-line 7 a.csv ${SET_QUOTED}`,
  ],
  [
    "a command that is meant as it stands",
    ["a.csv", "--then", "SADD s {id}", "--", "--", "INCR", "n\t1"],
    "a.csv:7",
    [5, 0],
    "respipe load --then 'SADD s {id}' --from-line 7 a.csv -- -- INCR $'n\\t1'",
  ],
  [
    "records that may be in already",
    ["a.csv", "--", "INCR", "{id}"],
    "a.csv:7",
    [5, 0, 2],
    "respipe load --from-line 7 a.csv -- INCR '{id}'",
    /^to go on \(2 records may be in already, and twice then\): respipe/,
  ],
  [
    "records that may be in twice without harm",
    ["a.csv", ...SET],
    "a.csv:7",
    [5, 0, 2],
    `respipe load --from-line 7 a.csv ${SET_QUOTED}`,
  ],
  ["a file that is given twice", ["a.csv", "a.csv", ...SET], "a.csv:7", [
    ...[5, 0] as [number, number],
  ], undefined],
];

for (const [name, words, place, settled, command, needs] of CASES) {
  Deno.test(`the command that goes on: ${name}`, () => {
    const options = parseOptions("load", words, () => undefined);
    assert(options.command === "load");
    const [source, line] = place.split(":");
    const [loaded, rejected, unknown = 0] = settled;
    const next = { source, record: 6, line: Number(line), offset: 99 };
    const summary = { next, loaded, rejected, unknown, formats: [] };
    const it = continuationOf(options, summary);
    assertEquals(it?.command, command);
    assert(it?.sentence.includes("secret") !== true);
    if (it !== undefined) {
      assertMatch(it.sentence, needs ?? /^to go on: respipe/);
    }
  });
}

Deno.test("the command that goes on: URLs without what is secret in them", () => {
  const url = "https://me:secret@host/b.csv?sig=secret";
  const options = parseOptions(
    "load",
    ["--header", "X: secret", "a.csv", url, ...SET],
    () => undefined,
  );
  assert(options.command === "load");
  const counts = { loaded: 5, rejected: 0, unknown: 0, formats: [] };
  for (const source of ["a.csv", "https://host/b.csv?..."]) {
    const next = { source, record: 6, line: 7, offset: 99 };
    const it = continuationOf(options, { ...counts, next });
    const rest = source === "a.csv" ? "a.csv " : "";
    assertEquals(
      it?.command,
      `respipe load --from-line 7 ${rest}'https://host/b.csv?...' ${SET_QUOTED}`,
    );
    assertMatch(
      it!.sentence,
      /with what is not shown of the URLs and the pass/,
    );
    assert(!it!.sentence.includes("secret"));
  }
});

Deno.test("the command that goes on by its state: nothing secret of a URL", () => {
  const options = parseOptions("load", [
    ...["--state", "s.json", "--header", "X: secret"],
    ...["https://me:secret@host/b.csv?sig=secret", ...SET],
  ], () => undefined);
  assert(options.command === "load");
  const source = "https://host/b.csv?...";
  const it = continuationOf(options, {
    next: { source, record: 6, line: 7, offset: 99 },
    ...{ loaded: 5, rejected: 0, unknown: 0, formats: [] },
  });
  assertEquals(
    it?.command,
    `respipe load --state s.json '${source}' ${SET_QUOTED}`,
  );
});

Deno.test("the command that goes on: a packed file, further than its size", () => {
  using files = new TempFiles();
  const path = files.write("a.csv.gz", "short");
  const options = parseOptions("load", [path, ...SET], () => undefined);
  assert(options.command === "load");
  const it = continuationOf(options, {
    next: { source: path, record: 6, line: 7, offset: 99 },
    ...{ loaded: 5, rejected: 0, unknown: 0 },
    formats: [{ source: path, format: "gzip, CSV" }],
  });
  assertEquals(
    it?.command,
    `respipe load --from-line 7 ${path} ${SET_QUOTED}`,
  );
});

Deno.test("the command that goes on makes the data whole", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const rows = 100_000;
  const csv = (from: number, bad: number): string => {
    let text = "id,n\n";
    for (let id = from; id < from + rows; id++) {
      text += `${id},${id === bad ? "x" : 1}\n`;
    }
    return text;
  };
  const paths = [
    files.write("it's a.csv", csv(0, -1)),
    files.write("b.csv", csv(rows, rows + 1000)),
  ];
  const template = ["--", "HINCRBY", "it's {} h".replace("{}", "x"), "{id}"];
  const words = [...paths, "--max-errors", "0", ...template, "{n}"];
  const server_ = ["-p", String(server.port)];
  const run = await runRespipe(["load", "--json", ...server_, ...words]);
  assertEquals(run.code, 3, run.stderr);
  const first = readSummary(run.stdout);
  assertEquals([first.state, first.next?.source], ["stopped", paths[1]]);
  const command = String(first.continue);
  const lines = run.stderr.trimEnd().split("\n");
  assertEquals(lines.at(-1), `respipe: to go on: ${command}`);

  const { program, words: own } = respipeCommand([], ["-A"]);
  const shell = [program, ...own].map(quoteWord).join(" ");
  const { code, stdout } = await new Deno.Command("sh", {
    args: ["-c", `respipe() { ${shell} "$@"; }; ${command}`],
  }).output();
  assertEquals(code, 0);
  const second = readSummary(new TextDecoder().decode(stdout));
  assertEquals([second.state, second.continue], ["complete", null]);
  assertEquals(first.loaded + second.loaded, 2 * rows - 1);
  const sum = "local n = 0; for _, v in ipairs(redis.call('HVALS', KEYS[1])) " +
    "do n = n + v end; return n";
  const key = "it's x h";
  assertEquals(
    plain(await server.command("EVAL", sum, "1", key)),
    2 * rows - 1,
  );
});

Deno.test("a load before which nothing was read says so", async () => {
  const run = await runRespipe(["load", "--json", "-p", "1", ...SET], {
    stdin: "id\n1\n",
  });
  const { state, next, continue: command } = readSummary(run.stdout);
  assertEquals([run.code, state, next], [4, "nothing read", null]);
  assertEquals(command, null);
});
