import { sleep } from "./sleep.ts";
import { close, quietly, TcpProxy, writeAll } from "./tcp_proxy.ts";

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

/**
 * A TCP proxy that harms the connections that go through it.
 *
 * ```ts ignore
 * await using proxy = new FaultProxy(server.port, { replies: 17, cut: "fin" });
 * await assertRejects(() => load({ ..., server: { port: proxy.port } }));
 * ```
 */
export class FaultProxy extends TcpProxy {
  /**
   * What each client has got, in order, by its port: on a busy machine somebody
   * may knock whom nobody has asked.
   */
  readonly repliesSent = new Map<number, Uint8Array[]>();
  readonly #next: () => Faults;

  /**
   * Starts listening on 127.0.0.1.
   *
   * @param target The server's port.
   * @param faults What to do; or a function that says it for each connection.
   */
  constructor(target: number, faults: Faults | (() => Faults) = {}) {
    super(target);
    this.#next = typeof faults === "function" ? faults : () => faults;
  }

  protected override async relay(
    client: Deno.TcpConn,
    server: Deno.TcpConn,
  ): Promise<void> {
    const faults = this.#next();
    await Promise.all([
      quietly(() => this.#requests(client, server, faults)),
      quietly(() => this.#replies(client, server, faults)),
    ]);
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
    const sent: Uint8Array[] = [];
    this.repliesSent.set((client.remoteAddr as Deno.NetAddr).port, sent);
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
        sent.push(buffer.slice(at, next));
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
