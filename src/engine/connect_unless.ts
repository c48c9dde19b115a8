import { connect, type ConnectOptions } from "../transport/connect.ts";
import type { Connection } from "../transport/connection.ts";
import type { Wait } from "./wait.ts";

/**
 * Connects to a server, unless something ends the wait for it.
 *
 * @param wait What may end it; a connection that comes later is closed.
 * @throws What ended the wait.
 *
 * @example
 * ```ts
 * import { connectUnless } from "./connect_unless.ts";
 * import { Wait } from "./wait.ts";
 * import { assertRejects } from "@std/assert";
 *
 * const wait = new Wait();
 * wait.fail(new Error("not any more"));
 * await assertRejects(() => connectUnless(wait, { port: 1 }), Error, "not any");
 * ```
 */
export async function connectUnless(
  wait: Wait,
  server: ConnectOptions | undefined,
): Promise<Connection> {
  const connecting = connect(server);
  try {
    return await wait.for(connecting);
  } catch (error) {
    connecting.then((late) => late.close(), () => {});
    throw error;
  }
}
