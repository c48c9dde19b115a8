/**
 * What goes to the two output streams.
 *
 * A terminal has one line that is redrawn, whoever else writes to it: so what
 * is printed here takes that line away first.
 *
 * @module
 */
const encoder = new TextEncoder();

/** From the cursor to the end of the screen (ECMA-48). */
const ERASE = "\x1b[J";

/** Whether there is a line to erase. */
let isDrawn = false;

/** Texts for standard output that are on their way. */
let printing = 0;

/**
 * Writes all of some bytes to standard output.
 *
 * @param bytes What to write.
 */
export async function writeOut(bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await Deno.stdout.write(bytes.subarray(done));
  }
}

/**
 * Writes text to standard output.
 *
 * @param text What to write, with its line breaks.
 */
export async function print(text: string): Promise<void> {
  eraseLine();
  printing++;
  try {
    await writeOut(encoder.encode(text));
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
  writeError(text);
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
  } catch (error) {
    // Nobody is there to be told.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
