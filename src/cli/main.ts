import { UsageError } from "../errors.ts";
import { STANDARD_INPUT } from "../transport/source.ts";
import { completions } from "./completions.ts";
import { readVariable } from "./environment.ts";
import { ExitCode, tellFailure } from "./exit_code.ts";
import { type CommandName, withoutValue } from "./flags.ts";
import {
  commandHelp,
  COMMANDS,
  completionsHelp,
  generalHelp,
  HELPERS,
  HOST_HINT,
  VERSION,
} from "./help.ts";
import { nearest } from "./nearest.ts";
import { type Options, parseOptions } from "./options.ts";
import { print, say } from "./output.ts";
import { runDryRun } from "./run_dry_run.ts";
import { runEncode } from "./run_encode.ts";
import { runLoad } from "./run_load.ts";
import { runPipe } from "./run_pipe.ts";

/**
 * Runs one command line.
 *
 * @returns The exit code; nothing in here ends the process.
 */
export async function main(words: readonly string[]): Promise<number> {
  try {
    return await answer(words) ?? await run(optionsOf(words));
  } catch (error) {
    return tellFailure(error);
  }
}

/** Answers what needs no command: help, version, completions. */
async function answer(words: readonly string[]): Promise<number | undefined> {
  const split = words.indexOf("--");
  const mine = split === -1 ? words : words.slice(0, split);
  const text = answerTo(mine, words.length === 0);
  if (text === undefined) return undefined;
  await print(text);
  return ExitCode.Ok;
}

function answerTo(
  [first, second, ...more]: readonly string[],
  isBare: boolean,
): string | undefined {
  const rest = [second, ...more];
  switch (first) {
    case undefined:
      return isBare ? generalHelp() : undefined;
    case "--help":
    case "help":
      return helpOn(second);
    case "--version":
    case "-V":
    case "version":
      return versionLine();
    case "completions":
      return rest.includes("--help") ? completionsHelp() : completions(second);
  }
  if (rest.includes("--help") && isCommand(first)) return commandHelp(first);
  return rest.includes("--version") || rest.includes("-V")
    ? versionLine()
    : undefined;
}

function helpOn(word: string | undefined): string {
  if (isCommand(word)) return commandHelp(word);
  if (word === "completions") return completionsHelp();
  if (word === undefined || word === "help" || word.startsWith("-")) {
    return generalHelp();
  }
  throw unknownCommand(word);
}

function versionLine(): string {
  return `respipe ${VERSION}\n`;
}

function optionsOf([first, ...words]: readonly string[]): Options {
  if (isCommand(first)) return parseOptions(first, words, readVariable);
  if (!first.startsWith("-")) throw unknownCommand(first);
  const flag = first.startsWith("--") ? withoutValue(first) : first.slice(0, 2);
  const near = nearest(flag, ["--help", "--version"]);
  throw new UsageError(
    near !== undefined
      ? `Unknown flag ${flag}; did you mean ${near}?`
      : `There is no command in front of ${flag}; it is one of ` +
        `${Object.keys(COMMANDS).join(", ")}, as in: respipe load ` +
        `${flag} ...` +
        (flag === "-h" ? `; -h ${HOST_HINT}` : ""),
  );
}

function unknownCommand(word: string): UsageError {
  const near = nearest(word, Object.keys({ ...COMMANDS, ...HELPERS }));
  return new UsageError(
    `Unknown command ${JSON.stringify(word)}` +
      (near === undefined
        ? `; there are ${Object.keys(COMMANDS).join(", ")}`
        : `; did you mean ${near}?`),
  );
}

function isCommand(word: string | undefined): word is CommandName {
  return word !== undefined && Object.hasOwn(COMMANDS, word);
}

async function run(options: Options): Promise<number> {
  if (options.files.includes(STANDARD_INPUT) && Deno.stdin.isTerminal()) {
    say("reading standard input from the terminal; Ctrl-D ends it");
  }
  switch (options.command) {
    case "load":
      return options.dryRun === undefined
        ? await runLoad(options)
        : await runDryRun(options, options.dryRun);
    case "encode":
      return await runEncode(options);
    case "pipe":
      return await runPipe(options);
  }
}
