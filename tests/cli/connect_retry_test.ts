import { assertEquals, assertMatch } from "@std/assert";
import { freePort, startServer } from "../support/redis_server.ts";
import { bounded } from "../support/outcome.ts";
import { runRespipe, spawnRespipe } from "../support/run_respipe.ts";
import { testOf7 } from "../support/server_program.ts";

const SET = ["--", "SET", "k:{a}", "v"];
const ROW = { stdin: "a\n1\n" };
const decoder = new TextDecoder();

/** Starts a load and gives what it prints until its first line. */
async function begin(port: number): Promise<{
  child: Deno.ChildProcess;
  first: string;
  end: Promise<{ code: number; rest: string }>;
}> {
  const child = spawnRespipe([
    "load",
    "-p",
    `${port}`,
    "--retry",
    "60",
    ...SET,
  ]);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(ROW.stdin));
  await writer.close();
  const reader = child.stderr.getReader();
  const read = async (isEnough: (text: string) => boolean): Promise<string> => {
    let text = "";
    while (!isEnough(text)) {
      const { value } = await reader.read();
      if (value === undefined) break;
      text += decoder.decode(value);
    }
    return text;
  };
  const first = await bounded(read((text) => text.includes("\n")), "a line");
  const end = (async () => {
    const rest = await read(() => false);
    await child.stdout.cancel();
    return { code: (await child.status).code, rest };
  })();
  return { child, first, end };
}

Deno.test("--retry waits for a server that does not listen yet", async () => {
  const port = freePort();
  const { first, end } = await begin(port);
  assertMatch(
    first,
    /^respipe: Cannot connect to 127\.0\.0\.1:\d+: the connection was refused[^\n]*; trying again for up to 60 s\n$/,
  );
  await using _server = await startServer({ port });
  assertEquals(await bounded(end, "respipe"), { code: 0, rest: "" });
});

// Redis 6.2 says little while it loads, and answers PING as a replica alone.
testOf7("--retry waits for a server that is loading", async () => {
  await using server = await startServer({ mayDebug: true });
  await server.commands([
    ["DEBUG", "POPULATE", "100000"],
    ["CONFIG", "SET", "key-load-delay", "50"],
    ["CONFIG", "SET", "loading-process-events-interval-bytes", "1024"],
  ]);
  const reload = server.command("DEBUG", "RELOAD");
  const { first, end } = await begin(server.port);
  assertMatch(first, /still reading its data set; trying again/);
  assertEquals(await bounded(end, "respipe", 60_000), { code: 0, rest: "" });
  await reload;
});

Deno.test("--retry waits for a server that is busy", async () => {
  await using server = await startServer({
    args: ["--lua-time-limit", "1"],
  });
  const busy = server.command("EVAL", "while true do end", "0");
  await new Promise((wake) => setTimeout(wake, 100));
  const { first, end } = await begin(server.port);
  assertMatch(first, /busy with a script or a function; trying again/);
  using killer = await Deno.connect({ port: server.port });
  await killer.write(new TextEncoder().encode("SCRIPT KILL\r\n"));
  await busy;
  assertEquals(await bounded(end, "respipe"), { code: 0, rest: "" });
});

testOf7("--retry waits for a replica that has lost its primary", async () => {
  await using server = await startServer({
    args: ["--replica-serve-stale-data", "no"],
  });
  await server.command("REPLICAOF", "127.0.0.1", String(freePort()));
  const { first, end } = await begin(server.port);
  assertMatch(first, /replica that has lost its primary; trying again/);
  await server.command("REPLICAOF", "NO", "ONE");
  assertEquals(await bounded(end, "respipe"), { code: 0, rest: "" });
});

Deno.test("--retry ends with what was wrong", async () => {
  const port = freePort();
  const words = ["load", "-p", String(port), "--retry", "0.3", ...SET];
  const { code, stdout, stderr } = await runRespipe(words, ROW);
  assertEquals([code, stdout], [4, ""]);
  const lines = stderr.trimEnd().split("\n");
  assertEquals(lines.length, 2, stderr);
  assertMatch(lines[0], /refused.*; trying again for up to 1 s$/);
  assertMatch(lines[1], /refused.*; waited for 0\.3 s \(--retry\)$/);
});

Deno.test("--retry does not wait where waiting is of no use", async () => {
  await using server = await startServer({ args: ["--requirepass", "x"] });
  const words = ["load", "-p", String(server.port), "--retry", "60", ...SET];
  const { code, stderr } = await bounded(runRespipe(words, ROW), "respipe");
  assertEquals(code, 4);
  assertMatch(stderr, /^respipe: [^\n]*wants a password[^\n]*\n$/);
});

Deno.test("a signal ends the wait of --retry", async () => {
  const { child, end } = await begin(freePort());
  child.kill("SIGTERM");
  assertEquals((await bounded(end, "respipe")).code, 143);
});
