import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { errorIn, type Reply } from "../../src/protocol/reply.ts";
import { startServer } from "./redis_server.ts";

function integer(value: number): Reply {
  return { kind: "integer", value };
}

Deno.test("a server answers commands in order and holds large replies", async () => {
  await using server = await startServer();
  const body = new Uint8Array(3_000_000).fill(0xff);
  assertEquals(await server.command("SET", "big", body), {
    kind: "simple",
    text: "OK",
  });
  const big = await server.command("GET", "big");
  assert(big.kind === "bulk" && big.body !== undefined);
  assertEquals(big.body.length, body.length);
  assert(big.body.every((byte) => byte === 0xff));

  const pushes = Array.from(
    { length: 5000 },
    (_, i) => ["RPUSH", "list", String(i)],
  );
  const replies = await server.commands(pushes);
  assertEquals(replies, pushes.map((_, i) => integer(i + 1)));
  const list = await server.command("LRANGE", "list", "0", "-1");
  assert(list.kind === "array");
  assertEquals(list.items.length, 5000);
  assertMatch(errorIn(await server.command("NOPE")) ?? "", /^ERR unknown/);
});

Deno.test("the replies of a real server in RESP3 are read", async () => {
  await using server = await startServer();
  const hello = await server.command("HELLO", "3");
  assert(hello.kind === "map" && hello.entries.length === hello.length);
  const rows: [command: string, kind: Reply["kind"]][] = [
    ["SET a 1", "simple"],
    ["GET a", "bulk"],
    ["GET nothing", "null"],
    ["INCR a", "integer"],
    ["HSET h f v", "integer"],
    ["HGETALL h", "map"],
    ["SADD s 1", "integer"],
    ["SMEMBERS s", "set"],
    ["ZADD z inf m", "integer"],
    ["ZSCORE z m", "double"],
    ["INFO server", "verbatim"],
    ["COMMAND", "array"],
    ["LPUSH a 1", "error"],
    ["MULTI", "simple"],
    ["INCR h", "simple"],
    ["EXEC", "array"],
  ];
  const replies = await server.commands(rows.map(([row]) => row.split(" ")));
  assertEquals(
    replies.map((reply, i) => [rows[i][0], reply.kind]),
    rows,
  );
  assertEquals(replies[9], { kind: "double", value: Infinity });
  assertMatch(errorIn(replies[15]) ?? "", /^WRONGTYPE /);
  const script = "redis.setresp(3); return {true, {double = 1.5}}";
  assertEquals(await server.command("EVAL", script, "0"), {
    kind: "array",
    length: 2,
    items: [{ kind: "boolean", value: true }, { kind: "double", value: 1.5 }],
  });
});

Deno.test("a server takes further arguments, two run side by side", async () => {
  await using locked = await startServer({ args: ["--requirepass", "secret"] });
  await using open = await startServer();
  assertNotEquals(locked.port, open.port);
  assertMatch(errorIn(await locked.command("GET", "a")) ?? "", /^NOAUTH/);
  await locked.command("AUTH", "secret");
  assertEquals(await locked.command("DBSIZE"), integer(0));
});

Deno.test("a server that cannot start says why", async () => {
  const error = await assertRejects(
    () => startServer({ args: ["--no-such-option", "1"] }),
    Error,
  );
  assertMatch(error.message, /^Cannot start server/);
});

Deno.test("a paused server answers after it was resumed", async () => {
  await using server = await startServer();
  server.pause();
  const order: string[] = [];
  const reply = server.command("DBSIZE").then((reply) => {
    order.push("reply");
    return reply;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  order.push("resume");
  server.resume();
  assertEquals(await reply, integer(0));
  assertEquals(order, ["resume", "reply"]);
});

Deno.test("a killed server loses its connections, and a dispose ends it all", async () => {
  let directory = "";
  {
    await using server = await startServer();
    directory = server.directory;
    await server.kill();
    assertEquals((await server.process.status).signal, "SIGKILL");
    await assertRejects(() => server.command("PING"), Error);
  }
  await assertRejects(() => Deno.stat(directory), Deno.errors.NotFound);
});
