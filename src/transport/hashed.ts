import { around, openSource, type Source } from "./source.ts";
import type { Validator } from "./url_source.ts";

/** Bytes of a file that are read at once where it is read for its hash only. */
const CHUNK = 1024 * 1024;

/**
 * Hashes a source's bytes while they are read: no second pass, and about half
 * a millisecond for each MB.
 *
 * @param source The source; closing the one returned closes it.
 * @param tell Told the hash at the end; never where a part was passed over.
 */
export async function hashed(
  source: Source,
  tell: (hash: Validator) => void,
): Promise<Source> {
  // It costs start-up time, and few need it.
  const { createHash } = await import("node:crypto");
  let hash: ReturnType<typeof createHash> | undefined = createHash("sha256");
  return around(source, {
    async read(into: Uint8Array): Promise<number | null> {
      const count = await source.read(into);
      if (count !== null) {
        hash?.update(into.subarray(0, count));
        return count;
      }
      if (hash !== undefined) {
        tell({ kind: "SHA-256", value: hash.digest("hex") });
      }
      hash = undefined;
      return null;
    },
    seek: source.seek && ((offset): Promise<void> => {
      hash = undefined;
      return source.seek!(offset);
    }),
  });
}

/**
 * Hashes a file.
 *
 * @returns The hash of its bytes as they are stored.
 * @throws {InputError} When it cannot be read.
 */
export async function hashOf(path: string): Promise<Validator> {
  const { promise, resolve } = Promise.withResolvers<Validator>();
  const source = await hashed(await openSource(path), resolve);
  try {
    const into = new Uint8Array(CHUNK);
    while (await source.read(into) !== null);
  } finally {
    source.close();
  }
  return await promise;
}
