/**
 * The ledger of a pipe: which command each reply answers, where the commands'
 * bounds are known.
 *
 * As in a load, replies pair up with commands by order alone, and a piece of
 * the input is kept until its commands are answered. Only whole commands can
 * be: a piece that ends within one must not hold up the pieces that bring the
 * rest, however large it is, so what has no command's beginning in it is let go
 * as soon as it is written, and nothing counts as in flight while every whole
 * command is answered.
 *
 * Behind broken RESP nobody knows how many commands there are. Then no more
 * are entered, replies are counted, and an error there has an ordinal and no
 * more.
 *
 * @module
 */
import { CommandScanner } from "../protocol/command_scanner.ts";
import type { ReplyBook } from "./lane.ts";
import type { PipePiece } from "./pipe_piece.ts";
import { quotePiped } from "./quote_command.ts";

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

/** What a pipe ledger tells its pipe. */
export interface PipeLedgerOptions {
  /** Told about each error reply. */
  onError(error: PipeError): void;
  /** Told when nobody needs a piece any more. */
  onDone(piece: PipePiece): void;
}

/** Counts replies, and finds the commands behind the errors among them. */
export class PipeLedger implements ReplyBook {
  /** Replies, errors among them. */
  replies = 0;
  /** Error replies. */
  errors = 0;
  readonly #options: PipeLedgerOptions;
  /** Those before `#head` are gone already. */
  readonly #entries: (PipePiece | undefined)[] = [];
  #head = 0;
  /** Index of the first entry that is not written. */
  #unwritten = 0;
  #bytes = 0;
  #commands = 0;
  /** Walks over a piece from error to error. */
  #walker:
    | { piece: PipePiece; scanner: CommandScanner; at: number }
    | undefined;

  /**
   * Makes an empty ledger.
   *
   * @param options Whom to tell.
   */
  constructor(options: PipeLedgerOptions) {
    this.#options = options;
  }

  /**
   * How many commands are known to be unanswered.
   *
   * @returns Their number, as far as the input could be scanned.
   */
  get unanswered(): number {
    return Math.max(0, this.#commands - this.replies);
  }

  /** Whether the commands are counted: false behind broken RESP. */
  isExact = true;

  /**
   * Bytes handed over whose commands are not all answered.
   *
   * @returns Bytes; 0 where only a command that is not whole yet is left, as
   * nobody will answer that before its rest has been sent.
   */
  get bytesInFlight(): number {
    return this.unanswered === 0 ? 0 : this.#bytes;
  }

  /**
   * Enters a piece that is about to be sent.
   *
   * @param piece The piece.
   */
  enter(piece: PipePiece): void {
    this.#entries.push(piece);
    this.#commands += piece.ended;
    this.#bytes += piece.end;
  }

  /**
   * Takes back a piece of which nothing was sent.
   *
   * @param piece The piece; those entered after it must be withdrawn too.
   */
  withdraw(piece: PipePiece): void {
    const index = this.#entries.indexOf(piece, this.#unwritten);
    if (index === -1) return;
    this.#entries.splice(index, 1);
    this.#commands -= piece.ended;
    this.#bytes -= piece.end;
    this.#options.onDone(piece);
  }

  /**
   * Notes that a piece has been handed to the system.
   *
   * @param piece The piece; those entered before it are written too.
   */
  written(piece: PipePiece): void {
    const index = this.#entries.indexOf(piece, this.#unwritten);
    if (index === -1) return;
    this.#unwritten = index + 1;
    if (piece.begun === 0) this.#letGo(index);
    this.#release();
  }

  /**
   * Notes a run of replies that are no errors.
   *
   * @param count How many.
   */
  succeed(count: number): void {
    this.replies += count;
    this.#release();
  }

  /**
   * Notes one error reply.
   *
   * @param error The server's text.
   */
  fail(error: string): void {
    this.errors++;
    const command = ++this.replies;
    this.#options.onError({ error, command, ...this.#find(command) });
    this.#release();
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
    for (let i = this.#head; i < this.#entries.length; i++) {
      const piece = this.#entries[i];
      if (piece === undefined) continue;
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

  /** Lets go of the pieces in front that nobody needs any more. */
  #release(): void {
    while (this.#head < this.#unwritten) {
      const piece = this.#entries[this.#head];
      if (piece !== undefined) {
        const last = piece.first + piece.begun - 1;
        if (this.replies < last) break;
        this.#letGo(this.#head);
      }
      this.#head++;
    }
    // Seldom enough that moving the rest costs next to nothing.
    if (this.#head < 64 || this.#head * 2 < this.#entries.length) return;
    this.#entries.splice(0, this.#head);
    this.#unwritten -= this.#head;
    this.#head = 0;
  }

  #letGo(index: number): void {
    const piece = this.#entries[index]!;
    this.#entries[index] = undefined;
    this.#bytes -= piece.end;
    if (this.#walker?.piece === piece) this.#walker = undefined;
    this.#options.onDone(piece);
  }
}
