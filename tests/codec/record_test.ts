import { assertEquals, assertThrows } from "@std/assert";
import { RecordView } from "../../src/codec/record.ts";
import { latin1Bytes } from "../support/latin1.ts";
import { latin1Text } from "../support/read_all.ts";

/** A record of `x"a""b",,cd` at index 1 of its buffer, set by hand. */
function handMade(): RecordView {
  const record = new RecordView(4, 0x22);
  record.bytes = latin1Bytes('x"a""b",,cd\ny');
  record.start = 1;
  record.end = 12;
  record.fieldCount = 3;
  record.starts.set([1, 7, 8]);
  record.ends.set([5, 7, 10]);
  record.doubled.set([1, 0, 0]);
  record.escaped = true;
  return record;
}

Deno.test("a field is a copy of its bytes, doubled quotes made single", () => {
  const record = handMade();
  const fields = [0, 1, 2].map((i) => record.field(i));
  record.bytes.fill(0);
  assertEquals(fields.map(latin1Text), ['a"b', "", "cd"]);
});

Deno.test("doubled quotes are counted only where the record is escaped", () => {
  const record = handMade();
  record.escaped = false;
  assertEquals(latin1Text(record.field(0)), 'a""b');
});

Deno.test("a field that is not there is refused", () => {
  const record = handMade();
  for (const index of [-1, 3, 4]) {
    assertThrows(
      () => record.field(index),
      RangeError,
      `Cannot take field ${index}: the record has 3`,
    );
  }
});

Deno.test("a view that grows keeps what it has", () => {
  const record = handMade();
  record.grow();
  assertEquals(
    [record.starts, record.ends, record.doubled].map((array) => [...array]),
    [
      [1, 7, 8, 0, 0, 0, 0, 0],
      [5, 7, 10, 0, 0, 0, 0, 0],
      [1, 0, 0, 0, 0, 0, 0, 0],
    ],
  );
  assertEquals(latin1Text(record.field(0)), 'a"b');
});
