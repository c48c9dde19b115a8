import { ConnectionError, InputError, InterruptedError } from "../errors.ts";
import { CR, LF } from "../protocol/ascii.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import { Connection } from "../transport/connection.ts";
import { withIdleTimeout } from "../transport/idle_timeout.ts";
import {
  openSource,
  type Source,
  STANDARD_INPUT,
} from "../transport/source.ts";
import { ChunkPool } from "./chunk_pool.ts";
import { connectUnless } from "./connect_unless.ts";
import { counted, formatCount } from "./counted.ts";
import { Lane, type LaneOptions } from "./lane.ts";
import { type PipeError, PipeLedger } from "./pipe_ledger.ts";
import type { PipePiece } from "./pipe_piece.ts";
import { PipeReader } from "./pipe_reader.ts";
import { RaceSlot } from "./race_slot.ts";
import type { SourceOptions } from "./rows.ts";

/** What to pipe and where to. */
export interface PipeOptions extends
  SourceOptions,
  Pick<
    LaneOptions,
    "window" | "stallTimeout" | "endMarker" | "mayBlock"
  > {
  /** The server; the one on this machine by default. */
  server?: ConnectOptions | undefined;
  /**
   * A connection to use instead of a new one; it is closed in the end. On a
   * `Deno.Conn` the caller has logged in already.
   */
  connection?: Connection | Deno.Conn | undefined;
  /** Counts to keep up to date. */
  counts?: PipeCounts | undefined;
  /** Told about each error reply. */
  onError?: ((error: PipeError) => void) | undefined;
  /** Told when the last byte has been handed over. */
  onTransferred?: (() => void) | undefined;
  /** Stops the pipe: what is in flight is waited for, for up to 5 s. */
  signal?: AbortSignal | undefined;
}

/** The counts of a pipe: live while it runs, final when it has ended. */
export interface PipeCounts {
  /** Replies, errors among them; the sentinel's is not. */
  replies: number;
  /** Error replies. */
  errors: number;
  /** Bytes read. */
  bytes: number;
  /** The source that is being read, or was last. */
  source?: string | undefined;
}

/** Bytes that are read and written at once. */
const PIECE = 256 * 1024;

/** How long the replies to what is in flight are waited for, in ms. */
const PATIENCE = 5_000;

/**
 * Sends raw RESP or inline commands as they are, and counts the replies.
 *
 * @param options What to send and where to.
 * @returns The counts.
 * @throws {InputError} When a source cannot be read on, ends within a command,
 * or has a command that breaks the pairing of commands and replies; what came
 * before it was sent, and its replies were awaited.
 * @throws {ConnectionError} When the server cannot be reached or is lost.
 *
 * @example
 * ```ts ignore
 * import { pipe } from "@respipe/respipe";
 *
 * const { errors, replies } = await pipe({ sources: ["commands.resp"] });
 * console.log(`errors: ${errors}, replies: ${replies}`);
 * ```
 */
export async function pipe(options: PipeOptions = {}): Promise<PipeCounts> {
  const { counts = { replies: 0, errors: 0, bytes: 0 }, signal } = options;
  const pool = new ChunkPool(PIECE);
  const reader = new PipeReader(pool);
  const end = new RaceSlot();
  using _listening = end.failOn(signal);
  using connection = options.connection === undefined
    // What is piped may well be reads.
    ? await connectUnless(end, {
      signal,
      ...options.server,
      allowReplica: options.server?.allowReplica ?? true,
    })
    : Connection.from(options.connection);
  const ledger = new PipeLedger({
    onError: (error) => options.onError?.(error),
    onDone: (piece) => {
      pool.release(piece.chunk);
      counts.replies = ledger.replies;
      counts.errors = ledger.errors;
    },
  });
  const lane = new Lane(connection, ledger, {
    ...options,
    // Ends an inline command that has no line break, as redis-cli does.
    beforeSentinel: Uint8Array.of(CR, LF),
    onFailure: (error) => end.failWith(error),
  });
  const pieces = allPieces(options, reader);
  try {
    for (;;) {
      const { value: piece } = await end.race(pieces.next());
      if (piece === undefined) break;
      counts.bytes = reader.bytesRead;
      counts.source = reader.source;
      ledger.isExact = reader.scannable;
      ledger.enter(piece);
      await end.race(lane.send({
        bytes: piece.chunk.bytes.subarray(0, piece.end),
        written: () => ledger.written(piece),
        withdrawn: () => ledger.withdraw(piece),
      }));
    }
    await finish(lane, reader, options, end);
    return counts;
  } catch (error) {
    counts.bytes = reader.bytesRead;
    throw await windUp(error, { lane, ledger, reader, end });
  } finally {
    pieces.return().catch(() => {});
    await lane.stop();
    counts.replies = ledger.replies;
    counts.errors = ledger.errors;
  }
}

async function finish(
  lane: Lane,
  reader: PipeReader,
  options: PipeOptions,
  end: RaceSlot,
): Promise<void> {
  options.onTransferred?.();
  if (reader.openMulti === 0) {
    await end.race(lane.finish());
    return;
  }
  throw new InputError(
    `The input leaves the MULTI of command ${reader.openMulti} without EXEC; ` +
      "the server drops what was queued since",
    { source: reader.source },
  );
}

/** What there is to wind up. */
interface Unfinished {
  lane: Lane;
  ledger: PipeLedger;
  reader: PipeReader;
  end: RaceSlot;
}

/** Ends a pipe early without losing what is known; gives what to throw. */
async function windUp(error: unknown, pipe: Unfinished): Promise<unknown> {
  const { lane, ledger, reader, end } = pipe;
  if (error instanceof InputError) {
    try {
      // Within a transaction the sentinel would only be queued, and within a
      // command it would become part of a value.
      const isClean = reader.openMulti === 0 && !reader.sentInPart;
      await end.race(isClean ? lane.finish() : lane.settle());
      return error;
    } catch (worse) {
      return await windUp(worse, pipe);
    }
  }
  // A lane that has failed has nothing to wait for.
  await lane.drain(PATIENCE);
  const { replies, errors, unanswered } = ledger;
  const known = reader.scannable
    ? `, ${counted(unanswered, "command")} unanswered`
    : "";
  const counts = `; replies so far: ${formatCount(replies)}, errors: ` +
    formatCount(errors) + known;
  if (error instanceof ConnectionError) {
    const { fault } = reader;
    return fault === undefined
      ? new ConnectionError(error.message + counts, error.address)
      : new InputError(
        `${error.message}${counts}; the input is no RESP at ` +
          `${fault.source}, byte ${fault.offset}: ${fault.reason}`,
        fault,
      );
  }
  if (error instanceof InterruptedError) error.message += counts;
  return error;
}

async function* allPieces(
  options: PipeOptions,
  reader: PipeReader,
): AsyncGenerator<PipePiece, void, void> {
  const { sources = [], idleTimeout = 0 } = options;
  for (const from of sources.length === 0 ? [STANDARD_INPUT] : sources) {
    const source: Source = typeof from === "string"
      ? await openSource(from)
      : from;
    try {
      yield* reader.pieces(withIdleTimeout(source, idleTimeout));
    } finally {
      source.close();
    }
  }
}
