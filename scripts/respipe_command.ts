import { join, relative } from "node:path";
import { ROOT } from "./checkout.ts";
import { IMPORT_MAP_VARIABLE } from "./std_source.ts";

/**
 * Gives the arguments for deno that run respipe from this checkout.
 *
 * @param permissions What it may do, as deno's own flags
 * @param words The command line of respipe
 * @returns The arguments, to be used in the folder that the user stands in
 */
export function respipeArgs(
  permissions: readonly string[],
  words: readonly string[],
): string[] {
  return [
    "run",
    "--no-prompt",
    ...importMap(),
    ...permissions,
    near(join(ROOT, "mod.ts")),
    ...words,
  ];
}

/** Gives the arguments for deno that fetch what respipe needs to run. */
export function cacheArgs(): string[] {
  return ["cache", "--quiet", ...importMap(), near(join(ROOT, "mod.ts"))];
}

function importMap(): string[] {
  const map = Deno.env.get(IMPORT_MAP_VARIABLE) ?? "";
  return map === "" ? [] : ["--import-map", near(map)];
}

/**
 * Writes a command as one could type it into a shell.
 *
 * @param words The program and its arguments
 * @returns The line
 */
export function shellLine(words: readonly string[]): string {
  return words.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
  ).join(" ");
}

/** The path as seen from here, where that is shorter. */
function near(path: string): string {
  const here = relative(Deno.cwd(), path);
  return here !== "" && here.length < path.length ? here : path;
}
