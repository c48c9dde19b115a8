import { assertEquals, assertStringIncludes } from "@std/assert";
import { parseDialect } from "../../src/codec/dialect.ts";
import { Header } from "../../src/codec/header.ts";
import { endsLinesInCr, suspectHeader } from "../../src/codec/suspicion.ts";
import { QUOTE } from "../../src/protocol/ascii.ts";
import { latin1Bytes } from "../support/latin1.ts";

Deno.test("a header that was read wrongly is said what it looks like", () => {
  const rows: [names: string[], says: string | undefined][] = [
    [["id;name;city"], "--delimiter ';'"],
    [["id\tname"], "--delimiter tab"],
    [["id|name"], "--delimiter '|'"],
    [["a|b;c;d"], "--delimiter ';'"],
    [['{"id":1', '"name":"x"}'], "JSON"],
    [['[{"id":1}]'], "JSON"],
    [["["], "JSON"],
    [["[{"], "JSON"],
    [["{"], "JSON"],
    [["i\0d\0", "\0n\0"], "UTF-16LE"],
    [["\0i\0d\0", "\0n"], "UTF-16BE"],
    [["i\0"], "UTF-16LE"],
    [["id", "na\0me"], "a NUL in it"],
    [["\x7fELF\x02\0\0\0", "\r\0"], "a NUL in it"],
    [["id"], undefined],
    [["id", "na;me"], undefined],
    [["{id}"], undefined],
    [[""], undefined],
  ];
  for (const [names, says] of rows) {
    const found = suspectHeader(Header.named(names), parseDialect());
    if (says === undefined) assertEquals(found, undefined, names.join());
    else assertStringIncludes(found ?? "", says, names.join());
  }
  const semicolons = parseDialect({ delimiter: ";" });
  const found = suspectHeader(Header.named(["id,name"]), semicolons);
  assertStringIncludes(found ?? "", "--delimiter ','");
});

Deno.test("lines that end in CR alone are told from a CR in a field", () => {
  const rows: [text: string, isCr: boolean][] = [
    ["a,b\r1,2\r", true],
    ["a\r\rb", true],
    ['"a,b",c\r1,2', true],
    ["a,b\r\n1,2\r\n", false],
    ["a,b\r", false],
    ["a,b", false],
    ["", false],
    ['"a\rb",c', false],
    ["a\rb\n", false],
    ["\x7fELF\0\ra\r", false],
  ];
  for (const [text, isCr] of rows) {
    assertEquals(endsLinesInCr(latin1Bytes(text), QUOTE), isCr, text);
  }
});
