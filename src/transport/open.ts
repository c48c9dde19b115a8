import { ConnectionError, NotReadyError } from "../errors.ts";
import { type Address, formatAddress, type TcpAddress } from "./address.ts";
import type { ByteStream } from "./connection.ts";
import { Connection } from "./connection.ts";
import { formatSeconds } from "./format_seconds.ts";
import { isUsersMistake, reasonOf } from "./reason.ts";
import type { TlsMaterial } from "./tls_material.ts";

/** How to open a connection. */
interface OpenOptions {
  /** How long to try, in ms; 0 is as long as the system does. */
  timeout?: number | undefined;
  /** Certificates; without them nothing is encrypted. */
  tls?: TlsMaterial | undefined;
}

/**
 * Opens a connection over TCP, TLS or a Unix socket.
 *
 * @returns The connection; nothing has been said on it yet.
 * @throws {ConnectionError} When the server cannot be reached.
 */
export async function openConnection(
  address: Address,
  options: OpenOptions = {},
): Promise<Connection> {
  const name = formatAddress(address);
  const clock = new Clock(options.timeout ?? 0);
  try {
    const { tls } = options;
    const stream = await open(address, tls, clock);
    return new Connection(stream, name, tls !== undefined);
  } catch (error) {
    if (error instanceof Late) {
      const text = `Cannot connect to ${name}: no ${error.message} within ` +
        `${formatSeconds(clock.timeout)} s`;
      // Waiting does not turn a plain-text port into another.
      throw error.message === "answer"
        ? new NotReadyError(text, name)
        : new ConnectionError(
          `${text}; is it a plain-text port? Then leave --tls out`,
          name,
        );
    }
    const flags = "path" in address
      ? socketFlags(error, name)
      : `--allow-net=${name}`;
    const text = `Cannot connect to ${name}: ${reasonOf(error, flags)}`;
    throw isUsersMistake(error)
      ? new ConnectionError(text, name, { cause: error })
      : new NotReadyError(text, name, { cause: error });
  } finally {
    clock.stop();
  }
}

/**
 * What a Unix socket needs. Newer Denos want the network's permission too,
 * written in a way that 2.7 rejects.
 */
function socketFlags(error: unknown, path: string): string {
  const files = `--allow-read=${path} --allow-write=${path}`;
  const isNetToo = error instanceof Error &&
    error.message.includes("net access");
  return isNetToo ? `${files} --allow-net=unix:${path}` : files;
}

async function open(
  address: Address,
  tls: TlsMaterial | undefined,
  clock: Clock,
): Promise<ByteStream> {
  if ("path" in address) {
    return await clock.limit(
      Deno.connect({ transport: "unix", path: address.path }),
      (late) => late.close(),
    );
  }
  if (tls === undefined) return await openTcp(address, clock);
  if (tls.insecure || (tls.sni !== undefined && tls.cert !== undefined)) {
    const { openNodeTls } = await import("./node_tls.ts");
    const { stream, cancel } = openNodeTls(address, tls);
    try {
      return await clock.limit(stream, (late) => late.close(), "TLS handshake");
    } catch (error) {
      cancel();
      throw error;
    }
  }
  const { cert, key, caCerts } = tls;
  let conn: Deno.TlsConn;
  if (cert !== undefined && key !== undefined) {
    conn = await clock.limit(
      Deno.connectTls({
        hostname: address.host,
        port: address.port,
        caCerts: [...caCerts],
        cert,
        key,
      }),
      (late) => late.close(),
    );
  } else {
    conn = await Deno.startTls(await openTcp(address, clock), {
      hostname: tls.sni ?? address.host,
      caCerts: [...caCerts],
    });
  }
  try {
    // Else it would happen with the first command, without a limit.
    await clock.limit(conn.handshake(), () => {}, "TLS handshake");
  } catch (error) {
    conn.close();
    throw error;
  }
  return conn;
}

async function openTcp(
  { host, port }: TcpAddress,
  clock: Clock,
): Promise<Deno.TcpConn> {
  const conn = await clock.limit(
    Deno.connect({ hostname: host, port }),
    (late) => late.close(),
  );
  conn.setNoDelay(true);
  return conn;
}

/** What is thrown when the time is up; its message is what has not come. */
class Late extends Error {}

/** One time limit for the steps of one attempt. */
class Clock {
  readonly timeout: number;
  readonly #up = Promise.withResolvers<void>();
  readonly #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(timeout: number) {
    this.timeout = timeout;
    this.#timer = timeout > 0
      ? setTimeout(() => this.#up.resolve(), timeout)
      : undefined;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  async limit<T>(
    work: Promise<T>,
    drop: (late: T) => void,
    what = "answer",
  ): Promise<T> {
    const done = work.then((value) => ({ value }));
    const winner = await Promise.race([done, this.#up.promise]);
    if (winner !== undefined) return winner.value;
    work.then(drop, () => {});
    throw new Late(what);
  }
}
