import { encode } from "../engine/encode.ts";
import { Summary } from "../engine/summary.ts";
import type { EncodeConfig } from "./config.ts";
import { ExitCode } from "./exit_code.ts";
import { Interruption } from "./interruption.ts";
import { openRejects } from "./open_rejects.ts";
import { printRejects } from "./print_rejects.ts";
import { startProgress } from "./start_progress.ts";
import { writeOut } from "./output.ts";
import { summaryProgress } from "./summary_progress.ts";

/**
 * Runs `respipe encode`.
 *
 * @param config What it was told.
 * @returns The exit code.
 * @throws What ended it early, after the rejects were listed.
 */
export async function runEncode(config: EncodeConfig): Promise<number> {
  const summary = new Summary();
  const rejects = await openRejects(config.rejects, config.files);
  try {
    using interruption = new Interruption();
    // The commands themselves show on a terminal how far it is.
    using _progress = Deno.stdout.isTerminal()
      ? undefined
      : await startProgress(
        config,
        summaryProgress(summary, config.rows.limit),
      );
    await encode({
      ...config.rows,
      sources: config.files,
      idleTimeout: config.idleTimeout,
      signal: interruption.signal,
      onReject: rejects && ((reject) => rejects?.add(reject)),
      summary,
    }, writeOut);
    return summary.rejected === 0 ? ExitCode.Ok : ExitCode.Rejected;
  } finally {
    printRejects(summary, rejects?.close());
  }
}
