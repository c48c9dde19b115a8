import { assert, assertEquals, assertMatch } from "@std/assert";
import { load, type LoadOptions, Summary } from "../../mod.ts";
import type { Reject } from "../../src/engine/reject.ts";

/** How a load ended. */
export interface LoadOutcome {
  /** The counts. */
  summary: Summary;
  /** What it threw, if it did. */
  error: unknown;
  /** What it rejected. */
  rejects: Reject[];
}

/**
 * Loads, however that ends.
 *
 * @param options As for `load`; without `retry`, what is lost is lost.
 * @returns The counts and the error, once the counts are found to add up.
 */
export async function tryLoad(options: LoadOptions): Promise<LoadOutcome> {
  const summary = options.summary ?? new Summary();
  const rejects: Reject[] = [];
  let error: unknown;
  try {
    await load({
      ...options,
      server: { retry: 0, ...options.server },
      summary,
      onReject: (reject, isLast) => {
        rejects.push(reject);
        options.onReject?.(reject, isLast);
      },
    });
  } catch (thrown) {
    error = thrown;
  }
  const { records, loaded, rejected, unknown } = summary;
  const counts = `${loaded} + ${rejected} + ${unknown} of ${records}`;
  assertEquals(loaded + rejected + unknown, records, counts);
  assert(Math.min(loaded, rejected, unknown) >= 0, counts);
  assertEquals(rejects.length, rejected, "rejects told and counted");
  if (error === undefined) assertEquals(unknown, 0, counts);
  return { summary, error, rejects };
}

/**
 * Checks that standard error has one sentence of respipe and nothing else, but
 * for the command that goes on.
 *
 * @param stderr What was printed.
 * @param sentence What it must say.
 */
export function assertSentence(stderr: string, sentence: RegExp): void {
  const said = withoutContinuation(stderr);
  assertMatch(said, /^respipe: [^\n]+\n$/);
  assertMatch(said, sentence);
}

/**
 * Leaves out the command that goes on.
 *
 * @param stderr What a load printed that ended early.
 * @returns What is in front of that.
 */
export function withoutContinuation(stderr: string): string {
  return stderr.replace(/respipe: to go on[^\n]+\n$/, "");
}

/** A summary as `--json` prints it. */
export interface JsonSummary {
  [name: string]: unknown;
  /** The exit code. */
  exitCode: number;
  /** The sentence on standard error. */
  message: string | null;
  /** Records read. */
  records: number;
  /** Records that are in. */
  loaded: number;
  /** Records that are not. */
  rejected: number;
  /** Records of which nobody knows. */
  unknown: number;
  /** Where to go on. */
  next: { source: string; record: number; line: number; offset: number } | null;
  /** Rejects by kind. */
  errors: { error: string; count: number; first: string[] }[];
}

/**
 * Reads what `--json` printed and checks that its counts add up.
 *
 * @param stdout The whole standard output.
 * @returns The object.
 */
export function readSummary(stdout: string): JsonSummary {
  assertMatch(stdout, /^\{[^\n]*\}\n$/);
  const summary: JsonSummary = JSON.parse(stdout);
  const { records, loaded, rejected, unknown } = summary;
  assertEquals(loaded + rejected + unknown, records, stdout);
  assert(Math.min(loaded, rejected, unknown) >= 0, stdout);
  return summary;
}

/**
 * Waits until something is so; the limit keeps a mistake from hanging a test.
 *
 * @param isSo Looks.
 * @param what What is waited for.
 */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!await isSo()) {
    if (Date.now() > deadline) throw new Error(`Cannot wait for ${what}`);
    await new Promise((wake) => setTimeout(wake, 5));
  }
}

/**
 * Fails when work takes so long that it must hang.
 *
 * @param work What is to end.
 * @param what What it is.
 * @param ms How long is too long.
 * @returns What the work gives.
 */
export async function bounded<T>(
  work: Promise<T>,
  what: string,
  ms = 90_000,
): Promise<T> {
  const clock = Promise.withResolvers<never>();
  const timer = setTimeout(() => clock.reject(new Error(`hangs: ${what}`)), ms);
  try {
    return await Promise.race([work, clock.promise]);
  } finally {
    clearTimeout(timer);
  }
}
