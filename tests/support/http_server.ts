/** What came with a request. */
export interface Seen {
  /** The path with its query. */
  path: string;
  /** The headers. */
  headers: Headers;
}

/** A real HTTP server on 127.0.0.1. */
export interface HttpServer extends AsyncDisposable {
  /** Where it listens, without a slash at the end. */
  readonly origin: string;
  /** Its port. */
  readonly port: number;
  /** The requests so far. */
  readonly seen: Seen[];
}

/**
 * Starts an HTTP server whose answers are written byte for byte, so that it can
 * cut one off wherever a test wants.
 *
 * @param answer Gives the head's lines and the body for a request, its number
 * counting from 1; the connection is closed behind the body.
 * @returns The server.
 */
export function startHttpServer(
  answer: (
    request: Seen,
    number: number,
  ) => { head: string[]; body?: Uint8Array | string },
): HttpServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const seen: Seen[] = [];
  const serve = async (socket: Deno.TcpConn): Promise<void> => {
    using _closing = socket;
    let text = "";
    const buffer = new Uint8Array(4096);
    while (!text.includes("\r\n\r\n")) {
      const count = await socket.read(buffer);
      if (count === null) return;
      text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    const [first, ...lines] = text.split("\r\n\r\n")[0].split("\r\n");
    const headers = new Headers(
      lines.map((line) => line.split(": ", 2) as [string, string]),
    );
    const request = { path: first.split(" ")[1], headers };
    seen.push(request);
    const { head, body = "" } = answer(request, seen.length);
    const bytes = typeof body === "string"
      ? new TextEncoder().encode(body)
      : body;
    const start = new TextEncoder().encode(
      `HTTP/1.1 ${[...head, "Connection: close"].join("\r\n")}\r\n\r\n`,
    );
    const all = new Uint8Array(start.length + bytes.length);
    all.set(start);
    all.set(bytes, start.length);
    for (let at = 0; at < all.length;) {
      at += await socket.write(all.subarray(at));
    }
  };
  const loop = (async () => {
    for await (const socket of listener) {
      // A client may go away whenever it likes.
      serve(socket).catch(() => {});
    }
  })();
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    seen,
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      await loop;
    },
  };
}
