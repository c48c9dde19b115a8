import { assertEquals } from "@std/assert";
import {
  type Detected,
  detectFormat,
  type FormatHints,
} from "../../src/codec/detect.ts";
import { latin1Bytes } from "../support/latin1.ts";

const HINTS: FormatHints = {
  format: undefined,
  mayBeJson: true,
  mayTellDelimiter: true,
};
const CSV: Detected = { format: "csv" };
const JSONL: Detected = { format: "jsonl" };

function csv(delimiter: string): Detected {
  return { format: "csv", delimiter };
}

const STARTS: [start: string, found: Detected, hints?: Partial<FormatHints>][] =
  [
    ["id,name\n", CSV],
    ["id\n", CSV],
    ["id;name\n1,2\n", csv(";")],
    ["id\tname\r\n", csv("\t")],
    ["id|name|city\n", csv("|")],
    ["a|b;c;d\n", csv(";")],
    ["a;b|c\n", csv(";")],
    ["id,na;me;x\n", CSV],
    ['"a,b";c\n', csv(";")],
    ['"a;b"\n', CSV],
    ["\r\n\nid;name\n", csv(";")],
    ["id;name\n", CSV, { mayTellDelimiter: false }],
    ["sep=;\r\nid;name\n", { ...csv(";"), isRemark: true }],
    ['"sep=\t"\nid\tname\n', { ...csv("\t"), isRemark: true }],
    ["SEP=,\n", { ...csv(","), isRemark: true }],
    ["sep=|\n", { ...csv("|"), isRemark: true }, { mayTellDelimiter: false }],
    ["sep=ab\n", CSV],
    ['{"a":1}\n', JSONL],
    [' \r\n\t{"a":1}\n', JSONL],
    ["{\n", JSONL],
    ["{id},b\n", CSV, { mayBeJson: false }],
    ["{id},b\n", CSV, { format: "csv" }],
    ["id,name\n", JSONL, { format: "jsonl" }],
    ["", CSV],
    ["", JSONL, { format: "jsonl" }],
    ["\xff\xfe;\n", csv(";")],
  ];

for (const [start, found, hints] of STARTS) {
  const name = `${JSON.stringify(start)} ${JSON.stringify(hints ?? {})}`;
  Deno.test(`what a source is: ${name}`, () => {
    const bytes = latin1Bytes(start);
    const all = { ...HINTS, ...hints };
    assertEquals(detectFormat(bytes, true, all), found);
    // What is said early is never taken back.
    for (let length = 0; length < bytes.length; length++) {
      const early = detectFormat(bytes.subarray(0, length), false, all);
      if (early !== undefined) assertEquals(early, found, `${length} bytes`);
    }
  });
}

Deno.test("a first line that does not end tells nothing in the end", () => {
  const bytes = new Uint8Array(70_000).fill(0x78);
  assertEquals(
    detectFormat(bytes.subarray(0, 60_000), false, HINTS),
    undefined,
  );
  assertEquals(detectFormat(bytes, false, HINTS), CSV);
});
