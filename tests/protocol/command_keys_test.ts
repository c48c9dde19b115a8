import { assert, assertEquals } from "@std/assert";
import { ArgumentWalker } from "../../src/protocol/argument_walker.ts";
import { CommandKeys } from "../../src/protocol/command_keys.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { keySlot, NO_SLOT } from "../../src/protocol/key_slot.ts";
import type { Reply } from "../../src/protocol/reply.ts";
import { startServer } from "../support/redis_server.ts";
import { testOf7 } from "../support/server_program.ts";

const encoder = new TextEncoder();

/** Commands, the key of each, and whether it is known to be the only one. */
const CASES: [words: string, key: string | undefined, isOnly: boolean][] = [
  ["GET k", "k", true],
  ["set k v", "k", true],
  ["mset k v k2 v", "k", false],
  ["DEL k", "k", false],
  ["BITOP AND to from", "to", false],
  ["xgroup create s g $", "s", false],
  ["XGROUP HELP", undefined, false],
  ["OBJECT ENCODING k", "k", false],
  ["MEMORY USAGE k", "k", false],
  ["MEMORY DOCTOR", undefined, false],
  ["EVAL script 1 k a", "k", false],
  ["EVAL script 0 a", undefined, false],
  ["FCALL f 2 k k2", "k", false],
  ["ZUNION 2 k k2", "k", false],
  ["ZUNIONSTORE to 2 k k2", "to", false],
  ["XREAD COUNT 1 streams s 0", "s", false],
  ["XREADGROUP GROUP streams c STREAMS s >", "s", false],
  ["SORT k", "k", false],
  ["PING", undefined, false],
  ["PUBLISH channel x", undefined, false],
  ["MULTI", undefined, false],
  ["SCRIPT LOAD x", undefined, false],
  ["NOPE k", "k", false],
  ["GET", undefined, false],
];

function slotOf(key: string | undefined): number {
  return key === undefined ? NO_SLOT : keySlot(encoder.encode(key));
}

function checkAll(keys: CommandKeys, cases: typeof CASES): void {
  const walker = new ArgumentWalker();
  for (const [text, key, isOnly] of cases) {
    walker.begin(encodeCommand(text.split(" ")));
    assert(walker.nextCommand());
    assertEquals(keys.slotOf(walker), slotOf(key), text);
    assert(!walker.nextArgument(), `${text}: walked to its end`);
    if (key !== undefined) assertEquals(keys.isOnly, isOnly, text);
  }
}

// Redis 6.2 says less of where keys stand.
testOf7("a real server says where keys stand", async () => {
  await using server = await startServer();
  const told = await server.command("COMMAND");
  assertEquals(told.kind, "array");
  checkAll(new CommandKeys(told), CASES);
});

Deno.test("without the server's word, the table says it", () => {
  // Two of them are known only to the server.
  const known = CASES.filter(([words]) =>
    !words.startsWith("XREADGROUP") && words !== "GET k"
  );
  checkAll(new CommandKeys(), known);
  checkAll(new CommandKeys({ kind: "error", text: "NOPERM no" }), known);
});

const word = (text: string): Reply => ({
  kind: "bulk",
  length: text.length,
  body: encoder.encode(text),
});
const number = (value: number): Reply => ({ kind: "integer", value });
const array = (...items: Reply[]): Reply => ({
  kind: "array",
  length: items.length,
  items,
});

/** What COMMAND says of a command of a module, as before Redis 7. */
function told(name: string, flags: string[], first: number): Reply {
  return array(
    ...[word(name), number(-2), array(...flags.map(word))],
    ...[number(first), number(first), number(1)],
  );
}

Deno.test("commands of modules are taken as the server says", () => {
  const keys = new CommandKeys(array(
    told("mod.second", ["write"], 2),
    told("mod.none", ["readonly"], 0),
    told("mod.anywhere", ["write", "movablekeys"], 0),
  ));
  checkAll(keys, [
    ["MOD.SECOND a k", "k", true],
    ["mod.none a b", undefined, false],
    ["mod.anywhere a b", undefined, false],
  ]);
  const ruleOf = (name: string) =>
    keys.ruleOf(encoder.encode(name), 0, name.length);
  assert(ruleOf("mod.anywhere").refusal?.includes("where its keys are"));
  assertEquals(ruleOf("mod.second").refusal, undefined);
});

Deno.test("only commands that are known to repeat without harm do", async () => {
  await using server = await startServer();
  const keys = new CommandKeys(await server.command("COMMAND"));
  const walker = new ArgumentWalker();
  for (
    const [text, expected] of [
      ...[["SET k v", true], ["set k v ex 60", true], ["SET k v NX", false]],
      ...[["SET k v GET", false], ["SET k v EX 60 NX", false]],
      ...[["HSET k f v", true], ["GET k", true], ["MULTI", true]],
      ...[["DEL k", true], ["RPUSH k v", false], ["INCR k", false]],
      ...[["ZADD k 1 m", true], ["ZADD k NX 1 m", false], ["SPOP k", false]],
      ...[["ZADD k incr 1 m", false], ["EXPIRE k 60", false], ["NOPE", false]],
    ] as [string, boolean][]
  ) {
    walker.begin(encodeCommand(text.split(" ")));
    walker.nextCommand();
    walker.nextArgument();
    const rule = keys.ruleOf(walker.bytes, walker.start, walker.length);
    assertEquals(keys.repeats(rule, walker), expected, text);
  }
});

Deno.test("what is about one connection is refused", () => {
  const keys = new CommandKeys();
  for (
    const name of ["auth", "HELLO", "Reset", "WATCH", "UNWATCH", "ASKING"]
  ) {
    const { refusal } = keys.ruleOf(encoder.encode(name), 0, name.length);
    assert(refusal !== undefined, name);
  }
});
