import { errorIn } from "../protocol/reply.ts";
import { askWithin } from "../transport/ask.ts";
import type { Connection } from "../transport/connection.ts";
import { isSameProcess } from "../transport/server_info.ts";

/** How long an answer may take, in ms. */
const PATIENCE = 10_000;

/**
 * Has the server close a lost connection before what was sent on it is sent
 * again: what the server, the network or a proxy still holds of it would be
 * executed behind newer writes, and leave the older values.
 *
 * Where another process has taken its place there is no such connection.
 *
 * @param lost The connection.
 * @param made The one in its place; nothing is in flight on it.
 * @param onNotice Told where the user may not have it closed.
 * @throws {ConnectionError} When that is lost, too.
 */
export async function sever(
  lost: Connection,
  made: Connection,
  onNotice?: (sentence: string) => void,
): Promise<void> {
  const { id, server } = lost;
  if (isSameProcess(server, made.server) !== true) return;
  if (id !== undefined) {
    // A proxy's connection to the server may be every client's.
    if (id === made.id) return;
    const kill = ["CLIENT", "KILL", "ID", id];
    const [reply] = await askWithin(made, [kill], PATIENCE);
    // Without a reply the new one is lost, too: who uses it finds out.
    if (reply === undefined || errorIn(reply) === undefined) return;
  }
  onNotice?.(
    `${made.address} does not let respipe close the lost connection (CLIENT ` +
      "ID, CLIENT KILL): of a key that is written twice, what comes late may " +
      "leave the older value",
  );
}
