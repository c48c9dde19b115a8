import { UsageError } from "../errors.ts";

/** A server behind a TCP port. */
export interface TcpAddress {
  /** Host name or IP address. */
  readonly host: string;
  /** TCP port. */
  readonly port: number;
}

/** A server behind a Unix socket. */
export interface UnixAddress {
  /** The socket's path. */
  readonly path: string;
}

/** Where a server listens; `"path" in address` tells which it is. */
export type Address = TcpAddress | UnixAddress;

/** The address that is used where nothing is said, as in redis-cli. */
export const DEFAULT_ADDRESS: TcpAddress = { host: "127.0.0.1", port: 6379 };

/**
 * Reads a TCP port.
 *
 * @param flag What the user calls it, for those who ask the error.
 * @throws {UsageError} When it is not a whole number between 1 and 65535.
 */
export function parsePort(text: string, flag = "-p"): number {
  const port = Number(text);
  if (!/^[0-9]+$/.test(text) || port < 1 || port > 65535) {
    throw new UsageError(
      `Cannot parse port ${JSON.stringify(text)}: must be between 1 and 65535`,
      flag,
    );
  }
  return port;
}

/**
 * Reads `host:port`.
 *
 * @param text Such as `cache:6379` or `[::1]:6379`.
 * @param port What it is where the text has none.
 * @throws {UsageError} When there is no host, or the port is none.
 */
export function parseHostPort(
  text: string,
  flag: string,
  port: number,
): TcpAddress {
  const match = /^(?:\[([^\[\]]+)\]|([^\[\]:]+))(?::(.*))?$/.exec(text);
  if (match === null) {
    throw new UsageError(
      `Cannot parse ${flag} ${JSON.stringify(text)}: must be HOST:PORT, with ` +
        "an IPv6 address in brackets",
      flag,
    );
  }
  return {
    host: match[1] ?? match[2],
    port: match[3] === undefined ? port : parsePort(match[3], flag),
  };
}

/**
 * Writes an address as a user would.
 *
 * @returns `host:port`, with an IPv6 address in brackets; the path of a Unix
 * socket.
 */
export function formatAddress(address: Address): string {
  if ("path" in address) return address.path;
  const { host, port } = address;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
