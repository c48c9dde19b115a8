import type { RejectFiles } from "../engine/reject_files.ts";

/**
 * Creates the reject files, where they are asked for.
 *
 * What writes them is imported only then: it costs start-up time.
 *
 * @param path Where rejected records go, if anywhere.
 * @param inputs Paths that must not be overwritten.
 * @returns The files.
 * @throws {UsageError} When a file cannot be written, or is an input.
 */
export async function openRejects(
  path: string | undefined,
  inputs: readonly string[],
): Promise<RejectFiles | undefined> {
  if (path === undefined) return undefined;
  const { RejectFiles } = await import("../engine/reject_files.ts");
  return new RejectFiles(path, inputs);
}
