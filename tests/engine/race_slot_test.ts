import { assert, assertEquals, assertRejects } from "@std/assert";
import { RaceSlot } from "../../src/engine/race_slot.ts";

const FOR_EVER = new Promise<never>(() => {});

Deno.test("a race gives what its promise gives", async () => {
  const slot = new RaceSlot();
  assertEquals(await slot.race(Promise.resolve(7)), 7);
  await assertRejects(
    () => slot.race(Promise.reject(new RangeError("no"))),
    RangeError,
    "no",
  );
  assertEquals(await slot.race(Promise.resolve(undefined)), undefined);
  assertEquals(slot.error, undefined);
});

Deno.test("a slot that fails ends the wait and every later one", async () => {
  const slot = new RaceSlot();
  const error = new RangeError("enough");
  const waiting = slot.race(FOR_EVER);
  slot.failWith(error);
  slot.failWith(new Error("later ones do not count"));
  assertEquals(await waiting.catch((caught) => caught), error);
  assertEquals(slot.error, error);
  for (const promise of [FOR_EVER, Promise.resolve(1)]) {
    assertEquals(await slot.race(promise).catch((caught) => caught), error);
  }
});

Deno.test("a slot that fails wins over a promise that is done", async () => {
  const slot = new RaceSlot();
  const waiting = slot.race(Promise.resolve(1));
  slot.failWith(new RangeError("enough"));
  await assertRejects(() => waiting, RangeError, "enough");
});

Deno.test("failing with undefined is no failure", async () => {
  const slot = new RaceSlot();
  const waiting = slot.race(Promise.resolve(1));
  slot.failWith(undefined);
  assertEquals(await waiting, 1);
});

Deno.test("a promise that fails after the slot is nobody's worry", async () => {
  const slot = new RaceSlot();
  const late = Promise.withResolvers<never>();
  const waiting = slot.race(late.promise);
  slot.failWith(new RangeError("enough"));
  await assertRejects(() => waiting, RangeError);
  // Unhandled, it would end the test run.
  late.reject(new Error("late"));
  await assertRejects(() => slot.race(Promise.reject(new Error("later"))));
  await new Promise((resolve) => setTimeout(resolve, 0));
});

Deno.test("a slot follows a signal until told not to", async () => {
  const reason = new RangeError("stop");
  const before = new RaceSlot();
  before.failOn(AbortSignal.abort(reason));
  assertEquals(before.error, reason);

  const controller = new AbortController();
  const [follows, followed] = [new RaceSlot(), new RaceSlot()];
  follows.failOn(controller.signal);
  followed.failOn(controller.signal)[Symbol.dispose]();
  follows.failOn(undefined)[Symbol.dispose]();
  const waiting = follows.race(FOR_EVER);
  controller.abort(reason);
  await assertRejects(() => waiting, RangeError, "stop");
  assertEquals(followed.error, undefined);
});

Deno.test("a slot keeps nothing of the waits that are over", async () => {
  const slot = new RaceSlot();
  let gone = 0;
  const registry = new FinalizationRegistry(() => gone++);
  const count = 200;
  for (let i = 0; i < count; i++) {
    const value = { big: new Uint8Array(200_000) };
    registry.register(value, i);
    await slot.race(Promise.resolve(value));
  }
  // Garbage makes the collector run, which takes its own time.
  for (let i = 0; gone < count / 2 && i < 500; i++) {
    new Uint8Array(4_000_000).fill(1);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert(gone >= count / 2, `only ${gone} of ${count} values are gone`);
  assertEquals(slot.error, undefined);
});

Deno.test("400,000 races leave the heap as it was", async () => {
  const slot = new RaceSlot();
  const race = async (count: number): Promise<number> => {
    for (let i = 0; i < count; i++) await slot.race(Promise.resolve(i));
    return Deno.memoryUsage().heapUsed;
  };
  await race(20_000);
  // The least of a few looks: the collector decides when garbage goes.
  const least = async (): Promise<number> =>
    Math.min(...[await race(1e4), await race(1e4), await race(1e4)]);
  const before = await least();
  await race(400_000);
  const grown = await least() - before;
  // A promise for each race would be more than 20 MB.
  assert(grown < 10_000_000, `the heap has grown by ${grown} bytes`);
});
