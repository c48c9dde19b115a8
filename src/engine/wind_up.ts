import {
  ConnectionError,
  InputError,
  InterruptedError,
  ProtocolError,
  StoppedError,
  UsageError,
} from "../errors.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import { counted, formatCount } from "./counted.ts";
import { explainFull } from "./explain_full.ts";
import type { Lane } from "./lane.ts";
import type { Ledger, RecordPlace } from "./ledger.ts";
import type { RaceSlot } from "./race_slot.ts";
import type { Resender } from "./resender.ts";
import type { Summary } from "./summary.ts";

/** How long the replies to what is in flight are waited for, in ms. */
const PATIENCE = 5_000;

/** What there is to wind up. */
export interface Unfinished {
  /** The lane. */
  lane: Lane;
  /** Its ledger. */
  ledger: Ledger;
  /** What sends records again that shared a command in vain. */
  again: Resender;
  /** The counts. */
  summary: Summary;
  /** What has ended the load. */
  end: RaceSlot;
  /** How to ask the server why it is full. */
  server: ConnectOptions | undefined;
}

/**
 * Ends a load early without losing what is known.
 *
 * Input that breaks off: what came before it is finished. A stop or an
 * interruption: nothing more is sent, and the replies to what was are waited
 * for. A lost connection: there is nothing to wait for.
 *
 * @param error What ended the load.
 * @param load What to wind up.
 * @returns The error to throw: its message says how far the load got.
 */
export async function windUp(
  error: unknown,
  load: Unfinished,
): Promise<unknown> {
  const { lane, ledger, summary } = load;
  if (error instanceof InputError || error instanceof UsageError) {
    try {
      // A reply to what was sent may say that it was pointless anyway.
      await load.end.race(lane.settle());
      await load.end.race(load.again.sendHeld());
      await load.end.race(lane.finish());
      summary.next = ledger.firstUnsettled();
      return error;
    } catch (worse) {
      return await windUp(worse, load);
    }
  }
  // A lane that has failed has nothing to wait for.
  await lane.drain(PATIENCE);
  const place = ledger.firstUnsettled();
  summary.next = place;
  ledger.settle();
  const counts = `loaded so far: ${counted(summary.loaded, "record")}, ` +
    `rejected: ${formatCount(summary.rejected)}` +
    unknownOf(summary.unknown) + firstOf(place, summary.unknown);
  if (error instanceof StoppedError) {
    const figures = error.reply?.startsWith("OOM") && load.server !== undefined
      ? await explainFull(load.server)
      : undefined;
    return new StoppedError(
      `${error.message}${figures === undefined ? "" : ` (${figures})`}; ` +
        counts,
      error.reply,
    );
  }
  if (error instanceof ConnectionError) {
    return new ConnectionError(`${error.message}; ${counts}`, error.address, {
      cause: error,
    });
  }
  if (error instanceof InterruptedError || error instanceof ProtocolError) {
    error.message += `; ${counts}`;
  }
  return error;
}

function unknownOf(unknown: number): string {
  return unknown === 0
    ? ""
    : `, unknown: ${formatCount(unknown)} (in flight, no reply has come)`;
}

function firstOf(place: RecordPlace | undefined, unknown: number): string {
  if (place === undefined) return "";
  const what = unknown > 0 ? "the first of them" : "the next record";
  return `; ${what} is ${place.source}:${place.line}`;
}
