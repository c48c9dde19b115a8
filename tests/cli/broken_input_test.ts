/**
 * Input that breaks off within a record: the load goes on in front of it, when
 * the input is mended.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { readSummary } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { type Run, runRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

/** Loads with what a file for rejects and a state take. */
function load(
  server: RedisServer,
  files: TempFiles,
  words: string[],
): Promise<Run> {
  return runRespipe(["load", "-p", String(server.port), ...words], {
    permissions: [
      `--allow-net=127.0.0.1:${server.port}`,
      `--allow-read=${files.path}`,
      `--allow-write=${files.path}`,
    ],
  });
}

const CASES: [name: string, file: string, broken: string, mended: string][] = [
  ["a quote left open", "in.csv", 'id,v\n1,a\n2\n3,"c\n4,d\n', '3,"c"\n4,d\n'],
  ["a record cut off", "in.csv", "id,v\n1,a\n2\n3", "3,c\n4,d\n"],
  [
    "a record too large",
    "in.csv",
    `id,v\n1,a\n2\n3,${"x".repeat(99)}\n4,d\n`,
    "3,c\n4,d\n",
  ],
  [
    "an object cut off",
    "in.jsonl",
    '{"id":1,"v":"a"}\n2\n\n{"id":3,"v',
    '{"id":3,"v":"c"}\n{"id":4,"v":"d"}\n',
  ],
  [
    "an object too large",
    "in.jsonl",
    `{"id":1,"v":"a"}\n2\n{"id":3,"v":"${"x".repeat(99)}"}\n`,
    '{"id":3,"v":"c"}\n{"id":4,"v":"d"}\n',
  ],
];

for (const [name, file, broken, mended] of CASES) {
  Deno.test(`what input breaks off in is no reject, and where it goes on: ${name}`, async () => {
    await using server = await startServer();
    using files = new TempFiles();
    const path = files.write(file, broken);
    const bad = `${files.path}/bad`;
    const flags = ["--json", "--max-record", "64", "--rejects", bad];
    const template = ["--", "RPUSH", "l", "{id}"];
    const words = (...more: string[]): string[] => [
      ...flags,
      ...more,
      path,
      ...template,
    ];
    const run = await load(server, files, words());
    assertEquals(run.code, 5, run.stderr);
    const { records, loaded, rejected, unknown, next } = readSummary(
      run.stdout,
    );
    assertEquals([records, loaded, rejected, unknown], [2, 1, 1, 0]);
    const { record, line, offset } = next!;
    const whole = broken.slice(0, offset);
    assertEquals([record, line], [3, whole.split("\n").length]);
    assertMatch(await Deno.readTextFile(bad), /^(id,v\n)?2\n$/);

    files.write(file, whole + mended);
    const rest = await load(server, files, words("--from-line", `${line}`));
    assertEquals(rest.code, 0, rest.stderr);
    const list = plain(await server.command("LRANGE", "l", "0", "-1"));
    assertEquals(list, ["1", "3", "4"]);
  });
}

Deno.test("with --state it is said that mended input is loaded anew, and how", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const path = files.write("in.csv", "id,v\n1,a\n2");
  const state = `${files.path}/state`;
  const words = ["--state", state, path, "--", "SET", "{id}", "{v}"];
  const broken = await load(server, files, words);
  assertEquals(broken.code, 5);
  const advice = `a mended one is loaded anew, without ${state}\n`;
  assert(broken.stderr.endsWith(advice), broken.stderr);
  files.write("in.csv", "id,v\n1,a\n2,b\n");
  const refused = await load(server, files, words);
  assertEquals(refused.code, 2);
  Deno.removeSync(state);
  assertEquals((await load(server, files, words)).code, 0);
  assertEquals(plain(await server.command("GET", "2")), "b");
});
