/**
 * Makes batches of a piped source: reads, finds the commands, and encodes what
 * is inline, so that a router can walk over them.
 *
 * Why it has this shape: a batch holds whole commands, and from MULTI to EXEC
 * all of them or none, since a router can send a transaction only to one node,
 * and must know all its keys for that. So a batch ends in front of a MULTI that
 * has no EXEC yet; what is encoded of that transaction goes to the front of the
 * next one, and its input bytes, and those of a command that is not whole, to
 * the front of the next chunk. Nothing is read twice, however slowly it comes.
 *
 * What must change together: `#start`, `#filled`, the reader's boundary and the
 * place of the open MULTI are indices into the same chunk.
 *
 * @module
 */
import { CommandEncoder, CommandReader } from "../codec/command_reader.ts";
import type { Place } from "../codec/place.ts";
import { Step } from "../codec/step.ts";
import { InputError } from "../errors.ts";
import { ArgumentWalker } from "../protocol/argument_walker.ts";
import { CR, LF } from "../protocol/ascii.ts";
import { ByteBuffer } from "../protocol/byte_buffer.ts";
import type { CommandKeys } from "../protocol/command_keys.ts";
import type { Source } from "../transport/source.ts";
import type { Batch, BatchFormat } from "./batch.ts";
import type { BatchPool } from "./batch_pool.ts";
import { type Chunk, CHUNK_SLACK } from "./chunk_pool.ts";
import {
  type CommandPlace,
  cutOff,
  refusedCommand,
  UNPAIRED,
} from "./pipe_fault.ts";

/** Bytes of RESP at which a batch ends even though its chunk has more. */
const LARGE_BATCH = 1024 * 1024;

/** A chunk with less room than this is not read into any more. */
const LEAST_ROOM = 32 * 1024;

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
export class CommandBatcher {
  /** Bytes of the source read so far. */
  bytesRead = 0;
  /** Whether all commands so far can be sent again without harm. */
  isRepeatable = true;
  readonly #source: Source;
  readonly #pool: BatchPool;
  readonly #keys: CommandKeys;
  readonly #format: BatchFormat;
  readonly #encoder = new CommandEncoder();
  readonly #reader: CommandReader;
  readonly #walker = new ArgumentWalker();
  #chunk: Chunk;
  /** Index in the chunk behind the last byte that was read into it. */
  #filled = 0;
  /** Index in the chunk of the coming batch's first byte. */
  #start = 0;
  /** The place of that. */
  #place: Place;
  /** The RESP of the coming batch. */
  readonly #out = new ByteBuffer();
  /** Commands in it. */
  #encoded = 0;
  /** Its transactions that are whole. */
  #units = new Map<number, number>();
  /** The transaction that is not, or what cannot be sent: it ends in front. */
  #open: OpenUnit | undefined;
  #isExhausted = false;
  #isDone = false;
  #failure: InputError | undefined;

  /**
   * Begins a source.
   *
   * @param source Where the bytes come from.
   * @param pool Where batches come from.
   * @param keys Tells what cannot be sent to a cluster.
   * @param before Commands in the sources before it.
   */
  constructor(
    source: Source,
    pool: BatchPool,
    keys: CommandKeys,
    before: number,
  ) {
    this.#source = source;
    this.#pool = pool;
    this.#keys = keys;
    this.#place = { records: before, line: 1, offset: 0 };
    this.#reader = new CommandReader(this.#place);
    this.#chunk = pool.chunks.take();
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
      if (this.#isDone) return undefined;
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
      const { name: source } = this.#source;
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
      this.#chunk,
      this.#start,
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
    this.#start = end;
    this.#place = place;
    if (open !== undefined) open.id = open.length = 0;
    return batch;
  }

  /** Reads on. */
  async #fill(): Promise<void> {
    if (this.#isExhausted) return this.#end();
    if (this.#room < LEAST_ROOM) this.#move();
    const { bytes } = this.#chunk;
    const room = bytes.subarray(this.#filled, bytes.length - CHUNK_SLACK);
    const count = await this.#source.read(room);
    if (count === null) {
      this.#isExhausted = true;
      return this.#end();
    }
    this.bytesRead += count;
    this.#filled += count;
    this.#reader.feed(bytes, this.#reader.boundary, this.#filled);
  }

  /** Goes on in another chunk. */
  #move(): void {
    const [reader, start] = [this.#reader, this.#start];
    const held = this.#filled - start;
    if (held > MOST_HELD) {
      throw new InputError(
        `Cannot pipe command ${
          reader.records + 1
        } into a cluster: it, or the ` +
          "transaction that it belongs to, has more than 1 GiB",
        { source: this.#source.name, offset: this.#place.offset },
      );
    }
    const next = this.#pool.chunks.take(2 * held + LEAST_ROOM);
    next.bytes.set(this.#chunk.bytes.subarray(start, this.#filled));
    this.#pool.chunks.release(this.#chunk);
    this.#chunk = next;
    this.#start = 0;
    this.#filled = held;
    if (this.#open !== undefined) this.#open.at -= start;
    reader.feed(next.bytes, reader.boundary - start, held);
  }

  /** What is to be done about what is not whole at the end. */
  #end(): void {
    const reader = this.#reader;
    const { scanner, openMulti } = reader;
    const { name: source } = this.#source;
    const { bytes } = this.#chunk;
    if (!scanner.open) {
      this.#isDone = true;
      if (openMulti === 0) return;
      const { offset } = this.#place;
      this.#failure = new InputError(
        `The input leaves the MULTI of command ${openMulti} without EXEC; it ` +
          "and what follows it were not sent",
        { source, offset },
      );
      return;
    }
    if (scanner.openInline || scanner.lacksOnlyLineBreak) {
      // What is missing is what nobody could get wrong: the line break.
      if (!scanner.openInline && scanner.missing === 2) {
        bytes[this.#filled++] = CR;
      }
      bytes[this.#filled++] = LF;
      return reader.feed(bytes, reader.boundary, this.#filled);
    }
    const rest = bytes.subarray(reader.boundary, this.#filled);
    this.#fail(cutOff(this.#next, scanner, rest));
  }

  /** Says why there can be no further command. */
  #broken(): InputError {
    const { scanner } = this.#reader;
    const { hazard, fault } = scanner;
    if (hazard !== undefined) {
      const why = `${hazard.why}, ${UNPAIRED}`;
      return refusedCommand(this.#next, hazard.name, why);
    }
    const { boundary, scanned } = this.#reader;
    if (this.#isExhausted) {
      // It ends within an inline command's quotes.
      const rest = this.#chunk.bytes.subarray(boundary, this.#filled);
      return cutOff(this.#next, scanner, rest);
    }
    const { name: source } = this.#source;
    return new InputError(
      `The input is no RESP at ${source}, byte ${scanned}: ${fault}; nobody ` +
        "knows which node of the cluster the rest is for: it was not sent",
      { source, offset: scanned },
    );
  }

  /** The command behind the last whole one. */
  get #next(): CommandPlace {
    const { name: source } = this.#source;
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

  get #room(): number {
    return this.#chunk.bytes.length - CHUNK_SLACK - this.#filled;
  }
}
