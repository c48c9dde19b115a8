import type { Place } from "../codec/place.ts";
import { Step } from "../codec/step.ts";
import { ByteBuffer } from "../protocol/byte_buffer.ts";
import type { Batch, BatchFormat } from "./batch.ts";
import { quoteCommand } from "../protocol/quote.ts";
import type { Reject } from "./reject.ts";

/**
 * Finds the record behind a failed command by reading its batch again.
 *
 * Errors of one batch come in the order of its commands, so the locator only
 * ever goes forward: a batch is read again once, however many errors it has.
 */
export class RecordLocator {
  readonly #batch: Batch;
  readonly #reader: ReturnType<BatchFormat["input"]["reader"]>;
  readonly #commands = new ByteBuffer();
  #found = -1;

  /**
   * Makes a locator that stands in front of the first record.
   *
   * @param batch The batch; it must still have its input.
   */
  constructor(batch: Batch) {
    this.#batch = batch;
    const { format, place, chunk, start, end } = batch;
    this.#reader = format.input.reader(place, format.header.length);
    this.#reader.feed(chunk.bytes, start, end);
  }

  /**
   * Describes a record that failed.
   *
   * @param index The record's index among those that the batch has encoded; not
   * lower than in the call before.
   * @param command Which of the record's commands failed, counting from 0.
   * @param isTold Whether anybody is told about the reject: where nobody is,
   * its bytes are not copied and its command is not spelled out.
   */
  reject(
    index: number,
    command: number,
    error: string,
    isTold = true,
  ): Reject {
    const { format } = this.#batch;
    this.#seek(index);
    const { record, raw, records, line, offset } = this.#reader;
    this.#commands.clear();
    if (isTold) format.encoder.encode(record, this.#commands);
    return {
      source: format.source,
      record: records,
      line,
      offset,
      command: isTold ? quoteCommand(this.#commands.view(), command) : "",
      error,
      bytes: isTold ? raw.slice() : raw.subarray(0, 0),
      kind: format.input.kind,
      header: format.headerBytes,
    };
  }

  /**
   * Tells where a record stands.
   *
   * @param index The record's index, as for {@linkcode reject}.
   * @returns The place in front of the record.
   */
  placeOf(index: number): Place {
    this.#seek(index);
    const { records, line, offset } = this.#reader;
    return { records: records - 1, line, offset };
  }

  /**
   * Encodes a record again, in commands of its own.
   *
   * @param index The record's index, as for {@linkcode reject}.
   * @param out Where its commands go.
   */
  encode(index: number, out: ByteBuffer): void {
    this.#seek(index);
    this.#batch.format.encoder.encode(this.#reader.record, out);
  }

  #seek(index: number): void {
    while (this.#found < index) {
      let step = this.#reader.next();
      if (step === Step.NeedInput) step = this.#reader.finish();
      if (step === Step.Record) this.#found++;
      else if (step !== Step.Reject) {
        throw new Error(
          `Cannot find record ${index} of ${this.#batch.encoded} in a batch: ` +
            "its input has changed",
        );
      }
    }
  }
}
