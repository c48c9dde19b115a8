import {
  ConnectionError,
  HungUpError,
  NotReadyError,
  UsageError,
} from "../errors.ts";
import {
  type Address,
  DEFAULT_ADDRESS,
  formatAddress,
  type TcpAddress,
} from "./address.ts";
import { within } from "./ask.ts";
import type { Connection } from "./connection.ts";
import {
  handshake,
  type HandshakeOptions,
  type HandshakeWay,
} from "./handshake.ts";
import { formatSeconds } from "./format_seconds.ts";
import { openConnection } from "./open.ts";
import { findPrimary, type RedisSentinelOptions } from "./redis_sentinel.ts";
import { retry } from "./retry.ts";
import type { TlsMaterial, TlsOptions } from "./tls_material.ts";
import { withUri } from "./uri.ts";

/** How to reach a server and who to be there. */
export interface ConnectOptions extends HandshakeOptions {
  /**
   * `redis://user:password@host:port/database`, or `rediss`, `valkey`,
   * `valkeys` or `unix`. What is said besides wins over its parts.
   */
  url?: string | undefined;
  /** Host name or IP address. Default: 127.0.0.1. */
  host?: string | undefined;
  /** TCP port. Default: 6379. */
  port?: number | undefined;
  /** The path of a Unix socket, instead of host and port. */
  path?: string | undefined;
  /** Whether to speak TLS, and how. Default: no. */
  tls?: boolean | TlsOptions | undefined;
  /** Finds the primary through Redis Sentinels, instead of host and port. */
  redisSentinel?: RedisSentinelOptions | undefined;
  /** How long connecting may take, in ms. Default: 10,000; 0 is for ever. */
  connectTimeout?: number | undefined;
  /**
   * How long to try again where the server is not ready: it refuses
   * connections, is loading, is busy, or a failover is under way. In ms.
   * Default: 0.
   */
  retry?: number | undefined;
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
  /**
   * Awaited in front of each attempt: opens the way to the server, where that
   * has to be done first. A `NotReadyError` is a reason to try again.
   */
  beforeConnect?: (() => Promise<void>) | undefined;
  /** Ends the wait for a server that is not ready. */
  signal?: AbortSignal | undefined;
  /** The name that `CLIENT LIST` shows. Default: respipe. */
  clientName?: string | undefined;
  /** The version that it shows. */
  clientVersion?: string | undefined;
}

/** The default of {@linkcode ConnectOptions.connectTimeout}, in ms. */
const CONNECT_TIMEOUT = 10_000;

/**
 * Connects to a server and makes the connection ready for commands.
 *
 * @param options Where and who; the server on this machine's port 6379 by
 * default.
 * @returns The connection, authenticated and in its database.
 * @throws {UsageError} When an option cannot work, such as a file that is not
 * a certificate; nothing was connected then.
 * @throws {ConnectionError} When the server cannot be reached, refuses, or is
 * not the right one.
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
  const server = withUri(options, "url");
  const tls = await tlsOf(server);
  const { redisSentinel, retry: limit = 0, onNotice, signal } = server;
  const address = addressOf(server);
  return await retry(
    async (left) => {
      await server.beforeConnect?.();
      const timeout = server.connectTimeout ?? CONNECT_TIMEOUT;
      const attempt = {
        ...server,
        material: tls,
        connectTimeout: limit === 0 || (timeout > 0 && timeout < left)
          ? timeout
          : left,
      };
      return redisSentinel === undefined
        ? await reach(address, attempt)
        : await reachPrimary(redisSentinel, attempt);
    },
    { limit, onWait: onNotice, signal },
  );
}

/** What one attempt needs. */
interface Attempt extends ConnectOptions {
  readonly connectTimeout: number;
  readonly material: TlsMaterial | undefined;
}

/** Where a server is that is named by its parts, or by none. */
export function addressOf(
  server: Pick<ConnectOptions, "path" | "host" | "port">,
): Address {
  if (server.path !== undefined) return { path: server.path };
  return {
    host: server.host ?? DEFAULT_ADDRESS.host,
    port: server.port ?? DEFAULT_ADDRESS.port,
  };
}

async function tlsOf(server: ConnectOptions): Promise<TlsMaterial | undefined> {
  const { tls = false } = server;
  if (tls === false) return undefined;
  if (server.path !== undefined) {
    throw new UsageError(
      "TLS goes over TCP only, not through a Unix socket",
      "--tls",
    );
  }
  // Imported when needed: the crypto behind it costs start-up time.
  const { readTlsMaterial } = await import("./tls_material.ts");
  return readTlsMaterial(tls === true ? {} : tls);
}

async function reach(address: Address, attempt: Attempt): Promise<Connection> {
  const { clientName = "respipe", clientVersion } = attempt;
  const introduction = { name: clientName, version: clientVersion };
  const waits = (attempt.retry ?? 0) > 0;
  const way = { waits, asker: "server", introduction } as const;
  const connection = await open(address, attempt, way).catch((error) => {
    if (!(error instanceof HungUpError)) throw error;
    return openPlain(address, attempt, way);
  });
  try {
    checkServer(connection, attempt);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/**
 * Connects without an introduction: some proxies hang up on a command that they
 * do not know. A server that was just lost behind a proxy hangs up as well, and
 * who has taken its place must not stay unknown: so it is asked once more, now
 * that somebody answers.
 */
async function openPlain(
  address: Address,
  attempt: Attempt,
  way: HandshakeWay,
): Promise<Connection> {
  const plain = await open(address, attempt, {
    ...way,
    introduction: undefined,
  });
  try {
    const introduced = await open(address, attempt, way);
    plain.close();
    return introduced;
  } catch (error) {
    if (error instanceof HungUpError) return plain;
    plain.close();
    throw error;
  }
}

async function reachPrimary(
  redisSentinel: RedisSentinelOptions,
  attempt: Attempt,
): Promise<Connection> {
  const { user, password } = redisSentinel;
  const address = await findPrimary(
    redisSentinel,
    (one: TcpAddress) =>
      open(
        one,
        { ...attempt, user, password, database: undefined },
        { waits: (attempt.retry ?? 0) > 0, asker: "redisSentinel" },
      ),
  );
  const connection = await reach(address, { ...attempt, allowReplica: true });
  if (connection.server?.role !== "replica") return connection;
  connection.close();
  const name = formatAddress(address);
  throw new NotReadyError(
    `Cannot use ${name}: Redis Sentinel calls it the primary of ` +
      `${JSON.stringify(redisSentinel.service)}, but it is a replica; a ` +
      "failover seems to be under way",
    name,
  );
}

/** Connects and logs in. */
async function open(
  address: Address,
  attempt: Attempt,
  way: HandshakeWay,
): Promise<Connection> {
  const { connectTimeout: timeout, material } = attempt;
  const connection = await openConnection(address, { timeout, tls: material });
  try {
    const { address } = connection;
    const logIn = handshake(connection, attempt, way);
    await within(connection, timeout, logIn, () =>
      new NotReadyError(
        `Cannot use ${address}: it accepts connections but has not answered ` +
          `for ${formatSeconds(timeout)} s (--connect-timeout)`,
        address,
      ));
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Looks whether this is the right server, by what it said of itself. */
function checkServer(
  connection: Connection,
  options: ConnectOptions,
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
