import { assertEquals, assertMatch } from "@std/assert";
import { plain } from "../support/plain_reply.ts";
import { startServer } from "../support/redis_server.ts";
import { runRespipe } from "../support/run_respipe.ts";

const INPUT = "id,name\n1,Ann\n2,Bo\n";

/** What people type, and the sentence that helps. */
const REFUSED: [words: string[], says: RegExp][] = [
  [["-h", "host:6379", "--", "SET", "{id}", "v"], /write -h host -p 6379/],
  [
    ["-h", "redis://u:pw@host", "--", "SET", "{id}", "v"],
    /-h takes a host alone; a server's URI is given with -u/,
  ],
  [
    ["--then", "EXPIRE", "user:{id}", "3600", "--", "SET", "user:{id}", "v"],
    /"user:\{id\}" would be a FILE here; .*--then 'EXPIRE user:\{id\} \.\.\.'/,
  ],
  [["--", "HSET user:{id} {*}"], /-- HSET 'user:\{id\}' '\{\*\}'/],
  [
    ["--rejects", "-", "--", "SET", "{id}", "v"],
    /Cannot use --rejects "-": must be the name of a file/,
  ],
  [
    ["--rejects", "/dev/stderr", "--", "SET", "{id}", "v"],
    /Cannot use --rejects "\/dev\/stderr": must be the name of a file/,
  ],
  [
    ["--", "HSET", "d:{id}", "{*}", "--rejects", "bad.csv"],
    /--rejects stands behind --/,
  ],
  [["--", "SADD", "s", "{id}", "--dry-run"], /--dry-run stands behind --/],
  [
    ["--rejects", "a", "--metrics", "./a", "--", "SET", "{id}", "v"],
    /--rejects and --metrics would both write \.\/a; give each a file of its/,
  ],
  [
    ["--rejects", "a", "--state", "a.errors.csv", "--", "SET", "{id}", "v"],
    /--rejects and --state would both write a\.errors\.csv/,
  ],
  [
    ["--metrics", "a", "--state", "a", "--", "SET", "{id}", "v"],
    /--state and --metrics would both write a;/,
  ],
  [["--", "FLUSHALL"], /no column in it/],
  [
    ["--then", "FLUSHALL", "--", "SET", "%id%", "v"],
    /want "%id%" to be '\{id\}'/,
  ],
  [["--", "HSET", "d:{id}", "*-id", "name"], /quote it, '\{\*-id,name\}'/],
];

for (const [words, says] of REFUSED) {
  Deno.test(`load ${words.join(" ")} does nothing but help`, async () => {
    await using server = await startServer();
    await server.command("SET", "here", "1");
    const { port } = server;
    const place = words[0] === "-h" ? [] : ["-p", String(port)];
    const run = await runRespipe(["load", ...place, ...words], {
      stdin: INPUT,
      permissions: [`--allow-net=127.0.0.1:${port}`],
    });
    assertEquals([run.code, run.stdout], [2, ""]);
    assertMatch(run.stderr, /^respipe: [^\n]+\n$/);
    assertMatch(run.stderr, says);
    assertEquals(plain(await server.command("KEYS", "*")), ["here"]);
  });
}

Deno.test("load -- -- runs a command without a column for every row", async () => {
  await using server = await startServer();
  const run = await runRespipe(
    ["load", "-p", String(server.port), "--quiet", "--", "--", "INCR", "rows"],
    { stdin: INPUT },
  );
  assertEquals([run.code, run.stderr], [0, ""]);
  assertEquals(plain(await server.command("GET", "rows")), "2");
});

const ANSWERS: [what: string, bytes: string][] = [
  ["HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n"],
  ["SSH", "SSH-2.0-OpenSSH_9.6\r\n"],
  ["a page", "<!DOCTYPE HTML>"],
];

for (const [what, bytes] of ANSWERS) {
  Deno.test(`a port of ${what} is told from a server's`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const answering = (async () => {
      const connection = await listener.accept();
      await connection.write(new TextEncoder().encode(bytes));
      // Until it is hung up on.
      await connection.readable.pipeTo(new WritableStream()).catch(() => {});
    })();
    const { port } = listener.addr;
    const run = await runRespipe(
      ["load", "-p", String(port), "--", "SET", "{id}", "v"],
      { stdin: INPUT },
    );
    await answering;
    assertEquals(run.code, 4);
    assertMatch(run.stderr, /^respipe: [^\n]+\n$/);
    assertMatch(run.stderr, /no Redis or Valkey server, it answers "/);
    assertMatch(run.stderr, /is it the right port\?/);
  });
}

Deno.test("one of a thing is one", async () => {
  await using server = await startServer();
  const run = await runRespipe(
    ["load", "-p", String(server.port), "--", "SET", "{id}", "v"],
    { stdin: "id,name\n\n1,Ann\n" },
  );
  assertMatch(
    run.stdout,
    /^1 of 1 record loaded, .*\n1 command, 1 reply, .*\n1 blank line passed over\n$/,
  );
});

Deno.test("--json tells what was loaded, and when", async () => {
  await using server = await startServer();
  const before = new Date().toISOString();
  const run = await runRespipe([
    ...["load", "-p", String(server.port), "-n", "1", "--json"],
    ...["--then", "SADD s {id}", "--", "SET", "{id}", "v"],
  ], { stdin: INPUT });
  const data = JSON.parse(run.stdout);
  assertEquals(data.sources, ["-"]);
  assertEquals(data.template, [["SET", "{id}", "v"], ["SADD", "s", "{id}"]]);
  assertEquals(
    [before, data.startedAt, data.endedAt].sort(),
    [before, data.startedAt, data.endedAt],
  );
  assertEquals(
    [data.seconds >= 0, data.secondsWaiting >= 0],
    [true, true],
    run.stdout,
  );
});
