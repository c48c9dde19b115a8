import { ExitCode, exitCodeOf } from "./exit_code.ts";
import { printError, say } from "./output.ts";

/** Says on standard error what ended a run. */
export function tellFailure(error: unknown): number {
  const code = exitCodeOf(error);
  if (code === ExitCode.OutputGone) return code;
  say(error instanceof Error ? error.message : String(error));
  if (code === ExitCode.Internal) {
    say(
      "this is a mistake in respipe; please report it, with the command " +
        "line and these lines",
    );
    if (error instanceof Error) printError(`${error.stack}\n`);
  }
  return code;
}
