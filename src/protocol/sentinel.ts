import { sameBytes } from "./byte_buffer.ts";
import { encodeCommand } from "./encode_command.ts";
import type { Reply } from "./reply.ts";

/**
 * How many bytes a {@linkcode Sentinel} carries: too many to come back by
 * chance, and a length that lets the reply reader pass over most bulk strings
 * without a look at them.
 */
export const SENTINEL_LENGTH = 20;

/**
 * The closing `ECHO`: when its bytes come back, every reply before it has
 * arrived.
 */
export class Sentinel {
  /** The bytes that come back. */
  readonly bytes: Uint8Array;
  /** The encoded command to send. */
  readonly command: Uint8Array;

  /**
   * Makes a sentinel.
   *
   * @param bytes What to send, {@linkcode SENTINEL_LENGTH} random bytes by
   * default; other lengths are not allowed.
   * @param name The command that gives them back: `ECHO`, or `PING`, which does
   * so with an argument.
   * @throws {RangeError} Where there are more or fewer bytes.
   */
  constructor(
    bytes: Uint8Array = crypto.getRandomValues(new Uint8Array(SENTINEL_LENGTH)),
    name: "ECHO" | "PING" = "ECHO",
  ) {
    if (bytes.length !== SENTINEL_LENGTH) {
      throw new RangeError(
        `Cannot make sentinel of ${bytes.length} bytes: ` +
          `must be ${SENTINEL_LENGTH}`,
      );
    }
    this.bytes = bytes.slice();
    this.command = encodeCommand([name, this.bytes]);
  }

  /**
   * Tells whether a reply is the server's answer to the sentinel.
   *
   * @param reply A reply whose body the reader has held.
   * @returns Whether its body is the sentinel's bytes.
   */
  isReply(reply: Reply): boolean {
    return reply.kind === "bulk" && reply.body !== undefined &&
      sameBytes(this.bytes, reply.body);
  }
}
