import { until } from "./outcome.ts";

/**
 * Waits until a process has taken the signals that were sent to it: one that
 * does not get to run has them pending. Other systems than Linux do not say so.
 *
 * @param child The process, which outlives them.
 */
export async function signalsTaken(child: Deno.ChildProcess): Promise<void> {
  if (Deno.build.os !== "linux") return;
  const path = `/proc/${child.pid}/status`;
  await until(
    async () => /ShdPnd:\s+0+\n/.test(await Deno.readTextFile(path)),
    "the signals to be taken",
  );
}
