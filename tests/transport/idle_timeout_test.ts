import { assert, assertEquals, assertRejects } from "@std/assert";
import { InputError } from "../../src/errors.ts";
import {
  openedWithin,
  withIdleTimeout,
} from "../../src/transport/idle_timeout.ts";
import type { Source } from "../../src/transport/source.ts";
import { byteSource } from "../support/byte_source.ts";

/** A source whose reads come when the test says so. */
function slowSource(): Source & {
  reads: PromiseWithResolvers<number | null>[];
} {
  const reads: PromiseWithResolvers<number | null>[] = [];
  return {
    name: "slow.csv",
    size: 7,
    reads,
    read(): Promise<number | null> {
      reads.push(Promise.withResolvers());
      return reads.at(-1)!.promise;
    },
    close: () => {},
  };
}

Deno.test("a source that gives something in time is as it was", async () => {
  const inner = byteSource("a", "abc", () => 2);
  const source = withIdleTimeout(inner, 60_000);
  assertEquals(source.name, "a");
  const into = new Uint8Array(8);
  assertEquals(await source.read(into), 2);
  assertEquals(await source.read(into.subarray(2)), 1);
  assertEquals(await source.read(into), null);
  assertEquals(new TextDecoder().decode(into.subarray(0, 3)), "abc");
  source.close();
  assert(inner.closed);
  // A timer left over would fail the test.
});

Deno.test("a source that gives nothing fails, and says for how long", async () => {
  const inner = slowSource();
  const source = withIdleTimeout(inner, 20);
  assertEquals(source.size, 7);
  const error = await assertRejects(
    () => source.read(new Uint8Array(1)),
    InputError,
  );
  assertEquals(
    error.message,
    "Cannot read on in slow.csv: nothing came for 0.02 s (--idle-timeout)",
  );
  assertEquals(error.position, { source: "slow.csv" });
  // What the read comes to later is nobody's worry.
  inner.reads[0].reject(new RangeError("late"));
  await new Promise((resolve) => setTimeout(resolve, 0));
});

Deno.test("each read has the whole time", async () => {
  const inner = slowSource();
  const source = withIdleTimeout(inner, 60_000);
  for (let i = 0; i < 3; i++) {
    const reading = source.read(new Uint8Array(1));
    inner.reads[i].resolve(i);
    assertEquals(await reading, i);
  }
});

Deno.test("a source's own failure comes through", async () => {
  const inner = slowSource();
  const source = withIdleTimeout(inner, 60_000);
  const reading = source.read(new Uint8Array(1));
  inner.reads[0].reject(new RangeError("broken"));
  await assertRejects(() => reading, RangeError, "broken");
});

Deno.test("a limit of 0 is none", () => {
  const inner = slowSource();
  assert(withIdleTimeout(inner, 0) === inner);
});

Deno.test("a limit past the longest timer does not go off at once", async () => {
  const inner = slowSource();
  const source = withIdleTimeout(inner, 2 ** 33);
  const reading = source.read(new Uint8Array(1));
  await new Promise((resolve) => setTimeout(resolve, 30));
  inner.reads[0].resolve(5);
  assertEquals(await reading, 5);
});

Deno.test("a source that does not open in time fails, and is closed when it does", async () => {
  const opening = Promise.withResolvers<Source>();
  const error = await assertRejects(
    () => openedWithin(opening.promise, "late.csv", 20),
    InputError,
  );
  assertEquals(
    error.message,
    "Cannot read late.csv: nothing came for 0.02 s (--idle-timeout)",
  );
  const late = byteSource("late.csv", "");
  opening.resolve(late);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert(late.closed);
  const inTime = byteSource("a", "");
  for (const timeout of [0, 60_000]) {
    const opened = openedWithin(Promise.resolve(inTime), "a", timeout);
    assertEquals(await opened, inTime);
  }
});
