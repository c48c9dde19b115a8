import { assertEquals } from "@std/assert";
import { ArgumentWalker } from "../../src/protocol/argument_walker.ts";

const decoder = new TextDecoder();

/** Each command as it is announced and what there is of its arguments. */
function walk(bytes: Uint8Array, start: number, end: number): unknown[] {
  const walker = new ArgumentWalker();
  walker.begin(bytes, start, end);
  const commands = [];
  while (walker.nextCommand()) {
    const words: string[] = [];
    while (walker.nextArgument()) {
      const word = decoder.decode(walker.argument());
      words.push(word.length === walker.length ? word : `${word}?`);
    }
    commands.push([walker.count, ...words]);
  }
  return commands;
}

const WALKS: [wire: string, commands: unknown[]][] = [
  ["", []],
  ["*", []],
  ["*1", []],
  ["*1\r", []],
  ["*1\r\n", [[1]]],
  ["*0\r\n*1\r\n$0\r\n\r\n", [[0], [1, ""]]],
  ["*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", [[2, "GET", "k"]]],
  ["*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nTIME\r\n", [[1, "PING"], [1, "TIME"]]],
  ["*2\r\n$4\r\n\r\n*1\r\n$1\r\nx\r\n", [[2, "\r\n*1", "x"]]],
  ["*12\r\n$1\r\na\r\n", [[12, "a"]]],
  // Cut.
  ["*2\r\n$", [[2]]],
  ["*2\r\n$3", [[2]]],
  ["*2\r\n$3\r", [[2]]],
  ["*2\r\n$3\r\n", [[2, "?"]]],
  ["*2\r\n$3\r\nGE", [[2, "GE?"]]],
  ["*2\r\n$3\r\nGET", [[2, "GET"]]],
  ["*1\r\n$99999999999999999999\r\nGET", [[1, "GET?"]]],
  // No commands.
  ["PING\r\n", []],
  ["*\r\n", []],
  ["*-1\r\n", []],
  ["*1x\r\n", []],
  ["*1\n\n", []],
  ["*1\r\n:1\r\n", [[1]]],
  ["*1\r\n$x\r\n", [[1]]],
];

Deno.test("the walk ends where the bytes end, wherever they are cut", () => {
  for (const [wire, commands] of WALKS) {
    const bytes = new TextEncoder().encode(wire);
    assertEquals(walk(bytes, 0, bytes.length), commands, wire);
    // What is around the bytes does not matter.
    const more = new TextEncoder().encode(`$1\r\n${wire}\r\n$1\r\nx\r\n`);
    assertEquals(walk(more, 4, 4 + bytes.length), commands, wire);
  }
});

Deno.test("a walk may begin with the arguments", () => {
  const bytes = new TextEncoder().encode("$1\r\na\r\n$2\r\nbc\r\n$1\r\nd\r\n");
  const walker = new ArgumentWalker();
  walker.begin(bytes, 0, bytes.length, 2);
  const words: string[] = [];
  while (walker.nextArgument()) words.push(decoder.decode(walker.argument()));
  assertEquals(words, ["a", "bc"]);
});
