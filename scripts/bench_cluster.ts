/**
 * Races a load into a cluster of one node against the same load into a server
 * without cluster mode, loads into a cluster of six as well, and prints
 * Markdown tables of medians. Then it measures what respipe does itself, with
 * sinks in place of sockets.
 *
 * Usage: deno run -A scripts/dev.ts bench:cluster [--runs N] [--rows N]
 *        [--bin PATH] [--client]
 *
 * `--client` measures only that. `--bin` (or `RESPIPE_BIN`) runs a compiled
 * respipe instead of the sources.
 *
 * A node of a cluster has work of its own: it hashes each key and keeps a list
 * of each slot's keys. So the CPU time that the server takes is measured as
 * well; what a load takes longer than that explains is the routing's. Fails
 * where that is more than 1.10 times, or where the peak of memory with six lanes
 * is above 150 MB; or where one core does not encode and route 3,000,000 rows of
 * kv.csv in a second, and 1,500,000 of drivers.csv. The ways take turns, never
 * two at once; what each has left is counted.
 *
 * @module
 */
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { measureClient } from "./bench_client.ts";
import { type BenchInput, makeInputs } from "./bench_inputs.ts";
import { type Measured, median, Meter } from "./bench_measure.ts";
import { formatTable, type Row } from "./bench_table.ts";
import { cacheArgs, respipeArgs, shellLine } from "./respipe_command.ts";
import { runDeno } from "./run_child.ts";
import { encode } from "../mod.ts";
import { plain } from "../tests/support/plain_reply.ts";
import {
  type RedisCluster,
  startCluster,
} from "../tests/support/redis_cluster.ts";
import { startServer } from "../tests/support/redis_server.ts";
import { runMain } from "./run_main.ts";

/** How much longer a load may take because it is routed. */
const ROUTING_LIMIT = 1.10;

/** The most memory with six lanes, in bytes. */
const MEMORY_LIMIT = 150e6;

const LANES = 6;

/** Rows that one core must encode and route in a second. */
const CLIENT_LIMITS: Readonly<Record<string, number>> = {
  kv: 3e6,
  drivers: 1.5e6,
};

/** What is loaded into. */
interface Target {
  name: string;
  /** Where respipe is told to connect. */
  port: number;
  /** All that it may connect to, as `--allow-net` takes it. */
  addresses: string;
  /** Asks all primaries; gives what each says. */
  ask(...words: string[]): Promise<unknown[]>;
}

function targetOf(name: string, cluster: RedisCluster): Target {
  return {
    name,
    port: cluster.port,
    addresses: cluster.addresses,
    ask: (...words) => cluster.everywhere(...words),
  };
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      runs: { type: "string", default: "7" },
      rows: { type: "string", default: "1000000" },
      client: { type: "boolean", default: false },
      bin: { type: "string", default: Deno.env.get("RESPIPE_BIN") ?? "" },
    },
  });
  const [runs, rows] = [Number(values.runs), Number(values.rows)];
  if (!(Number.isSafeInteger(runs) && Number.isSafeInteger(rows))) {
    throw new Error("Cannot use --runs or --rows: must be whole numbers");
  }
  const folder = await Deno.makeTempDir({ prefix: "respipe_bench_" });
  try {
    const { kv, drivers } = await makeInputs(folder, rows);
    const failures: string[] = [];
    if (!values.client) {
      failures.push(...await raceAll([kv, drivers], rows, runs, values.bin));
    }
    failures.push(...await raceClient([kv, drivers], rows, runs));
    for (const failure of failures) console.error(`bench: FAILED: ${failure}`);
    return failures.length > 0 ? 1 : 0;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Races loads into clusters; gives what is beyond its limit. */
async function raceAll(
  inputs: readonly BenchInput[],
  rows: number,
  runs: number,
  bin: string,
): Promise<string[]> {
  await using server = await startServer();
  await using one = await startCluster({ primaries: 1 });
  await using six = await startCluster({ primaries: LANES });
  const targets: Target[] = [
    {
      name: "one server",
      port: server.port,
      addresses: `127.0.0.1:${server.port}`,
      ask: async (...words) => [plain(await server.command(...words))],
    },
    targetOf("a cluster of one", one),
    targetOf(`a cluster of ${LANES}`, six),
  ];
  const meter = await Meter.find(dirname(inputs[0].csv));
  if (bin === "") await runDeno(cacheArgs());
  const failures: string[] = [];
  for (const input of inputs) {
    const table = await race(meter, targets, input, runs, bin);
    const title = `${input.name}.csv as ${input.template[0]}`;
    console.log(`\n${rows.toLocaleString("en")} rows, ${runs} runs\n`);
    console.log(formatTable(title, table));
    failures.push(...judge(title, table));
  }
  return failures;
}

/** Measures the client alone; gives what is below its limit. */
async function raceClient(
  inputs: readonly BenchInput[],
  rows: number,
  runs: number,
): Promise<string[]> {
  const failures: string[] = [];
  const millions = (rate: number): string => (rate / 1e6).toFixed(2);
  for (const input of inputs) {
    const { name, csv, resp, flags, template } = input;
    const commands = [template];
    const header = !flags.includes("--no-header");
    using file = await Deno.open(resp, { create: true, write: true });
    await encode({ sources: [csv], commands, header }, async (bytes) => {
      for (let at = 0; at < bytes.length;) {
        at += await file.write(bytes.subarray(at));
      }
    });
    const rates = await measureClient(input, rows, runs);
    for (const [way, { wall, cpu }] of Object.entries(rates)) {
      console.log(
        `respipe ${way} of ${name} into ${LANES} sinks: ${millions(cpu)} ` +
          `million rows for a second of CPU, ${millions(wall)} by the clock`,
      );
    }
    const limit = CLIENT_LIMITS[name];
    if (rates.load.cpu < limit) {
      failures.push(
        `${name}: one core encodes and routes ${millions(rates.load.cpu)} ` +
          `million rows/s instead of ${millions(limit)}`,
      );
    }
  }
  return failures;
}

function loadLine(bin: string, target: Target, input: BenchInput): string {
  const words = [
    ...["load", input.csv, "-p", `${target.port}`, ...input.flags],
    // Else rows share commands in the server, which they cannot in a cluster.
    ...["--no-coalesce", "--", ...input.template],
  ];
  const permissions = [
    `--allow-net=${target.addresses}`,
    `--allow-read=${input.csv}`,
  ];
  return `exec ${
    shellLine(
      bin === ""
        ? [Deno.execPath(), ...respipeArgs(permissions, words)]
        : [bin, ...words],
    )
  }`;
}

/** A target's row, and the CPU time of its servers for each run, in s. */
interface TargetRow extends Row {
  runs: Measured[];
  server: number[];
}

async function race(
  meter: Meter,
  targets: readonly Target[],
  input: BenchInput,
  runs: number,
  bin: string,
): Promise<TargetRow[]> {
  const rows: TargetRow[] = targets.map(({ name }) => ({
    name,
    runs: [],
    server: [],
  }));
  for (let run = 0; run < runs; run++) {
    for (const [at, target] of targets.entries()) {
      const { name } = target;
      for (const one of targets) await one.ask("FLUSHALL");
      console.error(`bench: ${run + 1} of ${runs}: ${name}`);
      const before = await serverCpu(target);
      rows[at].runs.push(await meter.run(loadLine(bin, target, input)));
      rows[at].server.push(await serverCpu(target) - before);
      const sizes = (await target.ask("DBSIZE")).map(Number);
      const keys = sizes.reduce((sum, size) => sum + size);
      if (keys !== input.keys) {
        throw new Error(`${name} has ${keys} keys instead of ${input.keys}`);
      }
    }
  }
  return rows;
}

/** User and system time of all servers of a target so far, in s. */
async function serverCpu(target: Target): Promise<number> {
  const texts = await target.ask("INFO", "cpu");
  return texts.map(String).reduce(
    (sum, text) =>
      [...text.matchAll(/^used_cpu_(?:user|sys):([\d.]+)/gm)]
        .reduce((all, [, seconds]) => all + Number(seconds), sum),
    0,
  );
}

/** Prints what the routing takes, and says what is beyond its limit. */
function judge(
  title: string,
  [base, one, six]: readonly TargetRow[],
): string[] {
  const wall = ({ runs }: Row): number => median(runs.map(({ wall }) => wall));
  const ratio = wall(one) / wall(base);
  const server = median(one.server) / median(base.server);
  const routing = ratio / Math.max(1, server);
  const memory = Math.max(...six.runs.map(({ memory = 0 }) => memory));
  console.log(
    `${one.name} takes ${
      ratio.toFixed(2)
    } times as long as ${base.name}, and ` +
      `its server ${server.toFixed(2)} times the CPU time`,
  );
  return [
    ...(routing > ROUTING_LIMIT
      ? [`${title}: routing takes ${routing.toFixed(2)} times as long`]
      : []),
    ...(memory > MEMORY_LIMIT
      ? [`${title}: ${six.name} takes ${(memory / 1e6).toFixed(0)} MB`]
      : []),
  ];
}

if (import.meta.main) await runMain(main);
