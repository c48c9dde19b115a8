/**
 * Makes batches of a piped source: reads, finds the commands, and encodes what
 * is inline, so that a router can walk over them.
 *
 * Why it has this shape: a batch holds whole commands, and from MULTI to EXEC
 * all of them or none, since a router can send a transaction only to one node,
 * and must know all its keys for that. So a batch ends in front of a MULTI that
 * has no EXEC yet; what is encoded of that transaction goes to the front of the
 * next one. To the feed it is what the batcher has not passed over, and so is a
 * command that is not whole. Nothing is read twice, however slowly it comes.
 *
 * What must change together: `boundary`, `#end`, the reader's boundary and the
 * place of the open MULTI are indices into the same chunk.
 *
 * @module
 */
import { CommandEncoder, CommandReader } from "../codec/command_reader.ts";
import type { Place } from "../codec/place.ts";
import { Step } from "../codec/step.ts";
import { InputError } from "../errors.ts";
import { ArgumentWalker } from "../protocol/argument_walker.ts";
import { ByteBuffer } from "../protocol/byte_buffer.ts";
import type { CommandKeys } from "../protocol/command_keys.ts";
import type { Source } from "../transport/source.ts";
import { type Batch, type BatchFormat, LARGE_BATCH } from "./batch.ts";
import type { BatchPool } from "./batch_pool.ts";
import { ChunkFeed, type Walker } from "./chunk_feed.ts";
import {
  type CommandPlace,
  cutOff,
  refusedCommand,
  UNPAIRED,
} from "./pipe_fault.ts";

/** The most bytes of a command, or of a transaction, that are held. */
const MOST_HELD = 1024 ** 3;

/** Where a MULTI stands that waits for its EXEC. */
interface OpenUnit {
  /** Its id in the coming batch. */
  id: number;
  /** Bytes of that batch's RESP in front of it. */
  length: number;
  /** Index in the chunk of its first byte. */
  at: number;
  /** The place in front of it. */
  readonly place: Place;
}

/** Reads one source of commands into batches. */
export class CommandBatcher implements Walker {
  /** Whether all commands so far can be sent again without harm. */
  isRepeatable = true;
  /** Index in the chunk of the coming batch's first byte. */
  boundary = 0;
  readonly #pool: BatchPool;
  readonly #keys: CommandKeys;
  readonly #format: BatchFormat;
  readonly #encoder = new CommandEncoder();
  readonly #reader: CommandReader;
  readonly #walker = new ArgumentWalker();
  readonly #feed: ChunkFeed;
  #bytes = new Uint8Array();
  /** Index behind the last byte that was read. */
  #end = 0;
  /** The place at the boundary. */
  #place: Place;
  /** The RESP of the coming batch. */
  readonly #out = new ByteBuffer();
  /** Commands in it. */
  #encoded = 0;
  /** Its transactions that are whole. */
  #units = new Map<number, number>();
  /** The transaction that is not, or what cannot be sent: it ends in front. */
  #open: OpenUnit | undefined;
  #failure: InputError | undefined;

  /**
   * Begins a source.
   *
   * @param keys Tells what cannot be sent to a cluster.
   * @param before Commands in the sources before it.
   */
  constructor(
    source: Source,
    pool: BatchPool,
    keys: CommandKeys,
    before: number,
  ) {
    this.#pool = pool;
    this.#keys = keys;
    this.#place = { records: before, line: 1, offset: 0 };
    this.#reader = new CommandReader(this.#place);
    this.#feed = new ChunkFeed(source, this, pool);
    this.#format = {
      source: source.name,
      headerBytes: new Uint8Array(),
      header: { length: 0 },
      input: { kind: "RESP", reader: (place) => new CommandReader(place) },
      encoder: this.#encoder,
    };
  }

  /** Whole commands so far, those of the sources before it included. */
  get commands(): number {
    return this.#reader.records;
  }

  /** Bytes of the source read so far. */
  get bytesRead(): number {
    return this.#feed.bytesRead;
  }

  get pending(): number {
    return this.#end - this.boundary;
  }

  feed(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): void {
    const moved = start - this.boundary;
    this.#reader.feed(bytes, this.#reader.boundary + moved, end);
    if (this.#open !== undefined) this.#open.at += moved;
    this.#bytes = bytes;
    this.boundary = start;
    this.#end = end;
  }

  /**
   * Makes the next batch.
   *
   * @returns The batch, or nothing at the end of the source.
   * @throws {InputError} When the source cannot be read on, or has what cannot
   * be sent; the batches made so far are good.
   */
  async next(): Promise<Batch | undefined> {
    for (;;) {
      if (this.#failure === undefined) this.#encode();
      const batch = this.#cut();
      if (batch !== undefined) return batch;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#feed.isDone) return undefined;
      await this.#fill();
    }
  }

  /** Encodes what commands there are in the chunk. */
  #encode(): void {
    const out = this.#out;
    while (out.length < LARGE_BATCH || this.#open !== undefined) {
      const step = this.#reader.next();
      if (step === Step.Broken) this.#fail(this.#broken());
      if (step !== Step.Record || !this.#add()) return;
    }
  }

  /** Encodes a command; false where it cannot be sent. */
  #add(): boolean {
    const [reader, out, walker] = [this.#reader, this.#out, this.#walker];
    const { length } = out;
    const id = this.#encoded++;
    this.#encoder.encode(reader.record, out);
    const { openMulti } = reader;
    walker.begin(out.bytes, length, out.length);
    walker.nextCommand();
    walker.nextArgument();
    const { start, length: size } = walker;
    const rule = this.#keys.ruleOf(out.bytes, start, size);
    const { name, refusal } = rule;
    this.isRepeatable &&= this.#keys.repeats(rule, walker);
    if (openMulti > 0 || refusal !== undefined) {
      const { records, line, offset, record: { start: at } } = reader;
      this.#open ??= {
        ...{ id, length, at },
        place: { records: records - 1, line, offset },
      };
      if (refusal === undefined) return true;
      const { name: source } = this.#feed;
      const command = { source, command: records, offset };
      const why = `${refusal}, so it cannot be routed in a cluster`;
      this.#fail(refusedCommand(command, name, why), records);
      return false;
    }
    if (this.#open !== undefined) {
      this.#units.set(this.#open.id, id + 1 - this.#open.id);
      this.#open = undefined;
    }
    return true;
  }

  /** Ends the batch in front of what is not whole; none where that is first. */
  #cut(): Batch | undefined {
    const [reader, out, open] = [this.#reader, this.#out, this.#open];
    const count = open?.id ?? this.#encoded;
    if (count === 0) return undefined;
    const place = open?.place ?? reader.place();
    const end = open?.at ?? reader.boundary;
    const length = open?.length ?? out.length;
    const batch = this.#pool.begin(
      this.#format,
      this.#feed.chunk,
      this.boundary,
      this.#place,
    );
    const { output } = batch;
    [output.bytes, out.bytes] = [out.bytes, output.bytes];
    const rest = out.length - length;
    output.length = length;
    out.clear();
    out.append(output.bytes, length, length + rest);
    batch.records = batch.encoded = count;
    batch.units = this.#units;
    batch.end = end;
    batch.after = place;
    this.#units = new Map();
    this.#encoded -= count;
    this.boundary = end;
    this.#place = place;
    if (open !== undefined) open.id = open.length = 0;
    return batch;
  }

  /** Reads on. */
  async #fill(): Promise<void> {
    const feed = this.#feed;
    if (!feed.isExhausted) {
      if (this.pending > MOST_HELD) {
        throw new InputError(
          `Cannot pipe command ${this.commands + 1} into a cluster: it, or ` +
            "the transaction that it belongs to, has more than 1 GiB",
          { source: feed.name, offset: this.#place.offset },
        );
      }
      feed.readOn();
      await feed.fill();
    }
    if (feed.isExhausted) this.#finish();
  }

  /** What is to be done about what is not whole at the end. */
  #finish(): void {
    const { scanner, openMulti } = this.#reader;
    if (!scanner.open) {
      this.#feed.isDone = true;
      if (openMulti === 0) return;
      const { offset } = this.#place;
      this.#failure = new InputError(
        `The input leaves the MULTI of command ${openMulti} without EXEC; it ` +
          "and what follows it were not sent",
        { source: this.#feed.name, offset },
      );
      return;
    }
    const { lineBreak } = scanner;
    if (lineBreak.length === 0) return this.#fail(this.#cutOff());
    // What is missing is what nobody could get wrong.
    const end = this.#end;
    this.#bytes.set(lineBreak, end);
    this.feed(this.#bytes, this.boundary, end + lineBreak.length);
  }

  /** Says why there can be no further command. */
  #broken(): InputError {
    const { scanner } = this.#reader;
    const { hazard, fault } = scanner;
    if (hazard !== undefined) {
      const why = `${hazard.why}, ${UNPAIRED}`;
      return refusedCommand(this.#next, hazard.name, why);
    }
    // It ends within an inline command's quotes.
    if (this.#feed.isExhausted) return this.#cutOff();
    const { scanned } = this.#reader;
    const { name: source } = this.#feed;
    return new InputError(
      `The input is no RESP at ${source}, byte ${scanned}: ${fault}; nobody ` +
        "knows which node of the cluster the rest is for: it was not sent",
      { source, offset: scanned },
    );
  }

  /** Says that it ends within a command. */
  #cutOff(): InputError {
    const { scanner, boundary } = this.#reader;
    const rest = this.#bytes.subarray(boundary, this.#end);
    return cutOff(this.#next, scanner, rest);
  }

  /** The command behind the last whole one. */
  get #next(): CommandPlace {
    const { name: source } = this.#feed;
    const { records, offset } = this.#reader.place();
    return { source, command: records + 1, offset };
  }

  /** Ends the source behind what is whole. */
  #fail(error: InputError, command = this.#reader.records + 1): void {
    this.#failure = error;
    const multi = (this.#open?.place.records ?? Infinity) + 1;
    if (multi >= command) return;
    error.message += `; nor was its transaction, which command ${multi} begins`;
  }
}
