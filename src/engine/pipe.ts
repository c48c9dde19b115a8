import { ConnectionError, InputError } from "../errors.ts";
import { CR, LF } from "../protocol/ascii.ts";
import { Connection } from "../transport/connection.ts";
import { openEach } from "../transport/idle_timeout.ts";
import { ChunkPool } from "./chunk_pool.ts";
import { connectUnless } from "./connect_unless.ts";
import { counted, formatCount } from "./counted.ts";
import { Lane } from "./lane.ts";
import type { TargetOptions } from "./open_router.ts";
import { pipeIntoCluster } from "./pipe_cluster.ts";
import { type PipeCounts, type PipeError, PipeLedger } from "./pipe_ledger.ts";
import { type PipePiece, PipeReader } from "./pipe_reader.ts";
import type { SourceOptions } from "./rows.ts";
import { Shipment } from "./shipment.ts";
import { Wait } from "./wait.ts";
import { PATIENCE, windUp } from "./wind_up.ts";

/** What to pipe and where to. */
export interface PipeOptions
  extends Pick<SourceOptions, "sources" | "idleTimeout">, TargetOptions {
  /** Counts to keep up to date. */
  counts?: PipeCounts | undefined;
  /** Told about each error reply. */
  onError?: ((error: PipeError) => void) | undefined;
  /** Told when the last byte has been handed over. */
  onTransferred?: (() => void) | undefined;
}

/** Bytes that are read and written at once. */
const PIECE = 256 * 1024;

/**
 * Sends raw RESP or inline commands as they are, and counts the replies; in a
 * cluster each command to the node of its key.
 *
 * @param options What to send and where to.
 * @returns The counts.
 * @throws {InputError} When a source cannot be read on, ends within a command,
 * or has a command that breaks the pairing of commands and replies; what came
 * before it was sent, and its replies were awaited.
 * @throws {ConnectionError} When the server cannot be reached or is lost.
 * @throws {StoppedError} When a cluster is down, or passes commands on, for
 * longer than it is waited for.
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
  const wait = new Wait();
  using _listening = wait.failOn(signal);
  using connection = options.connection === undefined
    // What is piped may well be reads.
    ? await connectUnless(wait, {
      signal,
      ...options.server,
      allowReplica: options.server?.allowReplica ?? true,
      isRouted: true,
    })
    : Connection.from(options.connection);
  if (
    connection.server?.cluster === true && options.connection === undefined
  ) {
    const server = { signal, ...options.server };
    await pipeIntoCluster(connection, { ...options, server, counts }, wait);
    return counts;
  }
  const ledger = new PipeLedger({
    counts,
    onError: (error) => options.onError?.(error),
    onDone: (piece) => pool.release(piece.chunk),
  });
  const lane = new Lane<PipePiece>(
    connection,
    {
      counts,
      onError: (error) => ledger.fail(error),
      onDone: (shipment) => ledger.done(shipment.origin),
      onLost: (_flight, error) => wait.fail(error),
    },
    wait,
    {
      ...options,
      // In a transaction it would only be queued.
      mayPing: () => reader.openMulti === 0 && !reader.sentInPart,
      // Ends an inline command that has no line break, as redis-cli does.
      beforeSentinel: Uint8Array.of(CR, LF),
    },
  );
  const pieces = allPieces(options, reader);
  try {
    for (;;) {
      const { value: piece } = await wait.for(pieces.next());
      if (piece === undefined) break;
      counts.bytes = reader.bytesRead;
      counts.source = reader.source;
      lane.flight.isExact = reader.fault === undefined;
      ledger.enter(piece);
      const bytes = piece.chunk.bytes.subarray(0, piece.end);
      lane.send(new Shipment(piece, bytes, piece.ended));
      await wait.until(() => lane.hasRoom);
    }
    options.onTransferred?.();
    refuseOpenMulti(reader);
    lane.finish();
    await wait.until(() => lane.isFinished);
    return counts;
  } catch (error) {
    counts.bytes = reader.bytesRead;
    const worse = await windUp(error, {
      async finish(): Promise<void> {
        // Within a transaction the sentinel would only be queued, and within a
        // command it would become part of a value.
        const isClean = reader.openMulti === 0 && !reader.sentInPart;
        if (isClean) lane.finish();
        await wait.until(() => isClean ? lane.isFinished : lane.isIdle);
      },
      async drain(): Promise<void> {
        for (const { origin } of lane.withdraw(() => true)) {
          ledger.withdraw(origin);
        }
        await wait.atMost(PATIENCE, () => lane.isIdle);
      },
      close: () => howFar(counts, lane),
    });
    throw withFault(worse, reader);
  } finally {
    pieces.return().catch(() => {});
    await lane.stop();
  }
}

/** Refuses an input that ends within a transaction. */
function refuseOpenMulti({ openMulti, source }: PipeReader): void {
  if (openMulti === 0) return;
  throw new InputError(
    `The input leaves the MULTI of command ${openMulti} without EXEC; ` +
      "the server drops what was queued since",
    { source },
  );
}

/** Says how far a pipe got that does not go on. */
function howFar(counts: PipeCounts, { flight }: Lane<PipePiece>): string {
  const known = flight.isExact
    ? `, ${counted(flight.unanswered, "command")} unanswered`
    : "";
  return `replies so far: ${formatCount(counts.replies)}, errors: ` +
    formatCount(counts.errors) + known;
}

/** Where the input is no RESP, that is why the server has hung up. */
function withFault(error: unknown, { fault }: PipeReader): unknown {
  if (fault === undefined || !(error instanceof ConnectionError)) return error;
  return new InputError(
    `${error.message}; the input is no RESP at ${fault.source}, byte ` +
      `${fault.offset}: ${fault.reason}`,
    fault,
  );
}

async function* allPieces(
  { sources, idleTimeout }: PipeOptions,
  reader: PipeReader,
): AsyncGenerator<PipePiece, void, void> {
  for await (const source of openEach(sources, idleTimeout)) {
    yield* reader.pieces(source);
  }
}
