import { assertEquals, assertMatch } from "@std/assert";
import { load, Summary } from "../../mod.ts";
import { byteSource } from "../support/byte_source.ts";
import { killClients } from "../support/kill_clients.ts";
import { bounded, readSummary, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { endOf, type Run, spawnRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const ROWS = 1_000;
const encoder = new TextEncoder();

function rows(from: number, count: number): Uint8Array {
  let text = from === 0 ? "id\n" : "";
  for (let i = from; i < from + count; i++) text += `${i}\n`;
  return encoder.encode(text);
}

/** Runs a load that is harmed when half of its rows are in. */
async function harmed(
  server: RedisServer,
  flags: string[],
  harm: () => Promise<unknown>,
  template = ["HSET", "h", "{id}", "1"],
): Promise<Run> {
  const child = spawnRespipe(
    ["load", "-p", String(server.port), ...flags, "--", ...template],
    flags.includes("--state") ? { permissions: ["-A"] } : {},
  );
  const ended = endOf(child);
  const writer = child.stdin.getWriter();
  await writer.write(rows(0, ROWS / 2));
  const count = template[0] === "HSET" ? "HLEN" : "LLEN";
  await until(
    async () => plain(await server.command(count, "h")) === ROWS / 2,
    "the first half",
  );
  // The replies have come when nothing is waited for any more.
  await new Promise((wake) => setTimeout(wake, 200));
  await harm();
  await writer.write(rows(ROWS / 2, ROWS / 2)).catch(() => {});
  await writer.close().catch(() => {});
  return await bounded(ended, "respipe");
}

Deno.test("a lost connection: a line when the wait begins, and one when it ends", async () => {
  await using server = await startServer();
  const run = await harmed(server, [], () => killClients(server));
  assertEquals(run.code, 0, run.stderr);
  assertMatch(
    run.stderr,
    /^respipe: Lost 127\.0\.0\.1:\d+: the server closed the connection; trying again for up to 30 s \(--retry\)\nrespipe: Going on after \d+\.\d s; \d+ records were not settled\n$/,
  );
  assertMatch(run.stdout, /\nreconnected 1 time, waited \d+\.\d s\n$/);
  assertEquals(plain(await server.command("HLEN", "h")), ROWS);
});

Deno.test("--quiet: a load that had to wait and went through says nothing", async () => {
  await using server = await startServer();
  const silent = await harmed(
    server,
    ["--quiet"],
    () => killClients(server),
  );
  assertEquals([silent.code, silent.stdout, silent.stderr], [0, "", ""]);
  await server.command("DEL", "h");
  const json = await harmed(
    server,
    ["--quiet", "--json"],
    () => killClients(server),
  );
  assertEquals([json.code, json.stderr], [0, ""]);
  const { reconnections, secondsWaiting, rewinds, repeated } = readSummary(
    json.stdout,
  );
  assertEquals([reconnections, rewinds, repeated], [1, 1, 0]);
  assertEquals(Number(secondsWaiting) > 0, true);
});

Deno.test("--quiet: what was waited for is told when that was in vain", async () => {
  await using server = await startServer();
  const run = await harmed(
    server,
    ["--quiet", "--retry", "0.3"],
    () => server.kill(),
  );
  assertEquals(run.code, 4);
  const lines = run.stderr.split("\n");
  assertEquals(lines.length, 4);
  assertMatch(lines[0], /^respipe: Lost .*; trying again for up to 1 s/);
  assertMatch(
    lines[1],
    /^respipe: Cannot connect .*\(--retry\); loaded so far/,
  );
  assertMatch(lines[2], /^respipe: to go on/);
});

Deno.test("--at-least-once goes on with RPUSH, and says what may be in twice", async () => {
  await using server = await startServer();
  const push = ["RPUSH", "h", "{id}"];
  const run = await harmed(
    server,
    ["--at-least-once", "--json", "--no-coalesce"],
    () => killClients(server),
    push,
  );
  assertEquals(run.code, 0, run.stderr);
  const { reconnections, repeated } = readSummary(run.stdout);
  assertEquals(reconnections, 1);
  const length = plain(await server.command("LLEN", "h")) as number;
  assertEquals(length >= ROWS && length <= ROWS + Number(repeated), true);
});

Deno.test("a server that forgets what was loaded: it is said how much, even where all is well", async () => {
  for (const flags of [[], ["--quiet"], ["--json"]]) {
    await using server = await startServer();
    const again = Promise.withResolvers<RedisServer>();
    const run = await harmed(server, flags, async () => {
      await server.kill();
      again.resolve(await startServer({ port: server.port }));
    });
    await using other = await again.promise;
    assertEquals(run.code, 0, run.stderr);
    const left = plain(await other.command("HLEN", "h"));
    assertEquals(left, ROWS / 2);
    const said = flags.length === 0 ? run.stdout : run.stderr;
    assertMatch(said, /\b500 records may be lost: they were loaded before the/);
    if (flags.includes("--json")) {
      assertEquals(readSummary(run.stdout).mayBeLost, ROWS / 2);
    }
  }
});

Deno.test("a load of which records may be lost is no reason to skip the next", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const state = `${files.path}/state`;
  const again = Promise.withResolvers<RedisServer>();
  const run = await harmed(server, ["--state", state], async () => {
    await server.kill();
    again.resolve(await startServer({ port: server.port }));
  });
  await using _other = await again.promise;
  assertEquals(run.code, 0, run.stderr);
  const { status, hasSucceeded } = JSON.parse(Deno.readTextFileSync(state));
  assertEquals([status, hasSucceeded], ["complete", false]);
});

Deno.test("records that are in and not committed count among what may be lost", async () => {
  await using server = await startServer();
  const again = Promise.withResolvers<RedisServer>();
  let csv = "id\n";
  for (let id = 0; id < 300_000; id++) csv += `${id}\n`;
  const summary = new Summary();
  const loading = load({
    sources: [byteSource("in", encoder.encode(csv), () => 65_536)],
    commands: [["SET", "k:{id}", "{id}"]],
    coalesce: false,
    server: { port: server.port },
    summary,
  });
  await until(() => summary.loaded > 50_000, "some rows");
  await server.kill();
  again.resolve(await startServer({ port: server.port }));
  await using other = await again.promise;
  await bounded(loading, "the load");
  assertEquals(summary.loaded, 300_000);
  const left = plain(await other.command("DBSIZE")) as number;
  assertEquals(left + summary.mayBeLost, 300_000);
});
