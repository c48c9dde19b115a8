import { assert, assertEquals } from "@std/assert";
import { hazardOf, isWorthALook } from "../../src/protocol/hazard.ts";

const HAZARDS = [
  "SUBSCRIBE",
  "PSUBSCRIBE",
  "SSUBSCRIBE",
  "UNSUBSCRIBE",
  "PUNSUBSCRIBE",
  "SUNSUBSCRIBE",
  "MONITOR",
  "SYNC",
  "PSYNC",
  "REPLCONF",
  "QUIT",
  "SHUTDOWN",
  "POST",
  "HOST:",
];

function look(name: string): boolean {
  return isWorthALook(name.length, name.charCodeAt(0), name.charCodeAt(1));
}

for (const name of HAZARDS) {
  Deno.test(`${name} is a hazard, whatever its arguments`, () => {
    assertEquals(hazardOf([name])?.name, name);
    assertEquals(hazardOf([name, "A", "B"])?.name, name);
    assert(hazardOf([name])!.why.length > 10);
  });
}

Deno.test("hazards and transactions are worth a look in any letter case", () => {
  for (
    const name of [...HAZARDS, "CLIENT", "MULTI", "EXEC", "DISCARD", "RESET"]
  ) {
    assert(look(name), name);
    assert(look(name.toLowerCase()), name);
    assert(look(name[0].toLowerCase() + name.slice(1)), name);
  }
});

Deno.test("the commands that loads are made of are not worth a look", () => {
  const names = [
    "SET",
    "GET",
    "HSET",
    "HMSET",
    "SADD",
    "ZADD",
    "LPUSH",
    "RPUSH",
    "XADD",
    "GEOADD",
    "INCR",
    "DEL",
    "EXPIRE",
    "MSET",
    "PFADD",
    "SETEX",
    "EVALSHA",
    "JSON.SET",
    "a name of sixteen",
    "SUBSCRIBE".repeat(1000),
  ];
  for (const name of names) assert(!look(name), name);
});

Deno.test("a glance at a name without letters is harmless", () => {
  for (const length of [0, 1, 15, 16, 2 ** 31]) {
    assert(!isWorthALook(length, NaN, NaN));
    assert(!isWorthALook(length, 0, 255));
  }
});

const CLIENT: [string[], string | undefined][] = [
  [["CLIENT"], undefined],
  [["CLIENT", "REPLY"], undefined],
  [["CLIENT", "REPLY", "ON"], undefined],
  [["CLIENT", "REPLY", "NEVER"], undefined],
  [["CLIENT", "REPLY", "OFF"], "CLIENT REPLY OFF"],
  [["CLIENT", "REPLY", "SKIP"], "CLIENT REPLY SKIP"],
  [["CLIENT", "SETNAME", "OFF"], undefined],
  [["CLIENT", "NO-EVICT", "OFF"], undefined],
];

for (const [words, name] of CLIENT) {
  const verdict = name === undefined ? "is no hazard" : "is a hazard";
  Deno.test(`${words.join(" ")} ${verdict}`, () => {
    assertEquals(hazardOf(words)?.name, name);
  });
}

Deno.test("other commands are no hazard, nor is no command", () => {
  assertEquals(hazardOf(["SET", "SUBSCRIBE", "OFF"]), undefined);
  assertEquals(hazardOf(["MULTI"]), undefined);
  assertEquals(hazardOf([]), undefined);
});
