import { copy, TcpProxy } from "./tcp_proxy.ts";

/** A TCP proxy that notes what clients send. */
export class RecordingProxy extends TcpProxy {
  readonly #sent: Uint8Array[] = [];

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

  protected override async relay(
    client: Deno.TcpConn,
    server: Deno.TcpConn,
  ): Promise<void> {
    await Promise.all([
      copy(client, server, (piece) => {
        this.#sent.push(piece.slice());
        return piece;
      }),
      copy(server, client),
    ]);
  }
}
