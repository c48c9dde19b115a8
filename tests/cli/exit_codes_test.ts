import { assertEquals, assertMatch } from "@std/assert";
import { bounded, readSummary, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { startServer } from "../support/redis_server.ts";
import { endOf, runRespipe, spawnRespipe } from "../support/run_respipe.ts";

/** What `--json` prints: these names are documented, and stay. */
const NAMES = [
  "exitCode",
  "message",
  "version",
  "sources",
  "template",
  "startedAt",
  "endedAt",
  "secondsWaiting",
  "records",
  "loaded",
  "rejected",
  "partly",
  "unknown",
  "blankLines",
  "commands",
  "replies",
  "bytesIn",
  "bytesOut",
  "seconds",
  "recordsPerSecond",
  "errors",
  "next",
  "state",
  "hint",
  "continue",
];

/** Checks the object that was printed; its counts add up. */
function assertJson(
  run: { code: number; stdout: string; stderr: string },
  code: number,
): void {
  assertEquals(run.code, code, run.stderr);
  const summary = readSummary(run.stdout);
  const missing = NAMES.filter((name) => !(name in summary));
  assertEquals(missing, []);
  assertEquals(summary.exitCode, code);
  if (code <= 1) {
    const { message, next, state, continue: goOn } = summary;
    assertEquals([message, next, goOn], [null, null, null]);
    assertEquals(state, "complete");
  } else {
    // The last lines on standard error say the same.
    const goOn = summary.continue === null
      ? ""
      : `respipe: to go on[^\n]*: ${RegExp.escape(String(summary.continue))}\n`;
    const message = RegExp.escape(`respipe: ${summary.message}`);
    assertMatch(run.stderr, new RegExp(`${message}\n${goOn}$`));
  }
}

const INCRBY = ["--", "INCRBY", "k:{id}", "{v}"];

const CASES: [code: number, name: string, words: string[], input: string][] = [
  [0, "every record is in", INCRBY, "id,v\n1,1\n"],
  [0, "there are no records", INCRBY, "id,v\n"],
  [1, "the server rejected one", INCRBY, "id,v\n1,1\n2,x\n"],
  [1, "the reader rejected one", INCRBY, "id,v\n1,1\n2,2,2\n"],
  [2, "the template does not fit", ["--", "SET", "{no}", "v"], "id,v\n1,1\n"],
  [2, "a flag is wrong", ["--max-errors", "x", ...INCRBY], "id,v\n1,1\n"],
  [3, "an error hits every record", ["--", "NOSUCH", "{id}"], "id,v\n1,1\n"],
  [3, "too many rejects", ["--max-errors", "0", ...INCRBY], "id,v\n1,x\n"],
  [4, "a wrong password", ["-a", "no", ...INCRBY], "id,v\n1,1\n"],
  [5, "the input is broken", INCRBY, 'id,v\n1,1\n2,"'],
  [5, "the input is empty", INCRBY, ""],
];

for (const [code, name, words, stdin] of CASES) {
  Deno.test(`load --json, exit ${code}: ${name}`, async () => {
    await using server = await startServer();
    const run = await runRespipe(
      ["load", "-p", `${server.port}`, "--json", ...words],
      { stdin },
    );
    assertJson(run, code);
  });
}

Deno.test("load --json, exit 4: nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const run = await runRespipe(
    ["load", "-p", `${port}`, "--json", ...INCRBY],
    { stdin: "id,v\n1,1\n" },
  );
  assertJson(run, 4);
});

Deno.test("load --json, exit 5: there is no such file", async () => {
  const run = await runRespipe(
    ["load", "-p", "1", "--json", "/no/such.csv", ...INCRBY],
  );
  assertJson(run, 5);
});

const ENDS: [code: number, name: string, signal?: Deno.Signal][] = [
  [4, "the server is lost"],
  [130, "SIGINT", "SIGINT"],
  [143, "SIGTERM", "SIGTERM"],
];

for (const [code, name, signal] of ENDS) {
  Deno.test(`load --json, exit ${code}: ${name}`, async () => {
    await using server = await startServer();
    const flags = ["-p", `${server.port}`, "--json", "--retry", "0"];
    const words = ["load", ...flags, ...INCRBY];
    const child = spawnRespipe(words);
    const ended = endOf(child);
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("id,v\n1,1\n"));
    await until(
      async () => plain(await server.command("DBSIZE")) === 1,
      "the first row",
    );
    if (signal === undefined) await server.kill();
    else child.kill(signal);
    const run = await bounded(ended, "respipe");
    await writer.abort().catch(() => {});
    assertJson(run, code);
  });
}

const PIPED: [code: number, name: string, input: string][] = [
  [0, "every command is answered", "SET a 1\n"],
  [1, "one with an error", "SET a x\nINCR a\n"],
  [5, "the input breaks off", "*1\r\n$4\r\nPI"],
  [5, "the input is no RESP", "*1\r\n+PING\r\n"],
];

for (const [code, name, stdin] of PIPED) {
  Deno.test(`pipe, exit ${code}: ${name}`, async () => {
    await using server = await startServer();
    const run = await runRespipe(["pipe", "-p", `${server.port}`], { stdin });
    assertEquals(run.code, code, run.stderr);
  });
}

Deno.test("encode, exit 0, 1, 2 and 5", async () => {
  const codes: number[] = [];
  for (const input of ["id,v\n1,1\n", "id,v\n1\n2,2\n", "no\n1\n", ""]) {
    const { code } = await runRespipe(["encode", ...INCRBY], { stdin: input });
    codes.push(code);
  }
  assertEquals(codes, [0, 1, 2, 5]);
});
