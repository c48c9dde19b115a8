import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  areRepeatable,
  commandsThat,
  isRepeatable,
  keyPosition,
  traitsOf,
} from "../../src/protocol/command_traits.ts";
import { plain } from "../support/plain_reply.ts";
import { Random } from "../support/random.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { testOf7 } from "../support/server_program.ts";

const KEYS: [command: string, position: number][] = [
  ["SET k v", 1],
  ["hset k f v", 1],
  ["XADD k * f v", 1],
  ["GEOADD k 1 2 m", 1],
  ["MSET k v", 1],
  ["BITOP AND k other", 2],
  ["XGROUP CREATE k g $", 2],
  ["XINFO STREAM k", 2],
  ["OBJECT FREQ k", 2],
  ["MEMORY USAGE k", 2],
  ["MEMORY DOCTOR", 0],
  ["MIGRATE host 1 k 0 1", 3],
  ["ZUNIONSTORE k 1 a", 1],
  ["ZUNION 1 k", 2],
  ["ZINTER 2 k l", 2],
  ["ZDIFF 1 k", 2],
  ["ZINTERCARD 1 k", 2],
  ["SINTERCARD 1 k", 2],
  ["LMPOP 1 k LEFT", 2],
  ["ZMPOP 1 k MIN", 2],
  ["BLMPOP 1 1 k LEFT", 3],
  ["BZMPOP 1 1 k MIN", 3],
  ["eval script 1 k", 3],
  ["EVAL script 0 x", 0],
  ["EVAL_RO script 1 k", 3],
  ["EVALSHA sha 1 k", 3],
  ["EVALSHA_RO sha 2 k l", 3],
  ["FCALL f 1 k x", 3],
  ["FCALL_RO f 0 x", 0],
  ["XREAD COUNT 1 streams k 0", 4],
  ["XREADGROUP GROUP g c COUNT 1 STREAMS k >", 7],
  ["SORT k STORE l", 1],
  ["PUBLISH c m", 0],
  ["SPUBLISH k m", 1],
  ["MULTI", 0],
  ["EXEC", 0],
  ["PING x", 0],
  ["SELECT 1", 0],
  ["FLUSHALL ASYNC", 0],
];

Deno.test("keyPosition finds the first key, or none", () => {
  for (const [command, position] of KEYS) {
    assertEquals(keyPosition(command.split(" ")), position, command);
  }
});

// Redis 6.2 has fewer commands, and says less of where their keys stand.
testOf7("keyPosition finds what COMMAND GETKEYS finds first", async () => {
  await using server = await startServer();
  const replies = await server.commands(
    KEYS.map(([command]) => ["COMMAND", "GETKEYS", ...command.split(" ")]),
  );
  KEYS.forEach(([command, position], i) => {
    const keys = plain(replies[i]);
    const first = Array.isArray(keys) ? keys[0] : undefined;
    // A shard channel is hashed as a key is, and is none.
    if (command.startsWith("SPUBLISH")) return;
    const wanted = position === 0 ? undefined : command.split(" ")[position];
    assertEquals(first, wanted, command);
  });
});

/** An entry of what `COMMAND` gives: the tenth element has its subcommands. */
type Entry = [
  name: string,
  arity: number,
  flags: string[],
  key: number,
  ...unknown[],
];

async function commandEntries(server: RedisServer): Promise<Entry[]> {
  const entries = plain(await server.command("COMMAND")) as Entry[];
  return entries.flatMap((entry) => {
    const subcommands = (entry[9] ?? []) as Entry[];
    return subcommands.length > 0 ? subcommands : [entry];
  });
}

testOf7("keyPosition knows every command of the server", async () => {
  await using server = await startServer();
  const entries = await commandEntries(server);
  assert(entries.length > 300, `${entries.length} commands`);
  for (const [name, arity, flags, key] of entries) {
    // Where its arguments say where the keys are, KEYS has an example.
    if (flags.includes("movablekeys") && key === 0) {
      assert(KEYS.some(([it]) => it.toLowerCase().startsWith(name)), name);
      continue;
    }
    const words = name.split("|");
    const length = arity < 0 ? 1 - arity : arity;
    while (words.length < length) words.push("x");
    assertEquals(keyPosition(words), key, name);
  }
});

testOf7(
  "every command in the table is one of the server's, or known not to be",
  async () => {
    await using server = await startServer();
    const theirs = new Set(
      (plain(await server.command("COMMAND", "LIST")) as string[])
        .map((name) => name.toUpperCase()),
    );
    // Redis has it from 7.2 on.
    theirs.add("WAITAOF");
    const missing = commandsThat(() => true).filter((name) =>
      !theirs.has(name)
    );
    assertEquals(missing.sort(), ["HOST:", "JSON.MERGE", "JSON.SET", "POST"]);
  },
);

Deno.test("what writes one key has no other by the server's own account", async () => {
  await using server = await startServer();
  const one = commandsThat(({ writesOneKey }) => writesOneKey === true)
    .filter((name) => !name.startsWith("JSON."));
  const entries = plain(
    await server.command("COMMAND", "INFO", ...one),
  ) as Entry[];
  for (const [name, , flags, first, last] of entries) {
    assertEquals([first, last], [1, 1], name);
    assert(flags.includes("write"), name);
    assert(!flags.includes("movablekeys"), name);
  }
});

Deno.test("keyPosition takes a module's command to have its key in front", () => {
  assertEquals(keyPosition(["JSON.SET", "{id}", "$", "{doc}"]), 1);
  assertEquals(keyPosition(["constructor", "{id}"]), 1);
  assertEquals(keyPosition(["MYMODULE.FLUSH"]), 0);
});

const REPEATABLE = [
  "SET k v",
  "set {k} {v} ex 10",
  "SET k v PXAT {at} KEEPTTL",
  "SETEX k 10 v",
  "MSET {*}",
  "HSET k {*}",
  "HMSET k f v",
  "SADD k {a} {b}",
  "PFADD k {a}",
  "SETBIT k 7 1",
  "SETRANGE k 5 v",
  "ZADD k {score} {m}",
  "ZADD k 1 a 2 b",
  "ZADD k GT CH {score} {m}",
  "zadd k lt {score} {m}",
  "GEOADD k {lon} {lat} {m}",
  "GEOADD k CH {lon} {lat} {m}",
  "RESTORE k 0 {dump} REPLACE",
  "RESTORE k 0 {dump} ABSTTL REPLACE IDLETIME 3",
  "JSON.SET k $ {doc}",
  "DEL k",
  "UNLINK k l",
  "HDEL k f",
  "SREM k m",
  "ZREM k m",
  "XDEL k 1-1",
  "PERSIST k",
  "EXPIRE k 10",
  "PEXPIREAT k {at}",
  "PING",
  "MULTI",
  "EXEC",
];

const NOT_REPEATABLE = [
  "SET k",
  "SET k v NX",
  "SET k v XX",
  "SET k v GET",
  "SET k v EX 10 NX",
  "SET k v {option}",
  "SET k {*}",
  "SET {*}",
  "SETNX k v",
  "MSETNX k v",
  "GETSET k v",
  "GETDEL k",
  "HSETNX k f v",
  "APPEND k v",
  "INCR k",
  "INCRBY k {n}",
  "DECRBY k {n}",
  "HINCRBY k f 1",
  "RPUSH k v",
  "LPUSH k v",
  "LSET k 0 v",
  "ZINCRBY k 1 m",
  "ZADD k INCR 1 m",
  "ZADD k NX 1 m",
  "ZADD k CH XX 1 m",
  "ZADD k GT NX 1 m",
  "ZADD k {*}",
  "ZADD k {option} 1 m",
  "GEOADD k NX 1 2 m",
  "XADD k * f v",
  "XADD k 1-1 f v",
  "XGROUP CREATE k g $",
  "RESTORE k 0 {dump}",
  "RESTORE k 0 {dump} {option}",
  "JSON.SET k $.a {doc}",
  "JSON.SET k $ {doc} NX",
  "JSON.MERGE k $ {doc}",
  "EXPIRE k 10 GT",
  "EXPIRE k {*}",
  "SMOVE a b m",
  "RENAME a b",
  "COPY a b",
  "SUNIONSTORE a b c",
  "BITOP AND a b",
  "PFMERGE a b",
  "PUBLISH c m",
  "SELECT 1",
  "EVAL script 0",
  "MYMODULE.SET k v",
];

Deno.test("what assigns is repeatable, and nothing else", () => {
  for (const command of REPEATABLE) {
    assert(isRepeatable(command.split(" ")), command);
  }
  for (const command of NOT_REPEATABLE) {
    assert(!isRepeatable(command.split(" ")), command);
  }
});

Deno.test("a row is repeatable where EXPIRE stands behind what makes its key", () => {
  const rows: [commands: string[], repeatable: boolean][] = [
    [["HSET k f v", "EXPIRE k 10"], true],
    [["DEL k", "HSET k f v", "EXPIRE k 10"], true],
    [["MULTI", "SADD k m", "EXPIRE k 10", "SADD l m", "EXEC"], true],
    [["EXPIRE k 10"], true],
    [["EXPIRE k 10", "DEL l"], true],
    [["EXPIRE k 10", "HSET k f v"], false],
    [["HSET k f v", "EXPIRE l 10"], false],
    [["HSET k f v", "DEL k", "EXPIRE k 10"], false],
    [["SADD k m", "EXPIRE k 10", "SREM l n"], false],
    [["SADD k m", "SREM l n"], true],
    [["EXPIRE k 10", "SREM l n"], true],
    [["HSET k f v", "RPUSH l v"], false],
    [["SET k v", "EXPIRE k 10 NX"], false],
    [["INCR k", "EXPIRE k 10"], false],
  ];
  for (const [commands, repeatable] of rows) {
    assertEquals(
      areRepeatable(commands.map((command) => command.split(" "))),
      repeatable,
      commands.join("; "),
    );
  }
});

/**
 * A row that is repeatable, on one of very few keys: one of those that set times
 * to live, or one of those that may empty a key.
 */
function randomRow(random: Random, expires: boolean): string[] {
  const key = `k${random.int(3)}`;
  const n = random.int(6);
  const row = random.pick([
    [`SET ${key} ${n}`],
    [`SET ${key} ${n} KEEPTTL`],
    [`SET ${key} ${n} EX 1000`],
    [`SETEX ${key} 1000 ${n}`],
    [`SETRANGE ${key} ${n} ab`],
    [`SETBIT ${key} ${n} 1`],
    [`MSET ${key} ${n} k0 ${n}`],
    [`HSET ${key} f${n} ${random.int(3)}`],
    [`SADD ${key} m${n} m1`],
    [`PFADD p m${n}`],
    [`ZADD ${key} ${random.int(9)} m${n}`],
    [`ZADD ${key} GT ${random.int(9)} m${n}`],
    [`ZADD ${key} LT CH ${random.int(9)} m${n}`],
    [`GEOADD ${key} ${random.int(9)} 1 m${n}`],
    [`DEL ${key}`],
    [`UNLINK ${key} k1`],
    [`PERSIST ${key}`],
    ...expires
      ? [
        [`HSET ${key} f${n} 1`, `EXPIRE ${key} 1000`],
        [`DEL ${key}`, `SADD ${key} m${n}`, `PEXPIRE ${key} 1000000`],
        ["MULTI", `SET ${key} ${n}`, `EXPIRE ${key} 1000`, "EXEC"],
      ]
      : [[`HDEL ${key} f${n}`], [`SREM ${key} m${n}`], [`ZREM ${key} m${n}`]],
  ]);
  assert(areRepeatable(row.map((it) => it.split(" "))), row.join("; "));
  return row;
}

Deno.test("repeatable rows that are sent again leave the same data", async () => {
  await using server = await startServer({ mayDebug: true });
  const seed = Random.seed();
  const random = new Random(seed);
  for (let round = 0; round < 400; round++) {
    const rows = Array.from(
      { length: 1 + random.int(12) },
      () => randomRow(random, round % 2 === 0),
    );
    const done = random.int(rows.length + 1);
    const digests = [];
    for (const again of [[], rows.slice(0, done)]) {
      const commands = [
        ["FLUSHALL"],
        ...[...again, ...rows].flat()
          .map((command) => command.split(" ")),
        ["DEBUG", "DIGEST"],
      ];
      digests.push(plain((await server.commands(commands)).at(-1)!));
    }
    assertMatch(String(digests[0]), /^[0-9a-f]{40}$/);
    assertEquals(
      digests[1],
      digests[0],
      `RESPIPE_SEED=${seed}, round ${round}: the first ${done} of ` +
        JSON.stringify(rows),
    );
  }
});

Deno.test("what rows can share is said with the arguments of a member", () => {
  assertEquals(
    commandsThat(({ sharing }) => sharing !== undefined).sort(),
    ["GEOADD", "HSET", "LPUSH", "PFADD", "RPUSH", "SADD", "SET", "ZADD"],
  );
  assertEquals(traitsOf(["zadd", "k"]).sharing?.numbers, [Infinity]);
  assertEquals(traitsOf(["Set", "k"]).sharing?.as, "MSET");
});
