import { pipe } from "../engine/pipe.ts";
import type { PipeCounts } from "../engine/pipe_ledger.ts";
import type { PipeConfig } from "./config.ts";
import { ErrorPrinter } from "./error_printer.ts";
import { ExitCode } from "./exit_code.ts";
import { Interruption } from "./interruption.ts";
import { print, printError } from "./output.ts";
import { startProgress } from "./start_progress.ts";
import { serverOptions } from "./server_options.ts";
import { throughWay } from "./through_way.ts";
import { totalSize } from "../transport/total_size.ts";

/**
 * Runs `respipe pipe`, with the very lines of `redis-cli --pipe` on standard
 * output.
 *
 * @param config What it was told.
 * @returns The exit code.
 * @throws What ended it early, after the counts were printed.
 */
export async function runPipe(config: PipeConfig): Promise<number> {
  const printer = new ErrorPrinter(printError);
  const counts: PipeCounts = { replies: 0, errors: 0, bytes: 0 };
  let transferred: Promise<void> | undefined;
  let whole = false;
  try {
    const known = await serverOptions(config.server);
    using interruption = new Interruption();
    const { signal } = interruption;
    let bytesExpected: number | undefined;
    using progress = await startProgress(config, () => ({
      source: counts.source,
      bytes: counts.bytes,
      bytesExpected,
      done: counts.replies,
      unit: "reply",
      errors: counts.errors,
    }));
    if (progress !== undefined) bytesExpected = await totalSize(config.files);
    await throughWay(config.server.via, known, signal, (server) =>
      pipe({
        sources: config.files,
        idleTimeout: config.idleTimeout,
        server,
        stallTimeout: config.stallTimeout,
        // Nothing else goes on in this process.
        mayBlock: true,
        endMarker: config.endMarker,
        signal,
        counts,
        onError: (error) => printer.add(error),
        onTransferred: () => {
          transferred = print(
            "All data transferred. Waiting for the last reply...\n",
          );
        },
      }));
    whole = true;
  } finally {
    await transferred;
    printer.end();
    if (whole) await print("Last reply received from server.\n");
    if (whole || counts.replies > 0) {
      await print(`errors: ${counts.errors}, replies: ${counts.replies}\n`);
    }
  }
  return counts.errors === 0 ? ExitCode.Ok : ExitCode.Rejected;
}
