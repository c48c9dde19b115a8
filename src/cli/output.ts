const encoder = new TextEncoder();

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
  await writeOut(encoder.encode(text));
}

/**
 * Writes text to standard error.
 *
 * @param text What to write, with its line breaks.
 */
export function printError(text: string): void {
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
