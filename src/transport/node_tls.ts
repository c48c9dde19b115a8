/**
 * TLS through `node:tls`, for the two things that Deno's own TLS cannot do:
 * leave the server's certificate unchecked, and show a client certificate to a
 * server that is verified under another name than the one it is reached by.
 *
 * @module
 */
import { checkServerIdentity, connect, type PeerCertificate } from "node:tls";
import { Buffer } from "node:buffer";
import type { ByteStream } from "./connection.ts";
import type { TcpAddress } from "./address.ts";
import type { TlsMaterial } from "./tls_material.ts";

/** Received bytes that may wait to be read before reception is paused. */
const HIGH_WATER = 256 * 1024;

/** What is to be closed when nobody waits for a stream any more. */
interface Opening {
  /** The stream, once the handshake is done. */
  readonly stream: Promise<ByteStream>;
  /** Gives up. */
  cancel(): void;
}

/**
 * Connects over TLS.
 *
 * @param tls Certificates, and how to check the server's.
 */
export function openNodeTls(address: TcpAddress, tls: TlsMaterial): Opening {
  const opened = Promise.withResolvers<ByteStream>();
  const chunks: Uint8Array[] = [];
  let waiting = 0;
  let ended = false;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const stir = (): void => {
    wake?.();
    wake = undefined;
  };
  const socket = connect({
    host: address.host,
    port: address.port,
    // RFC 6066, 3: an IP address is no server name.
    ...(tls.sni === undefined && isIp(address.host)
      ? {}
      : { servername: tls.sni ?? address.host }),
    rejectUnauthorized: !tls.insecure,
    checkServerIdentity: (name, certificate) =>
      faultOf(certificate) ?? checkServerIdentity(name, certificate),
    ...(tls.caCerts.length === 0 ? {} : { ca: [...tls.caCerts] }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert, key: tls.key! }),
  });
  socket.setNoDelay(true);
  socket.on("data", (chunk: Uint8Array) => {
    chunks.push(chunk);
    waiting += chunk.length;
    if (waiting > HIGH_WATER) socket.pause();
    stir();
  });
  socket.on("end", () => {
    ended = true;
    stir();
  });
  socket.on("close", () => {
    ended = true;
    opened.reject(new Deno.errors.ConnectionReset("closed"));
    stir();
  });
  socket.on("error", (error: Error & { code?: string }) => {
    failure = asDenoError(error);
    opened.reject(failure);
    stir();
  });

  const stream: ByteStream = {
    async read(into: Uint8Array): Promise<number | null> {
      while (chunks.length === 0) {
        if (failure !== undefined) throw failure;
        if (ended) return null;
        await new Promise<void>((resolve) => wake = resolve);
      }
      const chunk = chunks[0];
      const count = Math.min(chunk.length, into.length);
      into.set(chunk.subarray(0, count));
      if (count === chunk.length) chunks.shift();
      else chunks[0] = chunk.subarray(count);
      waiting -= count;
      if (waiting === 0) socket.resume();
      return count;
    },
    write(bytes: Uint8Array): Promise<number> {
      return new Promise((resolve, reject) => {
        if (failure !== undefined) return reject(failure);
        // A view: bytes may lie anywhere in a larger buffer.
        const { buffer, byteOffset, length } = bytes;
        socket.write(
          Buffer.from(buffer as ArrayBuffer, byteOffset, length),
          (error?: Error | null) => {
            if (error) reject(failure ?? asDenoError(error));
            else resolve(length);
          },
        );
      });
    },
    closeWrite(): Promise<void> {
      return new Promise((resolve) => {
        socket.end(() => resolve());
      });
    },
    close(): void {
      socket.destroy();
    },
  };
  socket.once("secureConnect", () => opened.resolve(stream));
  return { stream: opened.promise, cancel: () => void socket.destroy() };
}

/**
 * Finds what Deno's own TLS refuses and `node:tls` takes, so that the rule is
 * one; in the words of the former, for whoever explains them.
 */
function faultOf({ ca, subjectaltname }: PeerCertificate): Error | undefined {
  const text = ca
    ? "CaUsedAsEndEntity"
    : subjectaltname
    ? undefined
    : "certificate is not valid for any names";
  return text === undefined ? undefined : new Error(text);
}

function isIp(host: string): boolean {
  return host.includes(":") || /^[0-9.]+$/.test(host);
}

/** Gives an error of node's the class that Deno's own network would throw. */
function asDenoError(error: Error & { code?: string }): Error {
  switch (error.code) {
    case "ECONNREFUSED":
      return new Deno.errors.ConnectionRefused(error.message);
    case "ECONNRESET":
      return new Deno.errors.ConnectionReset(error.message);
    case "EPIPE":
    case "ERR_STREAM_DESTROYED":
    case "ERR_STREAM_WRITE_AFTER_END":
      return new Deno.errors.BrokenPipe(error.message);
    default:
      return error;
  }
}
