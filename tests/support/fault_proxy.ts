/**
 * A TCP proxy that harms the connections that go through it.
 *
 * ```ts ignore
 * await using proxy = new FaultProxy(server.port, { replies: 17, cut: "fin" });
 * await assertRejects(() => load({ ..., server: { port: proxy.port } }));
 * ```
 *
 * @module
 */

/** How a proxy ends a connection. */
export type Cut =
  /** Says towards the client that nothing more comes, and reads on. */
  | "fin"
  /**
   * Closes. Where the client has sent more than {@linkcode Faults.take}, or
   * sends more, the system makes that a reset.
   */
  | "rst"
  /** Says it towards the server alone, and hands on what that still says. */
  | "half";

/** What a proxy does to each connection. */
export interface Faults {
  /** Bytes of requests that the server gets before the cut. */
  requests?: number;
  /** Bytes of replies that the client gets before the cut. */
  replies?: number;
  /** How it is cut. Default: `fin`. */
  cut?: Cut;
  /** Bytes of requests that are read at all; the rest stays where it is. */
  take?: number;
  /** How long each piece of replies is held back, in ms. */
  delay?: number;
  /** Hands replies on byte by byte. */
  split?: boolean;
}

/** Stands between clients and a server until it is disposed of. */
export class FaultProxy implements AsyncDisposable {
  /** What the clients have got, in order. */
  readonly repliesSent: Uint8Array[] = [];
  readonly #target: number;
  readonly #next: () => Faults;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #serving: Promise<unknown>;
  #disposed = false;

  /**
   * Starts listening on 127.0.0.1.
   *
   * @param target The server's port.
   * @param faults What to do; or a function that says it for each connection.
   */
  constructor(target: number, faults: Faults | (() => Faults) = {}) {
    this.#target = target;
    this.#next = typeof faults === "function" ? faults : () => faults;
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

  /** Stops listening and closes what is open. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
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
    const faults = this.#next();
    const server = await Deno.connect({ port: this.#target });
    this.#open.add(client).add(server);
    if (this.#disposed) {
      close(client);
      close(server);
      return;
    }
    await Promise.all([
      quietly(() => this.#requests(client, server, faults)),
      quietly(() => this.#replies(client, server, faults)),
    ]);
    close(client);
    close(server);
  }

  async #requests(
    client: Deno.TcpConn,
    server: Deno.TcpConn,
    faults: Faults,
  ): Promise<void> {
    const { requests = Infinity, take = Infinity, cut } = faults;
    const most = Math.min(requests, take);
    let passed = 0;
    const buffer = new Uint8Array(16 * 1024);
    while (passed < most) {
      const room = buffer.subarray(0, Math.min(buffer.length, most - passed));
      const count = await client.read(room);
      if (count === null) {
        await server.closeWrite();
        return;
      }
      await writeAll(server, buffer.subarray(0, count));
      passed += count;
    }
    if (passed === requests) await this.#cut(client, server, cut);
  }

  async #replies(
    client: Deno.TcpConn,
    server: Deno.TcpConn,
    faults: Faults,
  ): Promise<void> {
    const { replies = Infinity, delay = 0, split = false } = faults;
    let passed = 0;
    const buffer = new Uint8Array(16 * 1024);
    let isCut = false;
    for (;;) {
      if (passed >= replies && !isCut) {
        await this.#cut(client, server, faults.cut);
        if (faults.cut !== "half") return;
        isCut = true;
      }
      const count = await server.read(buffer);
      if (count === null) return await client.closeWrite();
      if (delay > 0) await sleep(delay);
      // A server that is told of the end has its say to the last byte.
      const end = faults.cut === "half"
        ? count
        : Math.min(count, replies - passed);
      for (let at = 0; at < end;) {
        const next = split ? at + 1 : end;
        await writeAll(client, buffer.subarray(at, next));
        this.repliesSent.push(buffer.slice(at, next));
        at = next;
      }
      passed += end;
    }
  }

  async #cut(
    client: Deno.TcpConn,
    server: Deno.TcpConn,
    cut: Cut = "fin",
  ): Promise<void> {
    if (cut === "half") return await server.closeWrite();
    if (cut === "rst") {
      close(client);
    } else {
      await client.closeWrite();
      const buffer = new Uint8Array(16 * 1024);
      while (await client.read(buffer) !== null);
    }
    close(server);
  }
}

function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Lets the other side, or the proxy itself, go away. */
async function quietly(work: () => Promise<void>): Promise<void> {
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

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, ms));
}
