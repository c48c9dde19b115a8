import { assert, assertEquals } from "@std/assert";
import {
  type ProgressCounts,
  ProgressMeter,
} from "../../src/cli/progress_meter.ts";

const COUNTS: ProgressCounts = {
  source: "a.csv",
  bytes: 0,
  bytesExpected: 1000,
  done: 0,
  unit: "record",
  errors: 0,
};

Deno.test("ProgressMeter says nothing before there is a source", () => {
  const meter = new ProgressMeter();
  assertEquals(meter.look({ ...COUNTS, source: undefined }, 0), undefined);
  assertEquals(meter.look({ ...COUNTS, source: undefined }, 100), undefined);
  const state = meter.look({ ...COUNTS, done: 10 }, 200);
  assertEquals(state?.elapsed, 0.1);
  assertEquals(state?.donePerSecond, 100);
});

Deno.test("ProgressMeter knows the speed of late, not that of all times", () => {
  const meter = new ProgressMeter();
  for (let now = 0; now <= 5000; now += 100) {
    meter.look({ ...COUNTS, bytes: now / 10, done: now / 100 }, now);
  }
  let state = meter.look({ ...COUNTS, bytes: 500, done: 50 }, 5100);
  assert(state !== undefined);
  assert(state.bytesPerSecond < 100 && state.bytesPerSecond > 90);
  for (let now = 5200; now <= 9000; now += 100) {
    state = meter.look({ ...COUNTS, bytes: 500, done: 50 }, now);
  }
  assertEquals(state?.donePerSecond, 0);
  assertEquals(state?.bytesPerSecond, 0);
  // Nobody knows, as long as nothing moves.
  assertEquals(state?.secondsLeft, undefined);
});

Deno.test("ProgressMeter compares lines of a log, however far apart", () => {
  const meter = new ProgressMeter();
  meter.look(COUNTS, 0);
  meter.look({ ...COUNTS, bytes: 100, done: 10 }, 10_000);
  const state = meter.look({ ...COUNTS, bytes: 300, done: 30 }, 20_000);
  assertEquals(state?.donePerSecond, 2);
  assertEquals(state?.secondsLeft, 35);
});

const FRACTIONS: [
  what: Partial<ProgressCounts>,
  fraction: number | undefined,
][] = [
  [{ bytes: 250 }, 0.25],
  [{ bytes: 1000 }, 1],
  // A file that grew.
  [{ bytes: 2000 }, 1],
  [{ bytes: 250, bytesExpected: undefined }, undefined],
  [{ bytes: 0, bytesExpected: 0 }, undefined],
  [{ bytes: 250, done: 30, limit: 40 }, 0.75],
  [{ bytes: 250, done: 3, limit: 40 }, 0.25],
  [{ bytes: 250, bytesExpected: undefined, done: 30, limit: 40 }, 0.75],
];

for (const [what, fraction] of FRACTIONS) {
  Deno.test(`ProgressMeter tells the part of ${JSON.stringify(what)}`, () => {
    const meter = new ProgressMeter();
    meter.look(COUNTS, 0);
    assertEquals(meter.look({ ...COUNTS, ...what }, 100)?.fraction, fraction);
  });
}

Deno.test("ProgressMeter bears counts that are taken back", () => {
  const meter = new ProgressMeter();
  meter.look({ ...COUNTS, done: 50 }, 0);
  assertEquals(meter.look({ ...COUNTS, done: 40 }, 100)?.donePerSecond, 0);
});
