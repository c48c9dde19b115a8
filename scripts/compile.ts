/**
 * Makes respipe a binary in dist/: for this machine, or for all that a release
 * is made for; archive.sh packs those.
 *
 * Usage: deno run -A scripts/dev.ts compile [--all | --output PATH]
 *
 * `DENORT_BIN` names the runtime for this machine where Deno's own download is
 * not to be used. It has to be of the same version as the deno that compiles,
 * and `RESPIPE_COMPILE_DENO` names one that is.
 *
 * The modules are bundled first (bundle.ts). Where that cannot be done, the
 * binary is made of the modules as they are, and a line says so.
 *
 * Everything is made in a folder of its own and moved when all of it is there:
 * a build that fails leaves dist/ as it was.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { bundle } from "./bundle.ts";
import { ROOT } from "./checkout.ts";
import { binaryName, PERMISSIONS, TARGETS } from "./compile_targets.ts";
import { IMPORT_MAP_VARIABLE } from "./std_source.ts";
import denoJson from "../deno.json" with { type: "json" };
import { runMain } from "./run_main.ts";

/**
 * How the engine in a binary behaves.
 *
 * - No threads of its own: where there are few cores, one that compiles or
 *   collects garbage takes turns with the server. 1,000,000 SET on two cores:
 *   the server had to step aside 19 times instead of 41, and `pipe` took
 *   0.94 x `redis-cli --pipe` instead of 0.97 x. `encode` takes as long.
 * - A young generation of 2 MB: rows that succeed leave next to no garbage.
 * - Old garbage is marked in one go. In steps it takes a second of a load, in
 *   which V8 keeps whatever is new: 20 MB, which nothing makes it look at again.
 *   400 MB through standard input: a peak of 88 MB instead of 114 to 117 MB.
 * - A load is a few loops for a second or two: V8 watches their types from the
 *   first call on, and makes their best code without a good one in between.
 *   1,000,000 SET without sharing took 0.99 times the CPU of a binary of 0.1.0,
 *   and 1.14 times without that.
 */
const V8_FLAGS = [
  "--single-threaded",
  "--max-semi-space-size=2",
  "--no-incremental-marking",
  "--no-lazy-feedback-allocation",
  "--no-maglev",
];

async function main(args: string[]): Promise<number> {
  const [flag, path, ...more] = args;
  const own = Deno.build.target;
  if (args.length === 0) {
    const dist = join(ROOT, "dist");
    return await make(dist, [{ target: own, name: ownName(own) }]);
  }
  if (flag === "--all" && args.length === 1) {
    const builds = TARGETS.map((target) => ({ target, name: ownName(target) }));
    return await make(join(ROOT, "dist"), builds);
  }
  if (flag === "--output" && path !== undefined && more.length === 0) {
    // `deno task` moves to the checkout, and leaves the way back in INIT_CWD.
    const output = resolve(Deno.env.get("INIT_CWD") ?? Deno.cwd(), path);
    const build = { target: own, name: basename(output) };
    return await make(dirname(output), [build]);
  }
  console.error("Usage: deno task compile [--all | --output PATH]");
  return 2;
}

function ownName(target: string): string {
  return binaryName(denoJson.version, target);
}

/** Compiles, and then moves it all to where it belongs. */
async function make(
  folder: string,
  builds: readonly { target: string; name: string }[],
): Promise<number> {
  const isNew = !existsSync(folder);
  await Deno.mkdir(folder, { recursive: true });
  // On the same file system, so that moving is renaming.
  const made = await Deno.makeTempDir({ dir: folder, prefix: ".compile_" });
  let isMade = false;
  try {
    const entry = await entryIn(join(made, ".bundle"));
    for (const { target, name } of builds) {
      const problem = await compile(entry, target, join(made, name));
      if (problem === undefined) continue;
      console.error(problem);
      return 1;
    }
    for (const { name } of builds) {
      await Deno.rename(join(made, name), join(folder, name));
      console.log(join(folder, name));
    }
    isMade = true;
    return 0;
  } finally {
    await Deno.remove(made, { recursive: true });
    if (isNew && !isMade) await Deno.remove(folder);
  }
}

/** The module to compile from. */
async function entryIn(folder: string): Promise<string> {
  const bundled = await bundle(compiler(), importMap(), folder);
  if ("entry" in bundled) return bundled.entry;
  console.error(
    "compile: the binary will start about 20 ms later, because the modules " +
      `could not be bundled: ${bundled.problem}`,
  );
  return "mod.ts";
}

function compiler(): string {
  return Deno.env.get("RESPIPE_COMPILE_DENO") ?? Deno.execPath();
}

function importMap(): string {
  return Deno.env.get(IMPORT_MAP_VARIABLE) ?? "";
}

/** Gives what to tell the user where it could not be compiled. */
async function compile(
  entry: string,
  target: string,
  output: string,
): Promise<string | undefined> {
  const map = importMap();
  const isOwn = target === Deno.build.target;
  const env = Deno.env.toObject();
  // deno would put it in front of every target's program.
  if (!isOwn) delete env.DENORT_BIN;
  console.error(`compile: ${target}`);
  const { success, stderr } = await new Deno.Command(
    compiler(),
    {
      args: [
        "compile",
        "--quiet",
        "--no-lock",
        // Types are the gate's business.
        "--no-check",
        ...(map === "" ? [] : ["--import-map", map]),
        ...PERMISSIONS,
        // Compiled code would be kept in the folder for temporary files, under
        // a name that is known: whoever can write there could put other code
        // into a nightly load. It saves 4 ms.
        "--no-code-cache",
        `--v8-flags=${V8_FLAGS.join(",")}`,
        // A binary that asks for a permission would hang a nightly load.
        "--no-prompt",
        ...(isOwn ? [] : ["--target", target]),
        "--output",
        output,
        entry,
      ],
      cwd: ROOT,
      clearEnv: true,
      env: { ...env, NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    },
  ).output();
  if (success) return undefined;
  const said = new TextDecoder().decode(stderr).trim();
  return said.includes("denort") && said.includes("https://")
    ? `Cannot compile for ${target}: the runtime that goes into the binary ` +
      `could not be downloaded (${cause(said)}); ` +
      (isOwn
        ? "DENORT_BIN may name one of the same version"
        : "compile on a machine that reaches Deno's downloads")
    : `Cannot compile for ${target}:\n${said}`;
}

/** The line that says what went wrong, among those that say where. */
function cause(said: string): string {
  const line = /error sending request for url[^\n]*|Bad response[^\n]*/.exec(
    said,
  );
  return line?.[0] ?? said.split("\n")[0];
}

if (import.meta.main) await runMain(main);
