import { load } from "../engine/load.ts";
import { Summary } from "../engine/summary.ts";
import { UsageError } from "../errors.ts";
import type { LoadConfig } from "./config.ts";
import { ExitCode } from "./exit_code.ts";
import { print, printError } from "./output.ts";
import { formatCount, formatErrors, formatSummary } from "./report.ts";

/**
 * Runs `respipe load`.
 *
 * @param config What it was told.
 * @returns The exit code.
 * @throws What ended the load early, after the summary was printed.
 */
export async function runLoad(config: LoadConfig): Promise<number> {
  const summary = new Summary();
  let well = false;
  try {
    await load({
      ...config.rows,
      sources: config.files,
      server: config.server,
      summary,
    });
    well = summary.rejected === 0;
    return well ? ExitCode.Ok : ExitCode.Rejected;
  } catch (error) {
    // Nothing was sent: the sentence says it all.
    well = error instanceof UsageError;
    throw error;
  } finally {
    await report(config, summary, well);
  }
}

async function report(
  config: LoadConfig,
  summary: Summary,
  well: boolean,
): Promise<void> {
  if (summary.rejected > 0) {
    printError(`rejected ${formatCount(summary.rejected)} records:\n`);
    printError(formatErrors(summary.errors.kinds()));
  }
  if (config.json) await print(`${JSON.stringify(summary)}\n`);
  else if (!config.quiet || !well) await print(formatSummary(summary));
}
