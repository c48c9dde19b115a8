import { UsageError } from "../errors.ts";

/** Where a server listens. */
export interface Address {
  /** Host name or IP address. */
  readonly host: string;
  /** TCP port. */
  readonly port: number;
}

/** The address that is used where nothing is said, as in redis-cli. */
export const DEFAULT_ADDRESS: Address = { host: "127.0.0.1", port: 6379 };

/**
 * Reads a TCP port.
 *
 * @param text Decimal digits.
 * @returns The port.
 * @throws {UsageError} When it is not a whole number between 1 and 65535.
 *
 * @example
 * ```ts
 * import { parsePort } from "./address.ts";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals(parsePort("6379"), 6379);
 * assertThrows(() => parsePort("70000"));
 * ```
 */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^[0-9]+$/.test(text) || port < 1 || port > 65535) {
    throw new UsageError(
      `Cannot parse port ${JSON.stringify(text)}: must be between 1 and 65535`,
      "-p",
    );
  }
  return port;
}

/**
 * Writes an address as a user would.
 *
 * @param address The address.
 * @returns `host:port`, with an IPv6 address in brackets.
 *
 * @example
 * ```ts
 * import { formatAddress } from "./address.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatAddress({ host: "::1", port: 6379 }), "[::1]:6379");
 * ```
 */
export function formatAddress(address: Address): string {
  const { host, port } = address;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
