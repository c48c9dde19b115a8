/**
 * Runs a task of this repository with the dependencies that can be had here.
 *
 * Usage: deno run -A scripts/dev.ts TASK [ARGS]
 *
 * `@std/*` comes from JSR. Where JSR cannot be reached, stand-ins built on npm
 * packages take its place (scripts/npm_std/); nothing under src/ or tests/
 * knows the difference. This file and what it imports run before that is
 * settled, so they import nothing from outside.
 *
 * @module
 */
import { runMain } from "./run_main.ts";
import { findStdSource } from "./std_source.ts";
import { TASKS } from "./tasks.ts";

async function main([name = "", ...args]: string[]): Promise<number> {
  const task = Object.hasOwn(TASKS, name) ? TASKS[name] : undefined;
  if (task === undefined) {
    const names = Object.keys(TASKS).sort().join(", ");
    console.error(`Cannot run task "${name}": must be one of ${names}`);
    return 2;
  }
  // Some networks sign TLS with an authority that only the system knows.
  if (Deno.env.get("DENO_TLS_CA_STORE") === undefined) {
    Deno.env.set("DENO_TLS_CA_STORE", "mozilla,system");
  }
  Deno.env.set("DENO_NO_UPDATE_CHECK", "1");
  const [source, why] = await findStdSource();
  const what = source === "jsr" ? "JSR" : "npm stand-ins";
  console.error(`dependencies: ${what} (${why})`);
  return await task({ source, args });
}

if (import.meta.main) await runMain(main);
