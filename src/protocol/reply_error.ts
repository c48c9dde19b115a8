import { ProtocolError } from "../errors.ts";
import { CR, LF } from "./ascii.ts";
import { quoteBytes } from "./quote.ts";

/** How many bytes a message quotes. */
const EXCERPT_LENGTH = 48;

/** A TLS record of the alert or the handshake type, and its version, 3.x. */
const TLS_ALERT = 0x15;
const TLS_HANDSHAKE = 0x16;
const TLS_VERSION = 0x03;

/**
 * Makes the error for bytes that are not RESP.
 *
 * Where the first bytes look like another protocol, the message says so: a
 * wrong port is by far the most frequent reason.
 *
 * @param offset Bytes into the reply stream where it should have been.
 * @param found The bytes there, as many as are at hand; the message quotes up
 * to the end of the line.
 * @returns The error, which keeps a copy of the bytes that it quotes.
 *
 * @example
 * ```ts
 * import { replyError } from "./reply_error.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode(":1x\r\n:2\r\n");
 * assertEquals(
 *   replyError("an integer", 7, bytes).message,
 *   'Cannot read reply at byte 7: expected an integer, found ":1x"',
 * );
 * ```
 */
export function replyError(
  expected: string,
  offset: number,
  found: Uint8Array,
): ProtocolError {
  const lineEnd = found.findIndex((byte, i) =>
    i > 0 && (byte === CR || byte === LF)
  );
  const length = lineEnd < 0 ? found.length : lineEnd;
  const bytes = found.slice(0, Math.min(length, EXCERPT_LENGTH));
  const more = length > EXCERPT_LENGTH ? "..." : "";
  return new ProtocolError(
    `Cannot read reply at byte ${offset}: expected ${expected}, ` +
      `found ${quoteBytes(bytes)}${more}${offset === 0 ? hint(bytes) : ""}`,
    offset,
    bytes,
  );
}

function hint(bytes: Uint8Array): string {
  if (quoteBytes(bytes.subarray(0, 5)) === '"HTTP/"') {
    return " (an HTTP server answers on this port)";
  }
  if (
    (bytes[0] === TLS_ALERT || bytes[0] === TLS_HANDSHAKE) &&
    bytes[1] === TLS_VERSION
  ) return " (this port speaks TLS)";
  return "";
}
