/**
 * What goes to the two output streams.
 *
 * A terminal has one line that is redrawn, whoever else writes to it: so what
 * is printed here takes that line away first.
 *
 * @module
 */
import { reasonOf } from "../transport/reason.ts";

const encoder = new TextEncoder();

/** From the cursor to the end of the screen (ECMA-48). */
const ERASE = "\x1b[J";

/** Whether there is a line to erase. */
let isDrawn = false;

/** Texts for standard output that are on their way. */
let printing = 0;

/** What a terminal might obey: controls, and what turns text around. */
// deno-lint-ignore no-control-regex
const UNPRINTABLE = /[\0-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Standard output takes no more: a full disk, a closed device; exit code 74. */
export class OutputError extends Error {
  /** The name shown in front of the message. */
  override readonly name = "OutputError";
}

/**
 * Shows data that stands in a text as text, whatever it is: file names, names
 * of columns, a server's words.
 *
 * @returns The text with what a terminal might obey as JSON would write it.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => {
    const short = JSON.stringify(char).slice(1, -1);
    return short.length > 1
      ? short
      : `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/**
 * Writes all of some bytes to standard output.
 *
 * @throws {OutputError} When they cannot be written.
 * @throws {Deno.errors.BrokenPipe} When whoever reads them has gone away.
 */
export async function writeOut(bytes: Uint8Array): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;) {
      done += await Deno.stdout.write(bytes.subarray(done));
    }
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw error;
    throw new OutputError(
      `Cannot write to standard output: ${reasonOf(error, "--allow-all")}`,
      { cause: error },
    );
  }
}

/**
 * Writes text to standard output.
 *
 * @param text What to write, with its line breaks.
 * @throws {OutputError} When it cannot be written.
 */
export async function print(text: string): Promise<void> {
  eraseLine();
  printing++;
  try {
    await writeOut(encoder.encode(lines(text)));
  } finally {
    printing--;
  }
}

/**
 * Writes text to standard error.
 *
 * @param text What to write, with its line breaks.
 */
export function printError(text: string): void {
  eraseLine();
  writeError(lines(text));
}

/**
 * Says something on standard error.
 *
 * @param sentence What to say, with whatever data is quoted in it: it becomes
 * one line, with respipe's name in front.
 */
export function say(sentence: string): void {
  printError(`respipe: ${printable(sentence)}\n`);
}

/** A text that is fit for a terminal, with its line breaks. */
function lines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

/**
 * Draws a line on standard error in place of the last one.
 *
 * All is written at once, and nothing is erased before it is overwritten, so
 * that it does not flicker. The cursor goes back to the line's beginning: when
 * a window becomes narrower, most terminals break the line in two, and the
 * cursor is still above all of it.
 *
 * @param line What to draw: no wider than the terminal, without a line break.
 */
export function drawLine(line: string): void {
  if (printing > 0) return;
  isDrawn = true;
  writeError(`\r${line}${ERASE}\r`);
}

/** Erases the line that was drawn, where there is one. */
export function eraseLine(): void {
  if (!isDrawn) return;
  isDrawn = false;
  writeError(`\r${ERASE}`);
}

function writeError(text: string): void {
  const bytes = encoder.encode(text);
  try {
    for (let done = 0; done < bytes.length;) {
      done += Deno.stderr.writeSync(bytes.subarray(done));
    }
  } catch {
    // Nobody can be told: the exit code has to do.
  }
}

/** Takes a sentence for people. */
export type Say = (sentence: string) => void;

/**
 * What is said on the way, about waiting for a server and the like. With
 * `--quiet` it is kept until it is known whether all went well: a load that had
 * to wait and went through is no reason for a mail.
 *
 * @example
 * ```ts
 * import { Notices } from "./output.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const said: string[] = [];
 * const notices = new Notices(true, (sentence) => said.push(sentence));
 * notices.say("waiting");
 * assertEquals(said, []);
 * notices.end(4);
 * assertEquals(said, ["waiting"]);
 * ```
 */
export class Notices {
  /** Says a sentence, or keeps it. */
  readonly say: Say;
  readonly #out: Say;
  #kept: string[] = [];

  /**
   * Begins.
   *
   * @param out Where it goes. Default: standard error.
   */
  constructor(isQuiet: boolean, out: Say = say) {
    this.#out = out;
    this.say = isQuiet ? (sentence) => this.#kept.push(sentence) : out;
  }

  /** Says what was kept, where not all went well. */
  end(exitCode: number): void {
    if (exitCode !== 0) {
      for (const sentence of this.#kept) {
        this.#out(sentence);
      }
    }
    this.#kept = [];
  }
}
