import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { startCluster } from "../support/redis_cluster.ts";
import { startServer } from "../support/redis_server.ts";
import { respipeCommand, runRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";
import {
  drawnLines,
  NO_TERMINAL,
  runInTerminal,
  screenOf,
} from "../support/terminal.ts";

/** A test that needs a terminal. */
function onTerminal(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: NO_TERMINAL === undefined ? name : `${name} (${NO_TERMINAL})`,
    ignore: NO_TERMINAL !== undefined,
    fn,
  });
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** respipe as a shell's words. */
function respipe(args: string[], permissions?: string[]): string {
  const { program, words } = respipeCommand(args, permissions);
  return [program, ...words].map(quoted).join(" ");
}

/**
 * How long input pauses, in s: as long as it takes to start the program on this
 * machine, or that would find all of it there, and draw nothing.
 */
const PAUSE = NO_TERMINAL === undefined ? await timeToStart() : 0;

async function timeToStart(): Promise<number> {
  const began = performance.now();
  await runRespipe(["encode", "--", "SET", "{id}", "{v}"], { stdin: "id,v\n" });
  return Math.max(0.4, (performance.now() - began) / 1000);
}

/** Input that comes slowly enough for a line to be drawn. */
function slowly(...lines: string[]): string {
  const parts = lines.map((line) => `printf '%s\\n' ${quoted(line)}`);
  const pause = `; sleep ${PAUSE}`;
  return `(${parts.join(`${pause}; `)}${pause})`;
}

const ROWS = slowly("id,v", "1,a", "2", "3,c");
const NAME_AND_COUNTS = /stdin \d+ B \d records? .*\d errors?/;

onTerminal("load shows progress on a terminal, and erases it", async () => {
  await using server = await startServer();
  const load = respipe([
    ...["load", "-p", String(server.port), "--", "SET", "{id}", "{v}"],
  ]);
  for (const columns of [40, 80, 200]) {
    const { code, output, screen } = await runInTerminal(
      `${ROWS} | ${load}`,
      columns,
    );
    assertEquals(code, 1);
    const drawn = drawnLines(output);
    assert(drawn.length > 3, output);
    for (const line of drawn) assert(line.length < columns, line);
    if (columns >= 80) assertMatch(output, NAME_AND_COUNTS);
    assertMatch(
      screen,
      /^rejected 1 record:\n.*\n2 of 3 records loaded, 1 rejected.*\n.*\n$/,
    );
  }
});

onTerminal("load erases progress before it says what went wrong", async () => {
  await using server = await startServer();
  const port = String(server.port);
  const broken = slowly("id,v", "1,a", '2,"b');
  const load = respipe(["load", "-p", port, "--", "SET", "{id}", "{v}"]);
  const input = await runInTerminal(`${broken} | ${load}`, 80);
  assertEquals(input.code, 5);
  assertMatch(input.output, /stdin \d+ B \d record/);
  assertMatch(
    input.screen,
    /^1 of 1 record .*\n.*\nrespipe: .*line 3.*\nrespipe: to go on.*\n$/,
  );
  // In the background a shell's jobs hear no SIGINT, and have no input.
  const rows = slowly("id,v", "1,a", "2,b", "3,c", "4,d", "5,e");
  const terminated = await runInTerminal(
    `${rows} | (exec 3<&0; ${load} <&3 & sleep ${4 * PAUSE}; ` +
      "kill -TERM $!; wait $!)",
    80,
  );
  assertEquals(terminated.code, 143);
  assertMatch(terminated.output, /stdin \d+ B \d record/);
  assertMatch(
    terminated.screen,
    /^\d of \d records? loaded.*\n.*\nrespipe: Interrupted by SIGTERM.*\nrespipe: to go on.*\n$/,
  );
});

onTerminal("the nodes of a cluster are counted", async () => {
  await using cluster = await startCluster({ primaries: 2 });
  const permissions = [`--allow-net=${cluster.addresses}`];
  const port = ["-p", String(cluster.port)];
  const rows = slowly("id,v", "1,a", "2,b", "3,c");
  const commands = slowly("SET 1 a", "SET 2 b", "SET 3 c");
  for (
    const [input, words] of [
      [rows, ["load", ...port, "--", "SET", "{id}", "{v}"]],
      [commands, ["pipe", ...port]],
    ] as const
  ) {
    const line = `${input} | ${respipe([...words], permissions)}`;
    const { code, output } = await runInTerminal(line, 200);
    assertEquals(code, 0, output);
    assertMatch(output, /B\/s 2 nodes/);
  }
});

onTerminal("pipe keeps its lines apart from its progress", async () => {
  await using server = await startServer();
  const pipe = respipe(["pipe", "-p", String(server.port)]);
  const commands = slowly("SET a x", "INCR a", "SET b y");
  const run = await runInTerminal(`${commands} | ${pipe}`, 80);
  assertEquals(run.code, 1);
  assertMatch(run.output, /stdin \d+ B \d repl(y|ies) /);
  assertMatch(
    run.screen,
    /^ERR value is not.*\nAll data .*\nLast reply .*\nerrors: 1, replies: 3\n$/,
  );
});

onTerminal(
  "encode shows progress where its output is no terminal",
  async () => {
    const encode = respipe(["encode", "--", "SET", "{id}", "{v}"]);
    const apart = await runInTerminal(`${ROWS} | ${encode} > /dev/null`, 80);
    assertEquals(apart.code, 1);
    assertMatch(apart.output, NAME_AND_COUNTS);
    assertMatch(apart.screen, /^rejected 1 record:\n.*\n$/);
    const mixed = await runInTerminal(`${ROWS} | ${encode}`, 80);
    assertEquals(drawnLines(mixed.output), []);
  },
);

const SILENT: [why: string, flags: string[], env: Record<string, string>][] = [
  ["with --no-progress", ["--no-progress"], {}],
  ["with --quiet", ["--quiet"], {}],
  ["on a dumb terminal", [], { TERM: "dumb" }],
];

for (const [why, flags, env] of SILENT) {
  onTerminal(`load draws nothing ${why}`, async () => {
    await using server = await startServer();
    const load = respipe([
      ...["load", "-p", String(server.port), ...flags],
      ...["--", "SET", "{id}", "{v}"],
    ], [`--allow-net=127.0.0.1:${server.port}`, "--allow-env=TERM"]);
    const run = await runInTerminal(`${ROWS} | ${load}`, 80, env);
    assertEquals(run.code, 1);
    assertEquals(drawnLines(run.output), []);
    assertNotMatch(run.output, /stdin/);
  });
}

Deno.test("load shows no progress where standard error is a pipe", async () => {
  await using server = await startServer();
  const run = await runRespipe(
    ["load", "-p", String(server.port), "--", "SET", "{id}", "x"],
    { stdin: trickle("id\n", "1\n", "2\n", "3\n") },
  );
  assertEquals([run.code, run.stderr], [0, ""]);
});

/** Input that takes longer than progress waits before it is drawn. */
function trickle(...lines: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from((async function* (): AsyncGenerator<Uint8Array> {
    for (const line of lines) {
      yield new TextEncoder().encode(line);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  })());
}

Deno.test("Progress writes lines for a log, each complete", async () => {
  // In a process of its own, for its standard error.
  const module = new URL("../../src/cli/progress.ts", import.meta.url);
  using files = new TempFiles();
  const path = files.write(
    "log.ts",
    `import { Progress } from ${JSON.stringify(module.href)};
    let done = 0;
    using progress = new Progress({
      style: "log",
      interval: 20,
      counts: () => ({
        source: "a.csv",
        bytes: done,
        bytesExpected: 100,
        done: done++,
        unit: "record",
        errors: 0,
      }),
    });
    while (done < 5) await new Promise((resolve) => setTimeout(resolve, 20));
    `,
  );
  const map = Deno.env.get("RESPIPE_IMPORT_MAP") ?? "";
  // The script lies outside the checkout, where no deno.json would be found.
  const config = new URL("../../deno.json", import.meta.url);
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-check", "--no-lock"],
      ...["--config", fileURLToPath(config)],
      ...(map === "" ? [] : ["--import-map", map]),
      path,
    ],
    env: { NO_COLOR: "1" },
  }).output();
  const lines = new TextDecoder().decode(stderr).split("\n");
  assertEquals(lines.pop(), "");
  assert(lines.length >= 3);
  for (const line of lines) {
    assertMatch(line, /^respipe: after 0:0\d: a\.csv, \d%, \d records?, .*$/);
  }
});

const SCREENS: [output: string, screen: string][] = [
  ["a\r\nb\r\n", "a\nb\n"],
  ["\rabc\x1b[J\r\rde\x1b[J\r", "de"],
  ["\rabc\x1b[J\r\r\x1b[Jend\r\n", "end\n"],
  ["abc\rx\r\n", "xbc\n"],
];

for (const [output, screen] of SCREENS) {
  Deno.test(`a screen shows of ${JSON.stringify(output)} what is left`, () => {
    assertEquals(screenOf(output), screen);
  });
}
