import type { ConnectOptions } from "../transport/connect.ts";

/** How to reach a server as long as this is not disposed of. */
export interface Way extends AsyncDisposable {
  /** Where and who. */
  readonly server: ConnectOptions;
}

/**
 * Opens the way to a server, where a command is to do that.
 *
 * @param via The command's words; none where the server is within reach.
 * @param server Where and who.
 * @param signal Ends the wait for the way to open.
 * @returns How to connect; disposing of it closes the way.
 * @throws {UsageError} When the command cannot be started.
 * @throws {ConnectionError} When the way does not open.
 */
export async function openWay(
  via: readonly string[] | undefined,
  server: ConnectOptions,
  signal: AbortSignal,
): Promise<Way> {
  if (via === undefined) {
    return { server, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const { Tunnel } = await import("../transport/tunnel.ts");
  const tunnel = await Tunnel.open(via, { ...server, signal });
  return {
    server: { ...server, host: tunnel.host, port: tunnel.port },
    [Symbol.asyncDispose]: () => tunnel[Symbol.asyncDispose](),
  };
}
