import { ConnectionError } from "../errors.ts";
import type { ConnectOptions } from "../transport/connect.ts";

/**
 * Works with a server that perhaps a command opens the way to; the way is
 * closed in the end, however that comes.
 *
 * @param via The command's words; none where the server is within reach.
 * @param server Where and who.
 * @param signal Ends the wait for the way to open.
 * @param work What to do; it is told how to connect.
 * @returns What the work gives.
 * @throws {UsageError} When the command cannot be started.
 * @throws {ConnectionError} When the way does not open.
 * @throws What the work throws; where the connection was lost, with the last
 * words of the command.
 */
export async function throughWay<T>(
  via: readonly string[] | undefined,
  server: ConnectOptions,
  signal: AbortSignal,
  work: (server: ConnectOptions) => Promise<T>,
): Promise<T> {
  if (via === undefined) return await work(server);
  const { Tunnel } = await import("../transport/tunnel.ts");
  await using tunnel = await Tunnel.open(via, { ...server, signal });
  const { host, port } = tunnel;
  try {
    return await work({ ...server, host, port });
  } catch (error) {
    if (!(error instanceof ConnectionError) || tunnel.lastWords === "") {
      throw error;
    }
    throw new ConnectionError(
      `${error.message}; ${via[0]} said ${JSON.stringify(tunnel.lastWords)}`,
      error.address,
      { cause: error },
    );
  }
}
