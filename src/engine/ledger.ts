/**
 * The ledger: which command each reply answers.
 *
 * Why it has this shape: replies carry no name, they come in the order of the
 * commands. So the ledger keeps the batches in flight in a queue and counts
 * how far into the first one the replies have come. A run of replies that are
 * no errors costs one addition, however long it is; only an error makes it
 * look for a record.
 *
 * @module
 */
import type { Place } from "../codec/place.ts";
import { ProtocolError } from "../errors.ts";
import type { Batch } from "./batch.ts";
import { RecordLocator } from "./record_locator.ts";
import type { Reject } from "./reject.ts";
import type { Summary } from "./summary.ts";

/** What a ledger needs of the load that it belongs to. */
export interface LedgerOptions {
  /** The counts to keep up to date. */
  summary: Summary;
  /** Whether anybody is told about rejects, so that commands are spelled out. */
  isTold: boolean;
  /** Told about each error reply, as it comes. */
  onError(reject: Reject): void;
  /** Told about each reject, in the order of the input. */
  onReject(reject: Reject): void;
  /** Whether an error would hit every record, whatever command it is for. */
  isStopping(error: string): boolean;
  /** Told when a batch's last reply has come. */
  onAnswered(batch: Batch): void;
  /** Told when nobody needs a batch's input any more. */
  onDone(batch: Batch): void;
}

/** A record by its place. */
export interface RecordPlace {
  /** The source's name. */
  readonly source: string;
  /** The record's ordinal in its source, counting from 1. */
  readonly record: number;
  /** The physical line on which it begins, counting from 1. */
  readonly line: number;
  /** Bytes of the source before it. */
  readonly offset: number;
}

/** The record that begins at a place. */
function recordAt(batch: Batch, place: Place): RecordPlace {
  const { records, line, offset } = place;
  return { source: batch.format.source, record: records + 1, line, offset };
}

/** Pairs replies with the commands of batches in flight. */
export class Ledger {
  /** The server's last error for a command that records share. */
  sharedError: string | undefined;
  /** Commands that have been handed over and not answered. */
  unanswered = 0;
  /** Every command is counted when it is encoded. */
  readonly isExact = true;
  /** What batches that are not wholly answered weigh, in bytes. */
  bytesInFlight = 0;
  readonly #options: LedgerOptions;
  readonly #batches: Batch[] = [];
  /** Answered batches that wait for records to be sent again. */
  readonly #held: Batch[] = [];
  #isHolding = false;
  /** The first record that was not handed over. */
  #next: RecordPlace | undefined;
  /** Reads the first batch again, once it has an error. */
  #locator: RecordLocator | undefined;

  /**
   * Makes an empty ledger.
   *
   * @param options Where the outcome goes.
   */
  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /**
   * Enters a batch that is about to be sent.
   *
   * @param batch The batch; it must not change any more.
   */
  enter(batch: Batch): void {
    const { summary } = this.#options;
    summary.records += batch.records;
    summary.commands += batch.commands;
    summary.bytesOut += batch.output.length;
    summary.rejected += batch.rejects.length;
    this.unanswered += batch.commands;
    this.bytesInFlight += batch.weight;
    this.#batches.push(batch);
    this.#next = recordAt(batch, batch.after);
    this.#strike();
  }

  /**
   * Takes back a batch of which nothing was sent: it counts as not read.
   *
   * @param batch The batch; those entered after it must be withdrawn before.
   */
  withdraw(batch: Batch): void {
    if (this.#batches.at(-1) !== batch) return;
    this.#batches.pop();
    const { summary } = this.#options;
    if (batch.selection !== undefined) {
      // Records that were to be sent again were read all the same.
      this.unanswered -= batch.commands;
      this.#close(batch);
      return;
    }
    summary.records -= batch.records;
    summary.commands -= batch.commands;
    summary.bytesOut -= batch.output.length;
    summary.rejected -= batch.rejects.length;
    this.unanswered -= batch.commands;
    this.bytesInFlight -= batch.weight;
    this.#next = recordAt(batch, batch.place);
    this.#options.onDone(batch);
  }

  /**
   * Notes a run of replies that are no errors.
   *
   * @param count How many.
   * @throws {ProtocolError} When there are more replies than commands.
   */
  succeed(count: number): void {
    this.#expect(count);
    while (count > 0) {
      const batch = this.#batches[0];
      const taken = Math.min(count, batch.commands - batch.answered);
      batch.answered += taken;
      count -= taken;
      this.#strike();
    }
  }

  /**
   * Notes one error reply.
   *
   * @param error The server's text.
   * @throws {ProtocolError} When there are more replies than commands.
   */
  fail(error: string): void {
    this.#expect(1);
    const batch = this.#batches[0];
    const command = batch.answered++;
    if (batch.shares !== undefined) {
      this.#failShared(batch, command, error);
      this.#strike();
      return;
    }
    const index = batch.recordsIn(command);
    // Of several commands of one record, the first that fails is its reason.
    if (index !== batch.lastFailed) {
      batch.lastFailed = index;
      this.#locator ??= new RecordLocator(batch);
      const { commandsPerRecord } = batch.format.encoder;
      this.#reject(
        batch,
        this.#locator.reject(
          index,
          command % commandsPerRecord,
          error,
          this.#options.isTold,
        ),
      );
    }
    this.#strike();
  }

  /**
   * Whether records that shared a command wait to be sent again.
   *
   * @returns True once a shared command has failed; nothing new may be sent
   * then before they are.
   */
  get hasHeld(): boolean {
    return this.#isHolding;
  }

  /**
   * Tells which batch waits at the head of the queue, once everything in
   * flight is answered. It stays there until {@linkcode enterAgain}, so that
   * it is accounted for wherever the load ends.
   *
   * @returns The batch; at first the one that has the first failed command.
   */
  nextHeld(): Batch | undefined {
    this.#isHolding = false;
    return this.#held[0];
  }

  /**
   * Enters a batch of records that are sent again.
   *
   * @param again The batch; it has taken over the first one's rejects.
   * @param first The batch that had the records first: what
   * {@linkcode nextHeld} gave.
   */
  enterAgain(again: Batch, first: Batch): void {
    const { summary } = this.#options;
    this.#held.shift();
    summary.loaded += first.encoded - again.encoded;
    summary.commands += again.commands;
    summary.bytesOut += again.output.length;
    this.unanswered += again.commands;
    this.bytesInFlight += again.weight;
    this.#batches.push(again);
    this.#options.onDone(first);
    this.#strike();
  }

  /**
   * Settles what is known of the batches that will get no more replies.
   *
   * Records of theirs that were answered in full count as loaded; the others
   * stay unknown.
   */
  settle(): void {
    for (const batch of this.#unsettled()) {
      if (this.#held.includes(batch)) this.bytesInFlight += batch.weight;
      this.#rejectShares(batch);
      this.#close(batch);
    }
    this.#batches.length = 0;
    this.#held.length = 0;
  }

  /**
   * The batches in the order of the input: those that are held come first,
   * until they are sent again one after the other.
   */
  #unsettled(): Batch[] {
    return this.#isHolding
      ? [...this.#held, ...this.#batches]
      : [...this.#batches, ...this.#held];
  }

  /**
   * The first record that is neither loaded nor rejected: where to look after
   * a load that did not end, and where another one could go on.
   *
   * @returns The record's place; nothing where no record was read.
   */
  firstUnsettled(): RecordPlace | undefined {
    const [batch] = this.#unsettled();
    if (batch === undefined) return this.#next;
    let index = batch.recordsIn(batch.failedShares?.[0] ?? batch.answered);
    // It may have failed already, with replies to its other commands due.
    if (index === batch.lastFailed) index++;
    const place = index < batch.encoded
      ? new RecordLocator(batch).placeOf(index)
      : batch.after;
    return recordAt(batch, place);
  }

  /**
   * Notes an error reply to a command that records share.
   *
   * It has changed nothing (see coalescing.ts), so its records can be sent
   * again, each on its own, to find the guilty one. What would hit every
   * record rejects them all, unless it is about a command that the user never
   * asked for.
   */
  #failShared(batch: Batch, command: number, error: string): void {
    const { coalescing } = batch.format;
    const isOthersFault = coalescing?.sameKey === false &&
      /^(NOPERM|ERR unknown command)/.test(error);
    if (isOthersFault || !this.#options.isStopping(error)) {
      (batch.failedShares ??= []).push(command);
      this.sharedError = error;
      this.#isHolding = true;
      return;
    }
    this.#locator ??= new RecordLocator(batch);
    for (const index of batch.sharersOf(command)) {
      this.#reject(
        batch,
        this.#locator.reject(index, 0, error, this.#options.isTold),
      );
    }
  }

  /**
   * Rejects the records of failed shared commands that nobody will send again:
   * no reply says so of each, but none of them is in.
   */
  #rejectShares(batch: Batch): void {
    const commands = batch.failedShares ?? [];
    batch.failedShares = undefined;
    if (commands.length === 0) return;
    const locator = new RecordLocator(batch);
    for (const index of commands.flatMap((c) => batch.sharersOf(c))) {
      batch.rejects.push(
        locator.reject(index, 0, this.sharedError!, this.#options.isTold),
      );
      this.#options.summary.rejected++;
    }
  }

  #reject(batch: Batch, reject: Reject): void {
    batch.rejects.push(reject);
    this.#options.summary.rejected++;
    this.#options.onError(reject);
  }

  #expect(count: number): void {
    if (count > this.unanswered) {
      throw new ProtocolError(
        `Cannot pair replies with commands: ${count} came where ` +
          `${this.unanswered} were due`,
        this.#options.summary.replies,
        new Uint8Array(),
      );
    }
    this.unanswered -= count;
    this.#options.summary.replies += count;
  }

  /** Strikes out the batches in front that are answered in full. */
  #strike(): void {
    for (;;) {
      const batch = this.#batches[0];
      if (batch === undefined || batch.answered < batch.commands) return;
      this.#batches.shift();
      if (this.#isHolding) {
        // Its turn comes when the records before it have been sent again.
        this.#held.push(batch);
        this.bytesInFlight -= batch.weight;
        this.#locator = undefined;
        continue;
      }
      this.#close(batch);
      this.#options.onAnswered(batch);
    }
  }

  #close(batch: Batch): void {
    const { summary, onReject, onDone } = this.#options;
    const answered = batch.recordsIn(batch.answered);
    let failed = 0;
    for (const command of batch.failedShares ?? []) {
      failed += batch.shares![command];
    }
    for (const reject of batch.rejects) {
      if (reject.command !== undefined) failed++;
    }
    // A record that failed before its last reply came is not among those
    // answered in full.
    if (batch.lastFailed === answered) failed--;
    summary.loaded += answered - failed;
    batch.rejects.sort((a, b) => a.record - b.record);
    for (const reject of batch.rejects) onReject(reject);
    this.bytesInFlight -= batch.weight;
    this.#locator = undefined;
    onDone(batch);
  }
}
