/**
 * A TCP proxy that holds replies back and sends pushes in their place.
 *
 * ```ts ignore
 * await using proxy = new PushProxy(server.port);
 * const loading = load({ ..., server: { port: proxy.port } });
 * proxy.hold();
 * ```
 *
 * @module
 */

/** A push of RESP3, as a server sends them at any time. */
const PUSH = new TextEncoder().encode(">2\r\n+x\r\n+y\r\n");

/** Between two pushes, in ms. */
const INTERVAL = 20;

/** Stands between clients and a server until it is disposed of. */
export class PushProxy implements AsyncDisposable {
  /** Pushes that the clients have got. */
  pushes = 0;
  readonly #target: number;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #serving: Promise<void>;
  #isHeld = false;

  /**
   * Starts listening on 127.0.0.1; lets everything through at first.
   *
   * @param target The server's port.
   */
  constructor(target: number) {
    this.#target = target;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
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

  /** From now on there are only pushes; replies are read and dropped. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Stops listening and closes what is open. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#open) close(conn);
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const served: Promise<unknown>[] = [];
    for await (const client of this.#listener) {
      served.push(this.#serveOne(client));
    }
    await Promise.all(served);
  }

  async #serveOne(client: Deno.TcpConn): Promise<void> {
    const server = await Deno.connect({ port: this.#target });
    this.#open.add(client).add(server);
    const pushing = setInterval(() => {
      if (!this.#isHeld) return;
      // Replies are so few and so small that none is let through by half.
      client.write(PUSH).then(() => this.pushes++).catch(() => {});
    }, INTERVAL);
    await Promise.allSettled([
      copy(client, server, () => true),
      copy(server, client, () => !this.#isHeld),
    ]);
    clearInterval(pushing);
    close(client);
    close(server);
  }
}

/** Copies what comes, as long as it is let through. */
async function copy(
  from: Deno.TcpConn,
  to: Deno.TcpConn,
  isLet: () => boolean,
): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (let count; (count = await from.read(buffer)) !== null;) {
    for (let at = 0; isLet() && at < count;) {
      at += await to.write(buffer.subarray(at, count));
    }
  }
  close(to);
}

function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
