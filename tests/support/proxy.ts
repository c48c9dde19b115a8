/**
 * A TCP proxy that notes what a client sends.
 *
 * @module
 */

/** Stands between a client and a server until it is disposed of. */
export class RecordingProxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #target: number;
  readonly #sent: Uint8Array[] = [];
  readonly #serving: Promise<void>;

  /**
   * Starts listening on 127.0.0.1.
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

  /**
   * What all clients have sent so far.
   *
   * @returns The bytes in order, a copy.
   */
  sent(): Uint8Array {
    const all = new Uint8Array(
      this.#sent.reduce((sum, piece) => sum + piece.length, 0),
    );
    let at = 0;
    for (const piece of this.#sent) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  async #serve(): Promise<void> {
    const clients: Promise<unknown>[] = [];
    for await (const client of this.#listener) {
      const server = await Deno.connect({ port: this.#target });
      const record = new TransformStream<Uint8Array, Uint8Array>({
        transform: (piece, controller): void => {
          this.#sent.push(piece.slice());
          controller.enqueue(piece);
        },
      });
      clients.push(Promise.allSettled([
        client.readable.pipeThrough(record).pipeTo(server.writable),
        server.readable.pipeTo(client.writable),
      ]));
    }
    await Promise.all(clients);
  }

  /** Stops listening and waits for the clients to go. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }
}
