import { assert, assertEquals } from "@std/assert";
import { KeyHashes } from "../../src/engine/key_hashes.ts";
import { Random } from "../support/random.ts";

const encoder = new TextEncoder();

Deno.test("a million keys are a million hashes, of 16 bytes a key at the most", () => {
  const keys = new KeyHashes();
  for (let i = 0; i < 1_000_000; i++) keys.add(encoder.encode(`user:${i}`));
  assertEquals(keys.size, 1_000_000);
  assert(keys.bytes <= 16 * keys.size, `${keys.bytes}`);
  for (let i = 0; i < 1_000_000; i += 997) {
    assert(keys.has(encoder.encode(`user:${i}`)));
    assert(!keys.has(encoder.encode(`user:${i + 1_000_000}`)));
  }
});

Deno.test("keys that come again, and again after others, count once", () => {
  const keys = new KeyHashes();
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 100_000; i++) keys.add(encoder.encode(`k:${i}`));
  }
  assertEquals(keys.size, 100_000);
  assert(keys.bytes <= 16 * keys.size, `${keys.bytes}`);
});

Deno.test("keys that differ in one bit, in their length or in their order differ", () => {
  const keys = new KeyHashes();
  let count = 0;
  for (let length = 0; length < 40; length++) {
    const zeros = new Uint8Array(length);
    keys.add(zeros);
    count++;
    for (let bit = 0; bit < 8 * length; bit++) {
      zeros[bit >> 3] = 1 << (bit & 7);
      keys.add(zeros);
      zeros[bit >> 3] = 0;
      count++;
    }
  }
  for (const text of ["ab", "ba", "aabb", "bbaa", "aaaabbbb", "bbbbaaaa"]) {
    keys.add(encoder.encode(text));
    count++;
  }
  assertEquals(keys.size, count);
});

Deno.test("a set of hashes says what a set of texts says", () => {
  const random = new Random(Random.seed());
  const keys = new KeyHashes();
  const texts = new Set<string>();
  const key = (): string => `${random.int(4) ? "k" : "é:"}${random.int(9_999)}`;
  for (let i = 0; i < 20_000; i++) {
    const text = key();
    if (random.int(2) === 0) {
      texts.add(text);
      keys.add(
        encoder.encode(`xx${text}yy`),
        2,
        2 + encoder.encode(text).length,
      );
    } else {
      assertEquals(
        keys.has(encoder.encode(text)),
        texts.has(text),
        `seed ${random.seed}`,
      );
    }
    if (i % 5_000 === 0) {
      assertEquals(keys.size, texts.size, `seed ${random.seed}`);
    }
  }
});

Deno.test("keys of several forms, long beginnings among them, do not meet", () => {
  const keys = new KeyHashes();
  let count = 0;
  for (const start of ["", "b:", "session:{", "x".repeat(30)]) {
    for (let i = 0; i < 100_000; i++) {
      keys.add(encoder.encode(`${start}${i.toString(36)}`));
      count++;
    }
  }
  assertEquals(keys.size, count);
});
