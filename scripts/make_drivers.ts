/**
 * Writes the drivers table as CSV to standard output.
 *
 * Usage: deno run scripts/make_drivers.ts [ROWS] [SEED] > drivers.csv
 *
 * @module
 */
import { driversCsv } from "./drivers.ts";
import { runMain } from "./run_main.ts";

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) {
    throw new RangeError(
      `Cannot parse ${name} "${text}": must be a whole number`,
    );
  }
  return Number(text);
}

function main([rows = "1000000", seed]: string[]): number {
  try {
    const chunks = driversCsv({
      rows: wholeNumber("ROWS", rows),
      ...(seed === undefined ? {} : { seed: wholeNumber("SEED", seed) }),
    });
    for (const chunk of chunks) {
      let at = 0;
      while (at < chunk.length) at += Deno.stdout.writeSync(chunk.subarray(at));
    }
    return 0;
  } catch (error) {
    // Whoever read us has had enough: `make_drivers.ts | head`.
    if (error instanceof Deno.errors.BrokenPipe) return 0;
    console.error(error instanceof Error ? error.message : String(error));
    return 2;
  }
}

if (import.meta.main) await runMain(main);
