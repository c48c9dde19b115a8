import { InputError } from "../errors.ts";
import { CR, LF } from "../protocol/ascii.ts";
import { connect, type ConnectOptions } from "../transport/connect.ts";
import type { Connection } from "../transport/connection.ts";
import { openSource, STANDARD_INPUT } from "../transport/source.ts";
import { ChunkPool } from "./chunk_pool.ts";
import { Lane, type Outgoing, type ReplyBook } from "./lane.ts";
import type { SourceOptions } from "./rows.ts";

/** What to pipe and where to. */
export interface PipeOptions extends SourceOptions {
  /** The server; the one on this machine by default. */
  server?: ConnectOptions | undefined;
  /** A connection to use instead of a new one; it is closed in the end. */
  connection?: Connection | undefined;
  /** Counts to keep up to date. */
  counts?: PipeCounts | undefined;
  /** Told the server's text of each error, with the reply's ordinal from 1. */
  onError?: ((error: string, reply: number) => void) | undefined;
  /** Told when the last byte has been handed to the system. */
  onTransferred?: (() => void) | undefined;
}

/** The counts of a pipe: live while it runs, final when it has ended. */
export interface PipeCounts {
  /** Replies, errors among them; the sentinel's is not. */
  replies: number;
  /** Error replies. */
  errors: number;
  /** Bytes read and sent. */
  bytes: number;
}

/** Bytes that are read and written at once. */
const PIECE = 256 * 1024;

/**
 * Sends raw RESP or inline commands as they are, and counts the replies.
 *
 * The bytes are never parsed.
 *
 * @param options What to send and where to.
 * @returns The counts.
 * @throws {InputError} When a source cannot be read on; what came before it
 * was sent, and its replies were awaited.
 * @throws {ConnectionError} When the server cannot be reached or is lost.
 *
 * @example
 * ```ts no-run
 * import { pipe } from "@respipe/respipe";
 *
 * const { errors, replies } = await pipe({ sources: ["commands.resp"] });
 * console.log(`errors: ${errors}, replies: ${replies}`);
 * ```
 */
export async function pipe(options: PipeOptions = {}): Promise<PipeCounts> {
  const { counts = { replies: 0, errors: 0, bytes: 0 } } = options;
  using connection = options.connection ?? await connect(options.server);
  const book: ReplyBook = {
    bytesInFlight: 0,
    succeed: (count) => {
      counts.replies += count;
    },
    fail: (error) => {
      counts.errors++;
      options.onError?.(error, ++counts.replies);
    },
  };
  const lane = new Lane(connection, book, {
    // Ends an inline command that has no line break, as redis-cli does.
    beforeSentinel: new Uint8Array([CR, LF]),
  });
  try {
    for await (const piece of pieces(options.sources ?? [])) {
      counts.bytes += piece.bytes.length;
      await lane.send(piece);
    }
    options.onTransferred?.();
    await lane.finish();
    return counts;
  } catch (error) {
    if (error instanceof InputError) await lane.finish();
    throw error;
  } finally {
    await lane.stop();
  }
}

async function* pieces(
  sources: NonNullable<SourceOptions["sources"]>,
): AsyncGenerator<Outgoing, void, void> {
  const pool = new ChunkPool(PIECE);
  for (const from of sources.length === 0 ? [STANDARD_INPUT] : sources) {
    const source = typeof from === "string" ? await openSource(from) : from;
    try {
      for (;;) {
        const chunk = pool.take();
        const count = await source.read(chunk.bytes.subarray(0, PIECE));
        if (count === null) break;
        yield {
          bytes: chunk.bytes.subarray(0, count),
          written: () => pool.release(chunk),
        };
      }
    } finally {
      source.close();
    }
  }
}
