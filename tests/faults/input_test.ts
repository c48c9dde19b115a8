import { assert, assertEquals, assertMatch } from "@std/assert";
import { InputError, pipe, type PipeCounts } from "../../mod.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { byteSource } from "../support/byte_source.ts";
import { GateProxy } from "../support/gate_proxy.ts";
import {
  assertSentence,
  bounded,
  readSummary,
  tryLoad,
} from "../support/outcome.ts";
import { ask } from "../support/plain_reply.ts";
import { startServer } from "../support/redis_server.ts";
import { endOf, runRespipe, spawnRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const SET = ["--", "SET", "k:{id}", "{v}"];

/** An input that breaks off, and what is in all the same. */
const BROKEN: [name: string, csv: string, loaded: number, sentence: RegExp][] =
  [
    ["a record cut in its last field but one", "1,a\n2,b\n3", 2, /line 4/],
    ["a quote left open", '1,a\n2,"b\n3,c\n', 1, /line \d+ .*quote/],
    ["a quote left open at the very end", '1,a\n2,"', 1, /quote/],
    ["nothing but the start of a record", "1", 0, /line 2/],
  ];

for (const [name, csv, loaded, sentence] of BROKEN) {
  Deno.test(`load: ${name}`, async () => {
    await using server = await startServer();
    const run = await runRespipe(
      ["load", "-p", `${server.port}`, "--json", ...SET],
      { stdin: `id,v\n${csv}` },
    );
    assertEquals(run.code, 5);
    assertMatch(run.stderr, /(^|\n)respipe: [^\n]+\n$/);
    assertMatch(run.stderr, sentence);
    const summary = readSummary(run.stdout);
    assertEquals([summary.loaded, summary.unknown], [loaded, 0]);
    assertEquals(await ask(server, "DBSIZE"), loaded);
    // The record that it breaks off in.
    assertEquals(summary.next?.record, loaded === 0 ? undefined : loaded + 1);
  });
}

Deno.test("load: broken input behind rows that shared a command", async () => {
  await using server = await startServer();
  await server.command("SET", "wrong", "type");
  let csv = "k,v\n";
  for (let n = 1; n <= 1_000; n++) csv += `${n === 500 ? "wrong" : "k"},${n}\n`;
  const { summary, error, rejects } = await tryLoad({
    sources: [byteSource("in", `${csv}k,"open`)],
    commands: [["SADD", "{k}", "{v}"]],
    coalesce: true,
    server: { port: server.port },
  });
  assert(error instanceof InputError, String(error));
  assertEquals([summary.loaded, summary.unknown], [999, 0]);
  assertEquals(await ask(server, "SCARD", "k"), 999);
  assertEquals(rejects.map(({ record }) => record), [500]);
  assertEquals(summary.next?.record, 1001);
});

const SHRINK: [command: string, words: string[]][] = [
  ["load", ["--json", ...SET]],
  ["pipe", []],
];

for (const [command, words] of SHRINK) {
  Deno.test(`${command}: a file that shrinks while it is read`, async () => {
    await using server = await startServer();
    using files = new TempFiles();
    const value = "x".repeat(1000);
    let text = command === "load" ? "id,v\n" : "";
    for (let n = 1; n <= 40_000; n++) {
      text += command === "load" ? `${n},${value}\n` : `SET k:${n} ${value}\n`;
    }
    const path = files.write("in", text);
    const split = words.indexOf("--") === -1 ? 1 : words.indexOf("--");
    await using gate = new GateProxy(server.port, 2_000_000);
    const child = spawnRespipe([
      ...[command, "-p", `${gate.port}`, ...words.slice(0, split), path],
      ...words.slice(split),
    ]);
    await child.stdin.close();
    const ended = endOf(child);
    // It has read more than will be left, and the window holds it up.
    await gate.reached;
    Deno.truncateSync(path, 1_000_000);
    gate.open();
    const run = await bounded(ended, "respipe");
    assertEquals(run.code, 5, run.stderr);
    assertSentence(
      run.stderr,
      /it was \d+ bytes long and is only \d+ now; it was cut while it was/,
    );
    if (command === "pipe") return;
    const summary = readSummary(run.stdout);
    assertEquals(summary.unknown, 0);
    assertEquals(await ask(server, "DBSIZE"), summary.loaded);
    assertEquals(
      await ask(server, "STRLEN", `k:${summary.loaded}`),
      value.length,
    );
  });

  for (const what of ["a directory", "a file that is not there"]) {
    Deno.test(`${command}: ${what}`, async () => {
      await using server = await startServer();
      using files = new TempFiles();
      const path = what === "a directory" ? files.path : `${files.path}/none`;
      const run = await runRespipe(
        [command, "-p", `${server.port}`, path, ...words],
      );
      assertEquals(run.code, 5);
      const why = what === "a directory" ? "it is a directory" : "no such file";
      assertSentence(run.stderr, new RegExp(`Cannot read ${path}: ${why}`));
    });
  }

  Deno.test({
    name: `${command}: a file that the system does not let us read`,
    // Root may read everything.
    ignore: Deno.build.os === "windows" || Deno.uid() === 0,
    fn: async () => {
      await using server = await startServer();
      using files = new TempFiles();
      const path = files.write("in", "");
      Deno.chmodSync(path, 0);
      const run = await runRespipe(
        [command, "-p", `${server.port}`, path, ...words],
      );
      assertEquals(run.code, 5);
      assertSentence(run.stderr, /the system denies permission/);
    },
  });

  Deno.test({
    name: `${command}: what Deno does not permit`,
    // A compiled binary has its permissions built in.
    ignore: (Deno.env.get("RESPIPE_BIN") ?? "") !== "",
    fn: async () => {
      await using server = await startServer();
      using files = new TempFiles();
      const path = files.write("in", command === "load" ? "id,v\n1,a\n" : "");
      const args = [command, "-p", `${server.port}`, path, ...words];
      const unread = await runRespipe(args, {
        permissions: [`--allow-net=127.0.0.1:${server.port}`],
      });
      assertEquals(unread.code, 5, unread.stderr);
      assertSentence(unread.stderr, /no permission .*--allow-read=/);
      const alone = await runRespipe(args, {
        permissions: [`--allow-read=${path}`],
      });
      assertEquals(alone.code, 4, alone.stderr);
      assertSentence(alone.stderr, /no permission .*--allow-net=127\.0\.0\.1/);
    },
  });
}

/**
 * redis-cli --pipe sends whatever there is and its ECHO behind it. Of an input
 * that ends within a value, the server then takes the ECHO for the rest of the
 * value: `SET k` with 100 bytes of which 10 are there stores those 10 and
 * `\r\n*2\r\n$4\r\nECHO...`, or waits for more and redis-cli with it.
 */
Deno.test("pipe: an input cut at every byte of its last command", async () => {
  await using server = await startServer();
  const value = "the value\r\n, with $3\r\n in it";
  const first = encodeCommand(["SET", "first", "1"]);
  const last = encodeCommand(["SET", "last", value]);
  for (let cut = 0; cut <= last.length; cut++) {
    await server.command("FLUSHALL");
    const input = new Uint8Array([...first, ...last.subarray(0, cut)]);
    const counts: PipeCounts = { replies: 0, errors: 0, bytes: 0 };
    let error: unknown;
    try {
      await bounded(
        pipe({
          sources: [byteSource("in", input)],
          server: { port: server.port },
          counts,
        }),
        `cut at ${cut}`,
      );
    } catch (thrown) {
      error = thrown;
    }
    const isWhole = cut === 0 || cut >= last.length - 2;
    assertEquals(await ask(server, "GET", "first"), "1");
    assertEquals(
      await ask(server, "GET", "last"),
      cut > 0 && isWhole ? value : null,
      `cut at ${cut}`,
    );
    assertEquals(counts.replies, cut > 0 && isWhole ? 2 : 1);
    if (isWhole) {
      assertEquals(error, undefined, `cut at ${cut}`);
    } else {
      assert(error instanceof InputError, `cut at ${cut}: ${error}`);
      assertMatch(
        error.message,
        /^The input ends within command 2 \(in, byte /,
      );
      assertMatch(error.message, new RegExp(`not sent \\(${cut} bytes?\\)`));
    }
  }
});

Deno.test("pipe: large values cut anywhere", async () => {
  await using server = await startServer();
  const size = 700_000;
  const last = encodeCommand(["SET", "last", "x".repeat(size)]);
  const first = encodeCommand(["SET", "first", "1"]);
  const cuts = [1, 30, 1000, 131_071, 131_072, 131_073, 262_143, 262_144];
  for (const cut of [...cuts, 262_145, 500_000, size, last.length - 1]) {
    await server.command("FLUSHALL");
    const input = new Uint8Array([...first, ...last.subarray(0, cut)]);
    let error: unknown;
    try {
      await bounded(
        pipe({
          sources: [byteSource("in", input)],
          server: { port: server.port },
        }),
        `cut at ${cut}`,
      );
    } catch (thrown) {
      error = thrown;
    }
    const isWhole = cut >= last.length - 2;
    assertEquals(error instanceof InputError, !isWhole, `cut at ${cut}`);
    assertEquals(
      [await ask(server, "GET", "first"), await ask(server, "STRLEN", "last")],
      ["1", isWhole ? size : 0],
      `cut at ${cut}`,
    );
  }
});

Deno.test("the program: a pipe cut in its last value", async () => {
  await using server = await startServer();
  const run = await runRespipe(["pipe", "-p", `${server.port}`], {
    stdin: "SET a 1\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9\r\nabc",
  });
  assertEquals(run.code, 5);
  assertSentence(
    run.stderr,
    /The input ends within command 2 \(-, byte 9\), 6 bytes short: SET k abc\.\.\.; it was not sent/,
  );
  assertEquals(await ask(server, "DBSIZE"), 1);
});
