// deno-lint-ignore-file no-import-prefix
/**
 * Stands in for `@std/cli/unicode-width` where the npm registry answers and JSR
 * does not: the same name and signature, built on string-width.
 *
 * @module
 */
import stringWidth from "npm:string-width@^7.2.0";

/**
 * Counts the columns that a text takes in a terminal.
 *
 * @param str The text, without escape codes
 * @returns The number of columns
 */
export function unicodeWidth(str: string): number {
  // Per code point, as the original does: joined emoji count one by one.
  let width = 0;
  for (const char of str) width += stringWidth(char);
  return width;
}
