/** Copies of at least this many bytes are left to `set`. */
const LONG_COPY = 64;

/**
 * Copies bytes that are mostly few, where a view and a call of `set` would cost
 * more than the bytes do.
 *
 * @param bytes Where they are.
 * @param from Index of the first one.
 * @param to Index behind the last one.
 * @param output Where they go; there must be room.
 * @param at Index of the first byte to write.
 * @returns The index behind the last byte written.
 *
 * @example
 * ```ts
 * import { copyBytes } from "./copy_bytes.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const output = new Uint8Array(4);
 * assertEquals(copyBytes(new Uint8Array([7, 8, 9]), 1, 3, output, 1), 3);
 * assertEquals([...output], [0, 8, 9, 0]);
 * ```
 */
export function copyBytes(
  bytes: Uint8Array,
  from: number,
  to: number,
  output: Uint8Array,
  at: number,
): number {
  if (to - from >= LONG_COPY) {
    output.set(bytes.subarray(from, to), at);
    return at + to - from;
  }
  while (from < to) output[at++] = bytes[from++];
  return at;
}
