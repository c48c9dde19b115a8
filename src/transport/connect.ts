import { ConnectionError } from "../errors.ts";
import { DEFAULT_ADDRESS } from "./address.ts";
import { Connection } from "./connection.ts";
import { handshake, type HandshakeOptions } from "./handshake.ts";

/** How to reach a server and who to be there. */
export interface ConnectOptions extends HandshakeOptions {
  /** Host name or IP address. Default: 127.0.0.1. */
  host?: string | undefined;
  /** TCP port. Default: 6379. */
  port?: number | undefined;
  /** How long connecting may take, in ms. Default: 10,000; 0 is for ever. */
  connectTimeout?: number | undefined;
}

/** The default of {@linkcode ConnectOptions.connectTimeout}, in ms. */
export const CONNECT_TIMEOUT = 10_000;

/**
 * Connects to a server and makes the connection ready for commands.
 *
 * @param options Where and who; the server on this machine's port 6379 by
 * default.
 * @returns The connection, authenticated and in its database.
 * @throws {ConnectionError} When the server cannot be reached or refuses.
 *
 * @example
 * ```ts
 * import { connect } from "@respipe/respipe";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => connect({ port: 1 }), Error, "Cannot connect");
 * ```
 */
export async function connect(
  options: ConnectOptions = {},
): Promise<Connection> {
  const timeout = options.connectTimeout ?? CONNECT_TIMEOUT;
  const connection = await Connection.open(
    {
      host: options.host ?? DEFAULT_ADDRESS.host,
      port: options.port ?? DEFAULT_ADDRESS.port,
    },
    timeout,
  );
  let late = false;
  const timer = timeout > 0
    ? setTimeout(() => {
      late = true;
      connection.close();
    }, timeout)
    : undefined;
  try {
    await handshake(connection, options);
    return connection;
  } catch (error) {
    connection.close();
    if (!late) throw error;
    const { address } = connection;
    throw new ConnectionError(
      `Cannot use ${address}: it accepts connections but has not answered ` +
        `for ${timeout / 1000} s (--connect-timeout)`,
      address,
    );
  } finally {
    clearTimeout(timer);
  }
}
