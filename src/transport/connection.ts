import { formatAddress } from "./address.ts";
import type { ServerInfo } from "./server_info.ts";

/**
 * Bytes to and fro: what a connection is made of. A `Deno.Conn` is one.
 */
export interface ByteStream {
  /** Where the other side is, if that is known. */
  readonly remoteAddr?: Deno.Addr;
  /**
   * Reads what has arrived.
   *
   * @param into Where to put it.
   * @returns How many bytes came, or `null` when the other side has closed.
   */
  read(into: Uint8Array): Promise<number | null>;
  /**
   * Writes as much as the system takes at once.
   *
   * @param bytes What to send.
   * @returns How many of them went through.
   */
  write(bytes: Uint8Array): Promise<number>;
  /** Says that nothing more will be written. */
  closeWrite(): Promise<void>;
  /** Closes it both ways. */
  close(): void;
}

/**
 * One connection to a server, as the two loops of a lane need it.
 *
 * @example
 * ```ts
 * import { Connection } from "./connection.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const conn = await Deno.connect({ port: listener.addr.port });
 * const connection = new Connection(conn, "my server");
 * assertEquals(connection.address, "my server");
 * connection.close();
 * (await listener.accept()).close();
 * listener.close();
 * ```
 */
export class Connection {
  /** The server's address as a user would write it. */
  readonly address: string;
  /** Whether TLS is spoken. */
  readonly isEncrypted: boolean;
  /**
   * Whether the other end is on this machine: the server itself, or a port
   * forwarded to it.
   */
  readonly isLocal: boolean;
  /** What the server says it is, where it was asked and has told. */
  server: ServerInfo | undefined;
  /** What the server knows the connection by, where it was asked and told. */
  id: string | undefined;
  /** How long a round trip to it took, in ms, where it was asked anything. */
  roundTrip: number | undefined;
  readonly #conn: ByteStream;
  #closed = false;

  /**
   * Wraps a connection that is open already.
   *
   * @param conn A `Deno.Conn`, or what behaves like one; it is closed with
   * this object.
   * @param address What to call the server in messages.
   * @param isEncrypted Whether TLS is spoken on it.
   */
  constructor(conn: ByteStream, address: string, isEncrypted = false) {
    this.#conn = conn;
    this.address = address;
    this.isEncrypted = isEncrypted;
    this.isLocal = conn.remoteAddr !== undefined && isLocal(conn.remoteAddr);
  }

  /**
   * Takes a connection, whoever has made it.
   *
   * @param connection A connection, or a `Deno.Conn` on which the caller has
   * logged in where that is needed.
   * @returns The connection itself, or one around it.
   */
  static from(connection: Connection | Deno.Conn): Connection {
    if (connection instanceof Connection) return connection;
    const { remoteAddr } = connection;
    const name = "hostname" in remoteAddr
      ? formatAddress({ host: remoteAddr.hostname, port: remoteAddr.port })
      : "path" in remoteAddr
      ? String(remoteAddr.path)
      : "the server";
    return new Connection(connection, name);
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

function isLocal(address: Deno.Addr): boolean {
  if (address.transport === "unix") return true;
  return address.transport === "tcp" &&
    /^(127\.|::1$|::ffff:127\.)/.test(address.hostname);
}
