import { ConnectionError } from "../errors.ts";
import { connect, type ConnectOptions } from "../transport/connect.ts";
import type { Connection } from "../transport/connection.ts";
import { backoff } from "../transport/retry.ts";
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

/**
 * Connects, and makes use of the connection at once; where it is lost meanwhile,
 * all over again.
 *
 * @param server Where and who; how long it is waited for is said apart.
 * @param patience That time, in ms.
 * @param use What is done with each connection.
 * @throws {ConnectionError} When it takes longer.
 */
export async function connectAnd(
  wait: Wait,
  server: ConnectOptions,
  patience: number,
  use: (connection: Connection) => Promise<void>,
): Promise<Connection> {
  const until = performance.now() + patience;
  for (let attempts = 1;; attempts++) {
    const retry = Math.max(0, until - performance.now());
    const connection = await connectUnless(wait, { ...server, retry });
    try {
      await wait.for(use(connection));
      return connection;
    } catch (error) {
      connection.close();
      const isOver = performance.now() >= until;
      if (isOver || !(error instanceof ConnectionError)) throw error;
    }
    await wait.pause(backoff(attempts));
  }
}
