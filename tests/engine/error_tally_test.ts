import { assertEquals } from "@std/assert";
import { ErrorTally } from "../../src/engine/error_tally.ts";

/** Errors that are of one kind, and others that are not. */
const KINDS: [name: string, errors: string[], kinds: number][] = [
  ["the same text", ["ERR no", "ERR no"], 1],
  ["another text", ["ERR no", "ERR yes"], 2],
  ["another code", ["ERR no", "WRONGTYPE no"], 2],
  ["another name in single quotes", ["ERR 'a' is", "ERR 'bb' is"], 1],
  ["another name in double quotes", ['ERR "a" is', 'ERR "bb" is'], 1],
  ["another number", ["1 field instead of 2", "17 field instead of 2"], 1],
  ["words around the quotes", ["ERR 'a' is", "ERR 'a' was"], 2],
];

for (const [name, errors, kinds] of KINDS) {
  Deno.test(`ErrorTally: ${name} makes ${kinds} of ${errors.length}`, () => {
    const tally = new ErrorTally();
    errors.forEach((error, i) => tally.add(error, `f:${i}`));
    assertEquals(tally.kinds().length, kinds);
    assertEquals(tally.kinds()[0].error, errors[0]);
  });
}

Deno.test("ErrorTally keeps the order of first appearance, and places", () => {
  const tally = new ErrorTally();
  const errors = ["B", "A", "B", "B", "C", "B", "A"];
  errors.forEach((error, i) => tally.add(error, `f:${i}`));
  assertEquals(tally.kinds(), [
    { error: "B", count: 4, first: ["f:0", "f:2", "f:3"] },
    { error: "A", count: 2, first: ["f:1", "f:6"] },
    { error: "C", count: 1, first: ["f:4"] },
  ]);
});

Deno.test("ErrorTally is bounded, whatever the errors say", () => {
  const tally = new ErrorTally();
  const letters = (n: number): string =>
    String.fromCharCode(0x61 + n % 26, 0x61 + Math.floor(n / 26) % 26) +
    String.fromCharCode(0x61 + Math.floor(n / 676));
  for (let i = 0; i < 5000; i++) tally.add(`ERR ${letters(i)}`, `f:${i}`);
  const kinds = tally.kinds();
  assertEquals(kinds.length, 101);
  assertEquals(kinds.reduce((sum, { count }) => sum + count, 0), 5000);
  assertEquals(kinds[100].count, 4900);
});
