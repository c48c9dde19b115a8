/**
 * Writes a whole number with its thousands apart.
 *
 * @returns Such as `1,000,000`.
 *
 * @example
 * ```ts
 * import { formatCount } from "./counted.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatCount(1234567), "1,234,567");
 * ```
 */
export function formatCount(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/**
 * Writes how many of a thing there are.
 *
 * @param thing One of them, a word that takes an s.
 * @returns Such as `1 record` or `1,000 records`.
 */
export function counted(n: number, thing: string): string {
  return `${formatCount(n)} ${thing}${n === 1 ? "" : "s"}`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/**
 * Writes a number of bytes for people.
 *
 * @returns Such as `78.6 MB`; a MB has 1,000,000 bytes.
 */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  // 999,950 and more would be rounded to "1000.0".
  while (value >= (unit === 0 ? 1000 : 999.95) && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
