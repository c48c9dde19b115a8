import { copy, TcpProxy } from "./tcp_proxy.ts";

/**
 * A TCP proxy that holds requests back until it is opened: however fast the
 * client is and however late a test looks, what it sends cannot come to its end.
 *
 * ```ts ignore
 * await using gate = new GateProxy(server.port, 200_000);
 * const child = spawnRespipe(["load", "-p", `${gate.port}`, ...]);
 * await gate.reached;
 * child.kill("SIGINT"); // in the middle, for certain
 * gate.open();
 * ```
 */
export class GateProxy extends TcpProxy {
  readonly #bytes: number;
  readonly #reached = Promise.withResolvers<void>();
  readonly #opened = Promise.withResolvers<void>();
  #passed = 0;

  /**
   * Starts listening on 127.0.0.1.
   *
   * @param target The server's port.
   * @param bytes How much of the requests it hands on at the most while shut.
   */
  constructor(target: number, bytes: number) {
    super(target);
    this.#bytes = bytes;
  }

  /** Settled as soon as something is held back. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  /** Hands on what was held back, and all that comes. */
  open(): void {
    this.#opened.resolve();
  }

  /** Stops listening and closes what is open. */
  override async [Symbol.asyncDispose](): Promise<void> {
    this.open();
    await super[Symbol.asyncDispose]();
  }

  protected override async relay(
    client: Deno.TcpConn,
    server: Deno.TcpConn,
  ): Promise<void> {
    await Promise.all([
      copy(client, server, async (piece) => {
        this.#passed += piece.length;
        if (this.#passed > this.#bytes) {
          this.#reached.resolve();
          await this.#opened.promise;
        }
        return piece;
      }),
      copy(server, client),
    ]);
  }
}
