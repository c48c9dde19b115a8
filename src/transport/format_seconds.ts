/**
 * Writes a time for people: what is left of a wait is rarely a round number.
 *
 * @param ms The time, in ms.
 * @returns Seconds with at most three digits that count, such as `0.05`, `30`.
 *
 * @example
 * ```ts
 * import { formatSeconds } from "./format_seconds.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatSeconds(999.9978370000001), "1");
 * assertEquals(formatSeconds(90_000), "90");
 * ```
 */
export function formatSeconds(ms: number): string {
  return String(Number((ms / 1000).toPrecision(3)));
}
