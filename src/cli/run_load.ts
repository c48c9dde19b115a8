import { load } from "../engine/load.ts";
import { RejectFiles } from "../engine/reject_files.ts";
import { Summary } from "../engine/summary.ts";
import type { LoadConfig } from "./config.ts";
import { ExitCode, exitCodeOf } from "./exit_code.ts";
import { Interruption } from "./interruption.ts";
import { print } from "./output.ts";
import { printRejects } from "./print_rejects.ts";
import { formatSummary } from "./report.ts";

/**
 * Runs `respipe load`.
 *
 * @param config What it was told.
 * @returns The exit code.
 * @throws What ended the load early, after the summary was printed.
 */
export async function runLoad(config: LoadConfig): Promise<number> {
  const summary = new Summary();
  let failure: unknown;
  let code: number = ExitCode.Ok;
  const rejects = config.rejects === undefined
    ? undefined
    : new RejectFiles(config.rejects, config.files);
  try {
    using interruption = new Interruption();
    await load({
      ...config.rows,
      sources: config.files,
      idleTimeout: config.idleTimeout,
      server: config.server,
      stallTimeout: config.stallTimeout,
      maxErrors: config.maxErrors,
      signal: interruption.signal,
      onReject: (reject) => rejects?.add(reject),
      summary,
    });
    if (summary.rejected > 0) code = ExitCode.Rejected;
  } catch (error) {
    failure = error;
    code = exitCodeOf(error);
  }
  printRejects(summary, rejects?.close());
  if (config.json) {
    const message = failure instanceof Error ? failure.message : null;
    await print(
      `${JSON.stringify({ exitCode: code, message, ...summary.toJSON() })}\n`,
    );
  } else if (
    // Where nothing was read, the sentence says it all.
    !(failure !== undefined && summary.records === 0) &&
    !(config.quiet && code === ExitCode.Ok)
  ) {
    await print(formatSummary(summary));
  }
  if (failure !== undefined) throw failure;
  return code;
}
