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
import { type Measured, median, Meter } from "./bench_measure.ts";
import { formatTable, type Row } from "./bench_table.ts";
import { machineLines } from "./bench_machine.ts";
import { findProgram } from "./find_program.ts";
import { cacheArgs, respipeArgs, shellLine } from "./respipe_command.ts";
import { runDeno } from "./run_child.ts";
import { plain } from "../tests/support/plain_reply.ts";
import {
  type RedisServer,
  startServer,
} from "../tests/support/redis_server.ts";

/** How often the start alone is measured. */
const STARTS = 11;

/** How many times `encode` is given each table, lest its start weighs much. */
const TIMES = 10;

/** What is measured, and with what. */
interface Bench {
  runs: number;
  /** The compiled respipe, if one is to be used. */
  binary: string | undefined;
  server: RedisServer;
  cli: string;
  meter: Meter;
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      runs: { type: "string", default: "7" },
      rows: { type: "string", default: "1000000" },
      bin: { type: "string", default: Deno.env.get("RESPIPE_BIN") ?? "" },
      chains: { type: "boolean", default: false },
    },
  });
  const runs = countOf(values.runs, "--runs");
  const rows = countOf(values.rows, "--rows");
  const cli = await findProgram("redis-cli", "valkey-cli");
  if (cli === undefined) {
    throw new Error("Cannot compare: found no redis-cli or valkey-cli");
  }
  const folder = await Deno.makeTempDir({ prefix: "respipe_bench_" });
  try {
    await using server = await startDebugServer();
    const meter = await Meter.find(folder);
    const binary = values.bin === "" ? undefined : values.bin;
    const bench: Bench = { runs, binary, server, cli, meter };
    if (binary === undefined) await runDeno(cacheArgs());

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

function countOf(text: string, flag: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new Error(`Cannot parse ${flag} "${text}": must be 1 or more`);
}

/** Servers before Redis 7 let DEBUG through, and do not know the setting. */
async function startDebugServer(): Promise<RedisServer> {
  try {
    return await startServer({ args: ["--enable-debug-command", "yes"] });
  } catch {
    return await startServer();
  }
}

/** The shell words that run respipe, in place of the shell. */
function respipe(
  { binary, server }: Bench,
  command: "load" | "encode" | "pipe",
  input: BenchInput,
  flags: readonly string[] = [],
): string {
  const isPipe = command === "pipe";
  const file = isPipe ? input.resp : input.csv;
  const words = [
    ...[command, file, ...flags],
    ...(command === "encode" ? [] : ["-p", `${server.port}`]),
    ...(isPipe ? [] : [...input.flags, "--", ...input.template]),
  ];
  const permissions = [
    `--allow-net=127.0.0.1:${server.port}`,
    `--allow-read=${file}`,
  ];
  return `exec ${
    shellLine(
      binary === undefined
        ? [Deno.execPath(), ...respipeArgs(permissions, words)]
        : [binary, ...words],
    )
  }`;
}

/** The ways to load a table without a script; the first is the measure. */
function ways(bench: Bench, input: BenchInput): Chain[] {
  const { cli, server } = bench;
  const [name] = input.template;
  // Rows of HSET share a command only where their keys are the same.
  const shares = name === "SET";
  const load = `respipe load ${input.name}.csv -- ${name}`;
  return [
    {
      name: `${cli} --pipe < ${input.name}.resp`,
      line: `exec ${cli} -p ${server.port} --pipe <${input.resp}`,
    },
    {
      name: `respipe pipe ${input.name}.resp`,
      line: respipe(bench, "pipe", input),
    },
    ...(shares
      ? [{
        name: `${load}, --no-coalesce`,
        line: respipe(bench, "load", input, ["--no-coalesce"]),
      }]
      : []),
    { name: load, line: respipe(bench, "load", input) },
  ];
}

/** Runs the ways in turn, and compares what they have left in the server. */
async function race(
  { runs, server, meter }: Bench,
  input: BenchInput,
  chains: readonly Chain[],
): Promise<Row[]> {
  const rows = chains.map(({ name }) => ({ name, runs: [] as Measured[] }));
  let digest: string | undefined;
  for (let run = 0; run < runs; run++) {
    for (const [at, { name, line, env }] of chains.entries()) {
      await server.command("FLUSHALL");
      console.error(`bench: ${run + 1} of ${runs}: ${name}`);
      rows[at].runs.push(await meter.run(line, env));
      const keys = plain(await server.command("DBSIZE"));
      if (keys !== input.keys) {
        throw new Error(`${name} left ${keys} keys instead of ${input.keys}`);
      }
      if (run > 0) continue;
      // On servers that refuse DEBUG all digests are the same error.
      const left = String(plain(await server.command("DEBUG", "DIGEST")));
      digest ??= left;
      if (left !== digest) throw new Error(`${name} left other data`);
    }
  }
  return rows;
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

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
