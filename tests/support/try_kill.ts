/**
 * Signals a process that may have ended by itself meanwhile.
 *
 * @param child The process.
 * @param signal The signal.
 * @returns Whether it was still there.
 */
export function tryKill(
  child: Deno.ChildProcess,
  signal: Deno.Signal,
): boolean {
  try {
    child.kill(signal);
    return true;
  } catch (error) {
    const isGone = error instanceof TypeError ||
      error instanceof Deno.errors.NotFound;
    if (!isGone) throw error;
    return false;
  }
}
