/**
 * The ledger of a pipe: which command an error answers, where the commands'
 * bounds are known.
 *
 * The flight pairs replies with pieces by where commands end. But what an error
 * is traced to is where its command begins, and a command that is sent in parts
 * begins in an earlier piece. So a piece with a command's beginning is kept
 * until that command is answered, and every other one until it is written.
 *
 * Behind broken RESP nobody knows how many commands there are: replies are
 * counted, and an error there has an ordinal and no more.
 *
 * @module
 */
import { CommandScanner } from "../protocol/command_scanner.ts";
import type { PipePiece } from "./pipe_reader.ts";
import { Queue } from "./queue.ts";
import { quotePiped } from "../protocol/quote.ts";
import type { NodeData } from "./summary.ts";

/** A command that the server answered with an error. */
export interface PipeError {
  /** The server's text. */
  readonly error: string;
  /** The command's ordinal, of all sources, counting from 1. */
  readonly command: number;
  /** The source's name, where the input could be scanned. */
  readonly source?: string;
  /** Bytes of the source before the command. */
  readonly offset?: number;
  /** The command as redis-cli would quote it, cut to a readable length. */
  readonly text?: string;
}

/** The counts of a pipe: live while it runs, final when it has ended. */
export interface PipeCounts {
  /**
   * Replies, errors among them; the sentinel's is not. In a cluster commands
   * whose fate is known, as all before them, be it that they were not sent.
   */
  replies: number;
  /** Those of them that are errors. */
  errors: number;
  /** Bytes read. */
  bytes: number;
  /** The source that is being read, or was last. */
  source?: string | undefined;
  /** What there is to say of a cluster; of its nodes, what is known yet. */
  cluster?: PipeClusterData | undefined;
}

/** What a pipe tells about a cluster, with the names that `--json` prints. */
export interface PipeClusterData {
  /** Commands of which nobody knows whether they are in. */
  unknown: number;
  /** Commands that were passed on to another node. */
  redirections: number;
  /** How often what was refused or never answered was sent again. */
  rewinds: number;
  /** How often a lost connection was made again. */
  reconnections: number;
  /** The nodes. */
  nodes: NodeData[];
}

/** What a pipe ledger tells its pipe. */
interface PipeLedgerOptions {
  /** Where replies are counted already, and errors are to be. */
  readonly counts: PipeCounts;
  /** Told about each error reply. */
  onError(error: PipeError): void;
  /** Told when nobody needs a piece any more. */
  onDone(piece: PipePiece): void;
}

/** Finds the commands behind errors. */
export class PipeLedger {
  readonly #options: PipeLedgerOptions;
  /** Pieces with a command's beginning that may still be answered. */
  readonly #pieces = new Queue<PipePiece>();
  /** Pieces among them that are written, from the first one on. */
  #written = 0;
  /** Walks over a piece from error to error. */
  #walker:
    | { piece: PipePiece; scanner: CommandScanner; at: number }
    | undefined;

  /** Makes an empty ledger. */
  constructor(options: PipeLedgerOptions) {
    this.#options = options;
  }

  /** Enters a piece that is about to be sent. */
  enter(piece: PipePiece): void {
    if (piece.begun > 0) this.#pieces.push(piece);
  }

  /** Takes back the last piece, of which nothing was sent. */
  withdraw(piece: PipePiece): void {
    if (piece.begun > 0) this.#pieces.pop();
    this.#options.onDone(piece);
  }

  /** Notes that a piece is written, and that what ends in it is answered. */
  done(piece: PipePiece): void {
    if (piece.begun > 0) this.#written++;
    else this.#options.onDone(piece);
    const { replies } = this.#options.counts;
    for (;;) {
      const { first } = this.#pieces;
      if (first === undefined || this.#written === 0) return;
      if (replies < first.first + first.begun - 1) return;
      this.#pieces.shift();
      this.#written--;
      if (this.#walker?.piece === first) this.#walker = undefined;
      this.#options.onDone(first);
    }
  }

  /**
   * Notes one error reply, which is counted as a reply already.
   *
   * @param error The server's text.
   */
  fail(error: string): void {
    const { counts, onError } = this.#options;
    counts.errors++;
    const command = counts.replies;
    onError({ error, command, ...this.#find(command) });
  }

  #find(
    command: number,
  ): { source: string; offset: number; text: string } | undefined {
    const piece = this.#pieceOf(command);
    const at = piece === undefined ? -1 : this.#walkTo(piece, command);
    if (piece === undefined || at === -1) return undefined;
    const { source, chunk, end, offset } = piece;
    return {
      source,
      offset: offset + at,
      text: quotePiped(chunk.bytes, at, end),
    };
  }

  /** The piece in which a command begins; the first ones are likely. */
  #pieceOf(command: number): PipePiece | undefined {
    for (const piece of this.#pieces) {
      if (command < piece.first) return undefined;
      if (command < piece.first + piece.begun) return piece;
    }
    return undefined;
  }

  /** Index in the piece's chunk where a command begins; -1 for nowhere. */
  #walkTo(piece: PipePiece, command: number): number {
    if (this.#walker?.piece !== piece) {
      const scanner = new CommandScanner();
      this.#walker = { piece, scanner, at: piece.firstAt };
    }
    const walker = this.#walker;
    const { scanner } = walker;
    // One further than its beginning: lines without a command may be in front.
    const left = command - piece.first + 1 - scanner.commands;
    walker.at = scanner.scan(piece.chunk.bytes, walker.at, piece.end, left);
    return scanner.begin;
  }
}
