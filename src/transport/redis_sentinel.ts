import { ConnectionError, NotReadyError } from "../errors.ts";
import { itemsIn, type Reply, textIn } from "../protocol/reply.ts";
import { formatAddress, parsePort, type TcpAddress } from "./address.ts";
import { ask } from "./ask.ts";
import type { Connection } from "./connection.ts";

/** How to find a primary through Redis Sentinels. */
export interface RedisSentinelOptions {
  /** Where the Redis Sentinels listen; they are asked in turn. */
  readonly addresses: readonly TcpAddress[];
  /** The name under which they watch the primary. */
  readonly service: string;
  /** The ACL user to be at the Redis Sentinels. */
  readonly user?: string | undefined;
  /** The password at the Redis Sentinels; not the primary's. */
  readonly password?: string | undefined;
}

/**
 * Asks Redis Sentinels, one after the other, where a primary is.
 *
 * @throws {NotReadyError} When none of them knows; it says what each said.
 */
export async function findPrimary(
  options: RedisSentinelOptions,
  reach: (address: TcpAddress) => Promise<Connection>,
): Promise<TcpAddress> {
  const answers: string[] = [];
  for (const address of options.addresses) {
    try {
      using connection = await reach(address);
      const reply = await ask(connection, [
        "SENTINEL",
        "get-master-addr-by-name",
        options.service,
      ]);
      const primary = addressIn(reply);
      if (primary !== undefined) return primary;
      const name = formatAddress(address);
      answers.push(
        reply.kind === "error"
          ? `${name} said ${JSON.stringify(reply.text)}`
          : `${name} does not know it`,
      );
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      answers.push(error.message);
    }
  }
  throw new NotReadyError(
    `Cannot find the primary of ${JSON.stringify(options.service)} through ` +
      `Redis Sentinel: ${answers.join("; ")}`,
    options.addresses.map(formatAddress).join(","),
  );
}

function addressIn(reply: Reply): TcpAddress | undefined {
  const [host, port, ...more] = (itemsIn(reply) ?? []).map(textIn);
  if (host === undefined || port === undefined || more.length > 0) {
    return undefined;
  }
  return { host, port: parsePort(port) };
}
