import type { EndMarker } from "../engine/lane.ts";
import type { RowOptions } from "../engine/row_plan.ts";
import { UsageError } from "../errors.ts";
import { type Arguments, parseArguments } from "./args.ts";
import type { Environment } from "./environment.ts";
import { bytesOf, countOf, secondsOf } from "./flag_values.ts";
import { type CommandName, END_MARKERS } from "./flags.ts";
import { type ServerConfig, serverConfig } from "./server_config.ts";
import { splitWords } from "./shell_words.ts";
import type { ProgressChoice } from "./start_progress.ts";

/** What every command is told. */
interface CommonConfig {
  /** Paths of the input files; `-` is standard input. */
  readonly files: readonly string[];
  /** How long the input may give nothing, in ms; 0 is for ever. */
  readonly idleTimeout: number;
  /** When progress is shown. */
  readonly progress: ProgressChoice;
}

/** What `respipe load` is told. */
export interface LoadConfig extends CommonConfig {
  /** Which command this is for. */
  readonly command: "load";
  /** How rows are read and what they become. */
  readonly rows: RowOptions;
  /** The server. */
  readonly server: ServerConfig;
  /** How the end is known. */
  readonly endMarker: EndMarker | undefined;
  /** How long commands may stay unanswered, in ms; 0 is for ever. */
  readonly stallTimeout: number | undefined;
  /** Where rejected records go. */
  readonly rejects: string | undefined;
  /** How many rejects are too many. */
  readonly maxErrors: string | undefined;
  /** Print the summary as JSON. */
  readonly json: boolean;
  /** Records to show, where nothing is to be loaded. */
  readonly dryRun: number | undefined;
  /** Print nothing when all is well. */
  readonly quiet: boolean;
}

/** What `respipe encode` is told. */
export interface EncodeConfig extends CommonConfig {
  /** Which command this is for. */
  readonly command: "encode";
  /** How rows are read and what they become. */
  readonly rows: RowOptions;
  /** Where rejected records go. */
  readonly rejects: string | undefined;
}

/** What `respipe pipe` is told. */
export interface PipeConfig extends CommonConfig {
  /** Which command this is for. */
  readonly command: "pipe";
  /** The server. */
  readonly server: ServerConfig;
  /** How the end is known. */
  readonly endMarker: EndMarker | undefined;
  /** How long commands may stay unanswered, in ms; 0 is for ever. */
  readonly stallTimeout: number | undefined;
}

/** What one run of respipe is told, checked. */
export type Config = LoadConfig | EncodeConfig | PipeConfig;

/**
 * Turns the words after a command into a checked configuration.
 *
 * @param command The command.
 * @param words The words that follow it.
 * @param environment Where variables are read.
 * @returns The configuration.
 * @throws {UsageError} When a flag is wrong; it names the flag.
 *
 * @example
 * ```ts
 * import { parseConfig } from "./config.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const config = parseConfig("pipe", ["-p", "7000"], () => undefined);
 * assertEquals(config.command === "pipe" && config.server.port, 7000);
 * ```
 */
export function parseConfig(
  command: CommandName,
  words: readonly string[],
  environment: Environment,
): Config {
  const args = parseArguments(command, words);
  const files = args.files.length === 0 ? ["-"] : args.files;
  if (files.filter((file) => file === "-").length > 1) {
    throw new UsageError("Standard input (-) can be read only once");
  }
  for (const file of args.files) {
    // Not quoted: it may hold a password.
    if (/^(redis|valkey)s?:\/\//i.test(file)) {
      throw new UsageError("A server's URI is given with -u", "-u");
    }
  }
  const common = {
    files,
    idleTimeout: secondsOf(args, "idle-timeout") ?? 0,
    progress: progressOf(args),
  };
  const stallTimeout = secondsOf(args, "stall-timeout");
  const rejects = args.values.get("rejects");
  switch (command) {
    case "pipe":
      if (args.template !== undefined) {
        throw new UsageError(
          "respipe pipe takes no command after --: its input is commands",
        );
      }
      return {
        ...common,
        command,
        server: serverConfig(args, environment),
        endMarker: endMarkerOf(args),
        stallTimeout,
      };
    case "encode":
      return { ...common, command, rows: rowsOf(args), rejects };
    case "load":
      return {
        ...common,
        command,
        rows: rowsOf(args),
        server: serverConfig(args, environment),
        endMarker: endMarkerOf(args),
        stallTimeout,
        rejects,
        maxErrors: args.values.get("max-errors"),
        dryRun: countOf(args, "dry-run"),
        json: args.switches.has("json"),
        quiet: args.switches.has("quiet"),
      };
  }
}

function progressOf({ switches }: Arguments): ProgressChoice {
  if (!switches.has("progress")) {
    return switches.has("no-progress") || switches.has("quiet")
      ? "never"
      : "auto";
  }
  for (const other of ["no-progress", "quiet"]) {
    if (!switches.has(other)) continue;
    throw new UsageError(
      `--progress and --${other} exclude each other`,
      "--progress",
    );
  }
  return "log";
}

function endMarkerOf({ values }: Arguments): EndMarker | undefined {
  const text = values.get("end-marker");
  if (text === undefined) return undefined;
  const marker = END_MARKERS.find((name) => name === text);
  if (marker !== undefined) return marker;
  throw new UsageError(
    `Cannot parse --end-marker ${JSON.stringify(text)}: must be one of ` +
      END_MARKERS.join(", "),
    "--end-marker",
  );
}

function rowsOf(args: Arguments): RowOptions {
  const { values, switches } = args;
  if (args.template === undefined || args.template.length === 0) {
    throw new UsageError(
      "There is no command; write it after --, as in: " +
        "respipe load users.csv -- HSET 'user:{id}' '{*}'",
    );
  }
  const more = (args.lists.get("then") ?? [])
    .map((text) => splitWords(text, "--then"));
  return {
    commands: [args.template, ...more],
    delimiter: values.get("delimiter"),
    quote: values.get("quote"),
    header: switches.has("no-header") ? false : undefined,
    columns: values.get("columns")?.split(","),
    skipLines: countOf(args, "skip-lines"),
    limit: countOf(args, "limit"),
    skipEmpty: switches.has("skip-empty"),
    coalesce: switches.has("no-coalesce")
      ? false
      : switches.has("coalesce") || undefined,
    maxRecord: bytesOf(args, "max-record"),
  };
}
