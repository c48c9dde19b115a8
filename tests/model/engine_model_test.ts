/**
 * The engine's model test: random loads in random schedules, compared with a
 * slow obvious model that applies one row after the other.
 *
 * Real are the rows, the ledger, the verdicts, the recovery, the stream and the
 * flights; simulated are the lanes and the server (sim_lane.ts, sim_server.ts).
 * Whatever the schedule, the invariants of the design must show: each record
 * is committed once and in order (I1), what is behind an unfinished rewind is
 * unknown (I2), no order per key is lost (I3), errors act without further input
 * (I6: a schedule that starves would hang).
 *
 * `RESPIPE_SCHEDULES` says how many schedules to run.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  ConnectionError,
  InputError,
  InterruptedError,
  StoppedError,
} from "../../src/errors.ts";
import { Random } from "../support/random.ts";
import {
  NO_ROOM,
  runScenario,
  serverFor,
  type SimOutcome,
  type SimPast,
} from "./run_scenario.ts";
import {
  drawRows,
  drawScenario,
  type Scenario,
  simplify,
  type SimRow,
  templateOf,
} from "./scenario.ts";

const SCHEDULES = Number(Deno.env.get("RESPIPE_SCHEDULES") ?? 3000);

/** What may end a load early; anything else is a mistake of the engine. */
const ENDINGS = [ConnectionError, InputError, InterruptedError, StoppedError];

/**
 * How many of each row's commands are refused where nothing but the row itself
 * decides; -1 where it is malformed.
 */
function fatesOf(scenario: Scenario, rows: readonly SimRow[]): number[] {
  const server = serverFor(scenario, false);
  return rows.map(({ commands }) =>
    // Every command is executed, whatever the others are answered.
    commands?.filter((words) => server.execute(words) !== undefined).length ??
      -1
  );
}

/** How many schedules there were of each kind. */
const seen = {
  whole: 0,
  early: 0,
  unknown: 0,
  rewound: 0,
  lanes: 0,
  redirected: 0,
  mended: 0,
  partly: 0,
  once: 0,
  goneOn: 0,
  lost: 0,
  full: 0,
  forgotten: 0,
};

/** Compares an outcome with what the model says. */
function check(
  scenario: Scenario,
  rows: readonly SimRow[],
  { error, summary, rejects, server }: SimOutcome,
): void {
  const { records, loaded, rejected, unknown, next } = summary;
  assertEquals(loaded + rejected + unknown, records, "the counts add up");
  assertEquals(rejects.length, rejected, "each reject is told once");
  const { loses, mset, forbidden, moves, troubles, mends, exactlyOnce } =
    scenario;
  const isWhole = error === undefined;
  const isFull = error instanceof Error && error.message.includes(NO_ROOM);
  if (isFull) {
    seen.full++;
    assert(next !== undefined, "a reject that is not kept is not settled");
  }
  if (!isWhole && !ENDINGS.some((kind) => error instanceof kind)) throw error;
  if (isWhole) {
    assertEquals([records, unknown], [rows.length, 0], "a whole load");
    assertEquals(next, undefined, "a whole load leaves nothing off");
    if (loses === 0 && !exactlyOnce) {
      assertEquals(summary.redirections, server.redirections, "passed on");
      assertEquals(summary.replies, summary.commands, "a reply each");
    }
  }
  if (loses + moves + troubles === 0 && !exactlyOnce) {
    assert(summary.rewinds <= 1, "sharing is given up once");
    const mayBeAgain = server.commands > scenario.fullAfter &&
      templateOf(scenario).isRepeatable;
    if (mset === undefined && forbidden === 0 && !mayBeAgain && !isFull) {
      assertEquals(unknown, 0, "every reply was waited for");
    }
  }

  // `next` splits the input: committed before it, unknown or unsent from it on.
  const committed = loaded + rejected;
  if (next !== undefined) {
    assertEquals(next.record, committed + 1, "next is behind the committed");
    const offset = rows.slice(0, committed).reduce(
      (sum, { text }) => sum + text.length,
      0,
    );
    assertEquals([next.line, next.offset], [committed + 1, offset], "next");
  }
  // Where the moment decides over a row, the model cannot.
  const isTimed = server.commands > scenario.fullAfter || server.wasFull ||
    (troubles > 0 && !mends);
  const ordinals = rejects.map(({ record }) => record);
  for (const [i, ordinal] of ordinals.entries()) {
    assert(i === 0 || ordinals[i - 1] < ordinal, "rejects are in order");
    assert(ordinal <= committed, "no reject is at or behind next");
    const row = rows[ordinal - 1];
    assertEquals(new TextDecoder().decode(rejects[i].bytes), row.text);
  }
  const isRejected = new Set(ordinals);
  const fates = fatesOf(scenario, rows);
  const { isRepeatable, commands } = templateOf(scenario);
  const isOnce = exactlyOnce || !isRepeatable && summary.repeated === 0;
  // Where replies were lost, what was refused is not known.
  const isKnown = summary.repliesLost === 0;
  let twice = 0;
  for (const [i, { value }] of rows.entries()) {
    const writes = server.writes.get(value) ?? 0;
    const what = `row ${i + 1} (${value})`;
    if (writes > commands.length) twice++;
    if (i >= committed + unknown) {
      assertEquals(writes, 0, `${what} counts as not read`);
    } else if (i >= committed) {
      if (isOnce) assert(writes <= commands.length, `${what} twice`);
    } else if (!isRejected.has(i + 1)) {
      if (!isKnown) continue;
      assert(writes > 0, `${what} counts as loaded`);
      if (isOnce) assertEquals(writes, commands.length, what);
    }
    if (i < committed && !isTimed && isKnown) {
      assertEquals(
        isRejected.has(i + 1),
        fates[i] !== 0,
        `the fate of ${what}`,
      );
    }
  }
  // What may be in from before and must not be repeated is rejected, though.
  const mayBlame = summary.repeated > 0;
  if (error instanceof StoppedError && commands.length === 1 && !mayBlame) {
    const isBlamed = rejects.at(-1)?.error === error.reply &&
      ordinals.at(-1) === committed && unknown === 0;
    assert(!isBlamed, "a row is to blame for what stops the load");
  }
  if (!isTimed && isKnown) {
    const isPartly = (failed: number): boolean =>
      failed > 0 && failed < commands.length;
    const partly = fates.slice(0, committed).filter(isPartly).length;
    assertEquals(summary.partly, partly, "done in part");
    const told = rejects.filter(({ failed }) =>
      failed !== undefined && isPartly(parseInt(failed))
    );
    assertEquals(told.length, partly, "told to be done in part");
    if (partly > 0) seen.partly++;
  }

  if (!isRepeatable) assert(twice <= summary.repeated, "told to be twice");
  if (!scenario.atLeastOnce) assertEquals(summary.repeated, 0, "repeated");

  // Going on from `next` makes the data whole.
  const mayBeTwice = summary.repeated > 0;
  if (exactlyOnce && unknown > 0) return;
  if (isTimed || ((unknown > 0 || mayBeTwice) && !isRepeatable)) return;
  const oracle = serverFor(scenario, false);
  for (const row of rows) row.commands?.forEach((c) => oracle.execute(c));
  const afterwards = serverFor(scenario, false);
  for (const [key, value] of server.data) {
    afterwards.data.set(key, structuredClone(value));
  }
  for (const row of rows.slice(committed)) {
    row.commands?.forEach((c) => afterwards.execute(c));
  }
  assertEquals(afterwards.dump(), oracle.dump(), "the data, gone on from next");
}

/** Gives the same command again until it is done, and looks at what is in. */
async function checkOnce(
  scenario: Scenario,
  rows: readonly SimRow[],
  random: Random,
  past: SimPast,
): Promise<void> {
  const { server, rejects, late } = past;
  let lost = 0;
  for (let run = 0;; run++) {
    const { error, isKilled, isForgotten, summary } = await runScenario(
      run === 0 ? scenario : {
        ...scenario,
        ...{ breaks: false, maxErrors: undefined, room: Infinity },
        // It has to end at some time.
        ...run < 6 ? {} : {
          ...{ loses: 0, interrupts: 0, troubles: 0 },
          ...{ kills: 0, rivals: 0, failovers: 0 },
        },
      },
      rows,
      random,
      past,
    );
    lost += summary.repliesLost;
    if (summary.repliesLost > 0) seen.lost++;
    if (isForgotten) seen.forgotten++;
    if (!isKilled) {
      if (run === 0 && !isForgotten) {
        check(scenario, rows, {
          ...{ error, ...past, summary, isKilled, isForgotten },
        });
      } else if (
        error !== undefined && !ENDINGS.some((k) => error instanceof k)
      ) {
        throw error;
      }
      if (error === undefined) break;
    }
    if (run === 0) seen.goneOn++;
    assert(run < 8, `it has ended: ${error}`);
    server.heal();
  }
  for (const rest of late) rest();
  const oracle = serverFor(scenario, false);
  for (const row of rows) row.commands?.forEach((c) => oracle.execute(c));
  assertEquals(server.dump(), oracle.dump(), "the data, each row once");
  assertEquals(
    [...server.writes].sort(),
    [...oracle.writes].sort(),
    "each row once",
  );
  assertEquals(server.once.value, undefined, "the key is deleted");
  const told = rejects.map(({ record }) => record);
  assertEquals([...new Set(told)].sort((a, b) => a - b), told, "told in order");
  const untold = fatesOf(scenario, rows)
    .map((fate, i) => ({ fate, record: i + 1 }))
    .filter(({ fate, record }) => fate !== 0 && !told.includes(record));
  assert(untold.length <= lost, `${untold.length} rejects are not told`);
  assert(untold.every(({ fate }) => fate > 0), "malformed rows are told");
}

/** Runs one schedule; gives what is wrong with it. */
async function tryOut(
  scenario: Scenario,
  seed: number,
): Promise<unknown> {
  const random = new Random(seed);
  const rows = drawRows(scenario, random);
  try {
    await runAndCheck(scenario, rows, random);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Runs one schedule, and throws where it is not as the model says. */
async function runAndCheck(
  scenario: Scenario,
  rows: readonly SimRow[],
  random: Random,
): Promise<SimOutcome | undefined> {
  if (scenario.exactlyOnce) {
    const server = serverFor(scenario);
    await checkOnce(scenario, rows, random, { server, rejects: [], late: [] });
    return undefined;
  }
  const outcome = await runScenario(scenario, rows, random);
  check(scenario, rows, outcome);
  return outcome;
}

/** Looks for a simpler scenario that goes wrong, too. */
async function shrink(scenario: Scenario, seed: number): Promise<string> {
  let seeds = [seed];
  search: for (;;) {
    for (const simpler of simplify(scenario)) {
      for (let i = 0; i < 60; i++) {
        const tried = i === 0 ? seeds[0] : seed + i;
        if (await tryOut(simpler, tried) === undefined) continue;
        scenario = simpler;
        seeds = [tried];
        continue search;
      }
    }
    const error = await tryOut(scenario, seeds[0]);
    return `shrunk to ${JSON.stringify(scenario)} with seed ${seeds[0]}: ` +
      `${error instanceof Error ? error.message : error}`;
  }
}

Deno.test("whatever happens when, the engine ends as the model says", async () => {
  const first = Random.seed();
  for (let seed = first; seed < first + SCHEDULES; seed++) {
    const scenario = drawScenario(new Random(seed));
    const random = new Random(seed);
    const rows = drawRows(scenario, random);
    try {
      const outcome = await runAndCheck(scenario, rows, random);
      if (outcome === undefined) {
        seen.once++;
        continue;
      }
      if (outcome.error === undefined) seen.whole++;
      else seen.early++;
      if (outcome.summary.rewinds > 0) seen.rewound++;
      if (outcome.summary.unknown > 0) seen.unknown++;
      if (scenario.lanes > 1) seen.lanes++;
      if (outcome.summary.redirections > 0) seen.redirected++;
      if (outcome.summary.secondsWaiting > 0) seen.mended++;
    } catch (error) {
      throw new Error(
        `RESPIPE_SEED=${seed}, schedule ${seed - first + 1}: ` +
          `${error instanceof Error ? error.message : error}\n` +
          await shrink(scenario, seed),
        { cause: error },
      );
    }
  }
  // A model in which nothing happens would prove nothing.
  for (const [what, count] of Object.entries(seen)) {
    assert(count > SCHEDULES / 50, `${what}: ${count} of ${SCHEDULES}`);
  }
});
