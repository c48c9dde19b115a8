import { ConnectionError } from "../errors.ts";
import { type Address, formatAddress } from "./address.ts";
import { reasonOf } from "./reason.ts";

/**
 * One connection to a server, as the two loops of a lane need it.
 *
 * @example
 * ```ts
 * import { Connection } from "./connection.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const { port } = listener.addr;
 * const connection = await Connection.open({ host: "127.0.0.1", port });
 * assertEquals(connection.address, `127.0.0.1:${port}`);
 * connection.close();
 * (await listener.accept()).close();
 * listener.close();
 * ```
 */
export class Connection {
  /** The server's address as a user would write it. */
  readonly address: string;
  readonly #conn: Deno.Conn;
  #closed = false;

  /**
   * Wraps a connection that is open already.
   *
   * @param conn The connection; it is closed with this object.
   * @param address What to call the server in messages.
   */
  constructor(conn: Deno.Conn, address: string) {
    this.#conn = conn;
    this.address = address;
  }

  /**
   * Connects over TCP.
   *
   * @param address Where the server listens.
   * @param timeout How long to try, in ms; 0 is as long as the system does.
   * @returns The connection, without a handshake.
   * @throws {ConnectionError} When the server cannot be reached.
   */
  static async open(address: Address, timeout = 0): Promise<Connection> {
    const name = formatAddress(address);
    const attempt = Deno.connect({
      hostname: address.host,
      port: address.port,
    });
    const clock = Promise.withResolvers<undefined>();
    const timer = timeout > 0
      ? setTimeout(() => clock.resolve(undefined), timeout)
      : undefined;
    try {
      const conn = await Promise.race([attempt, clock.promise]);
      if (conn === undefined) {
        attempt.then((late) => late.close(), () => {});
        throw new ConnectionError(
          `Cannot connect to ${name}: no answer within ${timeout / 1000} s`,
          name,
        );
      }
      conn.setNoDelay(true);
      return new Connection(conn, name);
    } catch (error) {
      if (error instanceof ConnectionError) throw error;
      throw new ConnectionError(
        `Cannot connect to ${name}: ${reasonOf(error, "--allow-net", name)}`,
        name,
        { cause: error },
      );
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Reads what has arrived.
   *
   * @param into Where to put it.
   * @returns How many bytes came, or `null` when the server has closed.
   */
  read(into: Uint8Array): Promise<number | null> {
    return this.#conn.read(into);
  }

  /**
   * Writes all of the bytes, however many the system takes at once.
   *
   * @param bytes What to send; it must not change until this is done.
   * @param onPart Called each time when a part of them, not all, went through.
   */
  async write(bytes: Uint8Array, onPart?: () => void): Promise<void> {
    let done = await this.#conn.write(bytes);
    while (done < bytes.length) {
      onPart?.();
      done += await this.#conn.write(bytes.subarray(done));
    }
  }

  /** Says that nothing more will be written; reading goes on. */
  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite();
  }

  /** Closes the connection; once is enough, more do no harm. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#conn.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /** Closes the connection at the end of a scope. */
  [Symbol.dispose](): void {
    this.close();
  }
}
