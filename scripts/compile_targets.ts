/** The machines that a release has a binary for, as Rust's target triples. */
export const TARGETS: readonly string[] = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

/**
 * What a binary may do. Each permission is there for a flag or a feature, and
 * nothing else is: no `sys`, no `ffi`, no other variable of the environment.
 *
 * - `net`: servers and Redis Sentinels, whichever the user names. Which these
 *   are is not known before the flags are read.
 * - `read`: the sources, `--pass-file`, the certificates of TLS.
 * - `write`: `--rejects`. Connecting to a Unix socket takes `read` and `write`
 *   too.
 * - `run`: the command of `--via`.
 * - `sys`: the machine's name, for `--lock`.
 * - `env`: the variables that are read, one by one; a test compares the list
 *   with the sources.
 */
export const PERMISSIONS: readonly string[] = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-run",
  "--allow-sys=hostname",
  "--allow-env=REDISCLI_AUTH,REDIS_URL,RESPIPE_SENTINEL_AUTH,TERM",
];

/**
 * Names the file of a binary.
 *
 * @param version The version of respipe
 * @param target One of {@linkcode TARGETS}, or another triple
 * @returns The name, without a folder
 *
 * @example
 * ```ts
 * import { binaryName } from "./compile_targets.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   binaryName("1.2.0", "x86_64-pc-windows-msvc"),
 *   "respipe-1.2.0-x86_64-pc-windows-msvc.exe",
 * );
 * ```
 */
export function binaryName(version: string, target: string): string {
  const suffix = target.includes("windows") ? ".exe" : "";
  return `respipe-${version}-${target}${suffix}`;
}
