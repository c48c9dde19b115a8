/**
 * Races a load into a cluster of one node against the same load into a server
 * without cluster mode, loads into a cluster of six as well, and prints
 * Markdown tables of medians.
 *
 * Usage: deno run -A scripts/dev.ts bench:cluster [--runs N] [--rows N]
 *        [--bin PATH]
 *
 * `--bin` (or `RESPIPE_BIN`) runs a compiled respipe instead of the sources.
 *
 * redis-cli sends the same commands to both, too: that difference is the
 * servers' own, for a node of a cluster keeps a list of each slot's keys.
 *
 * Fails where routing makes a load take more than 1.10 times as long, or where
 * the peak of memory with six lanes is above 150 MB. The ways take turns, never
 * two at once; what each has left is counted.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type BenchInput, makeInputs } from "./bench_inputs.ts";
import { type Measured, median, Meter } from "./bench_measure.ts";
import { formatTable, type Row } from "./bench_table.ts";
import { findProgram } from "./find_program.ts";
import { cacheArgs, respipeArgs, shellLine } from "./respipe_command.ts";
import { runDeno } from "./run_child.ts";
import { plain } from "../tests/support/plain_reply.ts";
import {
  type RedisCluster,
  startCluster,
} from "../tests/support/redis_cluster.ts";
import { startServer } from "../tests/support/redis_server.ts";

/** How much longer than into one server a load may take. */
const RATIO_LIMIT = 1.10;

/** The most memory with six lanes, in bytes. */
const MEMORY_LIMIT = 150e6;

const LANES = 6;

/** What is loaded into. */
interface Target {
  name: string;
  /** Where respipe is told to connect. */
  port: number;
  /** All that it may connect to, as `--allow-net` takes it. */
  addresses: string;
  flush(): Promise<unknown>;
  size(): Promise<number>;
}

function targetOf(name: string, cluster: RedisCluster): Target {
  return {
    name,
    port: cluster.port,
    addresses: cluster.addresses,
    flush: () => cluster.flush(),
    size: () => cluster.size(),
  };
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      runs: { type: "string", default: "7" },
      rows: { type: "string", default: "1000000" },
      bin: { type: "string", default: Deno.env.get("RESPIPE_BIN") ?? "" },
    },
  });
  const [runs, rows] = [Number(values.runs), Number(values.rows)];
  if (!(Number.isSafeInteger(runs) && Number.isSafeInteger(rows))) {
    throw new Error("Cannot use --runs or --rows: must be whole numbers");
  }
  const cli = await findProgram("redis-cli", "valkey-cli");
  if (cli === undefined) {
    throw new Error("Cannot compare: found no redis-cli or valkey-cli");
  }
  const folder = await Deno.makeTempDir({ prefix: "respipe_bench_" });
  try {
    await using server = await startServer();
    await using one = await startCluster({ primaries: 1 });
    await using six = await startCluster({ primaries: LANES });
    const targets: Target[] = [
      {
        name: "one server",
        port: server.port,
        addresses: `127.0.0.1:${server.port}`,
        flush: () => server.command("FLUSHALL"),
        size: async () => Number(plain(await server.command("DBSIZE"))),
      },
      targetOf("a cluster of one", one),
      targetOf(`a cluster of ${LANES}`, six),
    ];
    const meter = await Meter.find(folder);
    if (values.bin === "") await runDeno(cacheArgs());
    const { kv, drivers } = await makeInputs(folder, rows);
    const failures: string[] = [];
    for (const input of [kv, drivers]) {
      await meter.run(encodeLine(values.bin, input));
      const table = await race(
        meter,
        [
          ...targets.map((target) => ({
            name: target.name,
            target,
            line: loadLine(values.bin, target, input),
          })),
          ...targets.slice(0, 2).map((target) => ({
            name: `${cli} --pipe, ${target.name}`,
            target,
            line: `exec ${cli} -p ${target.port} --pipe <${input.resp}`,
          })),
        ],
        input,
        runs,
      );
      const title = `${input.name}.csv as ${input.template[0]}`;
      console.log(`\n${rows.toLocaleString("en")} rows, ${runs} runs\n`);
      console.log(formatTable(title, table));
      failures.push(...judge(title, table));
    }
    for (const failure of failures) console.error(`bench: FAILED: ${failure}`);
    return failures.length > 0 ? 1 : 0;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What is run, and what has the keys then. */
interface Way {
  name: string;
  target: Target;
  line: string;
}

function loadLine(bin: string, target: Target, input: BenchInput): string {
  const words = [
    ...["load", input.csv, "-p", `${target.port}`, ...input.flags],
    // Else rows share commands in the server, which they cannot in a cluster.
    ...["--no-coalesce", "--", ...input.template],
  ];
  return `exec ${
    respipe(bin, `--allow-net=${target.addresses}`, words, input)
  }`;
}

/** Writes the RESP that redis-cli is given. */
function encodeLine(bin: string, input: BenchInput): string {
  const words = ["encode", input.csv, ...input.flags, "--", ...input.template];
  return `exec ${respipe(bin, "--deny-net", words, input)} >${input.resp}`;
}

function respipe(
  bin: string,
  net: string,
  words: string[],
  input: BenchInput,
): string {
  const permissions = [net, `--allow-read=${input.csv}`];
  return shellLine(
    bin === ""
      ? [Deno.execPath(), ...respipeArgs(permissions, words)]
      : [bin, ...words],
  );
}

async function race(
  meter: Meter,
  ways: readonly Way[],
  input: BenchInput,
  runs: number,
): Promise<Row[]> {
  const rows = ways.map(({ name }) => ({ name, runs: [] as Measured[] }));
  for (let run = 0; run < runs; run++) {
    for (const [at, { name, target, line }] of ways.entries()) {
      for (const { target } of ways) await target.flush();
      console.error(`bench: ${run + 1} of ${runs}: ${name}`);
      rows[at].runs.push(await meter.run(line));
      const keys = await target.size();
      if (keys !== input.keys) {
        throw new Error(`${name} left ${keys} keys instead of ${input.keys}`);
      }
    }
  }
  return rows;
}

/** Says what is beyond its limit. */
function judge(title: string, [base, one, six]: readonly Row[]): string[] {
  const wall = ({ runs }: Row): number => median(runs.map(({ wall }) => wall));
  const memory = Math.max(...six.runs.map(({ memory = 0 }) => memory));
  const ratio = wall(one) / wall(base);
  return [
    ...(ratio > RATIO_LIMIT
      ? [`${title}: ${one.name} takes ${ratio.toFixed(2)} times as long`]
      : []),
    ...(memory > MEMORY_LIMIT
      ? [`${title}: ${six.name} takes ${(memory / 1e6).toFixed(0)} MB`]
      : []),
  ];
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
