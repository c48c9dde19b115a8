import { formatCount } from "../engine/counted.ts";
import { type ErrorKind, ErrorTally } from "../engine/error_tally.ts";
import { pipe } from "../engine/pipe.ts";
import type { PipeCounts, PipeError } from "../engine/pipe_ledger.ts";
import { totalSize } from "../transport/source.ts";
import { codeOf, ExitCode } from "./exit_code.ts";
import type { PipeOptions } from "./options.ts";
import { Notices, print, printable, printError } from "./output.ts";
import { formatJson } from "./report.ts";
import { startProgress } from "./start_progress.ts";
import { withServer } from "./with_server.ts";

/**
 * Runs `respipe pipe`, with the very lines of `redis-cli --pipe` on standard
 * output.
 *
 * @throws What ended it early, after the counts were printed.
 */
export async function runPipe(options: PipeOptions): Promise<number> {
  const { json, quiet } = options;
  const startedAt = new Date();
  const notices = new Notices(quiet);
  const printer = new ErrorPrinter(printError);
  const counts: PipeCounts = { replies: 0, errors: 0, bytes: 0 };
  // What redis-cli prints on the way; each waits for the one before.
  let printed = Promise.resolve();
  const tell = (line: string): void => {
    if (json || quiet) return;
    printed = printed.then(() => print(line));
    // Whoever waits for it in the end is told.
    printed.catch(() => {});
  };
  let failure: unknown;
  try {
    await withServer(options.server, notices.say, async (server, signal) => {
      let bytesExpected: number | undefined;
      using progress = await startProgress(options, () => ({
        source: counts.source,
        bytes: counts.bytes,
        bytesExpected,
        done: counts.replies,
        unit: "reply",
        errors: counts.errors,
        nodes: counts.cluster?.nodes.length,
      }));
      if (progress !== undefined) {
        bytesExpected = await totalSize(options.files);
      }
      await pipe({
        ...options.input,
        ...options.target,
        sources: options.files,
        server,
        signal,
        counts,
        onError: (error) => printer.add(error),
        onTransferred: () =>
          tell("All data transferred. Waiting for the last reply...\n"),
      });
    });
  } catch (error) {
    failure = error;
  }
  printer.end();
  const code = codeOf(failure, counts.errors);
  notices.end(code);
  try {
    if (failure === undefined) tell("Last reply received from server.\n");
    await printed;
    if (json) {
      const { replies, errors, bytes } = counts;
      const endedAt = new Date();
      await print(formatJson(options, code, failure, {
        startedAt: startedAt.toISOString(),
        endedAt: endedAt.toISOString(),
        seconds: (endedAt.getTime() - startedAt.getTime()) / 1000,
        bytesIn: bytes,
        replies,
        errorReplies: errors,
        errors: printer.kinds(),
        ...counts.cluster,
      }));
    } else if (
      (failure === undefined || counts.replies > 0) &&
      !(quiet && code === ExitCode.Ok)
    ) {
      await print(`errors: ${counts.errors}, replies: ${counts.replies}\n`);
    }
  } catch (error) {
    failure ??= error;
  }
  if (failure !== undefined) throw failure;
  return code;
}

/** Errors of one kind that are printed in full. */
const IN_FULL = 10;

/**
 * Prints the errors of a pipe: the first of each kind in full, the others as
 * a count, so that two million of one kind are not two million lines.
 */
export class ErrorPrinter {
  readonly #tally = new ErrorTally();
  readonly #print: (text: string) => void;

  /** Makes a printer. */
  constructor(print: (text: string) => void) {
    this.#print = print;
  }

  /**
   * Prints or counts one error.
   *
   * @param error The server's text, and the command where it is known.
   */
  add(error: PipeError): void {
    const { command, source, offset, text } = error;
    const place = source === undefined
      ? `command ${command}`
      : `command ${command}, ${source} byte ${offset}`;
    const count = this.#tally.add(error.error, place);
    if (count > IN_FULL) return;
    const what = text === undefined ? "" : `: ${text}`;
    this.#print(`${printable(error.error)} (${printable(place + what)})\n`);
  }

  /**
   * Tells what there was.
   *
   * @returns The kinds of errors with their counts and first places.
   */
  kinds(): ErrorKind[] {
    return this.#tally.kinds();
  }

  /** Prints how many errors were not printed in full. */
  end(): void {
    for (const { error, count } of this.#tally.kinds()) {
      if (count <= IN_FULL) continue;
      this.#print(
        `${printable(error)}: ${formatCount(count - IN_FULL)} more like this\n`,
      );
    }
  }
}
