/**
 * `respipe pipe` and a cluster that stays as it is; tests/faults has those that
 * change.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PipeClusterData } from "../../mod.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { SLOTS } from "../../src/protocol/key_slot.ts";
import { plain } from "../support/plain_reply.ts";
import { readKeys } from "../support/read_keys.ts";
import { type RedisCluster, startCluster } from "../support/redis_cluster.ts";
import { startRedisSentinel } from "../support/redis_sentinel.ts";
import { startServer } from "../support/redis_server.ts";
import {
  type Run,
  type RunOptions,
  runRespipe,
} from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";
import { testOf7 } from "../support/server_program.ts";

/** Runs a pipe with no more than the nodes. */
function pipe(
  cluster: RedisCluster,
  stdin: string | Uint8Array,
  words: string[] = [],
  options: RunOptions = {},
): Promise<Run> {
  return runRespipe(["pipe", "-p", `${cluster.port}`, ...words], {
    permissions: [
      `--allow-net=${cluster.addresses}`,
      "--allow-env=REDISCLI_AUTH",
    ],
    stdin,
    ...options,
  });
}

/** What `--json` prints of a pipe into a cluster. */
interface PipeJson extends PipeClusterData {
  exitCode: number;
  bytesIn: number;
  replies: number;
  errorReplies: number;
}

function resp(...commands: (string | Uint8Array)[][]): Uint8Array {
  return Uint8Array.from(commands.flatMap((args) => [...encodeCommand(args)]));
}

function lines(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => `${line(i)}\n`).join("");
}

const NOTED = "All data transferred. Waiting for the last reply...\n" +
  "Last reply received from server.\n";

/** Inputs whose errors and data are those of one server. */
const SAME: [name: string, input: string | Uint8Array][] = [
  ["nothing", ""],
  ["empty lines and empty arrays", "\r\n\n*0\r\n*-1\r\n\r\n"],
  ["inline commands", lines(300, (i) => `SET key:${i} value:${i}`)],
  [
    "inline commands with quotes",
    `SET 'a b' "x\\x41\\n\\t\\"" \r\n  set "c"\t'it\\'s'\n` +
    `RPUSH d "" '' "\\q\\xzz"\r\n`,
  ],
  ["no line break at the end", "SET a 1\nRPUSH b 2"],
  [
    "RESP",
    resp(
      ...Array.from({ length: 300 }, (_, i) => ["HSET", `h:${i}`, "f", `${i}`]),
      ["SET", "bin\0ary\r\n", new Uint8Array([0, 255, 13, 10])],
      ["SET", "", "the empty key"],
      ["GET", "h:1"],
      ["INCR", "bin\0ary\r\n"],
    ),
  ],
  [
    "RESP, inline and nothing by turns",
    Uint8Array.from([
      ...resp(["SET", "a", "1"]),
      ...new TextEncoder().encode("\r\nINCR a\r\n*0\r\n"),
      ...resp(["INCR", "a"], ["SET", "b", "*1\r\n"]),
    ]),
  ],
  [
    "errors of every kind",
    "SET a x\nINCR a\nNOPE a b\nSET a\nEXEC\nLPUSH a 1\nGET a\nMULTI x\n" +
    "OBJECT FREQ\nEVAL x\nXREAD COUNT 1\nDISCARD\nDEL a\nINCR a\n",
  ],
  [
    "transactions",
    "MULTI\nSET {a}1 x\nRPUSH {a}2 y z\nEXEC\n" +
    "SET b 1\nMULTI\nINCR b\nINCR b\nGET b\nEXEC\nMULTI\nEXEC\n" +
    "MULTI\nINCR b\nDISCARD\nMULTI\nPING\nEXEC\n",
  ],
  [
    "transactions that fail",
    "SET a x\nMULTI\nINCR a\nSET a y\nEXEC\n" +
    "MULTI\nSET a z\nNOPE\nEXEC\nMULTI\nMULTI\nSET a 1\nEXEC\nINCR a\n",
  ],
  [
    "keys that do not stand behind the name",
    "XGROUP CREATE s g $ MKSTREAM\nXADD s 1-1 f v\n" +
    "XREADGROUP GROUP g streams COUNT 9 STREAMS s >\n" +
    "EVAL \"return redis.call('SET', KEYS[1], ARGV[1])\" 1 e 7\n" +
    "EVAL 'return 1' 0 x\nBITOP NOT {s}n {s}2\nOBJECT ENCODING e\n" +
    "ZADD {z}1 1 m\nZUNIONSTORE {z}2 1 {z}1\nZDIFF 1 {z}2\n" +
    "SORT {z}2 BY nosort STORE {z}3\nMEMORY USAGE e\n",
  ],
];

Deno.test("a cluster takes a pipe as one server does", async (t) => {
  await using cluster = await startCluster({ replicas: 1 });
  await using server = await startServer();

  async function step(name: string, work: () => Promise<void>): Promise<void> {
    await t.step(name, async () => {
      await cluster.flush();
      await server.command("FLUSHALL");
      await work();
    });
  }

  for (const [name, input] of SAME) {
    await step(`the same: ${name}`, async () => {
      const routed = await pipe(cluster, input);
      const alone = await runRespipe(["pipe", "-p", `${server.port}`], {
        stdin: input,
      });
      assertEquals(routed, alone);
      const data = await readKeys(await cluster.primaries());
      assertEquals(data, await readKeys([server]));
    });
  }

  for (const [index, { port }] of cluster.nodes.entries()) {
    await step(`node ${index} is the seed`, async () => {
      const done = await runRespipe(["pipe", "-p", `${port}`], {
        permissions: [`--allow-net=${cluster.addresses}`],
        stdin: lines(200, (i) => `SET key:${i} x`),
      });
      assertEquals(
        [done.code, done.stdout, done.stderr],
        [0, `${NOTED}errors: 0, replies: 200\n`, ""],
      );
      assertEquals(await cluster.size(), 200);
    });
  }

  await step("files one after the other, errors by their bytes", async () => {
    using files = new TempFiles();
    const one = files.write(
      "one",
      lines(100, (i) => `RPUSH list:${i % 7} ${i}`),
    );
    const two = files.write("two", "SET list:3 x\nINCR list:3\nINCR a\n");
    const { code, stdout, stderr } = await pipe(cluster, "", [one, two], {
      permissions: [
        `--allow-net=${cluster.addresses}`,
        `--allow-read=${files.path}`,
      ],
    });
    assertEquals([code, stdout], [1, `${NOTED}errors: 1, replies: 103\n`]);
    assertMatch(stderr, /^ERR value .* \(command 102, \S+two byte 13: /);
  });

  await step("the nodes add up in --json", async () => {
    const input = lines(3_000, (i) => `SET key:${i} x`) + "INCR key:7\n";
    const { code, stdout, stderr } = await pipe(cluster, input, ["--json"]);
    assertEquals(code, 1, stderr);
    const json: PipeJson = JSON.parse(stdout);
    assertEquals(json.bytesIn, input.length);
    assertEquals([json.replies, json.errorReplies, json.unknown], [3001, 1, 0]);
    assertEquals([json.redirections, json.rewinds], [0, 0]);
    const sum = (name: "slots" | "commands" | "replies" | "errors"): number =>
      json.nodes.reduce((all, node) => all + node[name], 0);
    assertEquals(
      [sum("slots"), sum("commands"), sum("replies"), sum("errors")],
      [SLOTS, 3001, 3001, 1],
    );
    assert(json.nodes.every(({ commands }) => commands > 500), stdout);
  });

  await step("MULTI to EXEC over several slots is not sent", async () => {
    await cluster.everywhere("CONFIG", "RESETSTAT");
    const { code, stdout, stderr } = await pipe(
      cluster,
      "SET c 3\nMULTI\nSET a 1\nSET b 2\nEXEC\nSET d 4\n",
    );
    assertEquals([code, stdout], [1, `${NOTED}errors: 4, replies: 6\n`]);
    const said = stderr.trimEnd().split("\n");
    for (const [i, line] of said.entries()) {
      assertMatch(line, /^CROSSSLOT .*one slot.*nothing of it.*hash tag/);
      assertMatch(line, new RegExp(`\\(command ${2 + i}, - byte \\d+: `));
    }
    assertEquals(said.length, 4);
    const stats = await cluster.everywhere("INFO", "commandstats");
    assert(!/cmdstat_(multi|exec):/.test(stats.join("")));
    const keys = await readKeys(await cluster.primaries());
    assertEquals(keys.map(([key]) => key), ["c", "d"]);
  });

  await step("keys of several slots in one command are rejected", async () => {
    const { code, stdout, stderr } = await pipe(
      cluster,
      "MSET {t}1 x {t}2 y\nMSET a 1 b 2\nDEL {t}1 a\nRENAME {t}1 {t}3\n",
    );
    assertEquals([code, stdout], [1, `${NOTED}errors: 2, replies: 4\n`]);
    const said = stderr.trimEnd().split("\n");
    assertMatch(said[0], /^CROSSSLOT .*hash tag.*\(command 2, - byte 19: /);
    assertMatch(said[1], /^CROSSSLOT .*hash tag.*\(command 3, - byte 32: /);
    const keys = await readKeys(await cluster.primaries());
    assertEquals(keys.map(([key]) => key), ["{t}2", "{t}3"]);
  });

  await step("commands without keys go to one primary", async () => {
    const input = lines(100, (i) => i % 2 === 0 ? "PING" : "PUBLISH c x");
    const { stdout } = await pipe(cluster, input, ["--json"]);
    const json: PipeJson = JSON.parse(stdout);
    const counts = json.nodes.map(({ commands }) => commands);
    assertEquals(counts.sort((a, b) => a - b), [0, 0, 100]);
  });

  for (
    const [name, input, sent, why] of [
      ["AUTH", "SET a 1\nAUTH x\nSET b 2\n", 1, /command 2 .* which is AUTH: /],
      ["HELLO", "HELLO 3\n", 0, /command 1 .* which is HELLO: /],
      ["WATCH", "SET a 1\nWATCH a\nMULTI\nEXEC\n", 1, /WATCH: .*connection/],
      ["ASKING", "ASKING\nSET a 1\n", 0, /ASKING: .*connection/],
      ["MONITOR", "SET a 1\nMONITOR\n", 1, /MONITOR: .*no longer be paired/],
      [
        "in a transaction",
        "SET a 1\nMULTI\nSET b 2\nSUBSCRIBE c\nEXEC\n",
        1,
        /command 4 .*SUBSCRIBE.*nor was its transaction, which command 2 begins/,
      ],
      [
        "a transaction that is left open",
        "SET a 1\nMULTI\nSET b 2\n",
        1,
        /leaves the MULTI of command 2 without EXEC; it and what follows it wer/,
      ],
      [
        "a cut command",
        "SET a 1\n*2\r\n$3\r\nGET\r\n$9\r\nk",
        1,
        /ends within command 2 \(-, byte 8\), 8 bytes short: GET k/,
      ],
      [
        "no RESP",
        "SET a 1\n*1\r\n+OK\r\n",
        1,
        /no RESP at -, byte 12: expected "\$"; nobody knows which node/,
      ],
    ] as const
  ) {
    await step(`refused, with what follows it: ${name}`, async () => {
      const { code, stdout, stderr } = await pipe(cluster, input);
      assertEquals(code, 5, stderr);
      assertEquals(stdout, sent > 0 ? `errors: 0, replies: ${sent}\n` : "");
      assertMatch(stderr, why);
      assertMatch(stderr, /^respipe: [^\n]*not sent[^\n]*\n$/);
      assertEquals(await cluster.size(), sent);
    });
  }

  await step("a Redis Sentinel is refused", async () => {
    await using sentinel = await startRedisSentinel({
      primary: cluster.nodes[0].server.port,
      service: "one",
    });
    const { code, stdout, stderr } = await runRespipe([
      ...["pipe", "--sentinel", `127.0.0.1:${sentinel.port}`],
      ...["--service", "one"],
    ], {
      permissions: [
        `--allow-net=${cluster.addresses},127.0.0.1:${sentinel.port}`,
      ],
      stdin: "SET a 1\n",
    });
    assertEquals([code, stdout], [2, ""], stderr);
    assertMatch(stderr, /^respipe: [^\n]*--sentinel[^\n]*cluster[^\n]*\n$/);
  });

  await step("the end is known without ECHO, too", async () => {
    for (const marker of ["echo", "ping", "count"]) {
      const input = lines(100, (i) => `SET key:${i} x`);
      const { code } = await pipe(cluster, input, ["--end-marker", marker]);
      assertEquals(code, 0);
    }
  });

  await step("a transaction larger than what is read at once", async () => {
    const value = "v".repeat(1_000);
    const input = "SET a 1\nMULTI\n" +
      lines(3_000, (i) => `RPUSH list ${i}${value}`) + "EXEC\nSET b 2\n";
    const { code, stdout, stderr } = await pipe(cluster, input);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout, `${NOTED}errors: 0, replies: 3004\n`);
    const last = plain(await cluster.command("LINDEX", "list", "-1"));
    assertEquals(last, `2999${value}`);
    assertEquals(plain(await cluster.command("LLEN", "list")), 3_000);
  });
});

// Host names of nodes, and ACL rules of subcommands, are of Redis 7.
testOf7("pipe: announced addresses that are not reachable", async () => {
  await using cluster = await startCluster({
    announce: (index) => ({ host: `node-${index}.invalid`, port: 6379 }),
  });
  const input = lines(100, (i) => `SET key:${i} x`);
  const lost = await pipe(cluster, input, [], { permissions: ["--allow-net"] });
  assertEquals(lost.code, 4);
  assertMatch(lost.stderr, /node-\d\.invalid:6379[^\n]*--node-map/);
  assertEquals(await cluster.size(), 0);
  const done = await pipe(cluster, input, ["--node-map", cluster.nodeMap]);
  assertEquals([done.code, done.stderr], [0, ""]);
  assertEquals(await cluster.size(), 100);
});

Deno.test("pipe: slots that nobody serves are said, and end it", async () => {
  await using cluster = await startCluster({ without: { from: 0, to: 8_000 } });
  // The slot of a is 15495, that of b 3300.
  const { code, stdout, stderr } = await pipe(
    cluster,
    "SET a 1\nSET b 2\nSET a 3\n",
    ["--retry", "0"],
  );
  assertEquals(code, 3, stderr);
  assertMatch(stdout, /^errors: 0, replies: 1\n$/m);
  assertMatch(
    stderr,
    /^respipe: No node of the cluster serves the hash slots/m,
  );
  assertMatch(
    stderr,
    /^respipe: Stopped at command 2 \(-, byte 8\): [^\n]*CLUSTERDOWN[^\n]* executed so far: 1 command, /m,
  );
});

Deno.test("pipe: a user who may not ask about commands", async () => {
  await using cluster = await startCluster({
    password: "secret",
    users: ["eve on >pw ~* +@all -command"],
  });
  const input = lines(100, (i) => `SET key:${i} x`) +
    lines(100, (i) => `GET key:${i}`) +
    "EVAL \"return redis.call('SET', KEYS[1], 1)\" 1 e\nXREAD STREAMS s 0\n";
  const { code, stdout, stderr } = await pipe(cluster, input, [
    "--user",
    "eve",
  ], { env: { REDISCLI_AUTH: "pw" } });
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout, `${NOTED}errors: 0, replies: 202\n`);
  assertEquals(await cluster.size(), 101);
});
