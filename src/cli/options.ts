import type { EndOptions } from "../engine/load_ends.ts";
import type { TargetOptions } from "../engine/open_router.ts";
import type { RowOptions } from "../engine/row_plan.ts";
import type { SourceOptions } from "../engine/rows.ts";
import { UsageError } from "../errors.ts";
import { parseNodeMap } from "../transport/node_map.ts";
import { readTextOf, STANDARD_INPUT } from "../transport/source.ts";
import type { HeaderLine } from "../transport/url_source.ts";
import { type Arguments, parseArguments } from "./args.ts";
import { checkTemplate } from "./check_template.ts";
import type { Environment } from "./environment.ts";
import type { CommandName, GivenFlags } from "./flags.ts";
import type { MetricsOptions } from "./metrics.ts";
import { type ServerOptions, serverOptions } from "./server_options.ts";
import type { ProgressChoice } from "./start_progress.ts";

/** What every command is told. */
interface CommonOptions {
  /** Paths of the input files; `-` is standard input. */
  readonly files: readonly string[];
  /** How they are read. */
  readonly input: Pick<SourceOptions, "idleTimeout" | "headers">;
  /** When progress is shown. */
  readonly progress: ProgressChoice;
}

/** What commands with a server are told. */
interface SendOptions extends CommonOptions {
  /** The server. */
  readonly server: ServerOptions;
  /** How it is sent to. */
  readonly target: Pick<
    TargetOptions,
    "endMarker" | "stallTimeout" | "nodeMap" | "mayBlock"
  >;
  /** Print the summary as JSON. */
  readonly json: boolean;
  /** Print nothing when all is well. */
  readonly quiet: boolean;
}

/** What `respipe load` is told. */
export interface LoadOptions extends SendOptions {
  /** Which command this is for. */
  readonly command: "load";
  /** How rows are read and what they become. */
  readonly rows: RowOptions;
  /** Where rejected records go. */
  readonly rejects: string | undefined;
  /** How many rejects are too many. */
  readonly maxErrors: string | undefined;
  /** What is to be done before the load and behind it. */
  readonly ends: EndOptions;
  /** Whether sources that have not changed are not loaded again. */
  readonly ifChanged: boolean;
  /** Where metrics go. */
  readonly metrics: MetricsOptions | undefined;
  /** The file that keeps how far it got. */
  readonly state: string | undefined;
  /** Whether what is not repeatable may be sent again, too. */
  readonly atLeastOnce: boolean;
  /** The key that says how far the load got, where nothing may be in twice. */
  readonly exactlyOnce: string | undefined;
  /** Records to show, where nothing is to be loaded. */
  readonly dryRun: number | undefined;
  /** The command line. */
  readonly args: Arguments;
}

/** What `respipe encode` is told. */
export interface EncodeOptions extends CommonOptions {
  /** Which command this is for. */
  readonly command: "encode";
  /** How rows are read and what they become. */
  readonly rows: RowOptions;
  /** Where rejected records go. */
  readonly rejects: string | undefined;
}

/** What `respipe pipe` is told. */
export interface PipeOptions extends SendOptions {
  /** Which command this is for. */
  readonly command: "pipe";
}

/** What one run of respipe is told, checked. */
export type Options = LoadOptions | EncodeOptions | PipeOptions;

/**
 * Turns the words after a command into checked options.
 *
 * @throws {UsageError} When a flag is wrong; it names the flag.
 */
export function parseOptions(
  command: CommandName,
  words: readonly string[],
  environment: Environment,
): Options {
  const written = parseArguments(command, words);
  const args = { ...written, files: written.files.map(sourceOf) };
  const { flags } = args;
  checkFiles(args);
  checkOutputs(flags);
  const common = {
    files: args.files.length === 0 ? [STANDARD_INPUT] : args.files,
    input: {
      idleTimeout: flags["idle-timeout"],
      headers: headersOf(flags.header, flags["header-file"]),
    },
    progress: progressOf(flags),
  };
  if (command === "encode") {
    return { ...common, command, rows: rowsOf(args), rejects: flags.rejects };
  }
  const nodeMap = flags["node-map"];
  parseNodeMap(nodeMap);
  const send = {
    ...common,
    server: serverOptions(flags, environment),
    target: {
      endMarker: flags["end-marker"],
      stallTimeout: flags["stall-timeout"],
      nodeMap,
      // Nothing else goes on in this process.
      mayBlock: true,
    },
    json: flags.json ?? false,
    quiet: flags.quiet ?? false,
  };
  if (command === "load") {
    return {
      ...send,
      command,
      rows: rowsOf(args),
      rejects: flags.rejects,
      maxErrors: flags["max-errors"],
      ends: endsOf(flags),
      ifChanged: ifChangedOf(flags),
      metrics: metricsOf(flags, common.files),
      state: stateOf(flags),
      atLeastOnce: flags["at-least-once"] ?? false,
      exactlyOnce: flags["exactly-once"],
      dryRun: flags["dry-run"],
      args,
    };
  }
  if (args.template === undefined) return { ...send, command };
  throw new UsageError(
    "respipe pipe takes no command after --: its input is commands",
  );
}

/** What leads to standard input too; Deno opens none of them for a load. */
const STANDARD_INPUT_PATHS: readonly string[] = [
  "/dev/stdin",
  "/dev/fd/0",
  "/proc/self/fd/0",
];

function sourceOf(file: string): string {
  return STANDARD_INPUT_PATHS.includes(file) ? STANDARD_INPUT : file;
}

function checkFiles({ files, flags }: Arguments): void {
  if (files.filter((file) => file === STANDARD_INPUT).length > 1) {
    throw new UsageError("Standard input (-) can be read only once");
  }
  for (const file of files) {
    // Not quoted: it may hold a password.
    if (/^(redis|valkey)s?:\/\//i.test(file)) {
      throw new UsageError("A server's URI is given with -u", "-u");
    }
    if (flags.then !== undefined && /\{.+\}/.test(file)) {
      throw new UsageError(
        `${JSON.stringify(file)} would be a FILE here; the command of --then ` +
          "is one word, so quote it as a whole: --then " +
          `'${flags.then.at(-1)!.join(" ")} ${file} ...'`,
        "--then",
      );
    }
  }
}

/** Refuses one file for two of what a load writes: one would be lost. */
function checkOutputs({ rejects, state, metrics }: GivenFlags): void {
  const outputs: (readonly [flag: string, path: string])[] = [];
  if (rejects !== undefined) {
    outputs.push(["--rejects", rejects]);
    outputs.push(["--rejects", `${rejects}.errors.csv`]);
  }
  if (state !== undefined) outputs.push(["--state", state]);
  if (metrics !== undefined) outputs.push(["--metrics", metrics]);
  const writers = new Map<string, string>();
  for (const [flag, path] of outputs) {
    const file = path.replace(/^(\.\/+)+/, "");
    const other = writers.get(file);
    if (other !== undefined) {
      throw new UsageError(
        `${other} and ${flag} would both write ${path}; give each a file of ` +
          "its own",
        flag,
      );
    }
    writers.set(file, flag);
  }
}

function stateOf(flags: GivenFlags): string | undefined {
  if (flags.state === undefined || flags["from-line"] === undefined) {
    return flags.state;
  }
  throw new UsageError(
    "--state and --from-line exclude each other: the file says where to go on",
    "--from-line",
  );
}

function progressOf(flags: GivenFlags): ProgressChoice {
  const never = flags["no-progress"]
    ? "no-progress"
    : flags.quiet
    ? "quiet"
    : undefined;
  if (!flags.progress) return never === undefined ? "auto" : "never";
  if (never === undefined) return "log";
  throw new UsageError(
    `--progress and --${never} exclude each other`,
    "--progress",
  );
}

function ifChangedOf(flags: GivenFlags): boolean {
  if (flags["if-changed"] === undefined) return false;
  if (flags.state !== undefined) return true;
  throw new UsageError(
    "--if-changed needs --state FILE, which keeps what was loaded last",
    "--if-changed",
  );
}

function metricsOf(
  { metrics: path, job }: GivenFlags,
  [source]: readonly string[],
): MetricsOptions | undefined {
  if (path !== undefined) return { path, job: job ?? source };
  if (job === undefined) return undefined;
  throw new UsageError(
    "--job names the series of --metrics FILE, which is missing",
    "--job",
  );
}

function endsOf(flags: GivenFlags): EndOptions {
  return {
    lock: flags.lock,
    swapDb: flags["swap-db"],
    prune: flags.prune,
    pruneLimit: flags["prune-limit"],
    rate: flags.rate,
    wait: flags.wait,
  };
}

function rowsOf(args: Arguments): RowOptions {
  const { flags } = args;
  return {
    commands: checkTemplate(args),
    format: flags.format,
    delimiter: flags.delimiter,
    quote: flags.quote,
    header: flags["no-header"] ? false : undefined,
    columns: flags.columns,
    skipLines: flags["skip-lines"],
    limit: flags.limit,
    from: flags["from-line"] === undefined
      ? undefined
      : { line: flags["from-line"] },
    skipEmpty: flags["skip-empty"] ?? false,
    coalesce: flags["no-coalesce"] ? false : undefined,
    maxRecord: flags["max-record"],
  };
}

/**
 * Understands the headers for URLs; no message quotes one, for it may hold a
 * secret.
 *
 * @param path A file with more of them, one on each line.
 * @throws {UsageError} When one is malformed, or the file cannot be read.
 */
function headersOf(
  lines: readonly string[] | undefined,
  path?: string,
): HeaderLine[] {
  const given = (lines ?? []).map((line) => headerOf(line, "--header"));
  if (path === undefined) return given;
  const text = readTextOf("--header-file", path);
  const more = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return [...given, ...more.map((line) => headerOf(line, "--header-file"))];
}

function headerOf(line: string, flag: string): HeaderLine {
  const match = /^([!#$%&'*+.^_`|~0-9a-z-]+):[ \t]*([\x20-\x7e\t]*?)[ \t]*$/i
    .exec(line);
  if (match !== null) return [match[1], match[2]];
  throw new UsageError(
    `Cannot use a header of ${flag}: must be a name, a colon and a value, as ` +
      "in 'Authorization: Bearer ...'",
    flag,
  );
}
