/** Reads an environment variable, or nothing where that is not allowed. */
export type Environment = (name: string) => string | undefined;

/**
 * Tells whether Deno permits a look at an environment variable.
 *
 * Asking does not prompt. Whether the variable is set cannot be known without.
 */
export function mayRead(name: string): boolean {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted";
}

/**
 * Reads an environment variable where that is allowed, so that a load runs
 * without the permission to read the environment, and without a prompt for it.
 *
 * @returns Its value; nothing where it is unset, empty, or out of bounds.
 */
export function readVariable(name: string): string | undefined {
  return mayRead(name) ? Deno.env.get(name) || undefined : undefined;
}
