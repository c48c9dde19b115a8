import type { ConnectOptions } from "../transport/connect.ts";
import { connect } from "../transport/connect.ts";
import { ask, within } from "../transport/ask.ts";
import { infoFields } from "../transport/server_info.ts";

/** How long the server may take to tell its figures, in ms. */
const PATIENCE = 2_000;

const TOO_LATE = new Error("Cannot wait for figures any longer");

/**
 * Asks a full server for the figures behind its refusal.
 *
 * @returns Such as `5.02M of maxmemory 5.00M used, maxmemory-policy
 * noeviction`; nothing where it is not full, or may not be asked.
 */
export async function explainFull(
  reply: string,
  server: ConnectOptions | undefined,
): Promise<string | undefined> {
  // EXEC names what it refuses a transaction for.
  if (!/^(EXECABORT .*: )?OOM /.test(reply)) return undefined;
  if (server === undefined) return undefined;
  try {
    using connection = await connect({
      ...server,
      connectTimeout: PATIENCE,
      retry: 0,
      allowReplica: true,
      onNotice: undefined,
      beforeConnect: undefined,
    });
    const asking = ask(connection, ["INFO", "memory"]);
    const answer = await within(connection, PATIENCE, asking, () => TOO_LATE);
    const info = infoFields(answer);
    const used = info?.get("used_memory_human");
    const most = info?.get("maxmemory_human");
    const policy = info?.get("maxmemory_policy");
    if (used === undefined || most === undefined) return undefined;
    return `${used} of maxmemory ${most} used, maxmemory-policy ${policy}`;
  } catch {
    // The figures are a courtesy: the refusal itself has been told already.
    return undefined;
  }
}
