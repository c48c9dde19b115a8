import { assertEquals, assertStringIncludes } from "@std/assert";
import { PREAMBLE_LENGTH, readPreamble } from "../../src/codec/source_start.ts";
import { latin1Bytes } from "../support/latin1.ts";

/** What the bytes are, and after how many of them that is plain. */
const KNOWN: [bytes: string, skip: number, reason: string | undefined][] = [
  ["\xef\xbb\xbf", 3, undefined],
  ["\xfd7zXZ\0", 0, "compressed (xz)"],
  ["PK\x03\x04", 0, "compressed (zip (or a spreadsheet))"],
];

Deno.test("a byte order mark and formats that are no CSV are told by their first bytes", () => {
  for (const [text, skip, reason] of KNOWN) {
    const bytes = latin1Bytes(text);
    for (let length = 0; length < bytes.length; length++) {
      const start = bytes.subarray(0, length);
      assertEquals(readPreamble(start), undefined, `${text} to ${length}`);
    }
    for (const rest of ["", "i", "id,name\n", "\0\0"]) {
      const found = readPreamble(latin1Bytes(text + rest));
      assertEquals(found?.skip, skip, text);
      assertStringIncludes(found?.reason ?? "none", reason ?? "none", text);
    }
  }
});

Deno.test("what only resembles a known start is data", () => {
  const starts = ["id,", "\n", "\xef\xbbx", "\xefi", "\xff,", "\xfd7,", "(1)"];
  for (const start of [...starts, "PK,", "PK\x03,", "P\n", "\xfe\n", "\0\0"]) {
    assertEquals(readPreamble(latin1Bytes(start)), { skip: 0 }, start);
  }
});

Deno.test("the first bytes tell as much as all of them", () => {
  for (const start of [...KNOWN.map(([text]) => text), "id,name", "PK\x03"]) {
    const bytes = latin1Bytes(`${start}\n1,2\n`);
    assertEquals(
      readPreamble(bytes.subarray(0, PREAMBLE_LENGTH)),
      readPreamble(bytes),
      start,
    );
  }
});
