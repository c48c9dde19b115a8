import { assertEquals } from "@std/assert";
import { keySlot } from "../../src/protocol/key_slot.ts";
import { plain } from "../support/plain_reply.ts";
import { Random } from "../support/random.ts";
import { startServer } from "../support/redis_server.ts";

const encoder = new TextEncoder();

const SAME: [key: string, hashed: string][] = [
  ["{user1000}.following", "user1000"],
  ["foo{bar}{zap}", "bar"],
  ["foo{{bar}}zap", "{bar"],
  ["foo{}{bar}", "foo{}{bar}"],
  ["a{b", "a{b"],
  ["}a{b}c", "b"],
];

for (const [key, hashed] of SAME) {
  Deno.test(`keySlot hashes of ${key} only ${hashed}`, () => {
    assertEquals(keySlot(encoder.encode(key)), plainSlot(hashed));
  });
}

Deno.test("keySlot looks at its part of the buffer only", () => {
  const bytes = encoder.encode("{x}abc}{y}");
  assertEquals(keySlot(bytes, 3, 6), plainSlot("abc"));
});

/** CRC16 bit by bit, of the whole text. */
function plainSlot(text: string): number {
  let crc = 0;
  for (const byte of encoder.encode(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
    }
  }
  return crc % 16384;
}

Deno.test("keySlot says what CLUSTER KEYSLOT says", async () => {
  const random = new Random(Random.seed());
  const keys = Array.from({ length: 2000 }, () => {
    const length = random.int(24);
    return Uint8Array.from(
      { length },
      // Braces are the interesting bytes.
      () => random.int(3) === 0 ? random.pick([0x7b, 0x7d]) : random.int(256),
    );
  });
  await using server = await startServer({
    args: ["--cluster-enabled", "yes"],
  });
  const replies = await server.commands(
    keys.map((key) => ["CLUSTER", "KEYSLOT", key]),
  );
  keys.forEach((key, i) => {
    assertEquals(
      keySlot(key),
      Number(plain(replies[i])),
      `${key} (RESPIPE_SEED=${random.seed})`,
    );
  });
});
