/** Reads an environment variable, or nothing where that is not allowed. */
export type Environment = (name: string) => string | undefined;

/**
 * Reads an environment variable where that is allowed.
 *
 * Deno is asked first, so that a load without a password runs without the
 * permission to read the environment, and without a prompt for it.
 *
 * @param name The variable.
 * @returns Its value; nothing where it is unset, empty, or out of bounds.
 *
 * @example
 * ```ts
 * import { readVariable } from "./environment.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(readVariable("RESPIPE_NO_SUCH_VARIABLE"), undefined);
 * ```
 */
export function readVariable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  if (state !== "granted") return undefined;
  return Deno.env.get(name) || undefined;
}
