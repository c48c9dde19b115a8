import { PERMISSIONS } from "../../scripts/compile_targets.ts";
import { respipeCommand } from "./run_respipe.ts";

/**
 * Writes a program `respipe` that stands in for the binary: it needs nothing
 * from the environment and may do what the binary may.
 *
 * @param folder Where, for a test to put on its PATH.
 */
export async function writeRespipeScript(folder: string): Promise<void> {
  const { program, words } = respipeCommand([], PERMISSIONS);
  // Without HOME deno does not find what it has fetched before, and without
  // JSR_URL it looks for that under another registry's name.
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
    stderr: "null",
  }).output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(stdout));
  const registry = Deno.env.get("JSR_URL");
  await writeProgram(
    folder,
    "respipe",
    `DENO_DIR=${quoted(denoDir)} DENO_NO_UPDATE_CHECK=1 \\\n` +
      (registry === undefined ? "" : `JSR_URL=${quoted(registry)} \\\n`) +
      `exec ${[program, ...words].map(quoted).join(" ")} "$@"\n`,
  );
}

/**
 * Writes a shell script that can be run.
 *
 * @param folder Where.
 * @param name What it is called.
 * @param text What it does.
 */
export async function writeProgram(
  folder: string,
  name: string,
  text: string,
): Promise<void> {
  const path = `${folder}/${name}`;
  await Deno.writeTextFile(path, `#!/bin/sh\n${text}`, { mode: 0o755 });
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
