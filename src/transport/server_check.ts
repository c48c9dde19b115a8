import { ConnectionError, NotReadyError } from "../errors.ts";
import type { Connection } from "./connection.ts";

/** What to bear in a server. */
export interface ServerCheckOptions {
  /** Whether a replica will do. Default: no. */
  allowReplica?: boolean | undefined;
  /**
   * Whether a replica may be waited for until it is a primary, as after a
   * failover, for as long as `retry` says. Default: no.
   */
  awaitPrimary?: boolean | undefined;
  /**
   * Whether commands find their way in a cluster, whichever node this is.
   * Default: no.
   */
  isRouted?: boolean | undefined;
  /** Told in a sentence what is unusual, and what is waited for. */
  onNotice?: ((sentence: string) => void) | undefined;
}

/**
 * Looks whether this is the right server, by what it said in the introduction.
 *
 * @throws {ConnectionError} When it is a replica or a Redis Sentinel.
 */
export function checkServer(
  connection: Connection,
  options: ServerCheckOptions,
): void {
  const { address, server } = connection;
  if (server?.cluster === true && options.isRouted === true) return;
  if (server?.role === "redisSentinel") {
    throw new ConnectionError(
      `Cannot use ${address}: it is a Redis Sentinel and holds no data; find ` +
        `a primary through it with --sentinel ${address} --service NAME`,
      address,
    );
  }
  if (server?.role === "replica" && options.allowReplica !== true) {
    const Kind = options.awaitPrimary === true
      ? NotReadyError
      : ConnectionError;
    throw new Kind(
      `Cannot use ${address}: it is a replica of ` +
        `${server.primary ?? "another server"}; load into that, or add ` +
        "--allow-replica",
      address,
    );
  }
  if (server?.cluster === true) {
    options.onNotice?.(
      `${address} is a node of a cluster: only the keys of its own slots can ` +
        "be loaded through it",
    );
  }
}
