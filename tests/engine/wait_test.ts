import { assert, assertEquals, assertRejects } from "@std/assert";
import { Wait } from "../../src/engine/wait.ts";

const FOR_EVER = new Promise<never>(() => {});

/** Lets everything run that can. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("a wait gives what its promise gives", async () => {
  const wait = new Wait();
  assertEquals(await wait.for(Promise.resolve(7)), 7);
  await assertRejects(
    () => wait.for(Promise.reject(new RangeError("no"))),
    RangeError,
    "no",
  );
  assertEquals(await wait.for(Promise.resolve(undefined)), undefined);
  assertEquals(wait.error, undefined);
});

Deno.test("a failure ends the wait and every later one", async () => {
  const wait = new Wait();
  const error = new RangeError("enough");
  const waiting = [wait.for(FOR_EVER), wait.until(() => false)];
  wait.fail(error);
  wait.fail(new Error("later ones do not count"));
  for (const one of waiting) {
    assertEquals(await one.catch((caught) => caught), error);
  }
  assertEquals(wait.error, error);
  for (const promise of [FOR_EVER, Promise.resolve(1)]) {
    assertEquals(await wait.for(promise).catch((caught) => caught), error);
  }
  assertEquals(await wait.until(() => true).catch((caught) => caught), error);
});

Deno.test("a failure wins over a promise that is done", async () => {
  const wait = new Wait();
  const waiting = wait.for(Promise.resolve(1));
  wait.fail(new RangeError("enough"));
  await assertRejects(() => waiting, RangeError, "enough");
});

Deno.test("failing with undefined is no failure", async () => {
  const wait = new Wait();
  const waiting = wait.for(Promise.resolve(1));
  wait.fail(undefined);
  assertEquals(await waiting, 1);
});

Deno.test("a promise that fails after the run is nobody's worry", async () => {
  const wait = new Wait();
  const late = Promise.withResolvers<never>();
  const waiting = wait.for(late.promise);
  wait.fail(new RangeError("enough"));
  await assertRejects(() => waiting, RangeError);
  // Unhandled, it would end the test run.
  late.reject(new Error("late"));
  await assertRejects(() => wait.for(Promise.reject(new Error("later"))));
  await settle();
});

Deno.test("a wait follows a signal until told not to", async () => {
  const reason = new RangeError("stop");
  const before = new Wait();
  before.failOn(AbortSignal.abort(reason));
  assertEquals(before.error, reason);

  const controller = new AbortController();
  const [follows, followed] = [new Wait(), new Wait()];
  follows.failOn(controller.signal);
  followed.failOn(controller.signal)[Symbol.dispose]();
  follows.failOn(undefined)[Symbol.dispose]();
  const waiting = follows.for(FOR_EVER);
  controller.abort(reason);
  await assertRejects(() => waiting, RangeError, "stop");
  assertEquals(followed.error, undefined);
});

Deno.test("a condition is looked at again at every wake-up, by everybody", async () => {
  const wait = new Wait();
  const over: string[] = [];
  let count = 0;
  for (const [name, enough] of [["a", 1], ["b", 2], ["c", 1]] as const) {
    wait.until(() => count >= enough).then(() => over.push(name));
  }
  await settle();
  assertEquals(over, []);
  count = 1;
  await settle();
  assertEquals(over, [], "nobody has woken them");
  wait.wake();
  await settle();
  assertEquals(over, ["a", "c"]);
  count = 2;
  wait.wake();
  await settle();
  assertEquals(over, ["a", "c", "b"]);
});

Deno.test("a wait with a limit ends by its condition or by its time, failed or not", async () => {
  const wait = new Wait();
  wait.fail(new RangeError("enough"));
  let holds = false;
  let isOver = false;
  const waiting = wait.atMost(1e6, () => holds).then(() => isOver = true);
  wait.wake();
  await settle();
  assert(!isOver);
  holds = true;
  wait.wake();
  await waiting;
  await wait.atMost(1, () => false);
});

Deno.test("a wait keeps nothing of the promises that are over", async () => {
  const wait = new Wait();
  let gone = 0;
  const registry = new FinalizationRegistry(() => gone++);
  const count = 200;
  for (let i = 0; i < count; i++) {
    const value = { big: new Uint8Array(200_000) };
    registry.register(value, i);
    await wait.for(Promise.resolve(value));
  }
  // Garbage makes the collector run, which takes its own time.
  for (let i = 0; gone < count / 2 && i < 500; i++) {
    new Uint8Array(4_000_000).fill(1);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert(gone >= count / 2, `only ${gone} of ${count} values are gone`);
  assertEquals(wait.error, undefined);
});

Deno.test("400,000 waits leave the heap as it was", async () => {
  const wait = new Wait();
  const many = async (count: number): Promise<number> => {
    for (let i = 0; i < count; i++) await wait.for(Promise.resolve(i));
    return Deno.memoryUsage().heapUsed;
  };
  await many(20_000);
  // The least of a few looks: the collector decides when garbage goes.
  const least = async (): Promise<number> =>
    Math.min(...[await many(1e4), await many(1e4), await many(1e4)]);
  const before = await least();
  await many(400_000);
  const grown = await least() - before;
  // A promise for each wait would be more than 20 MB.
  assert(grown < 10_000_000, `the heap has grown by ${grown} bytes`);
});
