import { ErrorTally } from "../engine/error_tally.ts";
import type { PipeError } from "../engine/pipe_ledger.ts";
import { formatCount } from "../engine/counted.ts";

/** Errors of one kind that are printed in full. */
const IN_FULL = 10;

/**
 * Prints the errors of a pipe: the first of each kind in full, the others as
 * a count, so that two million of one kind are not two million lines.
 *
 * @example
 * ```ts
 * import { ErrorPrinter } from "./error_printer.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const lines: string[] = [];
 * const printer = new ErrorPrinter((line) => lines.push(line));
 * printer.add({ error: "ERR no", command: 7 });
 * printer.end();
 * assertEquals(lines, ["ERR no (command 7)\n"]);
 * ```
 */
export class ErrorPrinter {
  readonly #tally = new ErrorTally();
  readonly #print: (text: string) => void;

  /**
   * Makes a printer.
   *
   * @param print Where the lines go.
   */
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
    this.#print(`${error.error} (${place}${what})\n`);
  }

  /** Prints how many errors were not printed in full. */
  end(): void {
    for (const { error, count } of this.#tally.kinds()) {
      if (count <= IN_FULL) continue;
      this.#print(`${error}: ${formatCount(count - IN_FULL)} more like this\n`);
    }
  }
}
