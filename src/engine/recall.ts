import { ByteBuffer } from "../protocol/byte_buffer.ts";
import { quoteCommand } from "../protocol/quote.ts";
import type { Batch } from "./batch.ts";
import { RecordLocator } from "./record_locator.ts";
import type { KnownReject } from "./reject.ts";

/**
 * Notes in a batch what the server has refused of it in an earlier run.
 *
 * @param batch The batch, of which nothing is sent.
 * @param known Rejects of that run.
 * @returns How many of its records they are about.
 */
export function recall(batch: Batch, known: readonly KnownReject[]): number {
  const { source, encoder } = batch.format;
  const first = batch.place.records;
  const its = new Map<number, KnownReject>();
  for (const reject of known) {
    const isOf = reject.source === source && reject.command !== undefined &&
      reject.record > first && reject.record <= batch.after.records;
    if (isOf) its.set(reject.record, reject);
  }
  if (its.size === 0) return 0;
  const locator = new RecordLocator(batch);
  const commands = new ByteBuffer();
  let recalled = 0;
  for (let record = 0; record < batch.encoded; record++) {
    const reject = its.get(locator.placeOf(record).records + 1);
    if (reject === undefined) continue;
    recalled++;
    const { command, error, failed = "1" } = reject;
    commands.clear();
    locator.encode(record, commands);
    let at = 0;
    while (
      at < encoder.commandsPerRecord - 1 &&
      quoteCommand(commands.view(), at) !== command
    ) at++;
    // Of several that failed the first one has been told.
    for (let i = 0; i < parseInt(failed); i++) {
      batch.failures.push({ record, command: at + i, error });
    }
  }
  return recalled;
}
