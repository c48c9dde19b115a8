/**
 * Races respipe against `redis-cli --pipe` and the chains that people use, on
 * one throwaway server, and prints Markdown tables of medians.
 *
 * Usage: deno run -A scripts/dev.ts bench:load [--runs N] [--rows N]
 *        [--bin PATH] [--chains]
 *
 * `--bin` (or `RESPIPE_BIN`) runs a compiled respipe instead of the sources;
 * `--chains` fetches ioredis and redis-py into .deno/bench where they are not
 * installed, from the registries that npm and pip use.
 *
 * The ways take turns (A B C A B C ...), never two at once, each with an empty
 * server. In the first round what each has left there is compared, by `DBSIZE`
 * and `DEBUG DIGEST`; by `DBSIZE` alone later, since a digest of a million keys
 * takes longer than loading them.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type Chain, findChains } from "./bench_chains.ts";
import { type BenchInput, makeInputs } from "./bench_inputs.ts";
import { type Measured, median } from "./bench_measure.ts";
import {
  type Bench,
  BENCH_OPTIONS,
  countOf,
  openBench,
  race,
  respipe,
  ways,
} from "./bench_race.ts";
import { raceScores } from "./bench_scores.ts";
import { formatTable, type Row } from "./bench_table.ts";
import { machineLines } from "./bench_machine.ts";
import { respipeArgs, shellLine } from "./respipe_command.ts";
import { runMain } from "./run_main.ts";

/** How often the start alone is measured. */
const STARTS = 11;

/** How many times `encode` is given each table, lest its start weighs much. */
const TIMES = 10;

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      ...BENCH_OPTIONS,
      chains: { type: "boolean", default: false },
    },
  });
  const rows = countOf(values.rows, "--rows");
  const folder = await Deno.makeTempDir({ prefix: "respipe_bench_" });
  try {
    const bench = await openBench(values, folder);
    const { runs, binary, cli, meter } = bench;
    await using server = bench.server;

    console.error(`bench: making tables of ${rows} rows`);
    const { kv, drivers, documents } = await makeInputs(folder, rows);
    for (const input of [kv, drivers, ...documents]) {
      await meter.run(`${respipe(bench, "encode", input)} >${input.resp}`);
    }
    const chains = await findChains({
      ...{ folder, csv: kv.csv, port: server.port, cli },
      fetch: values.chains,
    });

    console.log((await machineLines(server, cli, binary)).join("\n"));
    console.log(
      `\n${rows.toLocaleString("en")} rows, medians of ${runs} runs\n`,
    );
    const loads = await race(bench, kv, [...ways(bench, kv), ...chains]);
    console.log(formatTable("kv.csv as SET", loads));
    const hashes = await race(bench, drivers, ways(bench, drivers));
    console.log(formatTable("drivers.csv as HSET", hashes));
    const scores = await raceScores(bench, folder, rows);
    console.log(formatTable("scores.csv as ZADD", scores));
    for (const input of documents) {
      const loads = await race(bench, input, ways(bench, input));
      console.log(formatTable(`${input.name}.csv as SET`, loads));
    }
    const encodes = await raceEncode(bench, [kv, drivers]);
    console.log(formatTable("encode to /dev/null", encodes, { ratios: false }));
    console.log(formatTable("start alone (--version)", await starts(bench)));
    for (const line of comparisons(loads, chains)) console.log(line);
    return 0;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function raceEncode(
  bench: Bench,
  inputs: readonly BenchInput[],
): Promise<Row[]> {
  const rows = inputs.map(({ name, bytes }) => ({
    name: `respipe encode ${name}.csv, ${TIMES} times over`,
    bytes: TIMES * bytes,
    runs: [] as Measured[],
  }));
  for (let run = 0; run < bench.runs; run++) {
    for (const [at, input] of inputs.entries()) {
      const more = Array<string>(TIMES - 1).fill(input.csv);
      const line = `${respipe(bench, "encode", input, more)} >/dev/null`;
      rows[at].runs.push(await bench.meter.run(line));
    }
  }
  return rows;
}

/** The start and nothing else, of both kinds of respipe. */
async function starts({ cli, binary, meter }: Bench): Promise<Row[]> {
  const deno = [Deno.execPath(), ...respipeArgs([], ["--version"])];
  const lines: [name: string, words: string[]][] = [
    [`${cli}`, [cli, "--version"]],
    ["respipe with deno run", deno],
  ];
  if (binary !== undefined) {
    lines.push(["respipe, compiled", [binary, "--version"]]);
  }
  const rows = lines.map(([name]) => ({ name, runs: [] as Measured[] }));
  for (let start = 0; start < STARTS; start++) {
    for (const [at, [, words]] of lines.entries()) {
      rows[at].runs.push(await meter.run(`exec ${shellLine(words)}`));
    }
  }
  return rows;
}

/** How many times as fast as each chain the last of our own ways is. */
function comparisons(
  rows: readonly Row[],
  chains: readonly Chain[],
): string[] {
  const own = rows.length - chains.length - 1;
  const wall = ({ runs }: Row): number => median(runs.map((it) => it.wall));
  return rows.slice(own + 1).map((row) => {
    const times = (wall(row) / wall(rows[own])).toFixed(1);
    return `- \`${rows[own].name}\` is ${times} times as fast as ${row.name}`;
  });
}

if (import.meta.main) await runMain(main);
