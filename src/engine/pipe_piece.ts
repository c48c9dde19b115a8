import type { Chunk } from "./chunk_pool.ts";

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
