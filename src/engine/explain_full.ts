import type { ConnectOptions } from "../transport/connect.ts";
import { connect } from "../transport/connect.ts";
import { ask } from "../transport/ask.ts";

/** How long the server may take to tell its figures, in ms. */
const PATIENCE = 2_000;

const decoder = new TextDecoder();

/**
 * Asks a full server for the figures behind its refusal.
 *
 * @param server How to reach it.
 * @returns Such as `5.02M of maxmemory 5.00M used, maxmemory-policy
 * noeviction`; nothing where the server may not be asked.
 */
export async function explainFull(
  server: ConnectOptions,
): Promise<string | undefined> {
  try {
    using connection = await connect({
      ...server,
      connectTimeout: PATIENCE,
      retry: 0,
      allowReplica: true,
      onNotice: undefined,
    });
    const timer = setTimeout(() => connection.close(), PATIENCE);
    const reply = await ask(connection, ["INFO", "memory"])
      .finally(() => clearTimeout(timer));
    if (reply.kind !== "bulk" && reply.kind !== "verbatim") return undefined;
    const info = new Map(
      decoder.decode(reply.body).split("\r\n")
        .map((line) => line.split(":", 2) as [string, string]),
    );
    const used = info.get("used_memory_human");
    const most = info.get("maxmemory_human");
    const policy = info.get("maxmemory_policy");
    if (used === undefined || most === undefined) return undefined;
    return `${used} of maxmemory ${most} used, maxmemory-policy ${policy}`;
  } catch {
    // The figures are a courtesy: the refusal itself has been told already.
    return undefined;
  }
}
