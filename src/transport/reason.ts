import { tlsReason } from "./tls_reason.ts";

/**
 * Says in plain words why the system or Deno refused something.
 *
 * @param error What was thrown.
 * @param flags The flags that grant what it takes, where Deno's own permissions
 * may be the reason.
 * @returns A reason to be read after "Cannot ...:".
 *
 * @example
 * ```ts
 * import { reasonOf } from "./reason.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new Deno.errors.NotFound("No such file (os error 2)");
 * assertEquals(reasonOf(error, "--allow-read=a.csv"), "no such file");
 * ```
 */
export function reasonOf(
  error: unknown,
  flags: string,
): string {
  if (error instanceof Deno.errors.NotCapable) {
    return `Deno has no permission for it; add ${flags}`;
  }
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied) {
    return "the system denies permission";
  }
  if (error instanceof Deno.errors.ConnectionRefused) {
    return "the connection was refused; is the server running there?";
  }
  if (error instanceof Deno.errors.ConnectionReset) {
    return "the connection was reset";
  }
  if (error instanceof Deno.errors.BrokenPipe) {
    return "the server closed the connection";
  }
  const tls = tlsReason(error);
  if (tls !== undefined) return tls;
  const text = error instanceof Error ? error.message : String(error);
  if (/failed to lookup address|ENOTFOUND|EAI_/.test(text)) {
    return "the name of the host is not known";
  }
  if (/no space left/i.test(text)) return "no space is left there";
  return text.replace(/ \(os error \d+\)/, "");
}

const LOST = [
  Deno.errors.BrokenPipe,
  Deno.errors.ConnectionAborted,
  Deno.errors.ConnectionReset,
  Deno.errors.NotConnected,
  Deno.errors.TimedOut,
  Deno.errors.UnexpectedEof,
];

/**
 * Tells a lost connection from a mistake.
 *
 * @param error What reading or writing has thrown.
 * @returns Whether the other side, or the way to it, has gone.
 *
 * @example
 * ```ts
 * import { isLostConnection } from "./reason.ts";
 * import { assert } from "@std/assert";
 *
 * assert(isLostConnection(new Deno.errors.ConnectionReset("reset")));
 * assert(!isLostConnection(new RangeError("a mistake")));
 * ```
 */
export function isLostConnection(error: unknown): boolean {
  // The system's other words for it (no route, network down) have no class.
  return LOST.some((kind) => error instanceof kind) ||
    (error instanceof Error && /os error/.test(error.message));
}

/**
 * Tells what will not go away by waiting.
 *
 * @param error What connecting has thrown.
 * @returns Whether trying again is pointless: a missing permission, or TLS
 * that does not fit.
 */
export function isUsersMistake(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable ||
    error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.InvalidData ||
    tlsReason(error) !== undefined;
}
