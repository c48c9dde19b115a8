import { UsageError } from "../errors.ts";
import { STANDARD_INPUT } from "../transport/source.ts";
import { type Config, parseConfig } from "./config.ts";
import { readVariable } from "./environment.ts";
import { ExitCode, exitCodeOf } from "./exit_code.ts";
import type { CommandName } from "./flags.ts";
import { commandHelp, COMMANDS, generalHelp, VERSION } from "./help.ts";
import { nearest } from "./nearest.ts";
import { print, printError } from "./output.ts";

/**
 * Runs one command line.
 *
 * @param words The words after the program's name.
 * @returns The exit code; nothing in here ends the process.
 */
export async function main(words: readonly string[]): Promise<number> {
  try {
    return await answer(words) ?? await run(configOf(words));
  } catch (error) {
    const code = exitCodeOf(error);
    if (code === ExitCode.OutputGone) return code;
    const message = error instanceof Error ? error.message : String(error);
    printError(`respipe: ${message}\n`);
    if (code === ExitCode.Internal) {
      printError(
        "respipe: this is a mistake in respipe; please report it, with the " +
          "command line and these lines\n",
      );
      if (error instanceof Error) printError(`${error.stack}\n`);
    }
    return code;
  }
}

/** Answers what needs no command: help and version. */
async function answer(words: readonly string[]): Promise<number | undefined> {
  const split = words.indexOf("--");
  const mine = split === -1 ? words : words.slice(0, split);
  const [first, second] = mine;
  if (first === undefined || first === "--help" || first === "help") {
    await print(isCommand(second) ? commandHelp(second) : generalHelp());
    return ExitCode.Ok;
  }
  if (mine.includes("--help") && isCommand(first)) {
    await print(commandHelp(first));
    return ExitCode.Ok;
  }
  if (first === "--version" || mine.includes("--version")) {
    await print(`respipe ${VERSION}\n`);
    return ExitCode.Ok;
  }
  return undefined;
}

function configOf([first, ...words]: readonly string[]): Config {
  if (isCommand(first)) return parseConfig(first, words, readVariable);
  const near = nearest(first, Object.keys(COMMANDS));
  throw new UsageError(
    first.startsWith("-")
      // Without its value, which may be secret.
      ? `There is no command in front of ${flagOf(first)}; it is one of ` +
        `${Object.keys(COMMANDS).join(", ")}, as in: respipe load ` +
        `${flagOf(first)} ...`
      : `Unknown command ${JSON.stringify(first)}` +
        (near === undefined
          ? `; there are ${Object.keys(COMMANDS).join(", ")}`
          : `; did you mean ${near}?`),
  );
}

function flagOf(word: string): string {
  return word.startsWith("--") ? word.replace(/=.*$/s, "") : word.slice(0, 2);
}

function isCommand(word: string | undefined): word is CommandName {
  return word !== undefined && Object.hasOwn(COMMANDS, word);
}

async function run(config: Config): Promise<number> {
  if (config.files.includes(STANDARD_INPUT) && Deno.stdin.isTerminal()) {
    printError(
      "respipe: reading standard input from the terminal; Ctrl-D ends it\n",
    );
  }
  switch (config.command) {
    // Imported when needed: what a command does not use costs start-up time.
    case "load": {
      const { runLoad } = await import("./run_load.ts");
      return await runLoad(config);
    }
    case "encode": {
      const { runEncode } = await import("./run_encode.ts");
      return await runEncode(config);
    }
    case "pipe": {
      const { runPipe } = await import("./run_pipe.ts");
      return await runPipe(config);
    }
  }
}
