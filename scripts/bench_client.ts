/**
 * Measures what respipe does itself in a load into a cluster: reading, encoding,
 * routing and accounting, with a sink in place of each socket that answers all
 * at once.
 *
 * The CPU time counts, of all threads, so that the outcome is what one core
 * would do.
 *
 * @module
 */
import { cpuUsage } from "node:process";
import type { BenchInput } from "./bench_inputs.ts";
import { median } from "./bench_measure.ts";
import type { BatchOrigin } from "../src/engine/batch.ts";
import type { ClusterNodes } from "../src/engine/cluster_nodes.ts";
import { ClusterRouter } from "../src/engine/cluster_router.ts";
import { ErrorLimit } from "../src/engine/error_limit.ts";
import { Flight } from "../src/engine/flight.ts";
import type { LaneEvents } from "../src/engine/lane.ts";
import { PipedCommands } from "../src/engine/piped_commands.ts";
import type { BatchLane } from "../src/engine/router.ts";
import { Rows } from "../src/engine/rows.ts";
import type { Shipment } from "../src/engine/shipment.ts";
import { type BatchSource, Stream } from "../src/engine/stream.ts";
import { Summary } from "../src/engine/summary.ts";
import { Wait } from "../src/engine/wait.ts";
import { CommandKeys } from "../src/protocol/command_keys.ts";
import { keyPosition } from "../src/protocol/command_traits.ts";
import { SLOTS } from "../src/protocol/key_slot.ts";
import { TemplateKeys } from "../src/protocol/template_keys.ts";

const LANES = 6;

/** How fast something goes, in rows per second. */
export interface ClientRate {
  /** By the clock. */
  wall: number;
  /** For each second of CPU time. */
  cpu: number;
}

/**
 * Measures loads and pipes of a table.
 *
 * @param input The table; its RESP must be there for the pipe.
 * @param rows How many rows it has
 * @param runs How often; after one that is not counted
 * @returns The median of each
 */
export async function measureClient(
  input: BenchInput,
  rows: number,
  runs: number,
): Promise<{ load: ClientRate; pipe: ClientRate }> {
  const load: ClientRate[] = [];
  const pipe: ClientRate[] = [];
  for (let run = 0; run <= runs; run++) {
    load.push(await rateOf(rows, (summary) => loadInto(input, summary)));
    pipe.push(await rateOf(rows, (summary) => pipeInto(input, summary)));
  }
  const middle = (all: ClientRate[]): ClientRate => ({
    wall: median(all.slice(1).map(({ wall }) => wall)),
    cpu: median(all.slice(1).map(({ cpu }) => cpu)),
  });
  return { load: middle(load), pipe: middle(pipe) };
}

async function rateOf(
  rows: number,
  work: (summary: Summary) => Promise<void>,
): Promise<ClientRate> {
  const summary = new Summary();
  const before = cpuUsage();
  const began = performance.now();
  await work(summary);
  const wall = (performance.now() - began) / 1e3;
  const { user, system } = cpuUsage(before);
  if (summary.loaded !== rows) {
    throw new Error(`Cannot measure: ${summary.loaded} of ${rows} rows came`);
  }
  return { wall: rows / wall, cpu: rows / ((user + system) / 1e6) };
}

async function loadInto(input: BenchInput, summary: Summary): Promise<void> {
  const { csv, flags, template } = input;
  const commands = [template];
  const header = !flags.includes("--no-header");
  const rows = new Rows({ sources: [csv], commands, header }, summary);
  const keys = new TemplateKeys([keyPosition(template)], commands);
  await drain(rows, keys, summary);
}

async function pipeInto(input: BenchInput, summary: Summary): Promise<void> {
  const keys = new CommandKeys();
  const rows = new PipedCommands({ sources: [input.resp] }, keys, summary);
  await drain(rows, keys, summary);
}

/** Runs a stream into sinks. */
async function drain(
  rows: BatchSource,
  keys: TemplateKeys | CommandKeys,
  summary: Summary,
): Promise<void> {
  const wait = new Wait();
  const limit = ErrorLimit.parse(undefined);
  const stream = new Stream({ rows, summary, wait, limit });
  const lanes: Sink[] = [];
  const nodes = {
    lanes,
    laneOf: (slot: number) => lanes[Math.min(slot, SLOTS - 1) % LANES],
    stop: () => Promise.resolve(),
  };
  const router = new ClusterRouter(
    nodes as unknown as ClusterNodes,
    keys,
    rows.isRepeatable,
  );
  const events = router.recycling(stream.events);
  for (let i = 0; i < LANES; i++) lanes.push(new Sink(events));
  await stream.run(router);
}

/** A lane to nowhere, which answers at once. */
class Sink implements BatchLane {
  readonly hasRoom = true;
  readonly isIdle = true;
  isFinished = false;
  readonly #flight: Flight<BatchOrigin>;

  constructor(events: LaneEvents<BatchOrigin>) {
    this.#flight = new Flight(events);
  }

  send(shipment: Shipment<BatchOrigin>): void {
    this.#flight.enter(shipment);
    shipment.sentAt = 1;
    this.#flight.written(shipment);
    this.#flight.succeed(shipment.commands);
  }

  finish(): void {
    this.isFinished = true;
  }

  withdraw(): Shipment<BatchOrigin>[] {
    return [];
  }

  async stop(): Promise<void> {}
}
