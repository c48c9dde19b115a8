import { assert, assertEquals, assertMatch } from "@std/assert";
import { ask } from "../support/plain_reply.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { type Run, runRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const HSET = ["--", "HSET", "u:{id}", "{*}"];

function load(
  server: RedisServer,
  words: string[],
  stdin = "",
): Promise<Run> {
  const split = words.indexOf("--");
  return runRespipe([
    ...["load", "-p", `${server.port}`, ...words.slice(0, split)],
    ...words.slice(split),
  ], { stdin });
}

/** Inputs of the same two records, and what each is found to be. */
const INPUTS: [name: string, text: string, flags: string[], found: string][] = [
  ["in.csv", "id,v\n1,a b\n2,c\n", [], ""],
  ["in.csv", "id;v\n1;a b\n2;c\n", [], "CSV with ;"],
  ["in.csv", "sep=;\r\nid;v\r\n1;a b\r\n2;c\r\n", [], "CSV with ;"],
  ["in.csv", "\ufeffid|v\n1|a b\n2|c\n", [], "CSV with |"],
  ["in.txt", "id\tv\n1\ta b\n2\tc\n", [], "CSV with tabs"],
  ["in.tsv", "id\tv\n1\ta b\n2\tc\n", [], "CSV with tabs"],
  ["in", '\n{"id":1,"v":"a b"}\n{"id":"2","v":"c"}', [], "JSON Lines"],
  ["in.jsonl", '{"id":1,"v":"a b"}\n{"id":"2","v":"c"}\n', [], "JSON Lines"],
  ["in.NDJSON", ' {"id":1,"v":"a b"}\n{"id":"2","v":"c"}\n', [], "JSON Lines"],
  [
    "in",
    '# made today\n{"id":1,"v":"a b"}\n{"v":"c","id":2}\n',
    ["--skip-lines", "1"],
    "JSON Lines",
  ],
];

for (const [name, text, flags, found] of INPUTS) {
  Deno.test(`load: ${name}: ${JSON.stringify(text)}`, async () => {
    await using server = await startServer();
    using files = new TempFiles();
    const path = files.write(name, text);
    const run = await load(server, [path, ...flags, ...HSET]);
    assertEquals([run.code, run.stderr], [0, ""]);
    assertEquals(await ask(server, "HGET", "u:1", "v"), "a b");
    assertEquals(await ask(server, "HGET", "u:2", "v"), "c");
    assertEquals(await ask(server, "HLEN", "u:2"), 2);
    const line = /: read as (.*)\n$/.exec(run.stdout)?.[1] ?? "";
    assertEquals(line, found);
  });
}

Deno.test("load: --format says what nothing tells, and wins", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const csv = files.write("in.jsonl", "id,v\n1,a\n");
  const run = await load(server, [csv, "--format", "csv", ...HSET]);
  assertEquals([run.code, run.stderr], [0, ""]);
  const lines = files.write("in.csv", 'x\n{"id":2,"v":"b"}\n');
  const other = await load(server, [lines, "--format", "jsonl", ...HSET]);
  assertEquals(other.code, 1);
  assertMatch(other.stderr, /the line is no JSON object x 1, first .*in.csv:1/);
  assertEquals(await ask(server, "HGET", "u:2", "v"), "b");
  const wrong = await load(server, [lines, "--format", "xml", ...HSET]);
  assertEquals(wrong.code, 2);
  assertMatch(wrong.stderr, /--format "xml": must be one of csv, jsonl/);
});

Deno.test("load: rejects keep the line that tells the delimiter", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const rejects = `${files.path}/bad.csv`;
  const permissions = [
    `--allow-net=127.0.0.1:${server.port}`,
    `--allow-read=${files.path}`,
    `--allow-write=${files.path}`,
  ];
  const cases: [flags: string[], header: string][] = [
    // The header alone would tell a comma.
    [[], "id;v, or w\r\n"],
    [["--columns", "id,v"], ""],
  ];
  for (const [flags, header] of cases) {
    const rows = (bad: string): string => `${header}1;a${bad}\r\n2;b\r\n`;
    const csv = files.write("in.csv", `sep=;\r\n${rows(";x")}`);
    const words = (...more: string[]): string[] => [
      ...["load", "-p", `${server.port}`, ...flags, ...more],
      ...["--", "SET", "{1}", "{2}"],
    ];
    const run = await runRespipe(words(csv, "--rejects", rejects), {
      permissions,
    });
    assertEquals(run.code, 1, run.stderr);
    const written = Deno.readTextFileSync(rejects);
    assertEquals(written, `sep=;\n${header}1;a;x\r\n`);
    files.write("bad.csv", written.replace(";x", ""));
    const again = await runRespipe(words(rejects), { permissions });
    assertEquals([again.code, again.stderr], [0, ""]);
    assertEquals(await ask(server, "GET", "1"), "a");
    await server.command("FLUSHALL");
  }
});

Deno.test("load: how to name the columns oneself says the delimiter that was found", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  for (const [delimiter, written] of [[";", "';'"], ["\t", "tab"]]) {
    const rows = [["id", "v", ""], ["7", "a", ""], ["8", "b", ""]];
    const text = rows.map((row) => `${row.join(delimiter)}\n`).join("");
    const csv = files.write("in.csv", text);
    const run = await load(server, [csv, "--", "HSET", "u:{id}", "{*}"]);
    assertEquals(run.code, 2);
    const advice = `--columns A,B,... --skip-lines 1 --delimiter ${written}`;
    assert(run.stderr.includes(advice), run.stderr);
    const named = await load(server, [
      ...[csv, "--columns", "id,v,x", "--skip-lines", "1"],
      ...["--delimiter", written.replaceAll("'", ""), ...HSET],
    ]);
    assertEquals([named.code, named.stderr], [0, ""]);
    assertEquals(await ask(server, "HGET", "u:8", "v"), "b");
  }
});

Deno.test("load: files of many formats keep their own, and their rejects too", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  await server.command("SET", "u:wrong", "type");
  const paths = [
    files.write("a.csv", "id,v\n1,a\nwrong,b\n"),
    files.write("b.csv", "id;v\n3;c\nwrong;d\n"),
    files.write("c.jsonl", '{"id":"wrong","v":1}\n{"id":4}\n{"id":5,\n'),
    files.write("d.csv", "id,v\n6\n"),
  ];
  const rejects = `${files.path}/bad.csv`;
  const run = await runRespipe([
    ...["load", ...paths, "-p", `${server.port}`, "--rejects", rejects],
    ...["--json", ...HSET],
  ], {
    permissions: [
      `--allow-net=127.0.0.1:${server.port}`,
      `--allow-read=${files.path}`,
      `--allow-write=${files.path}`,
    ],
  });
  assertEquals(run.code, 1, run.stderr);
  const summary = JSON.parse(run.stdout);
  assertEquals([summary.records, summary.loaded], [8, 3]);
  assertEquals(
    summary.formats.map(({ format }: { format: string }) => format),
    ["CSV", "CSV with ;", "JSON Lines", "CSV"],
  );
  const read = (end: string): string => Deno.readTextFileSync(rejects + end);
  assertEquals(read(""), "id,v\nwrong,b\n6\n");
  assertEquals(read(".2"), "id;v\nwrong;d\n");
  assertEquals(read(".3.jsonl"), '{"id":"wrong","v":1}\n{"id":5,\n');
  assertMatch(read(".errors.csv"), /c\.jsonl,1,1,0,HSET u:wrong id wrong v 1,/);
  assertMatch(read(".errors.csv"), /c\.jsonl,3,3,30,,/);
});

Deno.test("load: rows of JSON Lines share commands where their shape is fixed", async () => {
  await using server = await startServer();
  let text = "";
  for (let n = 1; n <= 1000; n++) text += `{"v":"x${n}","id":${n}}\n`;
  const run = await load(
    server,
    ["--json", "--", "SET", "k:{id}", "{v}"],
    text,
  );
  const summary = JSON.parse(run.stdout);
  assertEquals(summary.loaded, 1000);
  assert(summary.commands < 100, `${summary.commands} commands`);
  assertEquals(await ask(server, "GET", "k:777"), "x777");
});

Deno.test("load: an object without members stops no load of {*}", async () => {
  await using server = await startServer();
  const text = '{"id":1,"v":2}\n{"id":2}\n{"id":3,"v":4}\n';
  const run = await load(
    server,
    ["--", "HSET", "u:{id}", "{*-id}"],
    text,
  );
  assertEquals(run.code, 1, run.stderr);
  assertMatch(run.stderr, /wrong number of arguments.* x 1, first -:2/);
  assertEquals(await ask(server, "DBSIZE"), 2);
});

Deno.test("load: --skip-empty leaves out what is null, empty or missing", async () => {
  await using server = await startServer();
  const text = '{"id":1,"a":null,"b":"","c":{"d":"x"}}\n{"id":2,"c":[7]}\n';
  const words = ["HSET", "u:{id}", "{*-c}", "d", "{c.d}", "e", "{c.0}"];
  const run = await load(server, ["--skip-empty", "--", ...words], text);
  assertEquals([run.code, run.stderr], [0, ""]);
  assertEquals(await ask(server, "HGETALL", "u:1"), [
    ...["id", "1", "d", "x", "e", ""],
  ]);
  assertEquals(await ask(server, "HGETALL", "u:2"), [
    ...["id", "2", "d", "", "e", "7"],
  ]);
});

Deno.test("load: an error of the server is traced to its line of JSON", async () => {
  await using server = await startServer();
  const text = '{"n":1}\n\n{"n":"\\u0041"}\n{"n":3}\n';
  const run = await load(server, ["--", "INCRBY", "sum", "{n}"], text);
  assertEquals(run.code, 1);
  assertMatch(run.stderr, /not an integer.* x 1, first -:3/);
  assertEquals(await ask(server, "GET", "sum"), "4");
});

Deno.test("load and encode: times to live of a range are the same again", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  let csv = "id,v\n";
  for (let n = 1; n <= 300; n++) csv += `${n},x\n`;
  const path = files.write("in.csv", csv);
  const words = ["--", "SET", "k:{id}", "{v}", "EX", "{3600..4200}"];
  const [one, other] = [
    await runRespipe(["encode", path, ...words]),
    await runRespipe(["encode", path, ...words]),
  ];
  assertEquals(one.code, 0, one.stderr);
  assert(one.stdout === other.stdout);
  const times = one.stdout.match(/(?<=EX\r\n\$4\r\n)\d+/g)!.map(Number);
  assertEquals(times.length, 300);
  assert(new Set(times).size > 200);
  const run = await load(server, [path, ...words]);
  assertEquals([run.code, run.stderr], [0, ""]);
  for (const n of [1, 150, 300]) {
    const left = Number(await ask(server, "TTL", `k:${n}`));
    assert(Math.abs(left - times[n - 1]) < 30, `${left}, ${times[n - 1]}`);
  }
});

Deno.test("--dry-run shows JSON Lines, numbers and documents", async () => {
  const run = await runRespipe(
    ["load", "--dry-run", "--", "SET", "{#}", "{*json}"],
    { stdin: '{"a":1}\n{"b":[2]}\n', permissions: [] },
  );
  assertEquals([run.code, run.stderr], [0, ""]);
  assertMatch(
    run.stdout,
    /^SET 1 "\{\\"a\\":1\}"\nSET 2 "\{\\"b\\":\[2\]\}"\n/,
  );
  assertMatch(run.stdout, /\n-: read as JSON Lines\n/);
});
