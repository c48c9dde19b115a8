import { UsageError } from "../errors.ts";
import { reasonOf } from "../transport/reason.ts";
import type { HeaderLine } from "../transport/url_source.ts";

/**
 * Understands the headers for URLs; no message quotes one, for it may hold a
 * secret.
 *
 * @param lines Those of the command line.
 * @param path A file with more of them, one on each line.
 * @throws {UsageError} When one is malformed, or the file cannot be read.
 */
export function headersOf(
  lines: readonly string[] | undefined,
  path?: string,
): HeaderLine[] {
  const given = (lines ?? []).map((line) => headerOf(line, "--header"));
  if (path === undefined) return given;
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw new UsageError(
      `Cannot read ${path}: ${reasonOf(error, `--allow-read=${path}`)}`,
      "--header-file",
    );
  }
  const more = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return [...given, ...more.map((line) => headerOf(line, "--header-file"))];
}

function headerOf(line: string, flag: string): HeaderLine {
  const match = /^([!#$%&'*+.^_`|~0-9a-z-]+):[ \t]*([\x20-\x7e\t]*?)[ \t]*$/i
    .exec(line);
  if (match !== null) return [match[1], match[2]];
  throw new UsageError(
    `Cannot use a header of ${flag}: must be a name, a colon and a value, as ` +
      "in 'Authorization: Bearer ...'",
    flag,
  );
}
