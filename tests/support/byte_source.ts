import type { Source } from "../../src/transport/source.ts";

/**
 * A source of bytes that come in the pieces that a test wants.
 *
 * @param name What to call it.
 * @param input The bytes.
 * @param size How many there may be in the next read; as many as fit by
 * default.
 * @returns The source; it can be read once.
 */
export function byteSource(
  name: string,
  input: Uint8Array | string,
  size: () => number = () => Infinity,
): Source & { closed: boolean } {
  const bytes = typeof input === "string"
    ? new TextEncoder().encode(input)
    : input;
  let at = 0;
  return {
    name,
    closed: false,
    // Not at once: a reader must not count on that.
    async read(into: Uint8Array): Promise<number | null> {
      await Promise.resolve();
      if (at === bytes.length) return null;
      const end = Math.min(bytes.length, at + Math.min(into.length, size()));
      into.set(bytes.subarray(at, end));
      const count = end - at;
      at = end;
      return count;
    },
    close(): void {
      this.closed = true;
    },
  };
}
