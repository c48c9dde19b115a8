import { UsageError } from "../errors.ts";
import {
  type CommandName,
  type Flag,
  flagName,
  flagNamed,
  FLAGS,
  flagsOf,
  type GivenFlags,
  withoutValue,
} from "./flags.ts";
import { HOST_HINT } from "./help.ts";
import { nearest } from "./nearest.ts";

/** A flag as it stands on a command line. */
export interface WrittenFlag {
  /** The flag. */
  readonly flag: Flag;
  /** Its word, and its value where that is a word of its own. */
  readonly words: readonly string[];
}

/** A command line, sorted. */
export interface Arguments {
  /** The flags before `--`. */
  readonly flags: GivenFlags;
  /** The same as they were written, each with its value. */
  readonly written: readonly WrittenFlag[];
  /** The paths before `--`. */
  readonly files: readonly string[];
  /** The words after `--`; nothing where there is no `--`. */
  readonly template: readonly string[] | undefined;
  /** Whether `-- --` says that those words are meant as they stand. */
  readonly isMeant: boolean;
}

/**
 * Sorts the words that follow a command into flags, files and the template.
 *
 * A flag's value is the rest of its own word, or the next word, whatever that
 * begins with, unless it is a flag of the command's. Nothing is guessed:
 * `parseArgs` of `@std/cli` would take a file called "true" for a switch's
 * value, and a password that begins with a dash for letters.
 *
 * @throws {UsageError} When a flag is unknown, is not of this command, lacks
 * its value or has a wrong one, or stands twice.
 */
export function parseArguments(
  command: CommandName,
  words: readonly string[],
): Arguments {
  const split = words.indexOf("--");
  const mine = split === -1 ? words : words.slice(0, split);
  const behind = split === -1 ? undefined : words.slice(split + 1);
  const isMeant = behind?.[0] === "--";
  const known = flagsOf(command);
  const given: Record<string, unknown> = {};
  const written: WrittenFlag[] = [];
  const files: string[] = [];
  for (let i = 0; i < mine.length; i++) {
    const first = i;
    const word = mine[i];
    if (!word.startsWith("-") || word === "-") {
      files.push(word);
      continue;
    }
    const flag = flagNamed(word, known);
    const name = withoutValue(word);
    if (flag === undefined) throw unknown(command, known, name);
    if (Object.hasOwn(given, flag.name) && flag.many !== true) {
      throw new UsageError(`${name} is given twice`, name);
    }
    const attached = word.length > name.length
      ? word.slice(name.length + 1)
      : undefined;
    if (flag.value === undefined) {
      if (attached !== undefined) {
        throw new UsageError(`${name} takes no value`, name);
      }
      given[flag.name] = true;
      written.push({ flag, words: [word] });
      continue;
    }
    let text = attached ?? mine[i + 1];
    if (attached === undefined) {
      if (flag.otherwise !== undefined && !/^[0-9]+$/.test(text ?? "")) {
        text = flag.otherwise;
      } else if (
        text === undefined ||
        (!text.includes("=") && flagNamed(text, known) !== undefined)
      ) {
        throw missing(flag, name);
      } else i++;
    }
    const value = flag.read?.(text, flagName(flag)) ?? text;
    given[flag.name] = flag.many === true
      ? [...(given[flag.name] as unknown[] ?? []), value]
      : value;
    written.push({ flag, words: mine.slice(first, i + 1) });
  }
  return {
    flags: given as GivenFlags,
    written,
    files,
    template: isMeant ? behind.slice(1) : behind,
    isMeant,
  };
}

function missing(flag: Flag, name: string): UsageError {
  const hint = flag.letter === "h" ? `; -h ${HOST_HINT}` : "";
  return new UsageError(`${name} needs its ${flag.value}${hint}`, name);
}

function unknown(
  command: CommandName,
  known: readonly Flag[],
  name: string,
): UsageError {
  const elsewhere = flagNamed(name, FLAGS);
  if (elsewhere !== undefined) {
    return new UsageError(
      `${name} is not a flag of respipe ${command}, but of ` +
        elsewhere.commands.join(" and "),
      name,
    );
  }
  const attached = known.find((flag) =>
    flag.letter !== undefined && name.startsWith(`-${flag.letter}`)
  );
  if (attached !== undefined) {
    const letter = flagName(attached);
    return new UsageError(
      attached.secret === true
        ? `Unknown flag ${letter}...; write ${letter} ${attached.value}`
        : `Unknown flag ${name}; write ${letter} ${name.slice(2)}`,
      letter,
    );
  }
  const near = nearest(name, [
    ...known.map((flag) => `--${flag.name}`),
    "--help",
    "--version",
  ]);
  return new UsageError(
    `Unknown flag ${name}` +
      (near === undefined ? "" : `; did you mean ${near}?`),
    name,
  );
}
