/**
 * Tells errors that are one record's own from errors that would hit every
 * record after it.
 *
 * @module
 */

/** An error that makes going on pointless, and what to do about it. */
export interface StoppingError {
  /** What it means, and what to do: one sentence. */
  readonly advice: string;
}

const STOPPING: readonly (readonly [RegExp, string])[] = [
  [
    /^OOM /,
    "the server is full (maxmemory) and may evict nothing; give it more " +
    "memory or a maxmemory-policy that evicts",
  ],
  [
    /^READONLY /,
    "the server is a read-only replica; load into its primary",
  ],
  [
    /^NOAUTH /,
    "the server wants a password; give it with -a, or in REDISCLI_AUTH",
  ],
  [
    // Where it is about one key, other records' keys may be allowed.
    /^NOPERM .* run the '/,
    "the user may not run this command; allow it with ACL SETUSER, or use " +
    "another --user",
  ],
  [
    /^MISCONF /,
    "the server cannot save to its disk and refuses writes until it can; " +
    "see its log",
  ],
  [
    /^LOADING /,
    "the server is still reading its data set; try again when it is done",
  ],
  [
    /^MASTERDOWN /,
    "the server is a replica that has lost its primary; load into the primary",
  ],
  [
    /^NOREPLICAS /,
    "the server has too few good replicas to accept writes " +
    "(min-replicas-to-write)",
  ],
  [
    /^CLUSTERDOWN /,
    "the cluster is down; see CLUSTER INFO",
  ],
  [
    /^(MOVED|ASK) /,
    "the server is a cluster node and the key belongs to another one; " +
    "respipe cannot load into a cluster yet",
  ],
  [
    /^NOSCRIPT /,
    "the server does not have this script; load it with SCRIPT LOAD",
  ],
  [
    /^BUSY /,
    "the server is busy with a script or a function; try again when it is done",
  ],
  [
    /^ERR unknown (command|subcommand)/i,
    "the server does not know this command; see its version and its modules",
  ],
  [
    /^ERR wrong number of arguments/,
    "the template has too few or too many arguments for this command",
  ],
];

/**
 * Judges an error reply.
 *
 * @param error The server's text.
 * @param sameShape Whether every record makes commands with as many arguments,
 * so that a wrong number of them is every record's error.
 * @returns Why going on is pointless; nothing where the error is the record's
 * own.
 *
 * @example
 * ```ts
 * import { stoppingError } from "./error_kind.ts";
 * import { assert, assertEquals } from "@std/assert";
 *
 * assert(stoppingError("OOM command not allowed when used memory > ..."));
 * assertEquals(stoppingError("WRONGTYPE Operation against a key"), undefined);
 * ```
 */
export function stoppingError(
  error: string,
  sameShape = true,
): StoppingError | undefined {
  // What EXEC refused a transaction for is named behind this.
  const reason = error.replace(/^EXECABORT [^:]*because of: /, "");
  for (const [pattern, advice] of STOPPING) {
    if (!pattern.test(reason)) continue;
    if (!sameShape && error.startsWith("ERR wrong number")) return undefined;
    return { advice };
  }
  return undefined;
}
