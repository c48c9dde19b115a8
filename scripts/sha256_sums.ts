import { createHash } from "node:crypto";
import { join } from "node:path";

/**
 * Writes what `sha256sum -c` checks.
 *
 * Two spaces stand between sum and name, and names have no folder: the file
 * lies next to what it lists, here and wherever it is downloaded to.
 *
 * @param folder Where the files are
 * @param names Their names
 * @returns One line for each file, in the order of their names
 */
export async function sha256Sums(
  folder: string,
  names: readonly string[],
): Promise<string> {
  const lines: string[] = [];
  for (const name of [...names].sort()) {
    const hash = createHash("sha256");
    using file = await Deno.open(join(folder, name));
    for await (const chunk of file.readable) hash.update(chunk);
    lines.push(`${hash.digest("hex")}  ${name}\n`);
  }
  return lines.join("");
}
