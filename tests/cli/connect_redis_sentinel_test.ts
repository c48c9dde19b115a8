import { assertEquals, assertMatch } from "@std/assert";
import { until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { startRedisSentinel } from "../support/redis_sentinel.ts";
import { freePort, startServer } from "../support/redis_server.ts";
import {
  type Run,
  type RunOptions,
  runRespipe,
} from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const SET = ["--", "SET", "k:{a}", "v"];

function load(words: string[]): Promise<Run> {
  return runRespipe(
    ["load", "--no-auth-warning", "--json", ...words, ...SET],
    { stdin: "a\n1\n", permissions: ["--allow-net=127.0.0.1"] },
  );
}

Deno.test("Redis Sentinel leads to the primary, before and after a failover", async () => {
  await using primary = await startServer();
  await using replica = await startServer({
    args: ["--replicaof", "127.0.0.1", String(primary.port)],
  });
  await using watcher = await startRedisSentinel({
    primary: primary.port,
    service: "mymaster",
  });
  // The first one does not answer, so the second is asked.
  const list = `127.0.0.1:${freePort()},127.0.0.1:${watcher.port}`;
  const words = ["--sentinel", list, "--service", "mymaster"];

  const before = await load(words);
  assertEquals([before.code, before.stderr], [0, ""]);
  const { address } = JSON.parse(before.stdout).server;
  assertEquals(address, `127.0.0.1:${primary.port}`);
  assertEquals(plain(await primary.command("GET", "k:1")), "v");

  const other = await load(["--sentinel", list, "--service", "other"]);
  assertEquals(other.code, 4);
  assertMatch(
    other.stderr,
    /^respipe: Cannot find the primary of "other" through Redis Sentinel: [^\n]*refused[^\n]*; 127\.0\.0\.1:\d+ does not know it\n$/,
  );

  const direct = await load(["-p", String(watcher.port)]);
  assertEquals(direct.code, 4);
  assertMatch(direct.stderr, /is a Redis Sentinel .*--sentinel .*--service/);

  await until(async () => {
    const known = plain(
      await watcher.command("SENTINEL", "replicas", "mymaster"),
    );
    return Array.isArray(known) && known.length === 1;
  }, "the replica to be known");
  await primary.kill();
  const after = await load([...words, "--retry", "60"]);
  assertEquals(after.code, 0, after.stderr);
  assertEquals(
    JSON.parse(after.stdout).server.address,
    `127.0.0.1:${replica.port}`,
  );
});

Deno.test("what Redis Sentinel calls a primary must be one", async () => {
  await using primary = await startServer();
  await using watcher = await startRedisSentinel({
    primary: primary.port,
    service: "m",
  });
  // It is told so by nobody, and asks every ten seconds only.
  await primary.command("REPLICAOF", "127.0.0.1", String(freePort()));
  const run = await load(
    ["--sentinel", `127.0.0.1:${watcher.port}`, "--service", "m"],
  );
  assertEquals(run.code, 4);
  assertMatch(run.stderr, /calls it the primary of "m", but it is a replica/);
});

Deno.test("Redis Sentinel has a password of its own", async () => {
  await using primary = await startServer({ args: ["--requirepass", "data"] });
  await using watcher = await startRedisSentinel({
    primary: primary.port,
    service: "m",
    lines: ["requirepass watch", "user eve on >pw allchannels +@all"],
  });
  const words = ["--sentinel", `127.0.0.1:${watcher.port}`, "--service", "m"];
  const both = await load([...words, "--sentinel-pass", "watch", "-a", "data"]);
  assertEquals([both.code, both.stderr], [0, ""]);
  const user = await load([
    ...words,
    ...["--sentinel-user", "eve", "--sentinel-pass", "pw", "-a", "data"],
  ]);
  assertEquals([user.code, user.stderr], [0, ""]);
  const none = await load([...words, "-a", "data"]);
  assertEquals(none.code, 4);
  assertMatch(
    none.stderr,
    /Cannot find the primary .*wants a password; give it with --sentinel-pass-file FILE, or in RESPIPE_SENTINEL_AUTH/,
  );
  // Where nobody sees them.
  using files = new TempFiles();
  const file = files.write("watch", "watch\n");
  const data = files.write("data", "data\n");
  const net = "--allow-net=127.0.0.1";
  const rest = [...words, "--pass-file", data, ...SET];
  const hidden: [words: string[], options: RunOptions][] = [
    [["--sentinel-pass-file", file], {
      permissions: [net, `--allow-read=${file},${data}`],
    }],
    [[], {
      permissions: [
        ...[net, `--allow-read=${data}`],
        "--allow-env=RESPIPE_SENTINEL_AUTH",
      ],
      env: { RESPIPE_SENTINEL_AUTH: "watch" },
    }],
  ];
  for (const [more, options] of hidden) {
    const run = await runRespipe(["load", "--quiet", ...more, ...rest], {
      stdin: "a\n1\n",
      ...options,
    });
    assertEquals([run.code, run.stderr], [0, ""]);
  }
  const missing = await runRespipe(
    ["load", "--sentinel-pass-file", `${file}x`, ...rest],
    { permissions: [net, `--allow-read=${files.path}`] },
  );
  assertEquals(missing.code, 2);
  assertMatch(
    missing.stderr,
    /Cannot read --sentinel-pass-file .*no such file/,
  );
});
