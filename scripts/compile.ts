/**
 * Makes one binary of respipe for this machine, in dist/.
 *
 * Usage: deno run -A scripts/dev.ts compile [--output PATH]
 *
 * Other options of `deno compile` (`--target`, ...) are passed on.
 *
 * @module
 */
import { join } from "node:path";
import { ROOT } from "./checkout.ts";
import { IMPORT_MAP_VARIABLE } from "./std_source.ts";

/**
 * What a compiled respipe may do: reach servers, read inputs, and see the one
 * variable that redis-cli takes the password from.
 */
export const PERMISSIONS: readonly string[] = [
  "--allow-net",
  "--allow-read",
  "--allow-env=REDISCLI_AUTH",
];

async function main(args: string[]): Promise<number> {
  const map = Deno.env.get(IMPORT_MAP_VARIABLE) ?? "";
  const suffix = Deno.build.os === "windows" ? ".exe" : "";
  const output = join("dist", `respipe${suffix}`);
  // The runtime that is put in front of the program must be of the same
  // version as the deno that compiles, which is what the variable is for.
  const deno = Deno.env.get("RESPIPE_COMPILE_DENO") ?? Deno.execPath();
  const { code } = await new Deno.Command(deno, {
    args: [
      "compile",
      "--no-lock",
      ...(map === "" ? [] : ["--import-map", map]),
      ...PERMISSIONS,
      ...(args.some((arg) => /^(-o|--output)(=|$)/.test(arg))
        ? []
        : ["--output", output]),
      ...args,
      "mod.ts",
    ],
    cwd: ROOT,
  }).spawn().status;
  return code;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
