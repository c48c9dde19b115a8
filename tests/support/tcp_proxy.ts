/** Stands between clients and a server on 127.0.0.1 until it is disposed of. */
export abstract class TcpProxy implements AsyncDisposable {
  readonly #target: number;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.TcpConn>();
  readonly #serving: Promise<unknown>;
  #isOver = false;

  /**
   * Starts listening.
   *
   * @param target The server's port.
   */
  constructor(target: number) {
    this.#target = target;
    // The rest of what is being made is there at the first client.
    this.#serving = this.#serve();
  }

  /**
   * Where clients connect.
   *
   * @returns The port.
   */
  get port(): number {
    return this.#listener.addr.port;
  }

  /**
   * Hands on what a client and the server say; both are closed behind it.
   *
   * @param client The client's connection.
   * @param server One of its own to the server.
   */
  protected abstract relay(
    client: Deno.TcpConn,
    server: Deno.TcpConn,
  ): Promise<unknown>;

  /** Stops listening and closes what is open. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#listener.close();
    for (const conn of this.#open) close(conn);
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const served: Promise<void>[] = [];
    for await (const client of this.#listener) {
      served.push(this.#serveOne(client));
    }
    await Promise.all(served);
  }

  async #serveOne(client: Deno.TcpConn): Promise<void> {
    let server: Deno.TcpConn;
    try {
      server = await Deno.connect({ port: this.#target });
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      // The server is being started anew: the client finds nobody, either.
      return close(client);
    }
    this.#open.add(client).add(server);
    if (!this.#isOver) await this.relay(client, server);
    close(client);
    close(server);
  }
}

/**
 * Copies one direction until it ends, and says so to the other side.
 *
 * @param from Where bytes come from.
 * @param to Where they go.
 * @param pass Gives what is handed on of a piece. Default: all.
 */
export async function copy(
  from: Deno.TcpConn,
  to: Deno.TcpConn,
  pass: (piece: Uint8Array) => Uint8Array | Promise<Uint8Array> = (piece) =>
    piece,
): Promise<void> {
  await quietly(async () => {
    const buffer = new Uint8Array(64 * 1024);
    for (let count; (count = await from.read(buffer)) !== null;) {
      await writeAll(to, await pass(buffer.subarray(0, count)));
    }
    await to.closeWrite();
  });
}

/**
 * Writes all of it.
 *
 * @param conn Where to.
 * @param bytes What.
 */
export async function writeAll(
  conn: Deno.TcpConn,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}

/**
 * Closes a connection that may be closed already.
 *
 * @param conn The connection.
 */
export function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/**
 * Lets the other side, or the proxy itself, go away.
 *
 * @param work What that may happen to.
 */
export async function quietly(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const expected = error instanceof Deno.errors.BadResource ||
      error instanceof Deno.errors.Interrupted ||
      error instanceof Deno.errors.BrokenPipe ||
      error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.NotConnected;
    if (!expected) throw error;
  }
}
