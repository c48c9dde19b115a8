/** How many tests ended which way. */
export interface Tally {
  /** Tests that passed. */
  passed: number;
  /** Tests that failed, and runs that broke before they could. */
  failed: number;
  /** Tests that were not run. */
  skipped: number;
}

// As `deno test` ends: "ok | 3 passed (2 steps) | 0 failed | 1 ignored (8ms)".
const SUMMARY =
  /^(?:ok|FAILED) \| (\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed(?: \(\d+ steps?\))?(?: \| (\d+) ignored)?/;

// deno-lint-ignore no-control-regex
const COLOUR = /\x1b\[[0-9;]*m/g;

/**
 * Reads one line of what `deno test` prints.
 *
 * @param line The line
 * @returns The tally, where the line is the one that sums up
 */
export function readTally(line: string): Tally | undefined {
  const match = SUMMARY.exec(line.replace(COLOUR, ""));
  if (match === null) return undefined;
  const [, passed, failed, skipped = "0"] = match;
  return {
    passed: Number(passed),
    failed: Number(failed),
    skipped: Number(skipped),
  };
}

/**
 * Says how a run ended, so that a broken run never looks like a good one.
 *
 * A run that was cut short, did not type-check or ran no test counts as one
 * failed test, whatever its summary says.
 *
 * @param tally The last summary, if the run got that far
 * @param exitCode How `deno test` exited
 * @returns The tally to report
 */
export function settleTally(
  tally: Tally | undefined,
  exitCode: number,
): Tally {
  const settled = tally ?? { passed: 0, failed: 0, skipped: 0 };
  const ran = settled.passed + settled.failed > 0;
  const broken = settled.failed === 0 && (exitCode !== 0 || !ran);
  return broken ? { ...settled, failed: 1 } : settled;
}

/**
 * Writes the line that ends a test run.
 *
 * @param tally What to report
 * @returns `N passed, N failed`, and `, N skipped` where some were
 */
export function formatTally(tally: Tally): string {
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : "";
  return `${tally.passed} passed, ${tally.failed} failed${skipped}`;
}
