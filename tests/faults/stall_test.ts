import { assert, assertEquals, assertMatch } from "@std/assert";
import { ConnectionError, InputError } from "../../mod.ts";
import {
  assertSentence,
  bounded,
  readSummary,
  tryLoad,
  until,
} from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { RecordingProxy } from "../support/recording_proxy.ts";
import { startServer } from "../support/redis_server.ts";
import { rowSource } from "../support/row_source.ts";
import { endOf, runRespipe, spawnRespipe } from "../support/run_respipe.ts";
import { sleep } from "../support/sleep.ts";
import { TempFiles } from "../support/temp_files.ts";

const COMMANDS = [["SET", "{id}", "v"]];

Deno.test("a server that stalls for longer than --stall-timeout", async () => {
  await using server = await startServer();
  const { summary, error } = await bounded(
    tryLoad({
      sources: [rowSource(String, {
        header: "id",
        perRead: 10,
        before: (rows) => {
          if (rows === 500) server.pause();
          // A producer that goes on keeps nothing alive.
          return rows < 500 ? undefined : sleep(10);
        },
      })],
      commands: COMMANDS,
      server: { port: server.port },
      stallTimeout: 300,
    }),
    "a stalled load",
  );
  server.resume();
  // The read that was under way is left to itself.
  await sleep(20);
  assert(error instanceof ConnectionError, String(error));
  const said =
    /no reply for 0\.3 s \(--stall-timeout\), with (\d+) commands? un/
      .exec(error.message);
  assertEquals(Number(said?.[1]), summary.commands - summary.replies);
  assertEquals(summary.next?.record, summary.loaded + 1);
  assert(summary.unknown > 0);
  const there = Number(plain(await server.command("DBSIZE")));
  assert(summary.loaded <= there && there <= summary.records, `${there}`);
});

Deno.test("a server that stalls for less than --stall-timeout", async () => {
  await using server = await startServer();
  let stalled: Promise<void> | undefined;
  const { summary, error } = await tryLoad({
    sources: [rowSource(String, {
      header: "id",
      count: 3_000,
      perRead: 100,
      before: (rows) => {
        if (rows !== 1_000) return;
        server.pause();
        stalled = sleep(400).then(() => server.resume());
      },
    })],
    commands: COMMANDS,
    server: { port: server.port },
    stallTimeout: 10_000,
  });
  await stalled;
  assertEquals([error, summary.loaded], [undefined, 3_000]);
  assertEquals(plain(await server.command("DBSIZE")), 3_000);
});

Deno.test("a producer that pauses for longer than --stall-timeout", async () => {
  await using server = await startServer();
  const { summary, error } = await tryLoad({
    sources: [rowSource(String, {
      header: "id",
      count: 2,
      perRead: 1,
      before: (rows) => sleep(rows === 1 ? 3_000 : 0),
    })],
    commands: COMMANDS,
    server: { port: server.port },
    // As long as the server may take for one row.
    stallTimeout: 2_000,
  });
  assertEquals([error, summary.loaded], [undefined, 2]);
});

Deno.test("a producer that stops for longer than the idle timeout", async () => {
  await using server = await startServer();
  const { summary, error } = await bounded(
    tryLoad({
      sources: [rowSource(String, {
        header: "id",
        perRead: 10,
        before: (rows) => rows < 100 ? undefined : new Promise(() => {}),
      })],
      commands: COMMANDS,
      server: { port: server.port },
      idleTimeout: 200,
    }),
    "an idle load",
  );
  assert(error instanceof InputError, String(error));
  assertMatch(
    error.message,
    /^Cannot read on in rows: nothing came for 0\.2 s/,
  );
  // What had come is in.
  assertEquals([summary.loaded, summary.unknown], [100, 0]);
  assertEquals(plain(await server.command("DBSIZE")), 100);
});

Deno.test("the program: --stall-timeout", async () => {
  await using server = await startServer({
    args: ["--lua-time-limit", "50"],
  });
  using files = new TempFiles();
  const ids = Array.from({ length: 200_000 }, (_, i) => `${i}\n`).join("");
  const path = files.write("in.csv", `id\n${ids}`);
  // The server is busy for longer than that with the first row.
  const run = await runRespipe([
    ...["load", "-p", `${server.port}`, "--json", "--stall-timeout", "0.3"],
    ...[path, "--", "EVAL"],
    "if ARGV[1] == '9' then while true do end end return 1",
    ...["0", "{id}"],
  ]);
  await server.command("SCRIPT", "KILL");
  assertEquals(run.code, 4);
  assertSentence(
    run.stderr,
    /no reply for 0\.3 s \(--stall-timeout\), with [\d,]+ commands unanswered/,
  );
  const { loaded, next } = readSummary(run.stdout);
  assertEquals(next?.record, loaded + 1);
});

Deno.test("the program: a slow producer does not trip --stall-timeout", async () => {
  await using server = await startServer();
  const words = ["load", "-p", `${server.port}`, "--stall-timeout", "2"];
  const child = spawnRespipe([...words, "--", "SET", "{id}", "v"]);
  const ended = endOf(child);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("id\n1\n"));
  await until(
    async () => plain(await server.command("DBSIZE")) === 1,
    "the first row",
  );
  await sleep(3_000);
  await writer.write(new TextEncoder().encode("2\n"));
  await writer.close();
  const { code, stderr } = await bounded(ended, "respipe");
  assertEquals([code, stderr], [0, ""]);
  assertEquals(plain(await server.command("DBSIZE")), 2);
});

for (const command of ["load", "pipe"]) {
  Deno.test(`the program: --idle-timeout, ${command}`, async () => {
    await using server = await startServer();
    const child = spawnRespipe([
      ...[command, "-p", `${server.port}`, "--idle-timeout", "0.5"],
      ...(command === "load" ? ["--", "SET", "{id}", "v"] : []),
    ]);
    const ended = endOf(child);
    const writer = child.stdin.getWriter();
    const text = command === "load" ? "id\n1\n2\n3" : "SET 1 v\nSET 2 v\nSE";
    await writer.write(new TextEncoder().encode(text));
    const { code, stderr } = await bounded(ended, "respipe");
    await writer.abort().catch(() => {});
    assertEquals(code, 5);
    assertSentence(
      stderr,
      /Cannot read on in -: nothing came for 0\.5 s \(--idle-timeout\)/,
    );
    assertEquals(plain(await server.command("DBSIZE")), 2);
  });
}

for (const command of ["load", "pipe"]) {
  Deno.test(`the program: --connect-timeout, ${command}`, async () => {
    await using server = await startServer();
    server.pause();
    const run = await runRespipe([
      ...[command, "-p", `${server.port}`, "--connect-timeout", "0.3"],
      ...(command === "load" ? ["--", "SET", "{id}", "v"] : []),
    ], { stdin: "id\n1\n" });
    server.resume();
    assertEquals([run.code, run.stdout], [4, ""]);
    assertSentence(run.stderr, /has not answered for 0\.3 s \(--connect-tim/);
  });
}

function sentThrough(proxy: RecordingProxy): string {
  return new TextDecoder().decode(proxy.sent());
}

Deno.test("a stopped respipe that goes on blames nobody", async () => {
  await using server = await startServer();
  await using proxy = new RecordingProxy(server.port);
  const words = ["load", "-p", `${proxy.port}`, "--stall-timeout", "2"];
  const child = spawnRespipe([...words, "--", "SET", "{id}", "v"]);
  const ended = endOf(child);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("id\n1\n"));
  await until(
    async () => plain(await server.command("DBSIZE")) === 1,
    "the first row",
  );
  server.pause();
  await writer.write(new TextEncoder().encode("2\n"));
  await until(() => sentThrough(proxy).includes("\r\n2\r\n"), "the second");
  child.kill("SIGSTOP");
  await sleep(2_500);
  server.resume();
  child.kill("SIGCONT");
  await writer.close();
  const { code, stderr } = await bounded(ended, "respipe");
  assertEquals([code, stderr], [0, ""]);
});
