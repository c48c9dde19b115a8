import { assert, assertEquals, assertMatch } from "@std/assert";
import { InterruptedError } from "../../mod.ts";
import {
  assertSentence,
  bounded,
  readSummary,
  tryLoad,
  until,
} from "../support/outcome.ts";
import { GateProxy } from "../support/gate_proxy.ts";
import { plain } from "../support/plain_reply.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { rowSource } from "../support/row_source.ts";
import {
  endOf,
  respipeCommand,
  type Run,
  runRespipe,
  spawnRespipe,
} from "../support/run_respipe.ts";
import { signalsTaken } from "../support/signals_taken.ts";
import { TempFiles } from "../support/temp_files.ts";
import { tryKill } from "../support/try_kill.ts";

const SIGNALS: [Deno.Signal, number][] = [["SIGINT", 130], ["SIGTERM", 143]];
const ROWS = 300_000;

/** Bytes of a load's requests that the server gets before the signal. */
const SOME = 200_000;

async function sizeOf(server: RedisServer): Promise<number> {
  return Number(plain(await server.command("DBSIZE")));
}

/** Counts how often each row was loaded, so that twice is not once. */
const COUNT = ["--columns", "id,v", "--", "HINCRBY", "h:{id}", "n", "{v}"];

/** What rows become, so that twice is not once. */
interface Way {
  words: string[];
  /** Counts the rows that are in. */
  size: (server: RedisServer) => Promise<number>;
  /** Gives how often each row is in, from the first on. */
  times: (server: RedisServer) => Promise<number[]>;
}

/** One that rows cannot share, and one that they do. */
const WAYS: readonly Way[] = [
  {
    words: COUNT,
    size: sizeOf,
    times: async (server) =>
      (await server.commands(
        Array.from({ length: ROWS }, (_, i) => ["HGET", `h:${i + 1}`, "n"]),
      )).map((reply) => Number(plain(reply))),
  },
  {
    words: ["--columns", "id,v", "--", "RPUSH", "l", "{id}"],
    size: async (server) => Number(plain(await server.command("LLEN", "l"))),
    times: async (server) => {
      const times = new Array<number>(ROWS).fill(0);
      const reply = await server.command("LRANGE", "l", "0", "-1");
      for (const id of plain(reply) as string[]) times[Number(id) - 1]++;
      return times;
    },
  },
];

/** Starts it with nothing to read. */
async function start(words: string[]): Promise<Deno.ChildProcess> {
  const child = spawnRespipe(words);
  await child.stdin.close();
  return child;
}

/** A file of many rows, every third of them in quotes, and a header. */
function largeFile(files: TempFiles): string {
  let csv = "id,v\n";
  for (let n = 1; n <= ROWS; n++) {
    csv += n % 3 === 0 ? `"${n}",1\n` : `${n},1\n`;
  }
  return files.write("large.csv", csv);
}

async function assertOnce(server: RedisServer, way: Way): Promise<void> {
  assertEquals(await way.size(server), ROWS);
  const wrong = (await way.times(server)).findIndex((times) => times !== 1);
  assertEquals(wrong, -1, `row ${wrong + 1} is not there once`);
}

for (const [signal, code] of SIGNALS) {
  for (const way of WAYS) {
    const what = `${signal}, ${way.words[3]}:`;
    Deno.test(`${what} during a file, and on from where it ended`, async () => {
      await using server = await startServer();
      using files = new TempFiles();
      const path = largeFile(files);
      const wordsFrom = (skip: number, port: number): string[] => [
        ...["load", "-p", `${port}`, "--json"],
        ...["--skip-lines", `${skip}`, path, ...way.words],
      ];
      const interrupted = async (): Promise<Run> => {
        await using gate = new GateProxy(server.port, SOME);
        const child = await start(wordsFrom(1, gate.port));
        const ended = endOf(child);
        // Now something is in flight for certain.
        await gate.reached;
        child.kill(signal);
        await signalsTaken(child);
        await new Promise((wake) => setTimeout(wake, 100));
        gate.open();
        const run = await bounded(ended, "respipe");
        assertEquals(run.code, code);
        return run;
      };
      let run = await interrupted();
      // Where the machine was so slow to answer that the link seems long, the
      // window has room for all rows; that is no load within a file.
      for (let i = 0; i < 9 && readSummary(run.stdout).loaded === ROWS; i++) {
        await server.command("FLUSHALL");
        run = await interrupted();
      }
      assertSentence(
        run.stderr,
        new RegExp(
          `Interrupted by ${signal}; loaded so far: [\\d,]+ records.*large.csv:\\d+`,
        ),
      );
      const { loaded, unknown, next } = readSummary(run.stdout);
      assertEquals([unknown, await way.size(server)], [0, loaded]);
      assert(next !== null && next.record === loaded + 1 && loaded < ROWS);
      const input = Deno.readFileSync(path);
      assertMatch(
        new TextDecoder().decode(input.subarray(next.offset, next.offset + 10)),
        new RegExp(`^"?${next.record}"?,`),
      );
      const rest = await runRespipe(wordsFrom(next.line - 1, server.port));
      assertEquals(readSummary(rest.stdout).loaded, ROWS - loaded);
      await assertOnce(server, way);
    });
  }

  Deno.test(`${signal} while a slow producer is silent`, async () => {
    await using server = await startServer();
    const words = ["load", "-p", `${server.port}`, "--json", ...COUNT];
    const child = spawnRespipe(words);
    const ended = endOf(child);
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("1,1\n2,1\n3,"));
    await until(async () => await sizeOf(server) === 2, "two rows");
    child.kill(signal);
    const run = await bounded(ended, "respipe");
    await writer.abort().catch(() => {});
    assertEquals(run.code, code);
    assertSentence(
      run.stderr,
      new RegExp(`Interrupted by ${signal}; .*the next record is -:3`),
    );
    const { loaded, unknown, next } = readSummary(run.stdout);
    assertEquals([loaded, unknown, next?.line], [2, 0, 3]);
  });

  Deno.test(`${signal} ends a pipe behind whole commands`, async () => {
    await using server = await startServer();
    const child = spawnRespipe(["pipe", "-p", `${server.port}`]);
    const ended = endOf(child);
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("SET a 1\r\nSET b 2\r\nSET b"));
    await until(async () => await sizeOf(server) === 2, "two keys");
    child.kill(signal);
    const run = await bounded(ended, "respipe");
    await writer.abort().catch(() => {});
    assertEquals(run.code, code);
    assertSentence(
      run.stderr,
      new RegExp(`Interrupted by ${signal}; .*: 2.*: 0`),
    );
    assertEquals(plain(await server.command("GET", "b")), "2");
  });

  Deno.test(`a second ${signal} ends it at once`, async () => {
    await using server = await startServer();
    using files = new TempFiles();
    const path = largeFile(files);
    await using gate = new GateProxy(server.port, SOME);
    const child = await start(["load", "-p", `${gate.port}`, path, ...COUNT]);
    const ended = endOf(child);
    await gate.reached;
    child.kill(signal);
    // Two that come before it looks are one to it.
    await signalsTaken(child);
    while (tryKill(child, signal)) {
      await new Promise((wake) => setTimeout(wake, 100));
    }
    // The rest stays where it is: nobody waits for it.
    const run = await bounded(ended, "respipe");
    assertEquals([run.code, run.stdout.length], [code, 0]);
  });
}

Deno.test("SIGINT where the server does not answer any more", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const path = largeFile(files);
  await using gate = new GateProxy(server.port, SOME);
  const words = ["load", "-p", `${gate.port}`, "--json", path, ...COUNT];
  const child = await start(words);
  const ended = endOf(child);
  await gate.reached;
  child.kill("SIGINT");
  const run = await bounded(ended, "respipe");
  assertEquals(run.code, 130);
  const { loaded, unknown } = readSummary(run.stdout);
  assert(unknown > 0);
  assert(loaded <= await sizeOf(server));
});

Deno.test("SIGINT while the server does not let anybody in", async () => {
  using mute = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const child = await start(["load", "-p", `${mute.addr.port}`, ...COUNT]);
  const ended = endOf(child);
  // Whoever asks hears signals by then.
  using client = await mute.accept();
  await client.read(new Uint8Array(1));
  child.kill("SIGINT");
  const run = await bounded(ended, "respipe");
  assertEquals(run.code, 130);
  assertSentence(run.stderr, /Interrupted by SIGINT/);
});

Deno.test("a signal that came before the load stops it too", async () => {
  await using server = await startServer();
  const { summary, error } = await tryLoad({
    sources: [rowSource(String, { header: "id" })],
    commands: [["SET", "{id}", "v"]],
    server: { port: server.port },
    signal: AbortSignal.abort(new InterruptedError("SIGINT")),
  });
  assert(error instanceof InterruptedError, String(error));
  assertEquals([summary.records, await sizeOf(server)], [0, 0]);
});

Deno.test("SIGINT while broken input is wound up", async () => {
  await using server = await startServer();
  const stop = new AbortController();
  const { error } = await bounded(
    tryLoad({
      sources: [rowSource((n) => n < 5_000 ? `${n}` : `"${n}`, {
        header: "id",
        count: 5_000,
        perRead: 100,
        before: (rows) => {
          if (rows === 1_000) server.pause();
          if (rows === 5_000) {
            setTimeout(() => stop.abort(new InterruptedError("SIGINT")), 100);
            setTimeout(() => server.resume(), 200);
          }
        },
      })],
      commands: [["SET", "{id}", "v"]],
      server: { port: server.port },
      signal: stop.signal,
    }),
    "winding up",
  );
  await new Promise((wake) => setTimeout(wake, 200));
  assert(error instanceof InterruptedError, String(error));
});

Deno.test("encode into a pipe that nobody reads on is quiet", async () => {
  using files = new TempFiles();
  const path = largeFile(files);
  const { program, words } = respipeCommand(["encode", path, ...COUNT]);
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", '"$0" "$@" | head -c 30', program, ...words],
  }).output();
  assertEquals([code, stdout.length, stderr.length], [0, 30, 0]);
});

Deno.test("a summary that nobody reads hides no failure", async () => {
  await using server = await startServer({ args: ["--maxclients", "1"] });
  using files = new TempFiles();
  const path = files.write("in.csv", "1,1\n");
  const { program, words } = respipeCommand(
    ["load", "-p", `${server.port}`, "--json", path, ...COUNT],
  );
  const { stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", '{ "$0" "$@"; echo $? >&2; } | true', program, ...words],
  }).output();
  assertEquals(stdout.length, 0);
  assertMatch(
    new TextDecoder().decode(stderr),
    /^respipe: [^\n]*ERR max[^\n]*\n4\n$/,
  );
});

Deno.test("a signal behind the last record does not cut off the report", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  // What is said of so many sources does not fit into a pipe at once.
  const sources = Array.from({ length: 1_000 }, (_, n) => {
    return files.write(`${"long".repeat(30)}${n}.csv`, `id\n${n}\n`);
  });
  const state = `${files.path}/state`;
  const child = spawnRespipe([
    ...["load", "-p", `${server.port}`, "--json", "--state", state],
    ...[...sources, "--", "RPUSH", "l", "{id}"],
  ], { permissions: ["-A"] });
  await child.stdin.close();
  await until(
    () => {
      try {
        return JSON.parse(Deno.readTextFileSync(state)).status === "complete";
      } catch {
        return false;
      }
    },
    "a complete load",
  );
  child.kill("SIGINT");
  await new Promise((wake) => setTimeout(wake, 100));
  const run = await bounded(endOf(child), "respipe");
  assertEquals([run.code, run.stderr], [0, ""]);
  assertEquals(readSummary(run.stdout).loaded, 1_000);
});
