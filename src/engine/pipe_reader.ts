/**
 * Cuts a source into pieces that can be piped as they are.
 *
 * Why it has this shape: the bytes go out as they came, in as large pieces as
 * they came in, but a piece ends behind a whole command where that is possible
 * at all. The beginning of a command that is not whole yet waits for its rest,
 * so that an input that was cut off never leaves half a command on the server,
 * where whatever comes next would become part of a value. Only a command that
 * is too large to wait is sent in parts.
 *
 * @module
 */
import { CommandScanner } from "../protocol/command_scanner.ts";
import type { Source } from "../transport/source.ts";
import { type Chunk, CHUNK_SLACK, type ChunkPool } from "./chunk_pool.ts";
import { cutOff, refusedCommand, UNPAIRED } from "./pipe_fault.ts";

/**
 * The most bytes of a command that wait for its rest, but half a chunk. Whether
 * a command is a hazard is known long before.
 */
const MOST_HELD = 128 * 1024;

/**
 * Pieces shorter than this do not keep a whole chunk: while the server stalls,
 * a producer of single commands may have tens of thousands of them in flight.
 */
const SHORT_PIECE = 16 * 1024;

/** A run of bytes to be piped as they are, with its origin. */
export interface PipePiece {
  /** The source's name. */
  readonly source: string;
  /** The input bytes. */
  readonly chunk: Chunk;
  /** How many of the chunk's bytes are the piece, from its first on. */
  readonly end: number;
  /** Bytes of the source before the piece. */
  readonly offset: number;
  /** The ordinal, of all sources, of the first command that begins in it. */
  readonly first: number;
  /** Index in the chunk where that command begins. */
  readonly firstAt: number;
  /** Commands that begin in the piece, whole or not. */
  readonly begun: number;
  /** Commands that end in the piece. */
  readonly ended: number;
}

/** Where the input is no RESP, and why. */
interface PipeFault {
  /** The source's name. */
  readonly source: string;
  /** Bytes of the source before the fault. */
  readonly offset: number;
  /** What was expected there. */
  readonly reason: string;
}

/** Reads sources, one after the other, into pieces. */
export class PipeReader {
  /** Bytes read so far, of all sources. */
  bytesRead = 0;
  /** Where the input is no RESP; the commands' bounds are not known behind. */
  fault: PipeFault | undefined;
  /** Whether what was yielded ends within a command. */
  sentInPart = false;
  /** The source that is being read, or was last. */
  source = "";
  readonly #pool: ChunkPool;
  /** One for all sources: a transaction may go on in the next one. */
  readonly #scanner = new CommandScanner();
  /** Bytes of the source before the command that is sent in parts. */
  #begunAt = 0;

  /**
   * Makes a reader.
   *
   * @param pool Where chunks come from; whoever takes a piece releases its
   * chunk.
   */
  constructor(pool: ChunkPool) {
    this.#pool = pool;
  }

  /**
   * Reads one source to its end.
   *
   * @param source The source.
   * @yields Its bytes in pieces.
   * @throws {InputError} When it cannot be read on, ends within a command, or
   * has a command that breaks the pairing of commands and replies: nothing
   * from that command on is yielded.
   */
  async *pieces(source: Source): AsyncGenerator<PipePiece, void, void> {
    this.source = source.name;
    let chunk = this.#pool.take();
    let held = 0;
    let offset = 0;
    for (;;) {
      const count = await source.read(
        chunk.bytes.subarray(held, chunk.bytes.length - CHUNK_SLACK),
      );
      if (count === null) break;
      this.bytesRead += count;
      const end = held + count;
      const piece = this.#cut(source, chunk, held, end, offset);
      if (piece === undefined) {
        held = end;
        continue;
      }
      const taken = piece.end;
      const short = taken < SHORT_PIECE && taken > 0;
      const next = short ? chunk : this.#pool.take();
      const sent = short
        ? { ...piece, chunk: { bytes: chunk.bytes.slice(0, taken), users: 1 } }
        : piece;
      next.bytes.set(chunk.bytes.subarray(taken, end));
      offset += taken;
      held = end - taken;
      if (taken > 0) yield sent;
      else this.#pool.release(chunk);
      chunk = next;
      this.#refuse(source, offset);
    }
    yield* this.#end(source, chunk, held, offset);
  }

  /**
   * Which MULTI has no EXEC.
   *
   * @returns Its ordinal; 0 where there is none.
   */
  get openMulti(): number {
    return this.#scanner.openMulti;
  }

  get #ordinal(): number {
    return this.#scanner.commands;
  }

  /** Stops at a command that breaks the pairing. */
  #refuse(source: Source, offset: number): void {
    const { hazard } = this.#scanner;
    if (hazard === undefined) return;
    throw refusedCommand(
      { source: source.name, command: this.#ordinal + 1, offset },
      hazard.name,
      `${hazard.why}, ${UNPAIRED}`,
    );
  }

  /** The part of the chunk that can be sent; none: it is too short yet. */
  #cut(
    source: Source,
    chunk: Chunk,
    held: number,
    end: number,
    offset: number,
  ): PipePiece | undefined {
    const scanner = this.#scanner;
    const before = this.#ordinal;
    // Of a command that is sent in parts, one piece has the beginning and
    // another one the end.
    const continues = held === 0 && scanner.open;
    const firstAt = continues ? scanner.scan(chunk.bytes, 0, end, 1) : 0;
    // What is held was walked over before.
    const at = scanner.scan(chunk.bytes, Math.max(held, firstAt), end);
    if (scanner.fault !== undefined) {
      this.fault ??= {
        source: source.name,
        offset: offset + at,
        reason: scanner.fault,
      };
    }
    let stop = end;
    if (scanner.hazard !== undefined) {
      stop = Math.max(scanner.boundary, 0);
    } else if (scanner.open && (scanner.boundary >= 0 || held > 0)) {
      const begun = Math.max(scanner.boundary, 0);
      const most = Math.min(MOST_HELD, (chunk.bytes.length - CHUNK_SLACK) >> 1);
      if (end - begun <= most) stop = begun;
      else this.#begunAt = offset + begun;
      if (stop === 0) return undefined;
    }
    this.sentInPart = stop === end && scanner.open;
    const ended = this.#ordinal - before;
    const finished = continues && ended > 0 ? 1 : 0;
    const leftOpen = stop === end && scanner.open && (!continues || ended > 0);
    return {
      source: source.name,
      chunk,
      end: stop,
      offset,
      first: before + (continues ? 2 : 1),
      firstAt,
      begun: ended - finished + (leftOpen ? 1 : 0),
      ended,
    };
  }

  /** What is to be done about bytes that are no whole command. */
  *#end(
    source: Source,
    chunk: Chunk,
    held: number,
    offset: number,
  ): Generator<PipePiece, void, void> {
    const scanner = this.#scanner;
    const before = this.#ordinal;
    if (!scanner.open) {
      this.#pool.release(chunk);
      return;
    }
    const { lineBreak } = scanner;
    if (lineBreak.length > 0) {
      // What is missing is what nobody could get wrong.
      const end = held + lineBreak.length;
      chunk.bytes.set(lineBreak, held);
      scanner.scan(chunk.bytes, held, end);
      this.#refuse(source, offset);
      if (scanner.fault === undefined) {
        const ended = this.#ordinal - before;
        this.sentInPart = false;
        yield {
          source: source.name,
          chunk,
          end,
          offset,
          first: before + (held > 0 ? 1 : 2),
          firstAt: 0,
          begun: held > 0 ? ended : 0,
          ended,
        };
        return;
      }
    }
    const at = held > 0 ? offset : this.#begunAt;
    throw cutOff(
      { source: source.name, command: before + 1, offset: at },
      scanner,
      chunk.bytes.subarray(0, held),
    );
  }
}
