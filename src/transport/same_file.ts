/**
 * Tells whether two paths lead to one file.
 *
 * @returns Whether both exist and are the same file, through links too.
 */
export function isSameFile(one: string, other: string): boolean {
  if (one === other) return true;
  try {
    return isFileAt(Deno.statSync(one), other);
  } catch {
    // One that is not there, or may not be looked at, is found wrong elsewhere.
    return false;
  }
}

/**
 * Tells whether a path leads to a file that was looked at already.
 *
 * @returns Whether it exists and is the same file, through links too.
 */
export function isFileAt(info: Deno.FileInfo, path: string): boolean {
  try {
    const { ino, dev } = Deno.statSync(path);
    return ino !== null && ino !== 0 && ino === info.ino && dev === info.dev;
  } catch {
    return false;
  }
}
