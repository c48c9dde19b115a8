import { connect, type ConnectOptions } from "../transport/connect.ts";
import type { Connection } from "../transport/connection.ts";
import type { RaceSlot } from "./race_slot.ts";

/**
 * Connects to a server, unless something ends the wait for it.
 *
 * @param end What may end it; a connection that comes later is closed.
 * @param server Where and who, as for `connect`.
 * @returns The connection, ready for commands.
 * @throws What ended the wait.
 *
 * @example
 * ```ts
 * import { connectUnless } from "./connect_unless.ts";
 * import { RaceSlot } from "./race_slot.ts";
 * import { assertRejects } from "@std/assert";
 *
 * const end = new RaceSlot();
 * end.failWith(new Error("not any more"));
 * await assertRejects(() => connectUnless(end, { port: 1 }), Error, "not any");
 * ```
 */
export async function connectUnless(
  end: RaceSlot,
  server: ConnectOptions | undefined,
): Promise<Connection> {
  const connecting = connect(server);
  try {
    return await end.race(connecting);
  } catch (error) {
    connecting.then((late) => late.close(), () => {});
    throw error;
  }
}
