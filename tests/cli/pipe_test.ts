import { assert, assertEquals, assertMatch } from "@std/assert";
import { findProgram } from "../../scripts/find_program.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { ask } from "../support/plain_reply.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import {
  endOf,
  type Run,
  type RunOptions,
  runRespipe,
  spawnRespipe,
} from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const encoder = new TextEncoder();
const redisCli = await findProgram("redis-cli", "valkey-cli");

const NOTED = "All data transferred. Waiting for the last reply...\n" +
  "Last reply received from server.\n";

function pipe(
  server: RedisServer,
  words: string[],
  options?: RunOptions,
): Promise<Run> {
  return runRespipe(["pipe", "-p", String(server.port), ...words], options);
}

function resp(...commands: (string | Uint8Array)[][]): Uint8Array {
  return Uint8Array.from(commands.flatMap((args) => [...encodeCommand(args)]));
}

/** An input, what comes out, and what the server then has. */
interface PipeCase {
  name: string;
  input: string | Uint8Array;
  errors: RegExp[];
  replies: number;
  then?: Record<string, unknown>;
  /** redis-cli counts this otherwise: why. */
  differs?: string;
}

const CASES: PipeCase[] = [
  { name: "nothing", input: "", errors: [], replies: 0 },
  {
    name: "RESP",
    input: resp(["SET", "a", "1"], ["INCR", "a"], ["GET", "a"], ["GET", "b"]),
    errors: [],
    replies: 4,
    then: { "GET a": "2" },
  },
  {
    name: "inline commands with LF and CRLF",
    input: "SET a 1\nINCR a\r\n\r\n\nINCR a\n",
    errors: [],
    replies: 3,
    then: { "GET a": "3" },
  },
  {
    name: "an inline command without a final line break",
    input: "SET a 1\r\nINCR a",
    errors: [],
    replies: 2,
    then: { "GET a": "2" },
  },
  {
    name: "inline commands and RESP by turns",
    input: Uint8Array.from([
      ...encoder.encode("SET a 1\r\n"),
      ...resp(["APPEND", "a", "\r\n+x\0"]),
      ...encoder.encode("STRLEN a\r\n"),
    ]),
    errors: [],
    replies: 3,
    then: { "GET a": "1\r\n+x\0" },
  },
  {
    name: "errors among the replies",
    input: resp(
      ...[["SET", "a", "x"], ["INCR", "a"], ["NOSUCH"], ["LPUSH", "a", "1"]],
      ...[["SET", "b"], ["SET", "b", "1"]],
    ),
    errors: [
      /^ERR value is not an integer/,
      /^ERR unknown command .NOSUCH/,
      /^WRONGTYPE /,
      /^ERR wrong number of arguments for 'set' command/,
    ],
    replies: 6,
    then: { "GET b": "1" },
  },
  {
    name: "an ECHO of 20 bytes is a reply like any other",
    input: resp(["ECHO", "x".repeat(20)], ["SET", "a", "1"]),
    errors: [],
    replies: 2,
  },
  {
    name: "replies of every type, also after HELLO 3",
    input: resp(
      ...[["HELLO", "3"], ["HSET", "h", "f", "v"], ["HGETALL", "h"]],
      ...[["SADD", "s", "1"], ["SMEMBERS", "s"], ["ZADD", "z", "1.5", "m"]],
      ...[["ZSCORE", "z", "m"], ["GET", "none"], ["COMMAND", "COUNT"]],
      ["EVAL", "redis.setresp(3) return {double=1.5}", "0"],
      ["EVAL", "redis.setresp(3) return {map={a={set={b=true}}}}", "0"],
    ),
    errors: [],
    replies: 11,
    differs: "versions before 7.0 do not read RESP3",
  },
  {
    name: "an error within the reply to EXEC",
    input: "MULTI\r\nSET a x\r\nLPUSH a 1\r\nEXEC\r\n",
    errors: [/^WRONGTYPE /],
    replies: 4,
    differs: "it does not look into the reply",
  },
];

for (const { name, input, errors, replies, then, differs } of CASES) {
  Deno.test(`pipe: ${name}`, async () => {
    await using server = await startServer();
    const run = await pipe(server, [], { stdin: input });
    const lines = run.stderr.split("\n");
    assertEquals(lines.length, errors.length + 1, run.stderr);
    errors.forEach((error, i) => assertMatch(lines[i], error));
    assertEquals(
      run.stdout,
      `${NOTED}errors: ${errors.length}, replies: ${replies}\n`,
    );
    assertEquals(run.code, errors.length > 0 ? 1 : 0);
    for (const [command, reply] of Object.entries(then ?? {})) {
      assertEquals(await ask(server, ...command.split(" ")), reply, command);
    }
  });

  if (differs !== undefined) continue;
  Deno.test({
    name: `pipe is redis-cli --pipe to the letter: ${name}` +
      (redisCli === undefined ? " (there is no redis-cli here)" : ""),
    ignore: redisCli === undefined,
    fn: async () => {
      await using server = await startServer();
      const [ours, theirs] = [
        await pipe(server, [], { stdin: input }),
        await (await server.command("FLUSHALL"), runCli(server, input)),
      ];
      assertEquals([ours.code, ours.stdout], [theirs.code, theirs.stdout]);
      // The same texts in the same order; behind them we say where.
      const lines = ours.stderr.split("\n");
      const texts = theirs.stderr.split("\n");
      assertEquals(lines.length, texts.length);
      texts.forEach((text, i) => assert(lines[i].startsWith(text), lines[i]));
    },
  });
}

async function runCli(
  server: RedisServer,
  input: string | Uint8Array,
): Promise<Run> {
  const child = new Deno.Command(redisCli!, {
    args: ["-p", String(server.port), "--pipe"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const ended = endOf(child);
  await new Blob([input as BlobPart]).stream().pipeTo(child.stdin);
  return await ended;
}

Deno.test("pipe: files go in order, standard input among them", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const run = await pipe(server, [
    files.write("a.resp", resp(["RPUSH", "l", "1"], ["RPUSH", "l", "2"])),
    "-",
    // The end of a file ends an inline command.
    files.write("b.resp", "RPUSH l 4"),
    files.write("c.resp", "RPUSH l 5"),
  ], { stdin: "RPUSH l 3\n" });
  assertEquals([run.code, run.stderr], [0, ""]);
  assertEquals(run.stdout, `${NOTED}errors: 0, replies: 5\n`);
  assertEquals(await ask(server, "LRANGE", "l", "0", "-1"), [
    ...["1", "2", "3", "4", "5"],
  ]);
});

Deno.test("pipe: logs in and selects a database", async () => {
  await using server = await startServer({ args: ["--requirepass", "s3cret"] });
  const run = await pipe(server, ["-a", "s3cret", "-n", "5"], {
    stdin: "SET a 1\n",
  });
  assertEquals(run.stdout, `${NOTED}errors: 0, replies: 1\n`);
  await server.commands([["AUTH", "s3cret"], ["SELECT", "5"]]);
  assertEquals(await ask(server, "GET", "a"), "1");
  const refused = await pipe(server, [], { stdin: "SET a 2\n" });
  assertEquals([refused.code, refused.stdout], [4, ""]);
  assertMatch(refused.stderr, /^respipe: [^\n]*password[^\n]*\n$/);
});

Deno.test("pipe: takes replies while the input is idle", async () => {
  const SIZE = 1024 * 1024;
  const COUNT = 64;
  await using server = await startServer({
    // Whoever leaves 4 MB of replies lying about is thrown out.
    args: ["--client-output-buffer-limit", "normal", "4mb", "4mb", "0"],
  });
  await server.command("SET", "big", "x".repeat(SIZE));
  const child = spawnRespipe(["pipe", "-p", String(server.port)]);
  const ended = endOf(child);
  const writer = child.stdin.getWriter();
  for (let i = 1; i <= COUNT; i++) {
    await writer.write(encoder.encode("GET big\r\nINCR done\r\n"));
    while (await ask(server, "GET", "done") !== String(i)) await pause();
  }
  await writer.close();
  const { code, stdout, stderr } = await ended;
  assertEquals([code, stderr], [0, ""]);
  assertEquals(
    stdout,
    `${NOTED}errors: 0, replies: ${2 * COUNT}\n`,
  );
});

Deno.test("pipe: 50 MB in one go, and as much in replies", async () => {
  await using server = await startServer();
  const value = "x".repeat(500);
  const one = [...resp(["SET", "k", value], ["GET", "k"], ["INCR", "n"])];
  const count = Math.ceil(50_000_000 / one.length);
  const input = new Uint8Array(count * one.length);
  for (let i = 0; i < count; i++) input.set(one, i * one.length);
  const run = await pipe(server, [], { stdin: input });
  assertEquals([run.code, run.stderr], [0, ""]);
  assertEquals(run.stdout, `${NOTED}errors: 0, replies: ${3 * count}\n`);
  assertEquals(await ask(server, "GET", "n"), String(count));
});

Deno.test("pipe: errors are all counted, and not all printed", async () => {
  await using server = await startServer();
  const run = await pipe(server, [], { stdin: "NOSUCH\r\n".repeat(20_000) });
  assertEquals(run.code, 1);
  assertEquals(run.stdout, `${NOTED}errors: 20000, replies: 20000\n`);
  assertMatch(run.stderr, /^ERR unknown command/);
  const lines = run.stderr.split("\n").length;
  assert(lines < 100, `${lines} lines on standard error`);
});

Deno.test("pipe: what is no RESP is a sentence and exit 5", async () => {
  await using server = await startServer();
  const run = await pipe(server, [], { stdin: "SET a 1\r\n*1\r\n$-5\r\n" });
  assertEquals(run.code, 5, run.stderr);
  assertMatch(run.stderr, /^respipe: .*no RESP at -, byte 1[0-9]/);
  assert(!run.stderr.includes("    at "), run.stderr);
});

function pause(): Promise<void> {
  return new Promise((wake) => setTimeout(wake, 2));
}

const COUNTED: [name: string, input: string, words: string[], Run: {
  code: number;
  stdout: RegExp;
  stderr: RegExp;
}][] = [
  ["--quiet says nothing when all is well", "SET a 1\n", ["--quiet"], {
    code: 0,
    stdout: /^$/,
    stderr: /^$/,
  }],
  ["--quiet says what was wrong", "SET a x\nINCR a\n", ["--quiet"], {
    code: 1,
    stdout: /^errors: 1, replies: 2\n$/,
    stderr: /^ERR value is not an integer.* \(command 2.*\)\n$/,
  }],
  ["--json is one object", "SET a x\nINCR a\nINCR a\n", ["--json"], {
    code: 1,
    stdout:
      /^\{"exitCode":1,"message":null,"version":"[^"]+","sources":\["-"\],"startedAt":"[^"]+Z","endedAt":"[^"]+Z","seconds":[\d.]+,"bytesIn":22,"replies":3,"errorReplies":2,"errors":\[\{"error":"ERR value[^"]+","count":2,"first":\["command 2[^"]*","command 3[^"]*"\]\}\]\}\n$/,
    stderr: /ERR/,
  }],
  ["--json has the sentence too", "*1\r\n+PING\r\n", ["--json"], {
    code: 5,
    stdout: /^\{"exitCode":5,"message":"[^"]+.*\}\n$/,
    stderr: /^respipe: /,
  }],
];

for (const [name, stdin, words, { code, stdout, stderr }] of COUNTED) {
  Deno.test(`pipe ${name}`, async () => {
    await using server = await startServer();
    const run = await pipe(server, words, { stdin });
    assertEquals(run.code, code, run.stderr);
    assertMatch(run.stdout, stdout);
    assertMatch(run.stderr, stderr);
  });
}
