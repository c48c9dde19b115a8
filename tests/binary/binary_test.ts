/**
 * The compiled program, as it is downloaded: no deno, no permission flags, and
 * an environment with nothing in it.
 *
 * Compiling needs a runtime to put in front of the program. The tests run where
 * `DENORT_BIN` names one, and count as skipped elsewhere: they download none.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { findProgram } from "../../scripts/find_program.ts";
import { VERSION } from "../../src/cli/help.ts";
import { assertSentence, readSummary, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { startServer } from "../support/redis_server.ts";
import { TempFiles } from "../support/temp_files.ts";

const SCRIPT = fileURLToPath(
  new URL("../../scripts/compile.ts", import.meta.url),
);
const isWindows = Deno.build.os === "windows";
const ignore = (Deno.env.get("DENORT_BIN") ?? "") === "";
const why = ignore ? " (DENORT_BIN is not set)" : "";

const decoder = new TextDecoder();
let files: TempFiles | undefined;
let binary = "";

Deno.test.beforeAll(async () => {
  if (ignore) return;
  files = new TempFiles();
  binary = `${files.path}/respipe${isWindows ? ".exe" : ""}`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-lock", SCRIPT, "--output", binary],
  }).output();
  assert(success, decoder.decode(stderr));
});

Deno.test.afterAll(() => files?.[Symbol.dispose]());

function start(
  args: readonly string[],
  env: Record<string, string> = {},
): Deno.ChildProcess {
  return new Deno.Command(binary, {
    args: [...args],
    clearEnv: true,
    // Nothing starts on Windows without this one.
    env: { ...(isWindows ? { SystemRoot: "C:\\Windows" } : {}), ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function run(
  args: readonly string[],
  { stdin = "", env = {} }: {
    stdin?: string;
    env?: Record<string, string>;
  } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = start(args, env);
  const [{ code, stdout, stderr }] = await Promise.all([
    child.output(),
    ReadableStream.from([new TextEncoder().encode(stdin)])
      .pipeTo(child.stdin)
      // It may end without having read.
      .catch(() => {}),
  ]);
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

function test(
  name: string,
  fn: () => Promise<void>,
  { windows = true }: { windows?: boolean } = {},
): void {
  Deno.test({
    name: `binary: ${name}${why}`,
    ignore: ignore || (isWindows && !windows),
    fn,
  });
}

test("it says its version", async () => {
  const { code, stdout, stderr } = await run(["--version"]);
  assertEquals([code, stdout, stderr], [0, `respipe ${VERSION}\n`, ""]);
});

test("it loads a file", async () => {
  await using server = await startServer();
  using inputs = new TempFiles();
  const path = inputs.write("users.csv", "id,name\n1,Ann\n2,\u00d8rsted\n");
  const { code, stderr } = await run(
    ["load", path, "-p", `${server.port}`, "--", "HSET", "u:{id}", "{*}"],
  );
  assertEquals([code, stderr], [0, ""]);
  assertEquals(
    plain(await server.command("HGET", "u:2", "name")),
    "\u00d8rsted",
  );
});

test("it leaves nothing in the folder for temporary files", async () => {
  using temporary = new TempFiles();
  const env = { TMPDIR: temporary.path, TEMP: temporary.path };
  const args = ["encode", "--no-header", "--", "DEL", "{1}"];
  // A second run would use what a first one has left.
  for (let i = 0; i < 2; i++) {
    const { code, stderr } = await run(args, { stdin: "a\n", env });
    assertEquals([code, stderr], [0, ""]);
  }
  assertEquals(Array.from(Deno.readDirSync(temporary.path)), []);
});

test("it writes rejects", async () => {
  await using server = await startServer();
  using inputs = new TempFiles();
  const rejects = `${inputs.path}/bad.csv`;
  const { code, stdout } = await run(
    [
      ...["load", "-p", `${server.port}`, "--rejects", rejects],
      ...["--", "HINCRBY", "u:{id}", "n", "{n}"],
    ],
    { stdin: "id,n\n1,5\n2,many\n3\n4,7\n" },
  );
  assertEquals(code, 1, stdout);
  assertEquals(await Deno.readTextFile(rejects), "id,n\n2,many\n3\n");
  assertMatch(
    await Deno.readTextFile(`${rejects}.errors.csv`),
    /not an integer/,
  );
  assertEquals(plain(await server.command("DBSIZE")), 2);
});

test("it names a mistake in one sentence", async () => {
  const { code, stdout, stderr } = await run(["load", "--rejcts", "bad.csv"]);
  assertEquals([code, stdout], [2, ""]);
  assertSentence(stderr, /did you mean --rejects\?/);
});

test("it takes the password and the address from the environment", async () => {
  await using server = await startServer({ args: ["--requirepass", "s3cret"] });
  const { code, stderr } = await run(
    ["load", "--", "SET", "{k}", "{v}"],
    {
      stdin: "k,v\na,1\n",
      env: {
        REDIS_URL: `redis://127.0.0.1:${server.port}`,
        REDISCLI_AUTH: "s3cret",
      },
    },
  );
  assertEquals([code, stderr], [0, ""]);
});

test("it connects to a Unix socket", async () => {
  using inputs = new TempFiles();
  const socket = `${inputs.path}/s`;
  await using server = await startServer({ args: ["--unixsocket", socket] });
  const { code, stderr } = await run(
    ["load", "-s", socket, "--", "SET", "{k}", "{v}"],
    { stdin: "k,v\na,1\n" },
  );
  assertEquals([code, stderr], [0, ""]);
  assertEquals(plain(await server.command("DBSIZE")), 1);
}, { windows: false });

test("it runs the command of --via", async () => {
  const server = Deno.env.get("REDIS_SERVER") ||
    await findProgram("redis-server", "valkey-server");
  // A server makes a way to itself.
  const via = `'${server}' --port {port} --bind 127.0.0.1 --save ''`;
  const { code, stderr } = await run(
    ["load", "--via", via, "--", "SET", "{k}", "{v}"],
    {
      stdin: "k,v\na,1\n",
      env: { PATH: Deno.env.get("PATH") ?? "" },
    },
  );
  assertEquals([code, stderr], [0, ""]);
}, { windows: false });

test("SIGINT ends a slow load, and it says how far it got", async () => {
  await using server = await startServer();
  const child = start(
    ["load", "-p", `${server.port}`, "--json", "--", "SET", "{k}", "{v}"],
  );
  const output = child.output();
  // What writes the input neither goes on nor comes to an end.
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("k,v\na,1\nb,2\nc,3\n"));
  await until(
    async () => plain(await server.command("DBSIZE")) === 3,
    "three rows",
  );
  child.kill("SIGINT");
  const { code, stdout, stderr } = await output;
  await writer.close().catch(() => {});
  assertEquals(code, 130);
  const { loaded, records } = readSummary(decoder.decode(stdout));
  assertEquals([loaded, records], [3, 3]);
  assertSentence(decoder.decode(stderr), /SIGINT/);
}, { windows: false });

test("encode ends quietly in front of head", async () => {
  const { stdout, stderr } = await new Deno.Command("sh", {
    args: [
      "-c",
      'i=0; { echo k; while [ "$i" -lt 200000 ]; do echo "$i"; ' +
      'i=$((i+1)); done; } | { "$0" encode -- SET "{k}" x; echo $? >&2; } ' +
      "| head -n 3",
      binary,
    ],
  }).output();
  assertEquals(decoder.decode(stdout), "*3\r\n$3\r\nSET\r\n");
  assertEquals(decoder.decode(stderr), "141\n");
}, { windows: false });
