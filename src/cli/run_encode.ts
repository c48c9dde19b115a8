import { encode } from "../engine/encode.ts";
import { Summary } from "../engine/summary.ts";
import type { EncodeConfig } from "./config.ts";
import { ExitCode } from "./exit_code.ts";
import { printError, writeOut } from "./output.ts";
import { formatCount, formatErrors } from "./report.ts";

/**
 * Runs `respipe encode`.
 *
 * @param config What it was told.
 * @returns The exit code.
 * @throws What ended it early, after the rejects were listed.
 */
export async function runEncode(config: EncodeConfig): Promise<number> {
  const summary = new Summary();
  try {
    const sources = config.files;
    await encode({ ...config.rows, sources, summary }, writeOut);
    return summary.rejected === 0 ? ExitCode.Ok : ExitCode.Rejected;
  } finally {
    if (summary.rejected > 0) {
      printError(`rejected ${formatCount(summary.rejected)} records:\n`);
      printError(formatErrors(summary.errors.kinds()));
    }
  }
}
