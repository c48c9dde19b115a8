/**
 * The ledger of a pipe: which command each reply answers, where the commands'
 * bounds are known.
 *
 * As in a load, replies pair up with commands by order alone, and a piece of
 * the input is kept until its commands are answered. Behind broken RESP nobody
 * knows how many commands there are: then replies are counted, pieces are let
 * go as soon as they are written, and an error has an ordinal and no more.
 *
 * @module
 */
import { CR, LF } from "../protocol/ascii.ts";
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

interface Entry {
  readonly piece: PipePiece;
  written: boolean;
}

/** Counts replies, and finds the commands behind the errors among them. */
export class PipeLedger implements ReplyBook {
  /** Replies, errors among them. */
  replies = 0;
  /** Error replies. */
  errors = 0;
  /** Bytes handed over whose commands are not all answered. */
  bytesInFlight = 0;
  readonly #options: PipeLedgerOptions;
  readonly #entries: Entry[] = [];
  #commands = 0;
  #scannable = true;
  /** Walks over the first piece from error to error. */
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
   * @returns Their number; 0 where the input cannot be scanned.
   */
  get unanswered(): number {
    return this.#scannable ? Math.max(0, this.#commands - this.replies) : 0;
  }

  /** Notes that the commands' bounds are not known any more. */
  giveUpScanning(): void {
    this.#scannable = false;
    this.#release();
  }

  /**
   * Enters a piece that is about to be sent.
   *
   * @param piece The piece.
   */
  enter(piece: PipePiece): void {
    this.#entries.push({ piece, written: false });
    this.#commands += piece.ended;
    this.bytesInFlight += piece.end;
  }

  /**
   * Takes back a piece of which nothing was sent.
   *
   * @param piece The piece; those entered after it must be withdrawn too.
   */
  withdraw(piece: PipePiece): void {
    const index = this.#entries.findIndex((entry) => entry.piece === piece);
    if (index === -1) return;
    this.#entries.splice(index, 1);
    this.#commands -= piece.ended;
    this.bytesInFlight -= piece.end;
    this.#options.onDone(piece);
  }

  /**
   * Notes that a piece has been handed to the system.
   *
   * @param piece The piece.
   */
  written(piece: PipePiece): void {
    const entry = this.#entries.find((one) => one.piece === piece);
    if (entry !== undefined) entry.written = true;
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
    if (!this.#scannable) return undefined;
    const entry = this.#entries.find(({ piece }) =>
      command >= piece.first && command < piece.first + piece.begun
    );
    if (entry === undefined) return undefined;
    const { source, chunk, end, offset } = entry.piece;
    const at = this.#walkTo(entry, command);
    return {
      source,
      offset: offset + at,
      text: quotePiped(chunk.bytes, at, end),
    };
  }

  /** Index in the piece's chunk where a command begins. */
  #walkTo({ piece }: Entry, command: number): number {
    const { chunk: { bytes }, end } = piece;
    if (this.#walker?.piece !== piece) {
      const scanner = new CommandScanner();
      this.#walker = { piece, scanner, at: piece.firstAt };
    }
    const walker = this.#walker;
    const passed = piece.first + walker.scanner.commands;
    walker.at = walker.scanner.scan(bytes, walker.at, end, command - passed);
    // Empty lines get no reply; they are in front of the command, not in it.
    while (
      walker.at < end && (bytes[walker.at] === CR || bytes[walker.at] === LF)
    ) {
      walker.at++;
    }
    return walker.at;
  }

  /** Lets go of the pieces in front that nobody needs any more. */
  #release(): void {
    for (;;) {
      const entry = this.#entries[0];
      if (entry === undefined || !entry.written) return;
      const { first, begun, end } = entry.piece;
      if (this.#scannable && begun > 0 && this.replies < first + begun - 1) {
        return;
      }
      this.#entries.shift();
      this.bytesInFlight -= end;
      this.#options.onDone(entry.piece);
    }
  }
}
