import { assertEquals } from "@std/assert";
import { writeJsonString } from "../../src/codec/json_string.ts";
import { Random } from "../support/random.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function write(field: Uint8Array, quote = -1): string | undefined {
  const bytes = new Uint8Array(7 * field.length + 2);
  bytes.set(field);
  const at = field.length;
  const end = writeJsonString(bytes, 0, at, quote, at);
  return end === -1 ? undefined : decoder.decode(bytes.subarray(at, end));
}

Deno.test("a JSON string is as JSON.stringify writes it", () => {
  for (let code = 0; code < 0x11000; code++) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const text = `a${String.fromCodePoint(code)}b`;
    assertEquals(write(encoder.encode(text)), JSON.stringify(text));
  }
});

Deno.test("doubled quotes are one each in a JSON string", () => {
  const field = encoder.encode('say ""hi""');
  assertEquals(write(field, 0x22), '"say \\"hi\\""');
  assertEquals(write(encoder.encode("it''s"), 0x27), `"it's"`);
});

Deno.test("what is no UTF-8 makes no JSON string", () => {
  const random = new Random(Random.seed());
  for (let i = 0; i < 20_000; i++) {
    const field = Uint8Array.from(
      { length: 1 + random.int(5) },
      () => random.pick([0x41, 0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xa0]),
    );
    let text: string | undefined;
    try {
      text = JSON.stringify(decoder.decode(field));
    } catch {
      // It is no UTF-8.
    }
    assertEquals(write(field), text, `seed ${random.seed}: ${field}`);
  }
});
