import { pipe } from "../engine/pipe.ts";
import type { PipeConfig } from "./config.ts";
import { ExitCode } from "./exit_code.ts";
import { print, printError } from "./output.ts";

/**
 * Runs `respipe pipe`, with the very lines of `redis-cli --pipe` on standard
 * output.
 *
 * @param config What it was told.
 * @returns The exit code.
 * @throws What ended it early.
 */
export async function runPipe(config: PipeConfig): Promise<number> {
  const printed: Promise<void>[] = [];
  const counts = await pipe({
    sources: config.files,
    server: config.server,
    onError: (error) => printError(`${error}\n`),
    onTransferred: () => {
      printed.push(
        print("All data transferred. Waiting for the last reply...\n"),
      );
    },
  });
  await Promise.all(printed);
  await print("Last reply received from server.\n");
  await print(`errors: ${counts.errors}, replies: ${counts.replies}\n`);
  return counts.errors === 0 ? ExitCode.Ok : ExitCode.Rejected;
}
