import type { Summary } from "../engine/summary.ts";
import { printError } from "./output.ts";
import { counted, formatCount } from "../engine/counted.ts";
import { formatErrors } from "./report.ts";

/**
 * Prints what was rejected: a line per kind of error, and where the records
 * went.
 *
 * @param summary The counts.
 * @param files The reject files, where there are any.
 */
export function printRejects(
  summary: Summary,
  files: readonly { path: string; records: number }[] = [],
): void {
  if (summary.rejected === 0) return;
  printError(`rejected ${counted(summary.rejected, "record")}:\n`);
  printError(formatErrors(summary.errors.kinds()));
  for (const { path, records } of files) {
    printError(`  ${formatCount(records)} written to ${path}\n`);
  }
  if (files.length > 0) {
    const [{ path }] = files;
    printError(`  what was wrong with each: ${path}.errors.csv\n`);
  }
}
