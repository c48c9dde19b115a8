/**
 * Proves that imports point one way; see layers.ts for the way.
 *
 * Usage: deno run -A scripts/dev.ts layers
 *
 * Asks `deno info --json` for the graph of mod.ts, and for that of every file
 * under src/ that mod.ts does not reach.
 *
 * @module
 */
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ROOT } from "./checkout.ts";
import { findViolations, type LayeredModule } from "./layers.ts";
import { runMain } from "./run_main.ts";
import { IMPORT_MAP_VARIABLE } from "./std_source.ts";

/** The part of what `deno info --json` says that matters here. */
interface Graph {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: {
      specifier: string;
      code?: { specifier?: string };
      type?: { specifier?: string };
    }[];
  }[];
}

async function graphOf(path: string): Promise<Graph> {
  const map = Deno.env.get(IMPORT_MAP_VARIABLE) ?? "";
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "info",
      "--no-lock",
      "--json",
      ...(map === "" ? [] : ["--import-map", map]),
      path,
    ],
    cwd: ROOT,
    stdin: "null",
  }).output();
  if (!success) {
    throw new Error(
      `Cannot read the imports of ${path}: ${new TextDecoder().decode(stderr)}`,
    );
  }
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** A path from the top of the checkout where it is one of ours. */
function ours(specifier: string): string {
  if (!specifier.startsWith("file:")) return specifier;
  return relative(ROOT, fileURLToPath(specifier)).replaceAll("\\", "/");
}

async function addModules(
  found: Map<string, LayeredModule>,
  root: string,
): Promise<void> {
  const { modules } = await graphOf(root);
  for (const { specifier, error, dependencies = [] } of modules) {
    const path = ours(specifier);
    if (!path.startsWith("src/") || found.has(path)) continue;
    if (error !== undefined) throw new Error(error);
    const imports = dependencies.map((it) =>
      // Packages as they are written: what stands in for them is not asked.
      /^(?:\.|\/|file:|@respipe\/)/.test(it.specifier)
        ? ours(it.code?.specifier ?? it.type?.specifier ?? it.specifier)
        : `package:${it.specifier}`
    );
    const text = await Deno.readTextFile(join(ROOT, path));
    found.set(path, { path, imports, text });
  }
}

async function main(): Promise<number> {
  const found = new Map<string, LayeredModule>();
  await addModules(found, "mod.ts");
  for (const path of await sources(join(ROOT, "src"))) {
    if (!found.has(path)) await addModules(found, path);
  }
  const violations = findViolations([...found.values()]);
  for (const line of violations) console.error(line);
  if (violations.length > 0) return 1;
  console.error(`layers: ${found.size} modules point the right way`);
  return 0;
}

/** Every TypeScript file under a folder. */
async function sources(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) paths.push(...await sources(path));
    else if (path.endsWith(".ts")) paths.push(ours(pathToFileURL(path).href));
  }
  return paths.sort();
}

if (import.meta.main) await runMain(main);
