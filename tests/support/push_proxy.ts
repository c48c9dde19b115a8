import { copy, quietly, TcpProxy, writeAll } from "./tcp_proxy.ts";

/** A push of RESP3, as a server sends them at any time. */
const PUSH = new TextEncoder().encode(">2\r\n+x\r\n+y\r\n");

/** Between two pushes, in ms. */
const INTERVAL = 20;

const NOTHING = new Uint8Array();

/**
 * A TCP proxy that holds replies back and sends pushes in their place.
 *
 * ```ts ignore
 * await using proxy = new PushProxy(server.port);
 * const loading = load({ ..., server: { port: proxy.port } });
 * proxy.hold();
 * ```
 */
export class PushProxy extends TcpProxy {
  /** Pushes that the clients have got. */
  pushes = 0;
  #isHeld = false;

  /** From now on there are only pushes; replies are read and dropped. */
  hold(): void {
    this.#isHeld = true;
  }

  protected override async relay(
    client: Deno.TcpConn,
    server: Deno.TcpConn,
  ): Promise<void> {
    const pushing = setInterval(() => {
      if (!this.#isHeld) return;
      // Replies are so few and so small that none is let through by half.
      quietly(async () => {
        await writeAll(client, PUSH);
        this.pushes++;
      });
    }, INTERVAL);
    await Promise.all([
      copy(client, server),
      copy(server, client, (piece) => this.#isHeld ? NOTHING : piece),
    ]);
    clearInterval(pushing);
  }
}
