import { encode } from "../engine/encode.ts";
import { Summary } from "../engine/summary.ts";
import { codeOf } from "./exit_code.ts";
import { Interruption } from "./interruption.ts";
import type { EncodeOptions } from "./options.ts";
import { say, writeOut } from "./output.ts";
import { openRejects, printRejects } from "./rejects.ts";
import { startProgress, summaryCounts } from "./start_progress.ts";

/**
 * Runs `respipe encode`.
 *
 * @throws What ended it early, after the rejects were listed.
 */
export async function runEncode(options: EncodeOptions): Promise<number> {
  const summary = new Summary();
  const rejects = await openRejects(options.rejects, options.files);
  try {
    const interruption = new Interruption();
    // The commands themselves show on a terminal how far it is.
    using _progress = Deno.stdout.isTerminal()
      ? undefined
      : await startProgress(
        options,
        summaryCounts(summary, options.rows.limit),
      );
    await encode({
      ...options.rows,
      ...options.input,
      sources: options.files,
      signal: interruption.signal,
      onReject: rejects && ((...reject) => rejects.add(...reject)),
      summary,
    }, writeOut);
    return codeOf(undefined, summary.rejected);
  } finally {
    printRejects(summary, rejects?.close());
    const { hint } = summary;
    if (hint !== undefined && summary.rejected > 0) say(hint);
  }
}
