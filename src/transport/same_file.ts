/**
 * Tells whether two paths lead to one file.
 *
 * @param one A path.
 * @param other Another path.
 * @returns Whether both exist and are the same file, through links too.
 *
 * @example
 * ```ts
 * import { isSameFile } from "./same_file.ts";
 * import { assert } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * assert(isSameFile(path, path));
 * await Deno.remove(path);
 * ```
 */
export function isSameFile(one: string, other: string): boolean {
  if (one === other) return true;
  try {
    const [a, b] = [Deno.statSync(one), Deno.statSync(other)];
    return a.ino !== null && a.ino !== 0 && a.ino === b.ino && a.dev === b.dev;
  } catch {
    // One that is not there, or may not be looked at, is found wrong elsewhere.
    return false;
  }
}
