import type { Chain } from "./bench_chains.ts";
import type { BenchInput } from "./bench_inputs.ts";
import { type Measured, Meter } from "./bench_measure.ts";
import type { Row } from "./bench_table.ts";
import { findProgram } from "./find_program.ts";
import { cacheArgs, respipeArgs, shellLine } from "./respipe_command.ts";
import { runDeno } from "./run_child.ts";
import { plain } from "../tests/support/plain_reply.ts";
import {
  type RedisServer,
  startServer,
} from "../tests/support/redis_server.ts";

/** What is measured, and with what. */
export interface Bench {
  /** How often each way is run. */
  runs: number;
  /** The compiled respipe, if one is to be used. */
  binary: string | undefined;
  /** What is loaded into; whoever opened the bench ends it. */
  server: RedisServer;
  /** Where clients connect: the server's port, or one of a relay. */
  port: number;
  /** The program that respipe is compared with. */
  cli: string;
  /** Measures the runs. */
  meter: Meter;
}

/**
 * The words that every race knows, for `parseArgs`.
 */
export const BENCH_OPTIONS = {
  runs: { type: "string", default: "7" },
  rows: { type: "string", default: "1000000" },
  bin: { type: "string", default: Deno.env.get("RESPIPE_BIN") ?? "" },
} as const;

/**
 * Starts a server and finds what is needed to race against it.
 *
 * @param values What was said with {@linkcode BENCH_OPTIONS}
 * @param folder A folder for the report of GNU time
 * @returns The bench
 * @throws {Error} Where there is no redis-cli
 */
export async function openBench(
  values: { runs: string; bin: string },
  folder: string,
): Promise<Bench> {
  const runs = countOf(values.runs, "--runs");
  const cli = await findProgram("redis-cli", "valkey-cli");
  if (cli === undefined) {
    throw new Error("Cannot compare: found no redis-cli or valkey-cli");
  }
  const binary = values.bin === "" ? undefined : values.bin;
  if (binary === undefined) await runDeno(cacheArgs());
  const meter = await Meter.find(folder);
  const server = await startDebugServer();
  return { runs, binary, server, port: server.port, cli, meter };
}

/**
 * Reads a number of a command line.
 *
 * @param text What was said
 * @param flag The flag, for the message
 * @returns The number, 1 or more
 */
export function countOf(text: string, flag: string): number {
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

/**
 * Writes the shell words that run respipe, in place of the shell.
 *
 * @param bench What runs it, and where to
 * @param command What it does
 * @param input With which table
 * @param flags More of its command line
 * @returns The line
 */
export function respipe(
  { binary, port }: Bench,
  command: "load" | "encode" | "pipe",
  input: BenchInput,
  flags: readonly string[] = [],
): string {
  const isPipe = command === "pipe";
  const file = isPipe ? input.resp : input.csv;
  const words = [
    ...[command, file, ...flags],
    ...(command === "encode" ? [] : ["-p", `${port}`]),
    ...(isPipe ? [] : [...input.flags, "--", ...input.template]),
  ];
  const permissions = [
    `--allow-net=127.0.0.1:${port}`,
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

/**
 * Names the ways to load a table without a script.
 *
 * @param bench Where to
 * @param input The table
 * @returns The ways; the first is the measure
 */
export function ways(bench: Bench, input: BenchInput): Chain[] {
  const { cli, port } = bench;
  const [name] = input.template;
  // Rows of HSET share a command only where their keys are the same.
  const shares = name === "SET";
  const load = `respipe load ${input.name}.csv -- ${name}`;
  return [
    {
      name: `${cli} --pipe < ${input.name}.resp`,
      line: `exec ${cli} -p ${port} --pipe <${input.resp}`,
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

/**
 * Runs the ways in turn, and compares what they have left in the server.
 *
 * @param bench Where to
 * @param input The table
 * @param chains The ways
 * @returns What each of them took
 */
export async function race(
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
