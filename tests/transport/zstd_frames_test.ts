import { assertEquals } from "@std/assert";
import { ZstdFrames } from "../../src/transport/zstd_frames.ts";
import { everySplit } from "../support/every_split.ts";

/** Magic and descriptor of a frame; what they ask for; blocks; a checksum. */
const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
const FRAMES: [name: string, bytes: number[]][] = [
  ["a window and one raw block", [...MAGIC, 0x00, 0x58, 0x11, 0, 0, 65, 66]],
  ["a single segment", [...MAGIC, 0x20, 2, 0x11, 0, 0, 65, 66]],
  ["a checksum", [...MAGIC, 0x24, 2, 0x11, 0, 0, 65, 66, 1, 2, 3, 4]],
  ["two blocks", [...MAGIC, 0x00, 0x58, 0x08, 0, 0, 65, 0x09, 0, 0, 66]],
  ["a run of one byte", [...MAGIC, 0x20, 9, 0x4b, 0, 0, 65]],
  ["a dictionary's id", [...MAGIC, 0x23, 1, 2, 3, 4, 0, 0x01, 0, 0]],
  ["a size of 8 bytes", [
    ...MAGIC,
    0xe0,
    ...[0, 0, 0, 0, 0, 0, 0, 0],
    0x01,
    0,
    0,
  ]],
  ["a size of 2 bytes", [...MAGIC, 0x40, 0x58, 0, 0, 0x01, 0, 0]],
  ["a size of 4 bytes", [...MAGIC, 0x80, 0x58, 0, 0, 0, 0, 0x01, 0, 0]],
  ["one to skip", [0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 7, 7, 7]],
  ["one to skip without content", [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]],
];

/** The lengths of the frames in some pieces, and whether the last is whole. */
function measure(pieces: Uint8Array[]): [number[], boolean, string?] {
  const frames = new ZstdFrames();
  const lengths: number[] = [];
  let length = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length && frames.fault === undefined;) {
      const end = frames.walk(piece, at, piece.length);
      length += end - at;
      at = end;
      if (!frames.isBetween) continue;
      lengths.push(length);
      length = 0;
    }
  }
  return frames.fault === undefined
    ? [lengths, frames.isBetween]
    : [lengths, frames.isBetween, frames.fault];
}

for (const [name, bytes] of FRAMES) {
  Deno.test(`zstd frames: ${name}`, () => {
    const twice = Uint8Array.from([...bytes, ...bytes]);
    everySplit(twice, (pieces) => {
      assertEquals(measure(pieces), [[bytes.length, bytes.length], true]);
    });
    for (let cut = 1; cut < bytes.length; cut++) {
      const piece = Uint8Array.from(bytes.slice(0, cut));
      assertEquals(measure([piece]), [[], false], `cut at ${cut}`);
    }
  });
}

Deno.test("zstd frames: what stands behind a frame is none", () => {
  const [, bytes] = FRAMES[0];
  everySplit(Uint8Array.from([...bytes, 1, 2, 3, 4, 5]), (pieces) => {
    const [lengths, , fault] = measure(pieces);
    assertEquals(lengths, [bytes.length]);
    assertEquals(fault, "what stands behind a frame is none");
  });
});

Deno.test("zstd frames: a block of no known type", () => {
  const bytes = Uint8Array.from([...MAGIC, 0x20, 2, 0x17, 0, 0, 65, 66]);
  everySplit(bytes, (pieces) => {
    assertEquals(measure(pieces)[2], "a block is of no known type");
  });
});
