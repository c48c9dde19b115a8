import { askWithin } from "../transport/ask.ts";
import type { Connection } from "../transport/connection.ts";

/** How long an answer may take, in ms. */
const PATIENCE = 10_000;

/**
 * Has the server close a lost connection before what was sent on it is sent
 * again: what the server, the network or a proxy still holds of it would be
 * executed behind newer writes, and leave the older values.
 *
 * Where another process has taken its place there is no such connection; where
 * the user may not say `CLIENT KILL`, nothing can be done.
 *
 * @param lost The connection.
 * @param made The one in its place; nothing is in flight on it.
 * @throws {ConnectionError} When that is lost, too.
 */
export async function sever(lost: Connection, made: Connection): Promise<void> {
  const { id, server } = lost;
  const isSame = server?.runId !== undefined &&
    server.runId === made.server?.runId;
  // A proxy's connection to the server may be every client's.
  if (!isSame || id === undefined || id === made.id) return;
  await askWithin(made, [["CLIENT", "KILL", "ID", id]], PATIENCE);
}
