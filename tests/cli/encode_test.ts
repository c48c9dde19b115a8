import { assert, assertEquals, assertMatch } from "@std/assert";
import { findProgram } from "../../scripts/find_program.ts";
import { VERSION } from "../../src/cli/help.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { plain } from "../support/plain_reply.ts";
import { RecordingProxy } from "../support/recording_proxy.ts";
import { startServer } from "../support/redis_server.ts";
import {
  respipeCommand,
  runRespipe,
  spawnRespipe,
} from "../support/run_respipe.ts";

const decoder = new TextDecoder();

/** What `load` sends before the first record. */
const HANDSHAKE = Uint8Array.from(
  [
    ["PING"],
    ["ROLE"],
    ["INFO", "server"],
    ["INFO", "memory"],
    ["CLIENT", "ID"],
    ["CLIENT", "SETNAME", "respipe"],
    ["CLIENT", "SETINFO", "LIB-NAME", "respipe"],
    ["CLIENT", "SETINFO", "LIB-VER", VERSION],
  ].flatMap((command) => [...encodeCommand(command)]),
);
/** What `load` sends behind the last: ECHO and 20 bytes. */
const SENTINEL_SIZE = encodeCommand(["ECHO", new Uint8Array(20)]).length;

const WIDE = "id,name,city\n" +
  Array.from(
    { length: 20_000 },
    (_, i) => `${i},"Ann ""${i}""",${i % 7 === 0 ? "" : "Ho Chi Minh\u00e9"}\n`,
  ).join("");

const CASES: [name: string, input: string, words: string[]][] = [
  ["nothing but a header", "id\n", ["--", "SET", "{id}", "x"]],
  ["three rows", "id,v\n1,a\n2,b\n3,c\n", ["--", "SET", "{id}", "{v}"]],
  ["many hashes", WIDE, ["--", "HSET", "u:{id}", "{*}"]],
  ["empty fields left out", WIDE, [
    ...["--skip-empty", "--", "HSET", "u:{id}", "{*-name}"],
  ]],
  ["several commands", WIDE, [
    ...["--then", "EXPIRE u:{id} 60", "--then", "SADD 'all of them' {id}"],
    ...["--limit", "12345", "--", "HSET", "u:{id}", "a{2}b{3}c", "{{}}"],
  ]],
];

for (const [name, input, words] of CASES) {
  Deno.test(`encode writes what load sends: ${name}`, async () => {
    await using server = await startServer();
    await using proxy = new RecordingProxy(server.port);
    const [encoded, loaded] = await Promise.all([
      runRespipe(["encode", ...words], { stdin: input, permissions: [] }),
      runRespipe(
        ["load", "--no-coalesce", "-p", String(proxy.port), ...words],
        {
          stdin: input,
        },
      ),
    ]);
    assertEquals([encoded.code, encoded.stderr], [0, ""]);
    assertEquals([loaded.code, loaded.stderr], [0, ""]);
    const sent = proxy.sent();
    assertEquals(sent.subarray(0, HANDSHAKE.length), HANDSHAKE);
    const end = sent.length - SENTINEL_SIZE;
    assertEquals(
      decoder.decode(sent.subarray(end, end + 19)),
      "*2\r\n$4\r\nECHO\r\n$20\r\n",
    );
    const rows = sent.subarray(HANDSHAKE.length, end);
    assert(
      rows.length === encoded.output.length &&
        rows.every((byte, i) => byte === encoded.output[i]),
      `${rows.length} bytes were sent, ${encoded.output.length} encoded`,
    );
  });
}

Deno.test("encode writes RESP to the letter", async () => {
  const run = await runRespipe(["encode", "--", "SET", "k:{id}", "{v}"], {
    stdin: "id,v\n7,\u00e9\n12,\n",
  });
  assertEquals(
    run.stdout,
    "*3\r\n$3\r\nSET\r\n$3\r\nk:7\r\n$2\r\n\u00e9\r\n" +
      "*3\r\n$3\r\nSET\r\n$4\r\nk:12\r\n$0\r\n\r\n",
  );
});

Deno.test("encode tells of rejected rows on standard error", async () => {
  const run = await runRespipe(["encode", "--", "SET", "{id}", "{v}"], {
    stdin: 'id,v\n1,a\n2\n3,"c"c\n4,d\n',
  });
  assertEquals(run.code, 1);
  assertMatch(run.stderr, /^rejected 2 records:\n/);
  assertMatch(run.stderr, /1 field instead of 2 .*-:3\n/);
  assertMatch(run.stderr, /text after a closing quote.*-:4\n/);
  assertEquals(
    run.stdout,
    "*3\r\n$3\r\nSET\r\n$1\r\n1\r\n$1\r\na\r\n" +
      "*3\r\n$3\r\nSET\r\n$1\r\n4\r\n$1\r\nd\r\n",
  );
});

Deno.test("encode writes what came before a broken end", async () => {
  const run = await runRespipe(["encode", "--", "SET", "{id}", "{v}"], {
    stdin: 'id,v\n1,a\n2,"b\n',
  });
  assertEquals(run.code, 5);
  assertMatch(run.stderr, /opened on line 3/);
  assertEquals(run.stdout, "*3\r\n$3\r\nSET\r\n$1\r\n1\r\n$1\r\na\r\n");
});

Deno.test("encode ends quietly when its reader goes away", async () => {
  const child = spawnRespipe(["encode", "--", "SET", "{id}", "{name}{city}"]);
  const writer = child.stdin.getWriter();
  const feeding = (async (): Promise<void> => {
    try {
      for (;;) await writer.write(new TextEncoder().encode(WIDE));
    } catch {
      // It has stopped reading: that is what this is about.
    }
  })();
  const reader = child.stdout.getReader();
  assert(!(await reader.read()).done);
  await reader.cancel();
  const [{ code }, stderr] = await Promise.all([
    child.status,
    new Response(child.stderr).text(),
    feeding,
  ]);
  assertEquals([code, stderr], [141, ""]);
});

Deno.test({
  name: "encode ends quietly in front of head",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const { program, words } = respipeCommand(
      ["encode", "--", "SET", "{id}", "{name}"],
    );
    const rows = `seq 1 3000000 | sed '1s/.*/id,name/;s/$/,x/;1s/,x$//'`;
    const { stdout, stderr } = await new Deno.Command("bash", {
      args: [
        "-c",
        `${rows} | "$0" "$@" | head -c 10; echo " \${PIPESTATUS[2]}"`,
        program,
        ...words,
      ],
    }).output();
    assertEquals(decoder.decode(stdout), "*3\r\n$3\r\nSE 141\n");
    assertEquals(decoder.decode(stderr), "");
  },
});

const redisCli = await findProgram("redis-cli", "valkey-cli");

Deno.test({
  name: "encode feeds redis-cli --pipe" +
    (redisCli === undefined ? " (there is no redis-cli here)" : ""),
  ignore: redisCli === undefined,
  fn: async () => {
    await using server = await startServer();
    const { program, words } = respipeCommand(
      ["encode", "--", "HSET", "u:{id}", "{*}"],
    );
    const child = new Deno.Command("sh", {
      args: [
        "-c",
        `cli=$1 port=$2; shift 2; "$@" | "$cli" -p "$port" --pipe`,
        ...["sh", redisCli!, String(server.port), program, ...words],
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = child.output();
    await new Blob([WIDE]).stream().pipeTo(child.stdin);
    const { code, stdout, stderr } = await output;
    assertEquals([code, decoder.decode(stderr)], [0, ""]);
    assertMatch(decoder.decode(stdout), /errors: 0, replies: 20000\n$/);
    assertEquals(
      plain(await server.command("HGET", "u:19999", "name")),
      'Ann "19999"',
    );
  },
});
