import { assert, assertEquals, assertThrows } from "@std/assert";
import { Header } from "../../src/codec/header.ts";
import { derivedOf } from "../../src/codec/placeholder.ts";
import { CommandTemplate } from "../../src/codec/template.ts";
import { encode } from "../../src/engine/encode.ts";
import { UsageError } from "../../src/errors.ts";
import { quoteCommands } from "../../src/protocol/quote.ts";
import { byteSource } from "../support/byte_source.ts";
import { Random } from "../support/random.ts";

const LIMITS = { bytes: 1000, arguments: 100 };

/** The commands of an input that comes in pieces of random length. */
async function commandsOf(
  input: string,
  words: string[],
  random?: Random,
): Promise<string[]> {
  const found: string[] = [];
  const size = random === undefined ? undefined : () => 1 + random.int(40);
  await encode({
    sources: [byteSource("in", input, size)],
    commands: [words],
  }, (bytes) => {
    found.push(...quoteCommands(bytes, Infinity, LIMITS));
    return Promise.resolve();
  });
  return found;
}

const NAMES: [name: string, derived: ReturnType<typeof derivedOf>][] = [
  ["#", { kind: "number" }],
  ["*json", { kind: "document" }],
  ["1..6", { kind: "spread", from: 1, to: 6 }],
  ["-5..-5", { kind: "spread", from: -5, to: -5 }],
  ["1", undefined],
  ["a..b", undefined],
  ["1...6", undefined],
  ["##", undefined],
];

for (const [name, derived] of NAMES) {
  Deno.test(`derived: {${name}}`, () => {
    assertEquals(derivedOf(name), derived);
  });
}

for (const name of ["6..1", "0..9007199254740993", "0..4294967296"]) {
  Deno.test(`derived: {${name}} is refused`, () => {
    assertThrows(() => derivedOf(name), UsageError, `{${name}}`);
  });
}

Deno.test("derived: a column of that name is the column", async () => {
  assertEquals(await commandsOf("#,*json\n7,x\n", ["SET", "{#}", "{*json}"]), [
    "SET 7 x",
  ]);
});

Deno.test("derived: numbers, documents and columns in one command", async () => {
  const csv = 'id,name\n7,"say ""hi"""\n8,Zo\u00eb\n\n9,\n';
  const words = ["SET", "{#}:{id}", "<{*json}{name}>", "{#}"];
  const random = new Random(Random.seed());
  for (const cut of [undefined, random]) {
    assertEquals(await commandsOf(csv, words, cut), [
      String
        .raw`SET 1:7 "<{\"id\":\"7\",\"name\":\"say \\\"hi\\\"\"}say \"hi\">" 1`,
      String
        .raw`SET 2:8 "<{\"id\":\"8\",\"name\":\"Zo\xc3\xab\"}Zo\xc3\xab>" 2`,
      String.raw`SET 3:9 "<{\"id\":\"9\",\"name\":\"\"}>" 3`,
    ], `seed ${random.seed}`);
  }
});

Deno.test("derived: of JSON Lines the document is the line itself", async () => {
  const lines = '{"a": 1, "b":[ ]}\r\n {"b":"\\u0041"}\n{}';
  assertEquals(await commandsOf(lines, ["SET", "{#}", "{*json}"]), [
    String.raw`SET 1 "{\"a\": 1, \"b\":[ ]}"`,
    String.raw`SET 2 " {\"b\":\"\\u0041\"}"`,
    "SET 3 {}",
  ]);
});

Deno.test("derived: a document needs names", () => {
  const template = new CommandTemplate([["SET", "{1}", "{*json}"]]);
  assertThrows(
    () => template.compile(Header.numbered(2)),
    UsageError,
    "{*json}",
  );
  assertThrows(() => template.compile(Header.named(["a", "a"])), UsageError);
});

Deno.test("derived: a spread is even, and the same for the same row", async () => {
  let csv = "id,v\n";
  const rows = 20_000;
  for (let n = 1; n <= rows; n++) csv += `${n},x\n`;
  const words = ["SET", "{id}", "{10..19}"];
  const commands = await commandsOf(csv, words);
  const counts = new Map<string, number>();
  for (const command of commands) {
    const [, , value] = command.split(" ");
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  assertEquals([...counts.keys()].sort(), [
    ...Array.from({ length: 10 }, (_, i) => String(10 + i)),
  ]);
  for (const [value, count] of counts) {
    assert(Math.abs(count - rows / 10) < rows / 100, `${value}: ${count}`);
  }
  // Wherever it stands, and however its line ends.
  const random = new Random(Random.seed());
  const again = await commandsOf(csv.replaceAll("\n", "\r\n"), words, random);
  assertEquals(again, commands, `seed ${random.seed}`);
  const last = await commandsOf(`id,v\n${rows},x`, words);
  assertEquals(last, commands.slice(-1));
});
