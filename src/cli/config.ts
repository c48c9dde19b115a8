import type { RowOptions } from "../engine/row_plan.ts";
import { UsageError } from "../errors.ts";
import { parsePort } from "../transport/address.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import { type Arguments, parseArguments } from "./args.ts";
import type { CommandName } from "./flags.ts";
import { splitWords } from "./shell_words.ts";

/** What every command is told. */
interface CommonConfig {
  /** Paths of the input files; `-` is standard input. */
  readonly files: readonly string[];
  /** How long the input may give nothing, in ms; 0 is for ever. */
  readonly idleTimeout: number;
}

/** What `respipe load` is told. */
export interface LoadConfig extends CommonConfig {
  /** Which command this is for. */
  readonly command: "load";
  /** How rows are read and what they become. */
  readonly rows: RowOptions;
  /** The server. */
  readonly server: ConnectOptions;
  /** How long commands may stay unanswered, in ms; 0 is for ever. */
  readonly stallTimeout: number | undefined;
  /** Where rejected records go. */
  readonly rejects: string | undefined;
  /** How many rejects are too many. */
  readonly maxErrors: string | undefined;
  /** Print the summary as JSON. */
  readonly json: boolean;
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
  readonly server: ConnectOptions;
  /** How long commands may stay unanswered, in ms; 0 is for ever. */
  readonly stallTimeout: number | undefined;
}

/** What one run of respipe is told, checked. */
export type Config = LoadConfig | EncodeConfig | PipeConfig;

/** Reads an environment variable, or nothing where that is not allowed. */
export type Environment = (name: string) => string | undefined;

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
  const common = { files, idleTimeout: seconds(args, "idle-timeout") ?? 0 };
  const stallTimeout = seconds(args, "stall-timeout");
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
        server: serverOf(args, environment),
        stallTimeout,
      };
    case "encode":
      return { ...common, command, rows: rowsOf(args), rejects };
    case "load":
      return {
        ...common,
        command,
        rows: rowsOf(args),
        server: serverOf(args, environment),
        stallTimeout,
        rejects,
        maxErrors: args.values.get("max-errors"),
        json: args.switches.has("json"),
        quiet: args.switches.has("quiet"),
      };
  }
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
    skipLines: count(values, "skip-lines"),
    limit: count(values, "limit"),
    skipEmpty: switches.has("skip-empty"),
    maxRecord: bytes(values, "max-record"),
  };
}

function serverOf(args: Arguments, environment: Environment): ConnectOptions {
  const { values } = args;
  const port = values.get("port");
  return {
    host: values.get("host"),
    port: port === undefined ? undefined : parsePort(port),
    user: values.get("user"),
    password: values.get("pass") ?? environment("REDISCLI_AUTH"),
    database: count(values, "db", "-n"),
    connectTimeout: seconds(args, "connect-timeout"),
  };
}

function count(
  values: ReadonlyMap<string, string>,
  name: string,
  flag = `--${name}`,
): number | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  if (!/^[0-9]{1,15}$/.test(text)) {
    throw new UsageError(
      `Cannot parse ${flag} ${JSON.stringify(text)}: must be a whole number, ` +
        "0 or more",
      flag,
    );
  }
  return Number(text);
}

/** A flag's seconds, in ms. */
function seconds(args: Arguments, name: string): number | undefined {
  const text = args.values.get(name);
  if (text === undefined) return undefined;
  // A timer's longest time is 2^31 - 1 ms, some 24 days.
  if (!/^[0-9]+(\.[0-9]+)?$/.test(text) || Number(text) > 2_000_000) {
    throw new UsageError(
      `Cannot parse --${name} ${JSON.stringify(text)}: must be seconds, as ` +
        "in 30 or 0.5; 0 is for ever",
      `--${name}`,
    );
  }
  return Number(text) * 1000;
}

/** Bytes per unit of a size. */
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
};

function bytes(
  values: ReadonlyMap<string, string>,
  name: string,
): number | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  const match = /^([0-9]{1,12})([kmg]?)b?$/i.exec(text);
  const size = match === null
    ? 0
    : Number(match[1]) * UNITS[match[2].toLowerCase()];
  // A record lies in one buffer, whose offsets are 32-bit numbers.
  if (size < 1 || size > 1024 ** 3) {
    throw new UsageError(
      `Cannot parse --${name} ${JSON.stringify(text)}: must be between 1 and ` +
        "1g, as in 65536, 512k or 64m",
      `--${name}`,
    );
  }
  return size;
}
