import { assertEquals } from "@std/assert";
import { Wake } from "../../src/engine/wake.ts";

/** Lets everything run that can. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("a wake-up reaches everybody who sleeps", async () => {
  const wake = new Wake();
  const woken: string[] = [];
  for (const name of ["a", "b", "c"]) {
    wake.sleep().then(() => woken.push(name));
  }
  await settle();
  assertEquals(woken, []);
  wake.up();
  await settle();
  assertEquals(woken, ["a", "b", "c"]);
});

Deno.test("a wake-up is not kept for later sleepers", async () => {
  const wake = new Wake();
  wake.up();
  let woken = 0;
  wake.sleep().then(() => woken++);
  await settle();
  assertEquals(woken, 0);
  wake.up();
  wake.up();
  await settle();
  assertEquals(woken, 1);
});

Deno.test("who sleeps again when woken waits for the next wake-up", async () => {
  const wake = new Wake();
  let rounds = 0;
  const loop = async (): Promise<void> => {
    while (rounds < 3) {
      await wake.sleep();
      rounds++;
    }
  };
  const done = loop();
  for (let round = 1; round <= 3; round++) {
    wake.up();
    await settle();
    assertEquals(rounds, round);
  }
  await done;
});
