import { assertEquals, assertGreater } from "@std/assert";
import { load } from "../../mod.ts";
import {
  LEAST_WINDOW,
  MOST_WINDOW,
  napFor,
  Pace,
  windowFor,
} from "../../src/engine/pace.ts";
import { startServer } from "../support/redis_server.ts";
import { rowSource } from "../support/row_source.ts";

const KIB = 1024;

Deno.test("a nap lasts as long as the server needs for 64 KiB, up to 2 ms", () => {
  for (
    const [rate, length] of [
      [0, 2],
      [1, 2],
      [32 * KIB, 2],
      [64 * KIB, 1],
      [128 * KIB, 0.5],
      [320 * KIB, 0.2],
      // Too short to be one.
      [321 * KIB, 0],
      [10 * KIB * KIB, 0],
    ]
  ) {
    assertEquals(napFor(rate), length, `${rate} bytes in a ms`);
  }
});

Deno.test("a window is twice bandwidth times delay, from 2 to 32 MiB", () => {
  for (
    const [rate, delay, window] of [
      [0, 0, LEAST_WINDOW],
      [45_000, 1, LEAST_WINDOW],
      [45_000, 100, 9_000_000],
      [1_250, 100, LEAST_WINDOW],
      [1_000_000, 200, MOST_WINDOW],
    ]
  ) {
    assertEquals(windowFor(rate, delay), window, `${rate} bytes, ${delay} ms`);
  }
});

Deno.test("only a load that may block takes naps, and loses nothing by it", async () => {
  await using server = await startServer();
  const { wait } = Atomics;
  let naps = 0;
  Atomics.wait = ((...args: Parameters<typeof wait>) => {
    naps++;
    return wait(...args);
  }) as typeof wait;
  try {
    const rows = 300_000;
    const run = async (mayBlock?: boolean): Promise<number> => {
      naps = 0;
      await server.command("FLUSHALL");
      const { loaded } = await load({
        sources: [rowSource((n) => `${n},${n}`, { count: rows })],
        columns: ["k", "v"],
        commands: [["SET", "k:{k}", "{v}"]],
        server: { port: server.port },
        window: 256 * KIB,
        mayBlock,
      });
      assertEquals(loaded, rows);
      return naps;
    };
    assertEquals(await run(), 0);
    assertGreater(await run(true), 0);
  } finally {
    Atomics.wait = wait;
  }
});

Deno.test("a pace begins with what a fast server needs, and keeps to a window given", () => {
  assertEquals(new Pace({ mayNap: false }).window, LEAST_WINDOW);
  assertEquals(new Pace({ mayNap: false, roundTrip: 1 }).window, LEAST_WINDOW);
  const far = new Pace({ mayNap: false, roundTrip: 100 });
  assertEquals(far.window, windowFor(64 * KIB, 100));
  const fixed = new Pace({ mayNap: false, roundTrip: 100, window: 7 });
  for (let i = 0; i < 100; i++) fixed.answered(1e9, 0);
  assertEquals(fixed.window, 7);
});

/** Has a server of some speed answer shipments of 64 KiB for a while. */
function answerFor(
  pace: Pace,
  clock: { now: number },
  { rate, delay, ms }: { rate: number; delay: number; ms: number },
): void {
  const end = clock.now + ms;
  // No more can be answered in a round trip than the window lets through.
  while (clock.now < end) {
    const speed = Math.min(rate, pace.window / delay);
    clock.now += 64 * KIB / speed;
    pace.answered(64 * KIB, clock.now - delay);
  }
}

Deno.test("a window grows while the server answers faster for it, and shrinks again", () => {
  const { now } = performance;
  const clock = { now: 1 };
  performance.now = () => clock.now;
  try {
    const far = new Pace({ mayNap: false });
    assertEquals(far.window, LEAST_WINDOW);
    answerFor(far, clock, { rate: 90_000, delay: 100, ms: 3_000 });
    const twice = 2 * 90_000 * 100;
    assertGreater(far.window, 0.9 * twice);
    assertGreater(1.1 * twice, far.window);
    answerFor(far, clock, { rate: 5_000, delay: 100, ms: 5_000 });
    assertEquals(far.window, LEAST_WINDOW);

    // On one machine the time in the server's queue is not taken for distance.
    const near = new Pace({ mayNap: false, roundTrip: 1 });
    answerFor(near, clock, { rate: 45_000, delay: 50, ms: 3_000 });
    assertEquals(near.window, LEAST_WINDOW);
  } finally {
    performance.now = now;
  }
});
