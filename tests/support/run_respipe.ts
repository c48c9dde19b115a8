/**
 * respipe as a user runs it: a process of its own, with no more permissions
 * than it needs.
 *
 * ```ts ignore
 * const { code, stdout } = await runRespipe(["load", "-p", "7000", "--", ...]);
 * ```
 *
 * `RESPIPE_BIN` names a compiled binary to run instead of the sources.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** What a process is given besides its words. */
export interface RunOptions {
  /** What it reads from standard input; nothing by default. */
  stdin?: Uint8Array | string | ReadableStream<Uint8Array>;
  /** Deno's permission flags instead of the least that the words call for. */
  permissions?: string[];
  /** Variables to set; `REDISCLI_AUTH` of this process is not passed on. */
  env?: Record<string, string>;
  /** Its working directory. */
  cwd?: string;
}

/** What became of a process. */
export interface Run {
  /** Its exit code. */
  code: number;
  /** Standard output as text. */
  stdout: string;
  /** Standard output as it is. */
  output: Uint8Array;
  /** Standard error as text. */
  stderr: string;
}

/**
 * Runs respipe to its end.
 *
 * @param args Its command line.
 * @param options What it is given.
 * @returns Exit code and output.
 */
export async function runRespipe(
  args: readonly string[],
  options: RunOptions = {},
): Promise<Run> {
  const child = spawnRespipe(args, options);
  const [run] = await Promise.all([
    endOf(child),
    feed(child.stdin, options.stdin ?? ""),
  ]);
  return run;
}

/**
 * Takes in what a process says, from now to its end.
 *
 * @param child The process.
 * @returns Exit code and output.
 */
export async function endOf(child: Deno.ChildProcess): Promise<Run> {
  const { code, stdout, stderr } = await child.output();
  return {
    code,
    output: stdout,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

/**
 * Starts respipe with its three streams piped.
 *
 * @param args Its command line.
 * @param options What it is given; standard input is the caller's to write.
 * @returns The process.
 */
export function spawnRespipe(
  args: readonly string[],
  options: Omit<RunOptions, "stdin"> = {},
): Deno.ChildProcess {
  const { program, words } = respipeCommand(args, options.permissions);
  const env: Record<string, string> = { ...Deno.env.toObject() };
  delete env.REDISCLI_AUTH;
  return new Deno.Command(program, {
    args: words,
    clearEnv: true,
    env: { ...env, NO_COLOR: "1", ...options.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  }).spawn();
}

/**
 * Tells how respipe is started.
 *
 * @param args Its command line.
 * @param permissions Deno's permission flags; by default the server that `-p`
 * names and the files that are given by an absolute path.
 * @returns A program and its words, for a shell pipeline too.
 */
export function respipeCommand(
  args: readonly string[],
  permissions: readonly string[] = leastPermissions(args),
): { program: string; words: string[] } {
  const binary = Deno.env.get("RESPIPE_BIN") ?? "";
  if (binary !== "") return { program: binary, words: [...args] };
  // Set by scripts/dev.ts where the packages come from npm.
  const map = Deno.env.get("RESPIPE_IMPORT_MAP") ?? "";
  return {
    program: Deno.execPath(),
    words: [
      ...["run", "--quiet", "--no-prompt", "--no-check", "--no-lock"],
      ...(map === "" ? [] : ["--import-map", map]),
      ...permissions,
      fileURLToPath(new URL("mod.ts", ROOT)),
      ...args,
    ],
  };
}

function leastPermissions(args: readonly string[]): string[] {
  const split = args.indexOf("--");
  const mine = split === -1 ? args : args.slice(0, split);
  const port = mine[mine.indexOf("-p") + 1];
  const files = mine.filter((word) => word.startsWith("/"));
  return [
    ...(mine.includes("-p") ? [`--allow-net=127.0.0.1:${port}`] : []),
    ...(files.length > 0 ? [`--allow-read=${files.join(",")}`] : []),
  ];
}

/** Writes all of it, as far as the process wants to read. */
async function feed(
  stdin: WritableStream<Uint8Array>,
  input: NonNullable<RunOptions["stdin"]>,
): Promise<void> {
  const stream = input instanceof ReadableStream ? input : ReadableStream.from([
    typeof input === "string" ? encoder.encode(input) : input,
  ]);
  try {
    await stream.pipeTo(stdin);
  } catch (error) {
    // It may end without having read everything.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
