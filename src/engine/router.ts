import {
  type Batch,
  type BatchOrigin,
  PlainOrigin,
  SharedOrigin,
} from "./batch.ts";
import type { Lane } from "./lane.ts";
import { RecordLocator } from "./record_locator.ts";
import { Shipment } from "./shipment.ts";

/** What the stream needs of a lane. */
export type BatchLane = Pick<
  Lane<BatchOrigin>,
  "hasRoom" | "isIdle" | "isFinished" | "send" | "finish" | "withdraw"
>;

/** Hands the commands of batches to lanes. */
export interface Router {
  /** The lanes that there are. */
  readonly lanes: readonly BatchLane[];
  /**
   * Ships a batch's records from its `from` on.
   *
   * @param batch The batch; nothing of those records is in flight.
   * @param mayShare Whether commands that rows share may be sent.
   */
  ship(batch: Batch, mayShare: boolean): void;
}

/** Hands every command to the one lane that there is. */
export class OneLane implements Router {
  readonly lanes: readonly [BatchLane];

  /**
   * Makes a router.
   *
   * @param lane The lane.
   */
  constructor(lane: BatchLane) {
    this.lanes = [lane];
  }

  ship(batch: Batch, mayShare: boolean): void {
    const { from, encoded, output } = batch;
    batch.isShipped = true;
    if (from === encoded) return;
    if (batch.wasSent || (batch.shares !== undefined && !mayShare)) {
      encodeAgain(batch);
    }
    const origin = batch.shares === undefined
      ? new PlainOrigin(batch, from)
      : new SharedOrigin(batch);
    const commands = batch.shares?.length ??
      (encoded - from) * batch.format.encoder.commandsPerRecord;
    const weight = Math.max(output.length, batch.weight);
    const shipment = new Shipment(origin, output.view(), commands, weight);
    batch.open.push(shipment);
    this.lanes[0].send(shipment);
  }
}

/** Encodes a batch's records from its `from` on, each in its own commands. */
function encodeAgain(batch: Batch): void {
  const { from, encoded, output } = batch;
  batch.shares = undefined;
  output.clear();
  const locator = new RecordLocator(batch);
  for (let i = from; i < encoded; i++) locator.encode(i, output);
}
