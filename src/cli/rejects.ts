import { counted, formatCount } from "../engine/counted.ts";
import type { KeptFile } from "../engine/load_state.ts";
import type { KnownReject } from "../engine/reject.ts";
import type { RejectFiles } from "../engine/reject_files.ts";
import type { Summary } from "../engine/summary.ts";
import { UsageError } from "../errors.ts";
import { isUrl } from "../transport/url_source.ts";
import { printError } from "./output.ts";
import { formatErrors } from "./report.ts";

/** A reject file that was written. */
export type WrittenFile = ReturnType<RejectFiles["close"]>[number];

/**
 * Opens the files for rejects, where they are wanted; what writes them is
 * loaded only then.
 *
 * @param inputs Paths that are read and must not be overwritten.
 * @param kept Files of a load that goes on, which are appended to.
 * @throws {UsageError} When a file cannot be written, or is an input.
 */
export async function openRejects(
  path: string | undefined,
  inputs: readonly string[],
  kept?: readonly KeptFile[],
): Promise<RejectFiles | undefined> {
  if (path === undefined) return undefined;
  refuseUnpermitted(path);
  const { RejectFiles } = await import("../engine/reject_files.ts");
  const paths = inputs.filter((input) => !isUrl(input));
  return new RejectFiles(path, paths, kept);
}

/**
 * Reads what an earlier run has reported behind what is kept of its rejects.
 *
 * @param kept The files, and how much of them is kept.
 * @returns The rejects of which the server refused a command.
 */
export async function rejectsBehind(
  path: string | undefined,
  kept: readonly KeptFile[],
): Promise<KnownReject[] | undefined> {
  if (path === undefined) return undefined;
  refuseUnpermitted(path);
  const { RejectFiles } = await import("../engine/reject_files.ts");
  return RejectFiles.behind(path, kept);
}

/** Names all that Deno has to permit at once, rather than one by one. */
function refuseUnpermitted(path: string): void {
  // On a terminal Deno asks.
  if (Deno.stdin.isTerminal()) return;
  const files = [path, `${path}.errors.csv`];
  const missing = (["read", "write"] as const).filter((name) =>
    files.some((file) =>
      Deno.permissions.querySync({ name, path: file }).state !== "granted"
    )
  );
  if (missing.length === 0) return;
  const flags = missing.map((name) => `--allow-${name}=${files.join(",")}`);
  throw new UsageError(
    `Cannot write ${path}: Deno has no permission for it; add ` +
      flags.join(" "),
    "--rejects",
  );
}

/**
 * Prints what was rejected: a line per kind of error, and where the records
 * went.
 *
 * @param files The reject files, where there are any.
 */
export function printRejects(
  summary: Summary,
  files: readonly WrittenFile[] = [],
): void {
  if (summary.rejected === 0) return;
  printError(`rejected ${counted(summary.rejected, "record")}:\n`);
  printError(formatErrors(summary.errors.kinds()));
  for (const { path, records } of files) {
    printError(`  ${formatCount(records)} written to ${path}\n`);
  }
  if (files.length > 0) {
    const [{ path }] = files;
    printError(`  the error of each: ${path}.errors.csv\n`);
  }
}
