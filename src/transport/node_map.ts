import { UsageError } from "../errors.ts";
import { formatAddress, parseHostPort, type TcpAddress } from "./address.ts";

/** Where an address that a cluster announces can be reached from here. */
export type NodeMap = (announced: TcpAddress) => TcpAddress;

/** Stands for a port that was not given: 0 is none. */
const NO_PORT = 0;

/**
 * Reads a node map: `ANNOUNCED=REACHABLE,...`.
 *
 * `HOST:PORT=HOST:PORT` maps one node, `HOST=HOST` every node of a host and
 * keeps its port.
 *
 * @param text Such as `10.0.0.1:6379=127.0.0.1:7001` or `redis-1=localhost`;
 * without it nothing is mapped.
 * @returns What finds an address by host and port, else by host alone; what the
 * map does not have is reached where it is announced.
 * @throws {UsageError} When an entry is something else, or there twice.
 */
export function parseNodeMap(text?: string): NodeMap {
  if (text === undefined) return (announced) => announced;
  const flag = "--node-map";
  const entries = new Map<string, TcpAddress>();
  for (const entry of text.split(",")) {
    const [from, to, ...more] = entry.split("=")
      .map((part) => parseHostPort(part, flag, NO_PORT));
    if (
      to === undefined || more.length > 0 ||
      (from.port === NO_PORT) !== (to.port === NO_PORT)
    ) {
      throw new UsageError(
        `Cannot parse ${flag} ${JSON.stringify(entry)}: must be ` +
          "HOST:PORT=HOST:PORT or HOST=HOST",
        flag,
      );
    }
    const key = keyOf(from);
    if (entries.has(key)) {
      throw new UsageError(
        `Cannot use ${flag} ${JSON.stringify(text)}: it has ` +
          `${entry.split("=")[0]} twice`,
        flag,
      );
    }
    entries.set(key, to);
  }
  return (announced) => {
    const exact = entries.get(keyOf(announced));
    if (exact !== undefined) return exact;
    const host = entries.get(keyOf({ ...announced, port: NO_PORT }))?.host;
    return host === undefined ? announced : { ...announced, host };
  };
}

/** Host names are the same in either case. */
function keyOf(address: TcpAddress): string {
  return formatAddress(address).toLowerCase();
}
