import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ByteBuffer } from "../../src/protocol/byte_buffer.ts";
import { Random } from "../support/random.ts";

Deno.test("a buffer holds what was pushed, whatever its capacity", () => {
  const seed = Random.seed();
  const random = new Random(seed);
  for (const capacity of [0, 1, 63, 64, 65, 5000]) {
    const buffer = new ByteBuffer(capacity);
    const expected: number[] = [];
    for (let i = 0; i < 100; i++) {
      const bytes = random.bytes(random.int(i));
      buffer.push(bytes);
      expected.push(...bytes);
    }
    assertEquals(
      [...buffer.view()],
      expected,
      `capacity ${capacity}, RESPIPE_SEED=${seed}`,
    );
  }
});

Deno.test("a buffer has room for what was reserved and keeps its contents", () => {
  const buffer = new ByteBuffer();
  buffer.push(new Uint8Array([1, 2, 3]));
  buffer.reserve(1000);
  assert(buffer.bytes.length >= 1003);
  assertEquals([...buffer.view()], [1, 2, 3]);
  const storage = buffer.bytes;
  buffer.reserve(1000);
  assertStrictEquals(buffer.bytes, storage);
});

Deno.test("a buffer grows by doubling, not by what is missing", () => {
  const buffer = new ByteBuffer(64);
  let storages = 0;
  let storage = buffer.bytes;
  for (let i = 0; i < 100_000; i++) {
    buffer.push(new Uint8Array([i]));
    if (buffer.bytes !== storage) storages++;
    storage = buffer.bytes;
  }
  assertEquals(buffer.length, 100_000);
  assertEquals(storages, Math.ceil(Math.log2(100_000 / 64)));
});

Deno.test("a buffer copies what is pushed", () => {
  const bytes = new Uint8Array([1, 2]);
  const buffer = new ByteBuffer();
  buffer.push(bytes);
  bytes.fill(9);
  assertEquals([...buffer.view()], [1, 2]);
});

Deno.test("a cleared buffer is empty and keeps its storage", () => {
  const buffer = new ByteBuffer();
  buffer.push(new Uint8Array(500));
  const storage = buffer.bytes;
  buffer.clear();
  assertEquals(buffer.length, 0);
  assertEquals(buffer.view().length, 0);
  buffer.push(new Uint8Array([7]));
  assertStrictEquals(buffer.bytes, storage);
  assertEquals([...buffer.view()], [7]);
});
