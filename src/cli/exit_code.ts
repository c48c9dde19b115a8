import {
  ConnectionError,
  InputError,
  InterruptedError,
  LockedError,
  ProtocolError,
  StoppedError,
  UsageError,
} from "../errors.ts";
import { OutputError, printError, say } from "./output.ts";

/** What respipe exits with; cron and scripts read nothing else. */
export const ExitCode = {
  /** Every record is in. */
  Ok: 0,
  /** Finished, but some records were rejected. */
  Rejected: 1,
  /** Wrong usage: nothing was sent. */
  Usage: 2,
  /** Stopped: too many rejects, or an error that would hit every record. */
  Stopped: 3,
  /** The server could not be reached, or was lost. */
  Server: 4,
  /** The input could not be read, or is broken. */
  Input: 5,
  /** Another load holds the lock: EX_TEMPFAIL of sysexits. */
  Locked: 75,
  /** Interrupted by SIGINT: 128 + 2. */
  Interrupted: 130,
  /** Terminated by SIGTERM: 128 + 15. */
  Terminated: 143,
  /** Whoever read the output has gone away: 128 + SIGPIPE, as for cat. */
  OutputGone: 141,
  /** Standard output could not be written: EX_IOERR of sysexits. */
  Output: 74,
  /** A mistake in respipe itself: EX_SOFTWARE. */
  Internal: 70,
} as const;

/** One of the values of {@linkcode ExitCode}. */
export type ExitCode = typeof ExitCode[keyof typeof ExitCode];

/**
 * Tells the exit code for what ended a run.
 *
 * @example
 * ```ts
 * import { exitCodeOf } from "./exit_code.ts";
 * import { UsageError } from "../errors.ts";
 * import { OutputError } from "./output.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(exitCodeOf(new UsageError("no")), 2);
 * ```
 */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return ExitCode.Usage;
  if (error instanceof ConnectionError) return ExitCode.Server;
  if (error instanceof ProtocolError) return ExitCode.Server;
  if (error instanceof StoppedError) return ExitCode.Stopped;
  if (error instanceof InterruptedError) {
    return error.signal === "SIGINT"
      ? ExitCode.Interrupted
      : ExitCode.Terminated;
  }
  if (error instanceof LockedError) return ExitCode.Locked;
  if (error instanceof InputError) return ExitCode.Input;
  if (error instanceof OutputError) return ExitCode.Output;
  if (error instanceof Deno.errors.BrokenPipe) return ExitCode.OutputGone;
  return ExitCode.Internal;
}

/** Tells the exit code of a run: by what ended it early, else by its rejects. */
export function codeOf(failure: unknown, rejected: number): ExitCode {
  if (failure !== undefined) return exitCodeOf(failure);
  return rejected > 0 ? ExitCode.Rejected : ExitCode.Ok;
}

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
