import { assertEquals, assertMatch } from "@std/assert";
import { printable } from "../../src/cli/output.ts";
import { startServer } from "../support/redis_server.ts";
import { respipeCommand } from "../support/run_respipe.ts";
import { runRespipe } from "../support/run_respipe.ts";

const TEXTS: [text: string, shown: string][] = [
  ["", ""],
  ["città 資料 👍 \ufffd", "città 資料 👍 \ufffd"],
  ["a\x1b[2Jb", "a\\u001b[2Jb"],
  ["a\r\nb\tc\x07\0", "a\\r\\nb\\tc\\u0007\\u0000"],
  ["\x7f\x9b31m", "\\u007f\\u009b31m"],
  ["\u202eabc\u2028", "\\u202eabc\\u2028"],
];

for (const [text, shown] of TEXTS) {
  Deno.test(`printable shows ${JSON.stringify(text)} as text`, () => {
    assertEquals(printable(text), shown);
  });
}

Deno.test("names of columns reach the terminal as text", async () => {
  const run = await runRespipe(["encode", "--", "SET", "{x}", "v"], {
    stdin: 'id,\x1b[2Jname\r,"a\nb"\n1,2,3\n',
  });
  assertEquals(run.code, 2);
  // deno-lint-ignore no-control-regex
  assertMatch(run.stderr, /^respipe: [^\x00-\x1f]+\n$/);
  assertMatch(run.stderr, /\\u001b\[2Jname\\r/);
});

Deno.test("a server's words reach the terminal as text", async () => {
  await using server = await startServer();
  const run = await runRespipe([
    ...["load", "-p", String(server.port), "--max-errors", "0"],
    ...["--", "EVAL", "return redis.error_reply(ARGV[1])", "0", "{v}"],
  ], { stdin: "v\nERR \x1b[31mred\x9b\n" });
  assertEquals(run.code, 3);
  // deno-lint-ignore no-control-regex
  assertMatch(run.stderr, /^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*$/);
  assertMatch(run.stderr, /ERR \\u001b\[31mred/);
});

/** Runs a command line with a device that takes nothing for its output. */
async function runFull(
  args: string[],
  stdin: string,
): Promise<{ code: number; stderr: string }> {
  const { program, words } = respipeCommand(args);
  const child = new Deno.Command("sh", {
    args: ["-c", 'exec "$@" > /dev/full', "sh", program, ...words],
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const [{ code, stderr }] = await Promise.all([
    child.output(),
    ReadableStream.from([new TextEncoder().encode(stdin)])
      .pipeTo(child.stdin).catch(() => {}),
  ]);
  return { code, stderr: new TextDecoder().decode(stderr) };
}

const IN = /; the load itself went through: 1 of 1 record loaded\n$/;
const SET = ["--", "SET", "k:{a}", "v"];
const FULL: [words: string[], input: string, says: RegExp][] = [
  [["--help"], "", /space is left there\n$/],
  [["--version"], "", /space is left there\n$/],
  [["encode", ...SET], "a\n1\n", /space is left there\n$/],
  [["load", "-p", "@", ...SET], "a\n1\n", IN],
  [["load", "-p", "@", "--json", ...SET], "a\n1\n", IN],
  [["load", "--dry-run", ...SET], "a\n1\n", /space is left there\n$/],
  [["pipe", "-p", "@"], "SET a 1\n", /space is left there\n$/],
];

for (const [words, input, says] of FULL) {
  Deno.test({
    name: `${words.join(" ")} > /dev/full is one sentence and exit 74`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      await using server = await startServer();
      const run = await runFull(
        words.map((word) => word === "@" ? String(server.port) : word),
        input,
      );
      assertEquals(run.code, 74, run.stderr);
      assertMatch(
        run.stderr,
        /^respipe: Cannot write to standard output: no [^\n]+\n$/,
      );
      assertMatch(run.stderr, says);
    },
  });
}
