import { UsageError } from "../errors.ts";
import { CR, LF, QUOTE } from "../protocol/ascii.ts";

/** The value of {@linkcode Dialect.quote} where nothing is quoted. */
export const NO_QUOTE = -1;

/**
 * How a CSV file marks its fields: one byte for each role.
 */
export interface Dialect {
  /** The byte between two fields. */
  readonly delimiter: number;
  /** The byte around a quoted field, or {@linkcode NO_QUOTE}. */
  readonly quote: number;
}

/** What {@linkcode parseDialect} reads a dialect from. */
export interface DialectOptions {
  /** One ASCII character, `tab` or `\t`. Default: `,`. */
  delimiter?: string | undefined;
  /** One ASCII character, or `none`. Default: `"`. */
  quote?: string | undefined;
}

function parseByte(
  text: string,
  role: string,
  flag: string,
  word: string,
): number {
  const plain = text === "tab" || text === "\\t" ? "\t" : text;
  const byte = plain.charCodeAt(0);
  if (plain.length !== 1 || byte > 0x7f) {
    throw new UsageError(
      `Cannot parse ${role} ${JSON.stringify(text)}: ` +
        `must be one ASCII character, or ${word}`,
      flag,
    );
  }
  if (byte === CR || byte === LF) {
    throw new UsageError(
      `Cannot parse ${role} ${
        JSON.stringify(text)
      }: a line break ends a record`,
      flag,
    );
  }
  return byte;
}

/**
 * Checks the words for a dialect and turns them into bytes.
 *
 * @param options The characters as a user writes them.
 * @returns The dialect; that of RFC 4180 where nothing is said.
 * @throws {UsageError} When a role has more or less than one ASCII character,
 * a line break, or the other role's character.
 *
 * @example
 * ```ts
 * import { parseDialect } from "./dialect.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseDialect({ delimiter: "tab" }), { delimiter: 9, quote: 34 });
 * ```
 */
export function parseDialect(options: DialectOptions = {}): Dialect {
  const delimiter = parseByte(
    options.delimiter ?? ",",
    "delimiter",
    "--delimiter",
    "tab",
  );
  const quote = options.quote === undefined
    ? QUOTE
    : options.quote === "none" || options.quote === ""
    ? NO_QUOTE
    : parseByte(options.quote, "quote", "--quote", "none");
  if (delimiter === quote) {
    throw new UsageError(
      `Cannot use ${JSON.stringify(String.fromCharCode(quote))} both as ` +
        "delimiter and as quote",
      "--quote",
    );
  }
  return { delimiter, quote };
}
