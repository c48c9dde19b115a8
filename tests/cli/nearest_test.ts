import { assertEquals } from "@std/assert";
import { nearest } from "../../src/cli/nearest.ts";

const FLAGS = ["--columns", "--limit", "--quote", "--quiet", "--user", "--db"];

const CASES: [word: string, found: string | undefined][] = [
  ["--columns", "--columns"],
  ["--colums", "--columns"],
  ["--column", "--columns"],
  ["--cloumns", "--columns"],
  ["--columnss", "--columns"],
  ["--Limit", "--limit"],
  ["-limit", "--limit"],
  ["--qoute", "--quote"],
  ["--quiett", "--quiet"],
  ["--bd", "--db"],
  ["--xyzzy", undefined],
  ["--x", undefined],
  ["", undefined],
];

for (const [word, found] of CASES) {
  Deno.test(`nearest to ${JSON.stringify(word)} is ${found}`, () => {
    assertEquals(nearest(word, FLAGS), found);
  });
}

Deno.test("nearest to anything among nothing is nothing", () => {
  assertEquals(nearest("load", []), undefined);
});

Deno.test("the first of two that are as near is taken", () => {
  assertEquals(nearest("lead", ["load", "lend"]), "load");
});
