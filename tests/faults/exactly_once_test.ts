/**
 * Whoever loads the mended rejects and goes on from `next` has each row once.
 *
 * A load is ended in the middle, in every way there is. What must hold then:
 * each record before `next` is loaded or rejected, no record at or behind it is
 * rejected, and the server has what the counts say. Where nothing is unknown
 * the data are exactly those of the rows before `next`; where a connection was
 * lost, those and perhaps some of the unknown rows, in their order.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { parse } from "@std/csv";
import {
  Connection,
  ConnectionError,
  InterruptedError,
  type LoadOptions,
  StoppedError,
} from "../../mod.ts";
import { type Cut, FaultProxy } from "../support/fault_proxy.ts";
import { bounded, readSummary, tryLoad, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import {
  HEADER,
  type PoisonedRow,
  poisonedRows,
  readSlots,
  refusePoison,
  SHARED_TEMPLATES,
  type SharedTemplate,
  type Slots,
  slotsOf,
} from "../support/poisoned_table.ts";
import { Random } from "../support/random.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { rowSource } from "../support/row_source.ts";
import { endOf, spawnRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const ROWS = 12_000;
const DURABLE = ["--appendonly", "yes", "--appendfsync", "always"];

const seed = Random.seed();
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A load that is to be ended. */
interface Case {
  template: SharedTemplate;
  coalesce: boolean;
  rows: readonly PoisonedRow[];
  /** What it is, for messages. */
  what: string;
  random: Random;
}

/** How a load ended: what a user gets to see of it. */
interface Ending {
  records: number;
  loaded: number;
  rejected: number;
  unknown: number;
  next: { record: number; line: number; offset: number } | null | undefined;
  rejects: { record: number; text: string; error: string }[];
}

/** A test for each command that rows can share, with sharing and without. */
function testEach(
  name: string,
  run: (case_: Case) => Promise<void>,
  { count = ROWS, every = 60 } = {},
): void {
  for (const [command, template] of Object.entries(SHARED_TEMPLATES)) {
    for (const coalesce of [true, false]) {
      const how = coalesce ? "shared" : "not shared";
      const what = `${name}: ${command} ${how}, RESPIPE_SEED=${seed}`;
      Deno.test(what, async () => {
        const random = new Random(seed);
        const rows = poisonedRows(random, template, count, every);
        await bounded(run({ template, coalesce, rows, what, random }), what);
      });
    }
  }
}

/** Loads with the library, with the rows of the case as they are produced. */
async function loadCase(
  { template, coalesce, rows }: Case,
  options: Omit<LoadOptions, "commands" | "sources">,
  before?: (rows: number) => Promise<void> | void,
): Promise<{ ending: Ending; error: unknown }> {
  const { summary, error, rejects } = await tryLoad({
    sources: [rowSource((n) => rows[n - 1].text.slice(0, -1), {
      header: HEADER.slice(0, -1),
      count: rows.length,
      ...(before === undefined ? {} : { before }),
    })],
    commands: [template.command],
    coalesce,
    ...options,
  });
  return {
    error,
    ending: {
      ...summary.toJSON(),
      rejects: rejects.map(({ record, bytes, error }) => ({
        ...{ record, error },
        text: decoder.decode(bytes),
      })),
    },
  };
}

/** Checks the counts, the rejects and `next` against the rows themselves. */
function assertAccounted(
  { rows, what }: Case,
  { records, loaded, rejected, unknown, next, rejects }: Ending,
  /** An error that says nothing about its row. */
  stop = /^$/,
): void {
  assert(next !== null && next !== undefined, `${what}: no next`);
  const counts = `${what}: ${loaded} loaded, ${rejected} rejected, ${unknown}` +
    ` unknown of ${records}, next is ${next.record}`;
  assertEquals(loaded + rejected + unknown, records, counts);
  assertEquals(rejects.length, rejected, counts);
  let last = 0;
  for (const { record } of rejects) {
    assert(record > last, `${counts}: reject ${record} follows ${last}`);
    last = record;
  }
  assert(last < next.record, `${counts}: ${last} is rejected`);
  assertEquals(loaded + rejected, next.record - 1, counts);
  const before = rows.slice(0, next.record - 1);
  const text = HEADER + before.map(({ text }) => text).join("");
  assertEquals(next.offset, text.length, counts);
  assertEquals(next.line, text.split("\n").length, counts);
  for (const reject of rejects) {
    assertEquals(reject.text, rows[reject.record - 1].text, counts);
  }
  const guilty = rejects.filter(({ error }) => !stop.test(error));
  const ids = before.filter(({ mended }) => mended !== undefined)
    .map(({ id }) => id);
  const stopped = new Set(
    rejects.filter(({ error }) => stop.test(error)).map(({ record }) => record),
  );
  assertEquals(
    guilty.map(({ record }) => record),
    ids.filter((id) => !stopped.has(id)),
    counts,
  );
}

/** The rows before `next` that were not rejected. */
function loadedRows({ rows }: Case, { next, rejects }: Ending): PoisonedRow[] {
  const rejected = new Set(rejects.map(({ record }) => record));
  return rows.slice(0, next!.record - 1).filter(({ id }) => !rejected.has(id));
}

/** Compares without printing thousands of rows. */
function assertSlots(actual: Slots, expected: Slots, what: string): void {
  for (const [slot, held] of expected) {
    const found = actual.get(slot);
    if (found !== undefined && found.join() === held.join()) continue;
    const at = held.findIndex((id, i) => id !== found?.[i]);
    assertEquals(
      [slot, at, found?.length, found?.slice(at, at + 5)],
      [slot, at, held.length, held.slice(at, at + 5)],
      what,
    );
  }
  assertEquals(actual.size, expected.size, what);
}

/** Checks what a load has left whose last rows may be in or not. */
function assertPossible(
  case_: Case,
  ending: Ending,
  actual: Slots,
): void {
  const { rows, template, what } = case_;
  const settled = slotsOf(template, loadedRows(case_, ending));
  const good = rows.slice(ending.next!.record - 1, ending.records)
    .filter(({ mended }) => mended === undefined);
  const perhaps = slotsOf({ ...template, keepsAll: true }, good);
  for (const slot of new Set([...actual.keys(), ...settled.keys()])) {
    const found = actual.get(slot) ?? [];
    const sure = settled.get(slot) ?? [];
    const others = perhaps.get(slot) ?? [];
    const why = `${what}: ${slot} has ${found.slice(-9)}, settled are ` +
      `${sure.slice(-9)}, unknown are ${others.slice(0, 9)}`;
    if (template.keepsAll) {
      assertEquals(found.slice(0, sure.length).join(), sure.join(), why);
      const more = found.slice(sure.length);
      assertEquals(more.join(), others.slice(0, more.length).join(), why);
    } else {
      const isIn = found.join() === sure.join() || others.includes(found[0]);
      assert(isIn, why);
    }
  }
}

/** Loads rows from a file, all of which are to go in but those poisoned. */
async function loadFile(
  { template, coalesce, what }: Case,
  server: RedisServer,
  text: string,
): Promise<string[]> {
  using files = new TempFiles();
  const { error, rejects } = await tryLoad({
    sources: [files.write("rest.csv", text)],
    commands: [template.command],
    coalesce,
    server: { port: server.port },
  });
  assertEquals(error, undefined, what);
  return rejects.map(({ bytes }) => decoder.decode(bytes));
}

/** Loads the mended rejects, goes on from `next`, and looks at all there is. */
async function goOn(
  case_: Case,
  ending: Ending,
  server: RedisServer,
): Promise<void> {
  const { rows, template, what } = case_;
  const mend = (row: PoisonedRow): PoisonedRow => row.mended ?? row;
  const record = ending.next!.record;
  const rejected = ending.rejects.map(({ record }) => mend(rows[record - 1]));
  const csv = encoder.encode(HEADER + rows.map(({ text }) => text).join(""));
  const rest = decoder.decode(csv.subarray(ending.next!.offset));
  const later = rows.slice(record - 1);
  const bad = later.filter(({ mended }) => mended !== undefined);

  const first = HEADER + rejected.map(({ text }) => text).join("");
  assertEquals(await loadFile(case_, server, first), [], what);
  const refused = await loadFile(case_, server, HEADER + rest);
  assertEquals(refused, bad.map(({ text }) => text), what);
  const last = HEADER + bad.map((row) => mend(row).text).join("");
  assertEquals(await loadFile(case_, server, last), [], what);

  const order = [
    ...loadedRows(case_, ending),
    ...rejected,
    ...later.filter(({ mended }) => mended === undefined),
    ...bad.map(mend),
  ];
  assertEquals(new Set(order.map(({ id }) => id)).size, rows.length, what);
  const actual = await readSlots(server, template);
  if (ending.unknown === 0 || !template.keepsAll) {
    assertSlots(actual, slotsOf(template, order), what);
    return;
  }
  // Unknown rows may be there twice, all others once.
  const times = new Map<number, number>();
  for (const id of [...actual.values()].flat().map(Number)) {
    times.set(id, (times.get(id) ?? 0) + 1);
  }
  const wrong = rows.filter(({ id }) => {
    const isUnknown = id >= record && id <= ending.records;
    return times.get(id) !== 1 && !(isUnknown && times.get(id) === 2);
  });
  assertEquals(wrong.map(({ id }) => [id, times.get(id)]).slice(0, 9), []);
}

/** Checks an ending, then what comes of going on. */
async function assertRecoverable(
  case_: Case,
  ending: Ending,
  server: RedisServer,
): Promise<void> {
  const { template, what } = case_;
  const actual = await readSlots(server, template);
  if (ending.unknown === 0) {
    const expected = slotsOf(template, loadedRows(case_, ending));
    assertSlots(actual, expected, `${what}: before ${ending.next!.record}`);
  } else {
    assertPossible(case_, ending, actual);
  }
  await goOn(case_, ending, server);
}

/**
 * Where no reply was lost, nothing is unknown, but for what a refused MSET has
 * not yet been taken apart to.
 */
function assertNothingUnknown(
  { template, coalesce, what }: Case,
  { unknown }: Ending,
): void {
  if (coalesce && template.command[0] === "SET") return;
  assertEquals(unknown, 0, what);
}

/** Runs the program, and signals it while much is in flight. */
async function interrupt(
  { template, coalesce, rows, what }: Case,
  server: RedisServer,
  signal: Deno.Signal,
): Promise<Ending & { exitCode: number }> {
  using files = new TempFiles();
  const path = `${files.path}/out.csv`;
  const child = spawnRespipe([
    ...["load", "-p", `${server.port}`, "--json", "--rejects", path],
    ...(coalesce ? [] : ["--no-coalesce"]),
    ...["--", ...template.command],
  ], {
    permissions: [
      `--allow-net=127.0.0.1:${server.port}`,
      `--allow-read=${files.path}`,
      `--allow-write=${files.path}`,
    ],
  });
  const ended = endOf(child);
  const writer = child.stdin.getWriter();
  const feed = (from: number, to: number): Promise<void> =>
    writer.write(
      encoder.encode(rows.slice(from, to).map(({ text }) => text).join("")),
    );
  await writer.write(encoder.encode(HEADER));
  await feed(0, rows.length / 3);
  await until(
    async () => (await readSlots(server, template)).size > 0,
    `${what}: the first row`,
  );
  server.pause();
  await feed(rows.length / 3, rows.length / 3 * 2);
  await new Promise((wake) => setTimeout(wake, 50));
  child.kill(signal);
  await new Promise((wake) => setTimeout(wake, 50));
  server.resume();
  const { stdout } = await ended;
  await writer.abort().catch(() => {});
  const summary = readSummary(stdout);
  return { ...summary, rejects: readRejects(path) };
}

/** Reads a reject file and its report. */
function readRejects(path: string): Ending["rejects"] {
  if (!exists(path)) return [];
  const text = Deno.readTextFileSync(path);
  assert(text.startsWith(HEADER));
  const records = text.slice(HEADER.length)
    .match(/(?:[^\n"]|"(?:[^"]|"")*")*\n/g) ?? [];
  const report = Deno.readTextFileSync(`${path}.errors.csv`);
  const [, ...errors] = parse(report) as string[][];
  assertEquals(errors.length, records.length, "records and report");
  return errors.map(([, record, , , , error], i) => ({
    ...{ record: Number(record), error },
    text: records[i],
  }));
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  testEach(signal, async (case_) => {
    await using server = await startServer();
    await refusePoison(server, case_.template);
    const ending = await interrupt(case_, server, signal);
    assertEquals(ending.exitCode, code, case_.what);
    assertAccounted(case_, ending);
    assertNothingUnknown(case_, ending);
    await assertRecoverable(case_, ending, server);
  });
}

testEach("an aborted signal", async (case_) => {
  await using server = await startServer();
  await refusePoison(server, case_.template);
  const stop = new AbortController();
  const moment = 2_000 + case_.random.int(8_000);
  const { ending, error } = await loadCase(
    case_,
    { server: { port: server.port }, signal: stop.signal },
    (rows) => {
      if (rows >= moment) stop.abort(new InterruptedError("SIGINT"));
    },
  );
  assert(error instanceof InterruptedError, String(error));
  assertAccounted(case_, ending);
  assertNothingUnknown(case_, ending);
  await assertRecoverable(case_, ending, server);
});

for (const limit of [0, 25]) {
  testEach(`--max-errors ${limit}`, async (case_) => {
    await using server = await startServer();
    await refusePoison(server, case_.template);
    const { ending, error } = await loadCase(case_, {
      server: { port: server.port },
      maxErrors: String(limit),
    });
    assert(error instanceof StoppedError, String(error));
    assertAccounted(case_, ending);
    assert(ending.rejected > limit, `${case_.what}: ${ending.rejected}`);
    assertNothingUnknown(case_, ending);
    await assertRecoverable(case_, ending, server);
    // Far apart, so that there is much in flight behind the one that stops it.
  }, { count: 30_000, every: limit === 0 ? 3_000 : 500 });
}

testEach("OOM", async (case_) => {
  await using server = await startServer();
  await refusePoison(server, case_.template);
  const moment = 3_000 + case_.random.int(4_000);
  let isFull = false;
  const { ending, error } = await loadCase(
    case_,
    { server: { port: server.port } },
    async (rows) => {
      if (rows < moment || isFull) return;
      isFull = true;
      await server.command("CONFIG", "SET", "maxmemory", "1");
    },
  );
  assert(error instanceof StoppedError, String(error));
  assertAccounted(case_, ending, /^OOM /);
  await server.command("CONFIG", "SET", "maxmemory", "0");
  await assertRecoverable(case_, ending, server);
});

testEach("kill -9", async (case_) => {
  await using server = await startServer({ args: DURABLE });
  await refusePoison(server, case_.template);
  const moment = 2_000 + case_.random.int(4_000);
  let isKilled = false;
  const { ending, error } = await loadCase(
    case_,
    { server: { port: server.port } },
    async (rows) => {
      if (isKilled) return;
      if (rows >= moment) {
        isKilled = true;
        await server.kill();
        return;
      }
      // What is answered meanwhile is in; what comes later is in flight.
      if (rows < moment / 2) return;
      await until(
        async () => (await readSlots(server, case_.template)).size > 0,
        `${case_.what}: the first row`,
      );
    },
  );
  assert(error instanceof ConnectionError, String(error));
  assertAccounted(case_, ending);
  const args = [...DURABLE, "--dir", server.directory];
  await using other = await startServer({ args });
  await until(
    async () => !/LOADING/.test(String(plain(await other.command("DBSIZE")))),
    "the data set",
  );
  await refusePoison(other, case_.template);
  await assertRecoverable(case_, ending, other);
});

const CUTS: [way: "requests" | "replies", cut: Cut][] = [
  ["requests", "fin"],
  ["requests", "rst"],
  ["requests", "half"],
  ["replies", "fin"],
  ["replies", "rst"],
  ["replies", "half"],
];

/**
 * Where connections are cut: the server gets `take` bytes of requests, which
 * have more than `replies` bytes of replies. Shared commands have fewer bytes
 * and far fewer replies, but MSET is refused, and its rows are sent again.
 */
function cutsOf(
  { coalesce, template }: Case,
): { take: number; requests: number; replies: number } {
  if (!coalesce) return { take: 100_000, requests: 200_000, replies: 6_000 };
  return template.command[0] === "SET"
    ? { take: 350_000, requests: 350_000, replies: 12_000 }
    : { take: 60_000, requests: 60_000, replies: 240 };
}

testEach("a proxy cuts", async (case_) => {
  for (const [way, cut] of CUTS) {
    await using server = await startServer();
    await refusePoison(server, case_.template);
    const { take, requests, replies } = cutsOf(case_);
    const at = case_.random.int(way === "requests" ? requests : replies);
    const what = `${case_.what}: ${at} bytes of ${way}, ${cut}`;
    const faults = way === "requests"
      ? { requests: at, cut }
      : { replies: at, cut, take };
    await using proxy = new FaultProxy(server.port, faults);
    const conn = await Deno.connect({ port: proxy.port });
    const { ending, error } = await loadCase(
      case_,
      { connection: new Connection(conn, `127.0.0.1:${proxy.port}`) },
    );
    assert(error instanceof ConnectionError, `${what}: ${error}`);
    assertAccounted({ ...case_, what }, ending);
    await assertRecoverable({ ...case_, what }, ending, server);
  }
});
