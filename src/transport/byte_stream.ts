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
