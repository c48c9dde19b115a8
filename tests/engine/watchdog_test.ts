import { assert, assertEquals } from "@std/assert";
import { Watchdog } from "../../src/engine/watchdog.ts";
import { sleep } from "../support/sleep.ts";

Deno.test("a watchdog barks with the seconds of silence, each time anew", async () => {
  const barks: number[] = [];
  const barked = Promise.withResolvers<void>();
  const dog = new Watchdog({
    timeout: 20,
    isWaiting: () => true,
    onTimeout: (seconds) => {
      barks.push(seconds);
      if (barks.length === 3) barked.resolve();
    },
  });
  await barked.promise;
  dog.stop();
  assertEquals(barks, [0.02, 0.02, 0.02]);
});

Deno.test("a watchdog is silent while nobody owes an answer", async () => {
  let waiting = false;
  let looks = 0;
  const barked = Promise.withResolvers<boolean>();
  const dog = new Watchdog({
    timeout: 20,
    isWaiting: () => {
      looks++;
      return waiting;
    },
    onTimeout: () => barked.resolve(waiting),
  });
  for (let i = 0; i < 2000 && looks < 60; i++) await sleep(5);
  assert(looks >= 60, `it has looked ${looks} times`);
  waiting = true;
  assert(await barked.promise, "it barked before");
  dog.stop();
});

Deno.test("a watchdog is silent while there are signs of life", async () => {
  let looks = 0;
  let calm = true;
  const barked = Promise.withResolvers<boolean>();
  const dog: Watchdog = new Watchdog({
    timeout: 20,
    isWaiting: () => {
      // A sign of life between any two looks, however late those are.
      if (calm) queueMicrotask(() => dog.calm());
      return ++looks > 0;
    },
    onTimeout: () => barked.resolve(calm),
  });
  for (let i = 0; i < 2000 && looks < 60; i++) await sleep(5);
  assert(looks >= 60, `it has looked ${looks} times`);
  calm = false;
  assertEquals(await barked.promise, false, "it barked before");
  dog.stop();
});

Deno.test("a watchdog blames nobody for time in which it was stopped", async () => {
  let barked = false;
  const dog = new Watchdog({
    timeout: 400,
    isWaiting: () => true,
    onTimeout: () => barked = true,
  });
  await sleep(100);
  // As after SIGSTOP: much time has passed, and the answer waits to be read.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 900);
  await sleep(0);
  await sleep(0);
  assert(!barked);
  dog.stop();
});

Deno.test("a watchdog that is stopped does not bark", async () => {
  let barked = false;
  const dog = new Watchdog({
    timeout: 5,
    isWaiting: () => true,
    onTimeout: () => barked = true,
  });
  dog.stop();
  dog.stop();
  await sleep(50);
  assert(!barked);
});

Deno.test("a watchdog with a timeout of 0 never looks", async () => {
  let looks = 0;
  const dog = new Watchdog({
    timeout: 0,
    isWaiting: () => ++looks > 0,
    onTimeout: () => looks++,
  });
  // A timer left over would fail the test besides.
  await sleep(50);
  assertEquals(looks, 0);
  dog.stop();
});
