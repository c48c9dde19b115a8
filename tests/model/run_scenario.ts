import { assertEquals } from "@std/assert";
import {
  InputError,
  InterruptedError,
  StoppedError,
} from "../../src/errors.ts";
import { ErrorLimit } from "../../src/engine/error_limit.ts";
import type { Reject } from "../../src/engine/reject.ts";
import { Rows } from "../../src/engine/rows.ts";
import { Stream } from "../../src/engine/stream.ts";
import { Transactions } from "../../src/engine/transactions.ts";
import { Summary } from "../../src/engine/summary.ts";
import { Wait } from "../../src/engine/wait.ts";
import type { Random } from "../support/random.ts";
import { type Scenario, type SimRow, templateOf } from "./scenario.ts";
import { drive } from "./drive.ts";
import { connectTo } from "./sim_connection.ts";
import { SimLane } from "./sim_lane.ts";
import { SimRouter } from "./sim_router.ts";
import { SimServer } from "./sim_server.ts";
import { ONCE, SimSession } from "./sim_session.ts";

/** How a simulated load ended. */
export interface SimOutcome {
  /** What ended it early; `undefined` where nothing did. */
  readonly error: unknown;
  /** The counts. */
  readonly summary: Summary;
  /** The rejects, in the order in which they were told. */
  readonly rejects: readonly Reject[];
  /** The server, with its data. */
  readonly server: SimServer;
  /** The process was killed: the counts are nobody's. */
  readonly isKilled: boolean;
  /** The server has lost what it had acknowledged: they are not true now. */
  readonly isForgotten: boolean;
}

/** What an earlier run of the same load has left. */
export interface SimPast {
  /** The server, with its data. */
  readonly server: SimServer;
  /** What was written of rejects. */
  readonly rejects: Reject[];
  /** What the server has still to execute of lost connections. */
  readonly late: (() => void)[];
}

/** What is said where rejects cannot be kept. */
export const NO_ROOM = "no room for rejects";

/** What a scenario's server refuses. */
export function serverFor(scenario: Scenario, isTimed = true): SimServer {
  const { wrongType, forbidden, mset, fullAfter } = scenario;
  const first = (count: number, from: number): Set<string> =>
    new Set(Array.from({ length: count }, (_, i) => `key${from + i}`));
  return new SimServer({
    wrongType: first(wrongType, 0),
    forbidden: first(forbidden, 1),
    mset: isTimed ? mset : undefined,
    fullAfter: isTimed ? fullAfter : Infinity,
  });
}

/**
 * Runs one load through the real stream, ledger, recovery and flights, with
 * everything outside them in a random order.
 *
 * @throws {Error} When the load hangs.
 */
export async function runScenario(
  scenario: Scenario,
  rows: readonly SimRow[],
  random: Random,
  past: SimPast = { server: serverFor(scenario), rejects: [], late: [] },
): Promise<SimOutcome> {
  const summary = new Summary();
  const wait = new Wait();
  const { server, rejects, late } = past;
  const producer = new Producer(rows, scenario, random);
  const template = templateOf(scenario);
  const batches = new Rows({
    sources: [producer],
    columns: ["k", "v", "f"],
    commands: template.commands,
    coalesce: scenario.coalesce,
  }, summary);
  const transactions = !scenario.exactlyOnce ? undefined : new Transactions({
    exactlyOnce: {
      key: ONCE,
      note: () => rejects.length,
      onBegin: (earlier): undefined => {
        rejects.length = Number(earlier?.note ?? 0);
      },
    },
    sources: ["rows"],
    rows: { commands: template.commands, columns: ["k", "v", "f"] },
    summary,
    stream: () => stream,
  });
  if (transactions !== undefined) {
    batches.goOn(await transactions.begin(connectTo(server)));
  }
  /** Rejects that are kept when the last of them is. */
  const added: Reject[] = [];
  const stream: Stream = new Stream({
    transactions,
    rows: batches,
    summary,
    wait,
    limit: ErrorLimit.parse(scenario.maxErrors),
    patience: scenario.mends ? Infinity : 0,
    atLeastOnce: scenario.atLeastOnce,
    pause: () => Promise.resolve(),
    onReject: (reject, isLast) => {
      if (rejects.length + added.length === scenario.room) {
        throw new StoppedError(NO_ROOM);
      }
      added.push(reject);
      if (isLast) rejects.push(...added.splice(0));
    },
  });
  const router = new SimRouter(
    scenario.lanes,
    server,
    (node) =>
      new SimLane(
        stream.events,
        new SimSession(server, node, scenario.lanes),
        wait,
        scenario.window,
        node,
        transactions,
      ),
    scenario.mends,
    () => scenario.fails > 0 && random.int(scenario.fails) === 0,
    transactions && (() => {
      // It takes the key back.
      rival = undefined;
      return transactions.reconnect(connectTo(server));
    }),
  );
  /** The key as another load has left it. */
  let rival: string | undefined;
  let error: unknown;
  const end = (isComplete: boolean): Promise<void> | undefined =>
    transactions?.end(connectTo(server), isComplete);
  const running = stream.run(router)
    .then(() => end(true))
    .catch((thrown) => {
      error = thrown;
      return end(false)?.catch(() => {});
    });
  let isKilled = false;
  let isForgotten = false;
  let replica = server.copy();
  const disturb = (canMove: boolean, isSettled: boolean): boolean | "over" => {
    const { lanes } = router;
    const isDue = (of: number): boolean => of > 0 && random.int(of) === 0;
    // The producer is silent and nothing else can happen: whatever was read
    // must be settled without further input (I6).
    if (!canMove && server.trouble === undefined) {
      assertEquals(summary.unknown, 0, "settled while the producer is silent");
    }
    if (isDue(scenario.interrupts)) {
      wait.fail(new InterruptedError("SIGINT"));
    } else if (isSettled && isDue(scenario.kills)) {
      late.push(...lanes.map((lane) => lane.kill()));
      isKilled = true;
      return "over";
    } else if (isSettled && isDue(scenario.failovers)) {
      // What was on its way is gone with the primary.
      for (const lane of lanes) lane.lose();
      late.length = 0;
      rival = undefined;
      if (server.failOver(replica)) isForgotten = true;
    } else if (scenario.failovers > 0 && random.int(10) === 0) {
      replica = server.copy();
    } else if (isDue(scenario.rivals)) {
      rival = (server.once.value ?? "") + "\n";
      server.once.value = rival;
      server.once.writes++;
    } else if (late.length > 0 && random.int(4) === 0) {
      late.shift()!();
    } else if (isDue(scenario.moves)) {
      const key = `key${random.int(scenario.keys)}`;
      server.move(key, random.int(scenario.lanes), scenario.lanes);
    } else if (isDue(scenario.troubles)) {
      const isOver = server.trouble !== undefined;
      server.trouble = isOver
        ? undefined
        : scenario.exactlyOnce
        ? "READONLY You can't write against a read only replica."
        : "CLUSTERDOWN The cluster is down";
    } else if (isDue(scenario.loses)) {
      const left = random.pick(lanes).lose();
      if (left !== undefined) late.push(left);
    } else return false;
    return true;
  };
  const lanes = (): readonly SimLane[] => router.lanes;
  await drive(random, { running, lanes, producer, disturb });
  const outcome = { error, summary, rejects, server, isKilled, isForgotten };
  if (isKilled) return outcome;
  if (rival !== undefined) {
    assertEquals(server.once.value, rival, "another load's key is left alone");
  }
  return outcome;
}

/** A source whose reads end when the schedule says so. */
class Producer {
  readonly name = "rows";
  readonly #rows: readonly SimRow[];
  readonly #scenario: Scenario;
  readonly #random: Random;
  #at = 0;
  /** What a read had no room for. */
  #left = "";
  #read: (() => void) | undefined;

  constructor(rows: readonly SimRow[], scenario: Scenario, random: Random) {
    this.#rows = rows;
    this.#scenario = scenario;
    this.#random = random;
  }

  /** Whether somebody waits for a read. */
  get isAwaited(): boolean {
    return this.#read !== undefined;
  }

  read(into: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#read = () => {
        const { breaks, perRead } = this.#scenario;
        if (this.#at === this.#rows.length && this.#left === "") {
          if (!breaks) return resolve(null);
          return reject(new InputError("it breaks off", { source: "rows" }));
        }
        const count = 1 + this.#random.int(perRead);
        const text = this.#left + this.#rows.slice(this.#at, this.#at + count)
          .map((row) => row.text).join("");
        this.#at = Math.min(this.#rows.length, this.#at + count);
        const { read, written } = new TextEncoder().encodeInto(text, into);
        this.#left = text.slice(read);
        resolve(written);
      };
    });
  }

  feed(): void {
    const read = this.#read;
    this.#read = undefined;
    read?.();
  }

  close(): void {}
}
