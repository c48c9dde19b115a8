/**
 * What a program shows on a terminal.
 *
 * ```ts ignore
 * const { code, screen } = await runInTerminal("respipe load ...", 80);
 * ```
 *
 * @module
 */
import { findProgram } from "../../scripts/find_program.ts";

/** Why there is no terminal to be had, if there is none. */
export const NO_TERMINAL: string | undefined =
  // Other systems' script takes other flags.
  Deno.build.os !== "linux"
    ? "only Linux has this script"
    : await findProgram("script") === undefined
    ? "there is no script (util-linux) here"
    : undefined;

/** What became of a program on a terminal. */
export interface TerminalRun {
  /** Its exit code. */
  code: number;
  /** All that it wrote, escape codes among it. */
  output: string;
  /** What is left on the screen in the end. */
  screen: string;
}

/**
 * Runs a shell's command line on a terminal of its own.
 *
 * @param line The command line.
 * @param columns The terminal's width.
 * @param env Variables to set.
 * @returns What it wrote.
 */
export async function runInTerminal(
  line: string,
  columns: number,
  env: Record<string, string> = {},
): Promise<TerminalRun> {
  const { code, stdout } = await new Deno.Command("script", {
    args: [
      "--quiet",
      "--return",
      "--command",
      `stty cols ${columns} rows 24; ${line}`,
      "/dev/null",
    ],
    // A test's own would say something about colours.
    env: { TERM: "xterm", NO_COLOR: "1", ...env },
    stdin: "null",
    stderr: "inherit",
  }).output();
  const output = new TextDecoder().decode(stdout);
  return { code, output, screen: screenOf(output) };
}

/**
 * Finds the lines that were drawn to be redrawn or erased.
 *
 * @param output What was written.
 * @returns The lines, in order.
 */
export function drawnLines(output: string): string[] {
  return output.split("\x1b[J\r").slice(0, -1)
    .map((text) => text.slice(text.lastIndexOf("\r") + 1));
}

/**
 * Tells what a terminal shows in the end of lines, carriage returns, and
 * what is erased from the cursor on. Wrapping is not among it.
 *
 * @param output What was written.
 * @returns The lines.
 */
export function screenOf(output: string): string {
  const lines: string[] = [""];
  let column = 0;
  // deno-lint-ignore no-control-regex
  for (const [token] of output.matchAll(/\x1b\[J|[^]/gu)) {
    const last = lines.length - 1;
    if (token === "\n") lines.push("");
    else if (token === "\r") column = 0;
    else if (token === "\x1b[J") lines[last] = lines[last].slice(0, column);
    else {
      const line = lines[last].padEnd(column);
      lines[last] = line.slice(0, column) + token + line.slice(column + 1);
      column++;
    }
  }
  return lines.join("\n");
}
