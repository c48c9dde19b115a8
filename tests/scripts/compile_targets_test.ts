import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { PERMISSIONS } from "../../scripts/compile_targets.ts";

const SRC = fileURLToPath(new URL("../../src", import.meta.url));

/** The text of every source below a folder. */
function sources(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory
      ? sources(`${folder}/${name}`)
      : [Deno.readTextFileSync(`${folder}/${name}`)]
  );
}

Deno.test("a binary may read the variables that respipe reads, no others", () => {
  const read = new Set<string>();
  for (const text of sources(SRC)) {
    const code = text.replace(/^\s*\*.*$/gm, "");
    const calls = code.matchAll(
      /\b(?:readVariable|environment|env)\(\s*"(\w+)"/g,
    );
    for (const [, name] of calls) read.add(name);
  }
  assert(read.size > 0);
  const prefix = "--allow-env=";
  const flag = PERMISSIONS.find((it) => it.startsWith(prefix));
  assertEquals(
    flag?.slice(prefix.length).split(","),
    [...read].sort(),
  );
});
