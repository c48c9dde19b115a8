import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Reply } from "../../src/protocol/reply.ts";
import { Sentinel, SENTINEL_LENGTH } from "../../src/protocol/sentinel.ts";

const bytes = Uint8Array.from({ length: SENTINEL_LENGTH }, (_, i) => 10 * i);

Deno.test("a sentinel's command is ECHO with its bytes", () => {
  const sentinel = new Sentinel(bytes);
  const header = new TextEncoder().encode("*2\r\n$4\r\nECHO\r\n$20\r\n");
  assertEquals(
    [...sentinel.command],
    [...header, ...bytes, 0x0d, 0x0a],
  );
});

Deno.test("a sentinel knows its reply by every byte", () => {
  const sentinel = new Sentinel(bytes);
  const bulk = (body: Uint8Array | undefined, length = body?.length ?? 20) =>
    ({ kind: "bulk", length, body }) satisfies Reply;
  assert(sentinel.isReply(bulk(bytes.slice())));
  for (let i = 0; i < bytes.length; i++) {
    const other = bytes.slice();
    other[i] ^= 1;
    assert(!sentinel.isReply(bulk(other)), `byte ${i}`);
  }
  const others: Reply[] = [
    bulk(bytes.slice(0, 19)),
    bulk(new Uint8Array([...bytes, 0])),
    bulk(new Uint8Array(0)),
    bulk(undefined),
    { kind: "simple", text: "OK" },
    { kind: "null" },
    { kind: "array", length: 1, items: [bulk(bytes)] },
    { kind: "verbatim", format: "txt", length: 20, body: bytes },
  ];
  for (const reply of others) assert(!sentinel.isReply(reply), reply.kind);
});

Deno.test("a sentinel keeps its own copy of its bytes", () => {
  const mine = bytes.slice();
  const sentinel = new Sentinel(mine);
  mine.fill(0);
  assertEquals(sentinel.bytes, bytes);
});

Deno.test("two sentinels differ", () => {
  const [first, second] = [new Sentinel(), new Sentinel()];
  assertEquals(first.bytes.length, SENTINEL_LENGTH);
  assert(
    !first.isReply({ kind: "bulk", length: 20, body: second.bytes }),
  );
});

Deno.test("a sentinel of another length is refused", () => {
  assertThrows(
    () => new Sentinel(new Uint8Array(19)),
    RangeError,
    "Cannot make sentinel of 19 bytes: must be 20",
  );
});
