import { assertEquals, assertStringIncludes } from "@std/assert";
import { SourceStart } from "../../src/codec/source_start.ts";
import { everySplit } from "../support/every_split.ts";
import { latin1Bytes } from "../support/latin1.ts";

/** An input, lines to skip, and where its first record begins. */
const CASES: [
  text: string,
  linesToSkip: number,
  line: number,
  offset: number,
][] = [
  ["", 0, 1, 0],
  ["a\n", 0, 1, 0],
  ["\xef\xbb\xbfa\n", 0, 1, 3],
  ["\xef\xbb\xbf", 0, 1, 3],
  ["\xef\xbb", 0, 1, 0],
  ["\xef\xbba", 0, 1, 0],
  ["#\na\n", 1, 2, 2],
  ['"x\na\n', 1, 2, 3],
  ["\r\n\na", 2, 3, 3],
  ["\xef\xbb\xbf#\n\xef\xbb\xbfa", 1, 2, 5],
  // Fewer lines than are to be skipped.
  ["#", 1, 1, 1],
  ["#\n#", 3, 2, 3],
  ["", 2, 1, 0],
];

Deno.test("a byte order mark and skipped lines are passed over, however the input is cut", () => {
  for (const [text, linesToSkip, line, offset] of CASES) {
    everySplit(latin1Bytes(text), (pieces) => {
      const start = new SourceStart(linesToSkip);
      let held = new Uint8Array();
      let isDone = false;
      for (const piece of pieces) {
        const buffer = new Uint8Array([9, 9, ...held, ...piece, 10, 10]);
        start.feed(buffer, 2, 2 + held.length + piece.length);
        isDone = start.read(false);
        held = buffer.slice(start.boundary, start.boundary + start.pending);
        if (isDone) break;
      }
      if (!isDone) assertEquals(start.read(true), true, text);
      assertEquals(start.place(), { records: 0, line, offset }, text);
      assertEquals(start.fault, undefined, text);
    });
  }
});

Deno.test("what is certainly no text is a fault at once", () => {
  for (const linesToSkip of [0, 2]) {
    const start = new SourceStart(linesToSkip);
    const bytes = latin1Bytes("PK\x03\x04\0\0");
    start.feed(bytes, 0, 1);
    assertEquals(start.read(false), false);
    start.feed(bytes, 0, bytes.length);
    assertEquals(start.read(false), true);
    assertStringIncludes(start.fault?.reason ?? "", "zip");
  }
});
