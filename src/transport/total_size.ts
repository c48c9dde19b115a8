import { STANDARD_INPUT } from "./source.ts";

/**
 * Adds up the sizes of files.
 *
 * @returns Their bytes in all; nothing where one has no known size, as
 * standard input has not, or cannot be looked at.
 *
 * @example
 * ```ts
 * import { totalSize } from "./total_size.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await totalSize(["-"]), undefined);
 * ```
 */
export async function totalSize(
  paths: readonly string[],
): Promise<number | undefined> {
  let total = 0;
  for (const path of paths) {
    // Not the file of that name.
    if (path === STANDARD_INPUT) return undefined;
    try {
      const { isFile, size } = await Deno.stat(path);
      if (!isFile) return undefined;
      total += size;
    } catch {
      // Whoever reads it will say what is wrong with it.
      return undefined;
    }
  }
  return total;
}
