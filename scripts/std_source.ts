import { join } from "node:path";
import { ROOT } from "./checkout.ts";

/** Where `@std/*` comes from: JSR, or the stand-ins built on npm packages. */
export type StdSource = "jsr" | "npm";

/** Names the source outright, so that nothing is asked. */
export const STD_VARIABLE = "RESPIPE_STD";

/**
 * The import map that a test must hand to a deno it starts, if there is one.
 *
 * Set for everything that `dev.ts` runs; empty where `deno.json` is enough.
 */
export const IMPORT_MAP_VARIABLE = "RESPIPE_IMPORT_MAP";

/** How long Deno may try to resolve a package, in ms. */
const PATIENCE = 20_000;

const STAND_INS = join(ROOT, "scripts", "npm_std", "import_map.json");

/**
 * Finds out where `@std/*` can be had on this network.
 *
 * Deno itself is asked to resolve the `jsr:` packages that `deno.json` names:
 * its cache, its settings (`JSR_URL`) and its certificates decide, as they
 * will for the run that follows.
 *
 * @returns The source, and why it is that one
 * @throws {TypeError} Where `RESPIPE_STD` says neither `jsr` nor `npm`
 */
export async function findStdSource(): Promise<[StdSource, string]> {
  const wanted = Deno.env.get(STD_VARIABLE) ?? "";
  if (wanted === "jsr" || wanted === "npm") {
    return [wanted, `${STD_VARIABLE} says so`];
  }
  if (wanted !== "") {
    throw new TypeError(
      `Cannot take ${STD_VARIABLE} "${wanted}": must be "jsr" or "npm"`,
    );
  }
  const packages = await jsrPackages();
  const answers = await Promise.all(packages.map(resolves));
  return answers.every((answer) => answer)
    ? ["jsr", "JSR answers"]
    : ["npm", "JSR does not answer"];
}

/**
 * Gives the flags that make deno take `@std/*` from a source.
 *
 * @param source The source
 * @returns The flags: none where `deno.json` is enough
 */
export function importMapFlags(source: StdSource): string[] {
  return source === "jsr" ? [] : ["--import-map", STAND_INS];
}

/**
 * Gives the variables that tell child processes what was found out.
 *
 * @param source The source
 * @returns The variables and their values
 */
export function stdVariables(source: StdSource): Record<string, string> {
  return {
    [STD_VARIABLE]: source,
    [IMPORT_MAP_VARIABLE]: source === "jsr" ? "" : STAND_INS,
  };
}

async function jsrPackages(): Promise<string[]> {
  const config = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const imports: Record<string, string> = config.imports;
  return Object.values(imports).filter((it) => it.startsWith("jsr:"));
}

async function resolves(specifier: string): Promise<boolean> {
  try {
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--no-lock", "--no-config", "--json", specifier],
      stdin: "null",
      stderr: "null",
      signal: AbortSignal.timeout(PATIENCE),
    }).output();
    return success && !hasError(JSON.parse(new TextDecoder().decode(stdout)));
  } catch {
    // No answer in time, or one that is no JSON: the stand-ins will do.
    return false;
  }
}

function hasError(info: { modules?: { error?: string }[] }): boolean {
  const modules = info.modules ?? [];
  return modules.length === 0 || modules.some((it) => it.error !== undefined);
}
