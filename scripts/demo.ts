/**
 * Shows respipe at work: a CSV, a throwaway server, one load, one row read
 * back, and the same rows through `redis-cli --pipe` for comparison.
 *
 * Usage: deno run -A scripts/dev.ts demo [FILE... [OPTIONS] -- COMMAND ARG...]
 *
 * @module
 */
import { existsSync, statSync } from "node:fs";
import { compareWithRedisCli } from "./compare_redis_cli.ts";
import { driversCsv } from "./drivers.ts";
import { findProgram } from "./find_program.ts";
import { exampleKey, readCommand, replyLines } from "./read_back.ts";
import { cacheArgs, respipeArgs, shellLine } from "./respipe_command.ts";
import { runDeno } from "./run_child.ts";
import { parseArguments } from "../src/cli/args.ts";
import { UsageError } from "../src/errors.ts";
import { STANDARD_INPUT } from "../src/transport/source.ts";
import {
  type RedisServer,
  startServer,
} from "../tests/support/redis_server.ts";
import { runMain } from "./run_main.ts";

const ROWS = 1_000_000;

/** What to load, and how. */
interface Plan {
  /** The words of respipe in front of `--`: files and options. */
  inputs: string[];
  /** The command template. */
  template: string[];
  /** The key to read back; any one where it is not given. */
  key?: string;
}

function note(text: string): void {
  console.log(`demo: ${text}`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

async function main(args: string[]): Promise<number> {
  const dashes = args.indexOf("--");
  if (args.length > 0 && (dashes < 1 || dashes === args.length - 1)) {
    console.error(
      "Usage: sh scripts/demo.sh [FILE... [OPTIONS] -- COMMAND ARG...]",
    );
    return 2;
  }
  const missing = missingFile(args);
  if (missing !== undefined) {
    console.error(`demo: Cannot read ${missing}: there is no such file`);
    return 5;
  }
  const stopping = watchSignals();
  const folder = await Deno.makeTempDir({ prefix: "respipe_demo_" });
  try {
    const plan = args.length > 0
      ? { inputs: args.slice(0, dashes), template: args.slice(dashes + 1) }
      : await driversPlan(`${folder}/drivers.csv`, stopping);
    return stopping.aborted
      ? stopping.reason
      : await show(plan, folder, stopping);
  } catch (error) {
    // Ctrl-C reaches the server too: what fails then is no news.
    if (stopping.aborted) return stopping.reason;
    throw error;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function driversPlan(
  path: string,
  stopping: AbortSignal,
): Promise<Plan> {
  const start = performance.now();
  using file = await Deno.open(path, { write: true, createNew: true });
  let bytes = 0;
  for (const chunk of driversCsv({ rows: ROWS })) {
    if (stopping.aborted) break;
    for (let at = 0; at < chunk.length;) {
      at += await file.write(chunk.subarray(at));
    }
    bytes += chunk.length;
  }
  note(
    `made ${path}: ${ROWS.toLocaleString("en")} rows, ` +
      `${(bytes / 1e6).toFixed(1)} MB, in ${
        seconds(performance.now() - start)
      }`,
  );
  return {
    inputs: [path],
    template: ["HSET", "driver:{id}", "{*}"],
    key: "driver:424242",
  };
}

async function show(
  plan: Plan,
  folder: string,
  stopping: AbortSignal,
): Promise<number> {
  await using server = await startServer();
  note(`a throwaway server is on port ${server.port}, without persistence`);

  const load = respipeArgs(
    [`--allow-net=127.0.0.1:${server.port}`, ...readFlags(plan.inputs)],
    ["load", ...plan.inputs, "-p", `${server.port}`, "--", ...plan.template],
  );
  // What deno has to fetch once is no part of the load.
  await runDeno(cacheArgs());
  console.log(`\n$ ${shellLine(["deno", ...load])}`);
  const start = performance.now();
  const code = await runDeno(load);
  const loadTime = performance.now() - start;
  if (stopping.aborted) return stopping.reason;

  const cli = await findProgram("redis-cli", "valkey-cli");
  const key = await exampleKey(server, plan.key);
  if (key !== undefined) {
    await readBack(server, cli, await readCommand(server, key));
  }
  // 1: all was sent, some rows were rejected. More: it did not get that far.
  if (code <= 1 && cli !== undefined && !plan.inputs.includes("-")) {
    console.log();
    note(`respipe load: ${seconds(loadTime)}`);
    const rivals = compareWithRedisCli({
      cli,
      server,
      folder,
      encode: respipeArgs(readFlags(plan.inputs), [
        "encode",
        ...plan.inputs,
        "--",
        ...plan.template,
      ]),
    });
    for await (const { what, ms } of rivals) {
      if (stopping.aborted) return stopping.reason;
      const ratio = (ms / loadTime).toFixed(2);
      note(`${what}: ${seconds(ms)}, ${ratio} times the load`);
    }
  }
  return code;
}

/** The first input that is not there; a wrong flag is left to respipe. */
function missingFile(words: readonly string[]): string | undefined {
  try {
    const { files } = parseArguments("load", words);
    return files.find((path) => path !== STANDARD_INPUT && !existsSync(path));
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

/** Permission to read the files named, and nothing else if it can be had. */
function readFlags(inputs: readonly string[]): string[] {
  const files = inputs.filter((word) =>
    statSync(word, { throwIfNoEntry: false })?.isFile() ?? false
  );
  if (files.length === 0) return [];
  // A comma separates paths, and there is no way to write one inside a path.
  return files.some((path) => path.includes(","))
    ? ["--allow-read"]
    : [`--allow-read=${files.join(",")}`];
}

async function readBack(
  server: RedisServer,
  cli: string | undefined,
  command: readonly string[],
): Promise<void> {
  if (cli === undefined) {
    console.log(`\n> ${shellLine(command)}`);
    const lines = replyLines(await server.command(...command));
    console.log(lines.join("\n"));
    return;
  }
  const args = ["-p", `${server.port}`, ...command];
  console.log(`\n$ ${shellLine([cli, ...args])}`);
  await new Deno.Command(cli, { args, stdin: "null" }).spawn().status;
}

/**
 * Aborted on the first signal, with the exit code that tells which it was.
 *
 * Nothing is killed here: the child at work gets the signal as well, and its
 * ending is what ends the wait for it. We stay to stop the server and to remove
 * the folder.
 */
function watchSignals(): AbortSignal {
  const controller = new AbortController();
  Deno.addSignalListener("SIGINT", () => controller.abort(130));
  Deno.addSignalListener("SIGTERM", () => controller.abort(143));
  return controller.signal;
}

if (import.meta.main) await runMain(main);
