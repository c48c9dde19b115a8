/**
 * The model test of a pipe into a cluster: random commands, transactions among
 * them, in random schedules.
 *
 * Real are the batches, the cluster's router with its cargoes, the ledger, the
 * recovery, the stream and the flights; simulated are the lanes and the nodes.
 *
 * `RESPIPE_SCHEDULES` says how many schedules to run.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { ClusterRouter } from "../../src/engine/cluster_router.ts";
import { ErrorLimit } from "../../src/engine/error_limit.ts";
import { PipedCommands } from "../../src/engine/piped_commands.ts";
import { COMMAND_WORDS } from "../../src/engine/record_words.ts";
import type { Reject } from "../../src/engine/reject.ts";
import { Stream } from "../../src/engine/stream.ts";
import { Summary } from "../../src/engine/summary.ts";
import { Wait } from "../../src/engine/wait.ts";
import {
  ConnectionError,
  InterruptedError,
  StoppedError,
} from "../../src/errors.ts";
import { CommandKeys } from "../../src/protocol/command_keys.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { Random } from "../support/random.ts";
import { drive } from "./drive.ts";
import { apply, SimCluster, SimNodes, slotOf } from "./sim_cluster.ts";
import { type Executor, SimLane } from "./sim_lane.ts";

const SCHEDULES = Number(Deno.env.get("RESPIPE_SCHEDULES") ?? 1000);

/** What may end a pipe early; anything else is a mistake of the engine. */
const ENDINGS = [ConnectionError, InterruptedError, StoppedError];

/** A command of the input. */
interface SimCommand {
  readonly words: readonly string[];
  /** Where it stands. */
  readonly offset: number;
  /** Whether it is refused. */
  readonly fails: boolean;
  /** Whether it changes data. */
  readonly counts: boolean;
}

/** One random input. */
class SimInput {
  readonly commands: SimCommand[] = [];
  /** What the lists have in the end. */
  readonly data = new Map<string, string[]>();
  bytes = new Uint8Array();
  readonly #random: Random;

  constructor(
    random: Random,
    count: number,
    tags: number,
    /** Whether repeating any of it does no harm. */
    readonly isRepeatable: boolean,
  ) {
    this.#random = random;
    while (this.commands.length < count) this.#add(tags);
  }

  #add(tags: number): void {
    const random = this.#random;
    const first = this.commands.length;
    const tag = (): string => `{${random.int(tags)}}`;
    const [put, putTwo] = this.isRepeatable
      ? ["SET", "MSET"]
      : ["RPUSH", "TWO"];
    const bad = (of: number): boolean =>
      random.int(of) === 0 && !this.isRepeatable;
    if (random.int(8) === 0) {
      const one = tag();
      return this.#put(
        [putTwo, `${one}p`, String(first), `${one}q`, `${first}q`],
        false,
      );
    }
    if (random.int(4) > 0) {
      const name = bad(12) ? "NOPE" : put;
      const key = `${tag()}${random.int(3)}`;
      return this.#put([name, key, String(first)], name === "NOPE");
    }
    // While a slot moves, a transaction may be refused for one of its keys, and
    // a later command taken for another one. So those of several keys are always
    // of the same ones, and others do not touch them.
    const one = tag();
    const kinds = [[`${one}0`], [`${one}0`, `${one}0`], [`${one}a`, `${one}b`]];
    const keys = random.pick([[], ...kinds, [`${tag()}x`, `${tag()}y`]]);
    const inner = keys.map((key, i) => [
      bad(15) ? "NOPE" : put,
      key,
      String(first + 1 + i),
    ]);
    const isOne = new Set(inner.map(([, key]) => slotOf(key))).size <= 1;
    const isGood = inner.every(([name]) => name !== "NOPE");
    this.#put(["MULTI"], !isOne);
    for (const words of inner) {
      this.#put(words, !isOne || words[0] === "NOPE", isOne && isGood);
    }
    this.#put(["EXEC"], !isOne || !isGood);
  }

  #put(words: string[], fails: boolean, counts = !fails): void {
    counts &&= words.length > 1;
    this.commands.push({ words, offset: this.bytes.length, fails, counts });
    const text = this.#random.int(2) === 0
      ? new TextEncoder().encode(`${words.join(" ")}\n`)
      : encodeCommand(words);
    this.bytes = Uint8Array.from([...this.bytes, ...text]);
    if (counts) apply(words, this.data);
  }
}

/** What happened in all schedules. */
const seen = {
  ...{ whole: 0, early: 0, unknown: 0, repeated: 0 },
  ...{ MOVED: 0, ASK: 0, TRYAGAIN: 0 },
};

async function runSchedule(random: Random): Promise<void> {
  const one = (of: number): boolean => random.int(of) === 0;
  const due = (of: number): boolean => of > 0 && one(of);
  const tags = 1 + random.int(5);
  const size = 1 + random.int(one(3) ? 200 : 30);
  const input = new SimInput(random, size, tags, one(3));
  const count = 1 + random.int(4);
  const window = 1 + random.int(one(2) ? 200 : 4000);
  const perRead = 1 + random.int(one(2) ? 20 : 400);
  const moves = one(4) ? 0 : 2 + random.int(30);
  const loses = one(5) ? 20 + random.int(200) : 0;
  const troubles = one(6) ? 10 + random.int(60) : 0;
  const interrupts = one(6) ? 20 + random.int(200) : 0;
  const patience = one(4) ? 0 : Infinity;
  const fails = one(6) ? 1 + random.int(4) : 0;

  const cluster = new SimCluster(count);
  const summary = new Summary();
  const wait = new Wait();
  const rejects: Reject[] = [];
  let at = 0;
  let read: (() => void) | undefined;
  const source = {
    name: "input",
    read: (into: Uint8Array): Promise<number | null> =>
      new Promise((resolve) => {
        read = () => {
          read = undefined;
          if (at === input.bytes.length) return resolve(null);
          const part = input.bytes.subarray(at, at + 1 + random.int(perRead));
          into.set(part);
          at += part.length;
          resolve(part.length);
        };
      }),
    close(): void {},
  };
  const keys = new CommandKeys();
  const rows = new PipedCommands({ sources: [source] }, keys, summary);
  const stream = new Stream({
    rows,
    summary,
    wait,
    limit: ErrorLimit.parse(undefined),
    patience,
    goesOn: true,
    words: COMMAND_WORDS,
    pause: () => Promise.resolve(),
    onReject: (reject) => rejects.push(reject),
  });
  const open = (node: number): SimLane => {
    const execute = cluster.connect(node);
    const session: Executor = {
      execute: (words) => {
        const text = execute(words);
        return text === undefined ? { kind: "ok" } : { kind: "error", text };
      },
    };
    const events = router.recycling(stream.events);
    return new SimLane(events, session, wait, window, node);
  };
  // Lanes are made when the router is there, whose events they tell.
  const nodes = new SimNodes(0, cluster, open, () => due(fails));
  const router = new ClusterRouter(nodes.asNodes(), keys, false);
  nodes.lanes = Array.from({ length: count }, (_, node) => open(node));

  let error: unknown;
  const running = stream.run(router).catch((thrown) => error = thrown);
  await drive(random, {
    running,
    lanes: () => nodes.lanes,
    producer: {
      get isAwaited(): boolean {
        return read !== undefined;
      },
      feed: () => read?.(),
    },
    disturb: (): boolean => {
      if (due(interrupts)) wait.fail(new InterruptedError("SIGINT"));
      else if (due(moves)) {
        cluster.move(slotOf(`{${random.int(tags)}}`), random.int(count));
      } else if (due(troubles)) {
        const isDown = cluster.trouble !== undefined;
        cluster.trouble = isDown
          ? undefined
          : "CLUSTERDOWN The cluster is down";
      } else if (due(loses)) random.pick(nodes.lanes).lose();
      else return false;
      return true;
    },
  });
  // Where nobody waits, the moment decides over a command.
  const isTimed = troubles > 0 && patience === 0;
  check(input, cluster, summary, rejects, error, isTimed);
}

/** Compares an outcome with what one server would have made of the input. */
function check(
  { commands, data, isRepeatable }: SimInput,
  cluster: SimCluster,
  summary: Summary,
  rejects: readonly Reject[],
  error: unknown,
  isTimed: boolean,
): void {
  const { records, loaded, rejected, unknown, next } = summary;
  const committed = loaded + rejected;
  assertEquals(committed + unknown, records, "the counts add up");
  assertEquals(rejects.length, rejected, "each reject is told once");
  const isWhole = error === undefined;
  if (!isWhole && !ENDINGS.some((kind) => error instanceof kind)) throw error;
  if (isWhole) {
    assertEquals([committed, unknown, next], [commands.length, 0, undefined]);
    assertEquals(
      [...cluster.data].sort(),
      [...data].sort(),
      "each command once, in order",
    );
  }
  if (next !== undefined) {
    assertEquals(next.record, committed + 1, "next is behind the committed");
    if (committed < commands.length) {
      assertEquals(next.offset, commands[committed].offset, "next");
    }
  }
  const failing = commands.flatMap(({ fails, offset }, i) =>
    fails && i < committed ? [[i + 1, offset]] : []
  );
  const told = rejects.map(({ record, offset }) => [record, offset]);
  if (!isTimed) assertEquals(told, failing, "the rejects");
  const ordinals = rejects.map(({ record }) => record);
  assertEquals(ordinals, ordinals.toSorted((a, b) => a - b), "in order");
  seen.whole += isWhole ? 1 : 0;
  seen.early += isWhole ? 0 : 1;
  seen.unknown += unknown > 0 ? 1 : 0;
  seen.repeated += isRepeatable && summary.commands > records + 20 ? 1 : 0;
  for (const what of ["MOVED", "ASK", "TRYAGAIN"] as const) {
    seen[what] += cluster.said[what] > 0 ? 1 : 0;
  }
  if (isRepeatable) {
    if (isTimed) return;
    const afterwards = new Map(cluster.data);
    for (const { words, counts } of commands.slice(committed)) {
      if (counts) apply(words, afterwards);
    }
    assertEquals([...afterwards].sort(), [...data].sort(), "gone on from next");
    return;
  }
  const counts = new Map<string, number>();
  for (const value of [...cluster.data.values()].flat()) {
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const wanted = new Set([...data.values()].flat());
  for (const i of commands.keys()) {
    const times = counts.get(String(i)) ?? 0;
    const most = wanted.has(String(i)) && i < records ? 1 : 0;
    assert(times <= most, `command ${i + 1}: ${times} times`);
    if (i < committed && !isTimed) {
      assertEquals(times, most, `command ${i + 1}`);
    }
  }
}

Deno.test("whatever happens when, a pipe ends as one server would have it", async () => {
  const first = Random.seed();
  for (let seed = first; seed < first + SCHEDULES; seed++) {
    try {
      await runSchedule(new Random(seed));
    } catch (error) {
      const what = error instanceof Error ? error.message : error;
      throw new Error(`RESPIPE_SEED=${seed}: ${what}`, { cause: error });
    }
  }
  // A model in which nothing happens would prove nothing.
  for (const [what, count] of Object.entries(seen)) {
    assert(count > SCHEDULES / 400, `${what}: ${count} of ${SCHEDULES}`);
  }
});
