import { assertEquals } from "@std/assert";
import { keyPosition } from "../../src/protocol/key_position.ts";
import { plain } from "../support/plain_reply.ts";
import { startServer } from "../support/redis_server.ts";

const CASES: [words: string[], position: number][] = [
  [["SET", "k", "v"], 1],
  [["hset", "k", "f", "v"], 1],
  [["XADD", "k", "*", "f", "v"], 1],
  [["GEOADD", "k", "1", "2", "m"], 1],
  [["MSET", "k", "v"], 1],
  [["BITOP", "AND", "k", "other"], 2],
  [["XGROUP", "CREATE", "k", "g", "$"], 2],
  [["OBJECT", "FREQ", "k"], 2],
  [["ZUNIONSTORE", "k", "1", "a"], 1],
  [["eval", "return 1", "1", "k"], 3],
  [["EVAL", "return 1", "0", "x"], 0],
  [["FCALL", "f", "1", "k", "x"], 3],
  [["PUBLISH", "c", "m"], 0],
  [["MULTI"], 0],
  [["EXEC"], 0],
  [["PING", "x"], 0],
  [["SELECT", "1"], 0],
  [["FLUSHALL", "ASYNC"], 0],
];

for (const [words, position] of CASES) {
  Deno.test(`keyPosition of ${words.join(" ")} is ${position}`, () => {
    assertEquals(keyPosition(words), position);
  });
}

Deno.test("keyPosition finds what COMMAND GETKEYS finds first", async () => {
  await using server = await startServer();
  const replies = await server.commands(
    CASES.map(([words]) => ["COMMAND", "GETKEYS", ...words]),
  );
  CASES.forEach(([words, position], i) => {
    const keys = plain(replies[i]);
    const first = Array.isArray(keys) ? keys[0] : undefined;
    assertEquals(first, words[position || Infinity], words.join(" "));
  });
});

Deno.test("keyPosition takes a module's command to have its key in front", () => {
  assertEquals(keyPosition(["JSON.SET", "{id}", "$", "{doc}"]), 1);
  assertEquals(keyPosition(["constructor", "{id}"]), 1);
});
