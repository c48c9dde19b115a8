/**
 * A TCP relay that delays what goes through it, and nothing else:
 * deno run --allow-net=127.0.0.1 delay_relay.ts TARGET_PORT MS
 *
 * Each direction is held back by MS milliseconds, whatever its amount: what
 * comes is read at once, into a queue without a bound. So the relay stands for
 * a long link and not for a slow one. It prints the port that it listens on,
 * and is a process of its own, so that it has a core of its own where one is
 * free.
 *
 * @module
 */

import { tryKill } from "./try_kill.ts";

/** Bytes that are read at once. */
const READ_SIZE = 256 * 1024;

/** A piece of a stream, and when it is due. */
interface Piece {
  bytes: Uint8Array;
  due: number;
}

/** Copies one direction to its end, each piece so many ms after it came. */
async function relay(
  from: Deno.TcpConn,
  to: Deno.TcpConn,
  ms: number,
): Promise<void> {
  const queue: Piece[] = [];
  let isEnded = false;
  let wake = (): void => {};
  const write = async (): Promise<void> => {
    for (;;) {
      const piece = queue.shift();
      if (piece === undefined) {
        if (isEnded) return await to.closeWrite();
        await new Promise<void>((resolve) => wake = resolve);
        continue;
      }
      const wait = piece.due - performance.now();
      if (wait > 0) await new Promise((resume) => setTimeout(resume, wait));
      for (let at = 0; at < piece.bytes.length;) {
        at += await to.write(piece.bytes.subarray(at));
      }
    }
  };
  const read = async (): Promise<void> => {
    let buffer = new Uint8Array(READ_SIZE);
    try {
      for (let count; (count = await from.read(buffer)) !== null;) {
        const due = performance.now() + ms;
        queue.push({ bytes: buffer.subarray(0, count), due });
        // What is left of a buffer is used; small replies share one.
        buffer = buffer.length - count < READ_SIZE / 4
          ? new Uint8Array(READ_SIZE)
          : buffer.subarray(count);
        wake();
      }
    } finally {
      isEnded = true;
      wake();
    }
  };
  await Promise.all([read(), write()]);
}

/** Connects a client to the server until one of them goes away. */
async function serve(
  client: Deno.TcpConn,
  target: number,
  ms: number,
): Promise<void> {
  using server = await Deno.connect({ port: target });
  using _client = client;
  client.setNoDelay();
  server.setNoDelay();
  // Where one side is lost, so is the other.
  await Promise.allSettled([
    relay(client, server, ms),
    relay(server, client, ms),
  ]);
}

/** A relay that runs in a process of its own until it is disposed of. */
export class DelayRelay implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #rest: ReadableStreamDefaultReader<Uint8Array>;

  private constructor(
    process: Deno.ChildProcess,
    rest: ReadableStreamDefaultReader<Uint8Array>,
    /** Where clients connect. */
    readonly port: number,
  ) {
    this.#process = process;
    this.#rest = rest;
  }

  /**
   * Starts one.
   *
   * @param target The server's port.
   * @param ms How long each direction is held back.
   * @returns The relay, once it listens.
   */
  static async start(target: number, ms: number): Promise<DelayRelay> {
    const process = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-lock", "--no-config", "--quiet"],
        ...["--allow-net=127.0.0.1,0.0.0.0", import.meta.url],
        ...[`${target}`, `${ms}`],
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = process.stdout.getReader();
    const { value } = await reader.read();
    const port = Number(new TextDecoder().decode(value));
    if (!(port > 0)) throw new Error("Cannot start relay: it names no port");
    return new DelayRelay(process, reader, port);
  }

  /** Ends it, and with it all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    // It ends by itself where its server does.
    tryKill(this.#process, "SIGKILL");
    await this.#process.status;
    await this.#rest.cancel();
  }
}

if (import.meta.main) {
  const [target, ms] = Deno.args.map(Number);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(listener.addr.port);
  for await (const client of listener) serve(client, target, ms);
}
