/**
 * The words of the command line, sorted into flags, files and the template.
 *
 * `parseArgs` of `@std/cli` guesses where words are ambiguous: a value that
 * begins with a dash, a letter with its value attached, a value that is
 * missing. So each flag is first written out as `--name=value`, which it does
 * not have to guess about, from the one table in flags.ts.
 *
 * @module
 */
import { parseArgs as parse } from "@std/cli";
import { UsageError } from "../errors.ts";
import { type CommandName, type Flag, flagName, FLAGS } from "./flags.ts";
import { HOST_HINT } from "./help.ts";
import { nearest } from "./nearest.ts";

/** The values of the flags that were given. */
export interface GivenFlags {
  /** Text of the flags that take a value, by long name. */
  readonly values: ReadonlyMap<string, string>;
  /** Texts of the flags that may be repeated, by long name. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** The switches that were given, by long name. */
  readonly switches: ReadonlySet<string>;
}

/** A command line, sorted. */
export interface Arguments extends GivenFlags {
  /** The paths before `--`. */
  readonly files: readonly string[];
  /** The words after `--`; nothing where there is no `--`. */
  readonly template: readonly string[] | undefined;
}

/**
 * Sorts the words that follow a command.
 *
 * @param command The command that they belong to.
 * @param words The words.
 * @returns Flags, files and template.
 * @throws {UsageError} When a flag is unknown, is not of this command, lacks
 * its value, or stands twice.
 *
 * @example
 * ```ts
 * import { parseArguments } from "./args.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const words = ["a.csv", "-p", "7000", "--", "SET", "{k}", "-5"];
 * const { files, values, template } = parseArguments("load", words);
 * assertEquals(files, ["a.csv"]);
 * assertEquals(values.get("port"), "7000");
 * assertEquals(template, ["SET", "{k}", "-5"]);
 * ```
 */
export function parseArguments(
  command: CommandName,
  words: readonly string[],
): Arguments {
  const split = words.indexOf("--");
  const mine = split === -1 ? words : words.slice(0, split);
  const flags = FLAGS.filter((flag) => flag.commands.includes(command));
  const parsed = parse(writeOut(command, flags, mine), {
    string: ["_", ...flags.filter((f) => f.value).map((f) => f.name)],
    boolean: flags.filter((f) => !f.value).map((f) => f.name),
    collect: flags.filter((f) => f.many).map((f) => f.name),
  }) as Record<string, unknown> & { _: string[] };
  const given = flags.filter((flag) => {
    const value = parsed[flag.name];
    return Array.isArray(value)
      ? value.length > 0
      : value !== undefined && value !== false;
  });
  return {
    values: new Map(
      given.filter((f) => f.value && !f.many)
        .map((f) => [f.name, String(parsed[f.name]).slice(1)]),
    ),
    lists: new Map(
      given.filter((f) => f.many)
        .map((f) => [
          f.name,
          (parsed[f.name] as string[]).map((text) => text.slice(1)),
        ]),
    ),
    switches: new Set(given.filter((f) => !f.value).map((f) => f.name)),
    files: parsed._.map(String),
    template: split === -1 ? undefined : words.slice(split + 1),
  };
}

/**
 * Writes every flag as `--name` or `--name==value`, and the files behind `--`,
 * where no switch takes one called "true" for its value.
 */
function writeOut(
  command: CommandName,
  flags: readonly Flag[],
  words: readonly string[],
): string[] {
  const out: string[] = [];
  const files: string[] = [];
  const seen = new Set<string>();
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (!word.startsWith("-") || word === "-") {
      files.push(word);
      continue;
    }
    const equals = word.startsWith("--") ? word.indexOf("=") : -1;
    const name = equals === -1 ? word : word.slice(0, equals);
    const flag = flags.find((f) => isNamed(f, name));
    if (flag === undefined) throw unknown(command, flags, name);
    if (seen.has(flag.name) && flag.many !== true) {
      throw new UsageError(`${name} is given twice`, name);
    }
    seen.add(flag.name);
    if (flag.value === undefined) {
      if (equals !== -1) {
        throw new UsageError(`${name} takes no value`, name);
      }
      out.push(`--${flag.name}`);
      continue;
    }
    let value = equals === -1 ? undefined : word.slice(equals + 1);
    if (value === undefined) {
      value = words[++i];
      if (flag.otherwise !== undefined && !/^[0-9]+$/.test(value ?? "")) {
        value = flag.otherwise;
        i--;
      } else if (value === undefined || flags.some((f) => isNamed(f, value!))) {
        throw missing(flag, name);
      }
    }
    // The second = keeps the value from being empty, where versions differ.
    out.push(`--${flag.name}==${value}`);
  }
  return [...out, "--", ...files];
}

function isNamed(flag: Flag, word: string): boolean {
  return word === `--${flag.name}` ||
    (flag.letter !== undefined && word === `-${flag.letter}`);
}

function missing(flag: Flag, name: string): UsageError {
  const hint = flag.letter === "h" ? `; -h ${HOST_HINT}` : "";
  return new UsageError(`${name} needs its ${flag.value}${hint}`, name);
}

function unknown(
  command: CommandName,
  flags: readonly Flag[],
  name: string,
): UsageError {
  const elsewhere = FLAGS.find((flag) => isNamed(flag, name));
  if (elsewhere !== undefined) {
    return new UsageError(
      `${name} is not a flag of respipe ${command}, but of ` +
        elsewhere.commands.join(" and "),
      name,
    );
  }
  const attached = flags.find((f) =>
    f.letter !== undefined && !name.startsWith("--") && name[1] === f.letter
  );
  if (attached !== undefined) {
    const value = attached.secret === true ? attached.value : name.slice(2);
    return new UsageError(
      `Unknown flag ${attached.secret === true ? flagName(attached) : name}` +
        `${attached.secret === true ? "..." : ""}; write ` +
        `${flagName(attached)} ${value}`,
      flagName(attached),
    );
  }
  const names = [...flags.map((f) => `--${f.name}`), "--help", "--version"];
  const near = nearest(name, names);
  return new UsageError(
    `Unknown flag ${name}` +
      (near === undefined ? "" : `; did you mean ${near}?`),
    name,
  );
}
