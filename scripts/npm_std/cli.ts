// deno-lint-ignore-file no-import-prefix
/**
 * Stands in for `@std/cli` where the npm registry answers and JSR does not:
 * the same names and signatures, built on minimist.
 *
 * `@std/cli` grew out of minimist, so the two agree on nearly everything. Where
 * they do not, the difference is evened out here, before and after the call:
 *
 * - `--no-x` is a negation only of a name listed in `negatable`; minimist
 *   always takes it for one. Names that begin with `no-` are disguised on the
 *   way in and restored on the way out;
 * - a name given twice keeps its last value unless listed in `collect`, and is
 *   always an array where it is; minimist decides by how often it was given;
 * - `--name` never takes a word that begins with `-`, nor an empty one, as its
 *   value, and `-n` never an empty one;
 * - `unknown` hears the name and the value too.
 *
 * `tests/scripts/std_parity_test.ts` states the behaviour that both must have.
 *
 * @module
 */
// @ts-types="npm:@types/minimist@^1.2.5"
import minimist from "npm:minimist@^1.2.8";

type Names<T extends string> = T | readonly T[];

/** What `parseArgs` is told about the flags there are. */
export interface ParseOptions<
  B extends string = string,
  S extends string = string,
  C extends string = string,
  D extends Record<string, unknown> = Record<string, unknown>,
  DoubleDash extends boolean = boolean,
> {
  /** Whether the words after `--` are kept apart, under that name. */
  "--"?: DoubleDash;
  /** Other names of a flag. */
  alias?: Record<string, string | readonly string[]>;
  /** Flags without a value. */
  boolean?: Names<B>;
  /** Flags with a value. `_` keeps positional words from becoming numbers. */
  string?: Names<S>;
  /** Flags whose values are gathered in an array. */
  collect?: Names<C>;
  /** Flags that `--no-` in front turns off. */
  negatable?: Names<string>;
  /** Values of flags that are not given. */
  default?: D;
  /** Whether parsing ends at the first positional word. */
  stopEarly?: boolean;
  /** Hears of what the options do not list; `false` drops it. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

type Defaulted<T, K, D> = K extends keyof D ? NonNullable<T> | D[K]
  : T;

/** What `parseArgs` returns. */
export type Args<
  B extends string,
  S extends string,
  C extends string,
  D,
  DoubleDash,
> =
  & Record<string, unknown>
  & { [K in Exclude<S, C | "_" | keyof D>]?: string }
  & { [K in Exclude<S, C | "_"> & keyof D]: string | D[K] }
  & { [K in Extract<S, C>]: Defaulted<string[], K, D> }
  & { [K in B]: Defaulted<boolean, K, D> }
  & { _: (string | number)[] }
  & (DoubleDash extends true ? { "--": string[] } : unknown);

// A name that no shell can pass: arguments cannot hold NUL.
const DISGUISE = "\0";

function list(names: Names<string> | undefined): string[] {
  const all = typeof names === "string" ? [names] : names ?? [];
  return all.filter((name) => name !== "");
}

/** The other names of every name, in both directions. */
function aliasMap(
  alias: ParseOptions["alias"],
): Map<string, readonly string[]> {
  const map = new Map<string, readonly string[]>();
  for (const [name, others] of Object.entries(alias ?? {})) {
    const group = [name, ...list(others)];
    for (const one of group) map.set(one, group.filter((it) => it !== one));
  }
  return map;
}

/** The text after `--name=`, or the word that minimist will take, or `true`. */
function valueOf(arg: string, next: string | undefined): string | true {
  const equals = arg.indexOf("=");
  if (equals >= 0) return arg.slice(equals + 1);
  return next === undefined || next === "" || next.startsWith("-")
    ? true
    : next;
}

/**
 * Turns command-line words into flags and positional words.
 *
 * @param args The words
 * @param options The flags there are
 * @returns Each flag under its name, positional words under `_`
 */
export function parseArgs<
  const B extends string = never,
  const S extends string = never,
  const C extends string = never,
  const D extends Record<string, unknown> = Record<never, never>,
  const DoubleDash extends boolean = false,
>(
  args: string[],
  options: ParseOptions<B, S, C, D, DoubleDash> = {},
): Args<B, S, C, D, DoubleDash> {
  const aliases = aliasMap(options.alias);
  const named = (names: Names<string> | undefined): Set<string> =>
    new Set(
      list(names).flatMap((name) => [name, ...aliases.get(name) ?? []]),
    );
  const strings = named(options.string);
  const booleans = named(options.boolean);
  const collected = named(options.collect);
  const negatable = named(options.negatable);

  const disguise = (name: string): string =>
    name.startsWith("no-") && !negatable.has(name.slice(3))
      ? DISGUISE + name
      : name;
  const reveal = (name: string): string =>
    name.startsWith(DISGUISE) ? name.slice(DISGUISE.length) : name;
  const disguised = (names: Iterable<string>): string[] =>
    [...names].map(disguise);

  // The words for minimist, written so that it can read them one way only.
  const end = args.indexOf("--");
  const flagsEnd = end < 0 ? args.length : end;
  const words = args.map((arg, at) => {
    if (at >= flagsEnd || !arg.startsWith("--")) return arg;
    const next = at + 1 < flagsEnd ? args[at + 1] : undefined;
    const [name] = arg.slice(2).split("=", 1);
    const rest = arg.slice(2 + name.length);
    const bare = rest === "" && strings.has(name) &&
      (next === undefined || next === "" || next.startsWith("-"));
    return `--${disguise(name)}${bare ? "=" : rest}`;
  });

  // minimist says which word it does not know, but not which letter of `-abc`:
  // it asks once for each such letter, in order, so counting is enough.
  let cursor = 0;
  let letter = 0;
  const heard = (word: string): boolean => {
    const at = words.indexOf(word, cursor);
    const arg = args[at];
    if (at > cursor) letter = 0;
    cursor = at + 1;
    if (!arg.startsWith("-") || arg === "-") {
      return options.unknown?.(arg) !== false;
    }
    let [key] = arg.slice(2).split("=", 1);
    if (!arg.startsWith("--")) {
      const group = [...arg.slice(1)].filter((name) =>
        !strings.has(name) && !booleans.has(name) && !aliases.has(name)
      );
      key = group[letter];
      if (++letter < group.length) cursor = at;
      else letter = 0;
    }
    return options.unknown?.(arg, key, valueOf(arg, args[at + 1])) !== false;
  };

  const raw: Record<string, unknown> = minimist(words, {
    string: disguised(strings),
    boolean: disguised(booleans),
    alias: Object.fromEntries(
      [...aliases].map(([name, others]) => [disguise(name), disguised(others)]),
    ),
    default: Object.fromEntries(
      Object.entries(options.default ?? {}).map((
        [name, value],
      ) => [disguise(name), value]),
    ),
    "--": true,
    stopEarly: options.stopEarly ?? false,
    ...(options.unknown === undefined ? {} : { unknown: heard }),
  });

  const result: Record<string, unknown> = {};
  for (const [disguisedName, value] of Object.entries(raw)) {
    const name = reveal(disguisedName);
    if (name === "_" || name === "--") continue;
    const isDefault = Array.isArray(value) &&
      Object.values(options.default ?? {}).includes(value);
    if (isDefault) result[name] = value;
    else if (collected.has(name)) {
      if (value !== false || !booleans.has(name)) result[name] = [value].flat();
    } else result[name] = Array.isArray(value) ? value.at(-1) : value;
  }
  for (const name of collected) {
    if (strings.has(name) || booleans.has(name)) result[name] ??= [];
  }
  const after = end < 0 ? [] : args.slice(end + 1);
  const before = raw._ as (string | number)[];
  const positional = options.stopEarly ? before.map(original) : before;
  result._ = options["--"] ? positional : [...positional, ...after];
  if (options["--"]) result["--"] = after;
  return result as Args<B, S, C, D, DoubleDash>;

  // With `stopEarly`, words after the first positional one are kept as they
  // came, flags among them too, so a disguise has to be taken off again.
  function original(word: string | number): string | number {
    if (typeof word === "number") return word;
    const at = words.indexOf(word);
    return at < 0 ? word : args[at];
  }
}
