import type { Dialect } from "../codec/dialect.ts";
import { DerivedFormat } from "../codec/derived_reader.ts";
import type { Format, RecordReader } from "../codec/format.ts";
import { Header } from "../codec/header.ts";
import { SourceStart } from "../codec/source_start.ts";
import { type RecordFault, Step } from "../codec/step.ts";
import { CR_LINES, endsLinesInCr, suspectHeader } from "../codec/suspicion.ts";
import { InputError, UsageError } from "../errors.ts";
import type { Source } from "../transport/source.ts";
import type { BatchPool } from "./batch_pool.ts";
import { ChunkFeed } from "./chunk_feed.ts";
import type { RowCoding, RowFormat, RowPlan } from "./row_plan.ts";

const encoder = new TextEncoder();

/**
 * A source of which is known what it is, what its columns are, and what its
 * records become.
 */
export class OpenedSource {
  /** Where its bytes come from. */
  readonly feed: ChunkFeed;
  /** What its records become; nothing where there are none. */
  format: RowFormat | undefined;
  /** What it looks like, where it may not be read as it was meant. */
  hint: string | undefined;
  readonly #plan: RowPlan;
  readonly #start: SourceStart;
  /** What it was found to be. */
  #input: Format | undefined;
  #dialect: Dialect;
  /** The delimiter, where its first line has told it. */
  #delimiter: string | undefined;
  /** The line in front of its header that tells the delimiter, if any. */
  #remark = new Uint8Array();
  /** What its records become, where they need no header for that. */
  #coding: RowCoding | undefined;

  private constructor(source: Source, plan: RowPlan, pool: BatchPool) {
    this.#plan = plan;
    this.#dialect = plan.dialect;
    this.#start = new SourceStart(plan.skipLines);
    this.feed = new ChunkFeed(source, this.#start, pool);
  }

  /**
   * Finds all that out, by the source's first bytes.
   *
   * @returns The source, with its reader in front of the first record.
   * @throws {UsageError} When the template does not fit the header.
   * @throws {InputError} When there is no header, or none that can be read.
   */
  static async open(
    source: Source,
    plan: RowPlan,
    pool: BatchPool,
  ): Promise<[opened: OpenedSource, reader: RecordReader]> {
    const opened = new OpenedSource(source, plan, pool);
    const reader = await opened.#readStart();
    await opened.#begin(reader);
    return [opened, reader];
  }

  /** How its records are read. */
  get input(): Format {
    return this.format?.input ?? this.#input!;
  }

  /** What they are, for people. */
  get kind(): string {
    return this.#input?.kind ?? "";
  }

  /**
   * Whether the current record begins its source, and has a CR where each of
   * its lines would end.
   */
  hasCrLines({ raw, offset }: RecordReader): boolean {
    if (this.#coding !== undefined) return false;
    const { quote } = this.#dialect;
    return offset === this.#start.place().offset &&
      endsLinesInCr(raw, quote);
  }

  /** What to say then. */
  crLines(): InputError {
    const { name } = this.feed;
    return new InputError(
      `Cannot read ${name}: ${CR_LINES}`,
      { source: name, line: 1, offset: 0 },
    );
  }

  /** What to say about a fault behind which nothing can be read. */
  inputError(fault: RecordFault, suspicion?: string): InputError {
    const { name } = this.feed;
    return new InputError(
      `Cannot read ${name} beyond line ${fault.line} (byte ` +
        `${fault.offset}): ${fault.reason}` +
        (suspicion === undefined ? "" : `; ${suspicion}`),
      { source: name, line: fault.line, offset: fault.offset },
    );
  }

  /** Passes over what stands in front of the first record. */
  async #readStart(): Promise<RecordReader> {
    const start = this.#start;
    const { feed } = this;
    for (;;) {
      await feed.fill();
      if (start.read(feed.isExhausted)) {
        if (start.fault !== undefined) throw this.inputError(start.fault);
        if (this.#detect()) break;
      }
      feed.readOn();
    }
    const reader = this.#input!.reader(start.place());
    feed.hand(reader, start.boundary);
    return reader;
  }

  /** Finds out what the source is; says whether there was enough of it. */
  #detect(): boolean {
    const plan = this.#plan;
    const { name, rest, isExhausted } = this.feed;
    const found = plan.detect(name, rest, isExhausted);
    if (found === undefined) return false;
    if (found.isRemark) {
      this.#start.passLine();
      this.#remark = encoder.encode(`sep=${found.delimiter}\n`);
    }
    if (found.format === "jsonl") {
      this.#coding = plan.namedCoding();
      this.#input = this.#coding.input;
    } else {
      this.#delimiter = found.delimiter;
      const input = plan.csv(found.delimiter);
      this.#dialect = input.dialect;
      this.#input = input;
    }
    return true;
  }

  /** Finds out what the columns are, and what their records become. */
  async #begin(reader: RecordReader): Promise<void> {
    if (this.#coding !== undefined) {
      return this.#encodeAs(this.#coding, new Uint8Array(), reader);
    }
    const { feed } = this;
    const plan = this.#plan;
    const dialect = this.#dialect;
    let header = plan.columns;
    let headerBytes: Uint8Array = this.#remark;
    if (plan.header || header === undefined) {
      let step = feed.step(reader);
      while (step === Step.NeedInput && !feed.isDone) {
        await feed.fill();
        step = feed.step(reader);
      }
      const { record } = reader;
      if (step === Step.NeedInput) {
        if (!plan.header) return;
        throw new InputError(
          `Cannot read ${feed.name}: ` +
            (feed.bytesRead === 0
              ? "it is empty, not even a header is in it"
              : plan.skipLines > 0
              ? "there is no header behind the lines that --skip-lines skips"
              : "there is no header in it"),
          { source: feed.name, line: 1, offset: 0 },
        );
      }
      if (this.hasCrLines(reader)) throw this.crLines();
      if (step !== Step.Record) {
        const line = record.bytes.subarray(record.start, record.end);
        const suspicion = suspectHeader(Header.ofLine(line), dialect);
        throw this.inputError(reader.fault!, suspicion);
      }
      if (plan.header) {
        header ??= Header.fromRecord(record, this.#delimiter);
        const line = record.bytes.subarray(record.start, record.end);
        headerBytes = new Uint8Array([...this.#remark, ...line]);
        reader.records--;
      } else {
        header = Header.numbered(record.fieldCount);
        reader.unread();
      }
    }
    reader.fields = header.length;
    const suspicion = suspectHeader(header, dialect);
    try {
      const coding = plan.codingFor(header, this.#input);
      this.#encodeAs(coding, headerBytes, reader);
      this.hint = suspicion;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(
        `${feed.name}: ${error.message}` +
          (suspicion === undefined ? "" : `; ${suspicion}`),
      );
    }
  }

  #encodeAs(
    coding: RowCoding,
    headerBytes: Uint8Array,
    reader: RecordReader,
  ): void {
    const { input } = coding;
    this.format = { ...coding, source: this.feed.name, headerBytes };
    if (input === this.#input || !(input instanceof DerivedFormat)) return;
    const derived = input.derive(reader);
    this.feed.hand(derived, derived.boundary);
  }
}
