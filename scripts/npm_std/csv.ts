// deno-lint-ignore-file no-import-prefix
/**
 * Stands in for `@std/csv` where the npm registry answers and JSR does not:
 * the same names and signatures, built on csv-parse and csv-stringify.
 *
 * What is evened out: `@std/csv` reads line by line, so a CRLF inside quotes
 * becomes LF and a CR at the very end of the text is dropped; it throws
 * `SyntaxError`; it writes CRLF after each record, and quotes only what holds
 * a separator, a quote or an LF. `tests/scripts/std_parity_test.ts` states the
 * behaviour that both must have.
 *
 * @module
 */
import { parse as parseRows } from "npm:csv-parse@^5.6.0/sync";
import { stringify as stringifyRows } from "npm:csv-stringify@^6.5.0/sync";

/** How `parse` reads. */
export interface ParseOptions {
  /** What stands between two fields: `","` where it is not given. */
  separator?: string;
  /** Whether blanks in front of a field are dropped. */
  trimLeadingSpace?: boolean;
  /** Whether stray quotes are taken as they are. */
  lazyQuotes?: boolean;
  /** How many fields a record has; 0: as many as the first; negative: any. */
  fieldsPerRecord?: number;
  /** The stand-in only gives arrays. */
  skipFirstRow?: false;
}

/**
 * Reads a CSV text into records. Blank lines are none.
 *
 * @param input The text; a byte-order mark in front is dropped
 * @param options How to read it
 * @returns The fields of each record
 * @throws {SyntaxError} Where quotes are misplaced or fields miscounted
 */
export function parse(input: string, options: ParseOptions = {}): string[][] {
  const separator = options.separator ?? ",";
  if (["\r", "\n", '"'].includes(separator)) {
    throw new Error("Invalid Delimiter");
  }
  const rows = tokenise(input.replace(/\r$/, ""), separator, options);
  const expected = options.fieldsPerRecord === 0
    ? rows[0]?.length ?? 0
    : options.fieldsPerRecord ?? -1;
  return rows.map((row, at) => {
    if (expected > 0 && row.length !== expected) {
      throw new SyntaxError(`record on line ${at + 1}: wrong number of fields`);
    }
    return row.map((field) => field.replaceAll("\r\n", "\n"));
  });
}

function tokenise(
  text: string,
  separator: string,
  options: ParseOptions,
): string[][] {
  try {
    return parseRows(text, {
      bom: true,
      delimiter: separator,
      record_delimiter: ["\r\n", "\n"],
      relax_column_count: true,
      relax_quotes: options.lazyQuotes ?? false,
      ltrim: options.trimLeadingSpace ?? false,
      skip_empty_lines: true,
    });
  } catch (thrown) {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SyntaxError(text, { cause: thrown });
  }
}

/** How `stringify` writes. */
export interface StringifyOptions {
  /** Must be `false`: the stand-in knows no columns. */
  headers: false;
  /** What stands between two fields: `","` where it is not given. */
  separator?: string;
}

/**
 * Writes records as a CSV text, each ended by CRLF.
 *
 * @param data The fields of each record
 * @param options How to write them
 * @returns The text
 */
export function stringify(
  data: readonly (readonly string[])[],
  options: StringifyOptions,
): string {
  return stringifyRows(data.map((row) => [...row]), {
    delimiter: options.separator ?? ",",
    record_delimiter: "\r\n",
    quoted_empty: false,
    quoted_match: /\n/,
  });
}
