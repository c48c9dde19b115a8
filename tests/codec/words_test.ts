import { assertEquals } from "@std/assert";
import {
  findByteOrBreak,
  findLastBreak,
  inWord,
} from "../../src/codec/words.ts";
import { Random } from "../support/random.ts";

Deno.test("line feeds and other bytes are found, whatever stands around them", () => {
  const random = new Random(Random.seed());
  for (let i = 0; i < 20_000; i++) {
    const byte = random.pick([0, 1, 0x2c, 0x7f]);
    const near = [byte, byte ^ 1, byte ^ 0x80, 9, 10, 11, 0x8a, 0];
    const bytes = Uint8Array.from(
      { length: random.int(24) },
      () => random.int(4) === 0 ? random.pick(near) : random.int(256),
    );
    const from = random.int(bytes.length + 1);
    const end = from + random.int(bytes.length - from + 1);
    let expected = from;
    while (
      expected < end && bytes[expected] !== byte && bytes[expected] !== 10
    ) expected++;
    assertEquals(
      findByteOrBreak(new DataView(bytes.buffer), from, end, inWord(byte)),
      expected,
      `RESPIPE_SEED=${random.seed}: ${byte} in ${bytes}, ${from} to ${end}`,
    );
    const last = bytes.subarray(from, end).lastIndexOf(10);
    assertEquals(
      findLastBreak(new DataView(bytes.buffer), from, end),
      last === -1 ? -1 : from + last,
      `RESPIPE_SEED=${random.seed}: last of ${bytes}, ${from} to ${end}`,
    );
  }
});
