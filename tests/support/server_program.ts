/** Valkey began as Redis 7.2. */
const VALKEY = [7, 2];

const version = findVersion();

/**
 * Whether the servers that tests start are older than a version of Redis: some
 * tests ask for what came later.
 *
 * @param major Such as 7.
 * @param minor Such as 2.
 */
export function isServerBefore(major: number, minor = 0): boolean {
  const [theirMajor, theirMinor] = version;
  return theirMajor < major || theirMajor === major && theirMinor < minor;
}

/** A test of what came with Redis 7. */
export const testOf7: typeof Deno.test.ignore = isServerBefore(7)
  ? Deno.test.ignore
  : Deno.test;

/** The programs that may be the server; the first one that is there is it. */
export function serverPrograms(): string[] {
  const chosen = Deno.env.get("REDIS_SERVER");
  return chosen ? [chosen] : ["redis-server", "valkey-server"];
}

/** The version of Redis that the server is, or began as. */
function findVersion(): number[] {
  for (const program of serverPrograms()) {
    try {
      const { stdout } = new Deno.Command(program, { args: ["--version"] })
        .outputSync();
      const text = new TextDecoder().decode(stdout);
      if (text.startsWith("Valkey")) return VALKEY;
      const found = /\bv=(\d+)\.(\d+)/.exec(text);
      if (found !== null) return found.slice(1).map(Number);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  // Whoever starts one will say that there is none.
  return VALKEY;
}
