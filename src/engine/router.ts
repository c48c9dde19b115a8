import { ArgumentWalker } from "../protocol/argument_walker.ts";
import { ByteBuffer } from "../protocol/byte_buffer.ts";
import {
  type Batch,
  type BatchOrigin,
  PlainOrigin,
  SharedOrigin,
} from "./batch.ts";
import type { Flight } from "./flight.ts";
import type { Lane } from "./lane.ts";
import { RecordLocator } from "./record_locator.ts";
import { Shipment } from "./shipment.ts";

/** What the stream needs of a lane. */
export type BatchLane = Pick<
  Lane<BatchOrigin>,
  "hasRoom" | "isIdle" | "isFinished" | "send" | "finish" | "withdraw" | "stop"
>;

/** Hands the commands of batches to lanes. */
export interface Router {
  /** The lanes that there are. */
  readonly lanes: readonly BatchLane[];
  /** Whether each key has a node of its own. */
  readonly isCluster: boolean;
  /**
   * Ships of a batch what its `only` and its `from` say.
   *
   * @param batch The batch; nothing of that is in flight.
   * @param mayShare Whether commands that rows share may be sent.
   */
  ship(batch: Batch, mayShare: boolean): void;
  /** Notes that a command was refused for another node's sake. */
  redirect?(
    error: string,
    origin: BatchOrigin,
    command: number,
    flight: Flight<BatchOrigin>,
  ): void;
  /**
   * Makes the lanes good again, which are all idle or lost. Where it is
   * missing, what is lost is lost.
   *
   * @param patience How long that may take, in ms.
   * @param isTrouble Whether a lane is lost, or its server would not serve.
   * @throws {ConnectionError} When it takes longer.
   */
  mend?: ((patience: number, isTrouble: boolean) => Promise<void>) | undefined;
  /** Closes every lane. */
  stop(): Promise<void>;
}

/** Hands every command to the one lane that there is. */
export class OneLane<L extends BatchLane> implements Router {
  readonly isCluster = false;
  readonly mend: Router["mend"];
  /** The lane; another one after each time that it was mended. */
  lane: L;

  /**
   * Makes a router.
   *
   * @param reopen Makes a new one in its place, within so many ms.
   */
  constructor(
    lane: L,
    reopen?: (patience: number) => Promise<L>,
  ) {
    this.lane = lane;
    this.mend = reopen && (async (patience) => {
      await this.lane.stop();
      this.lane = await reopen(patience);
    });
  }

  get lanes(): readonly L[] {
    return [this.lane];
  }

  async stop(): Promise<void> {
    await this.lane.stop();
  }

  ship(batch: Batch, mayShare: boolean): void {
    const { only, from, encoded, output } = batch;
    batch.isShipped = true;
    if (only.length === 0 && from === encoded) return;
    const isFresh = !batch.wasSent &&
      (batch.shares === undefined || mayShare);
    const ids = isFresh ? undefined : encodeAgain(batch, output);
    const origin = ids === undefined && batch.shares !== undefined
      ? new SharedOrigin(batch)
      : new PlainOrigin(batch, ids);
    const commands = ids?.length ?? batch.commands;
    const weight = Math.max(output.length, batch.weight);
    const shipment = new Shipment(origin, output.view(), commands, weight);
    batch.open.push(shipment);
    this.lane.send(shipment);
  }
}

/**
 * Encodes again what a batch's `only` and `from` say, each record in commands
 * of its own.
 *
 * @param output Where the commands go; it is cleared first.
 */
export function encodeAgain(batch: Batch, output: ByteBuffer): number[] {
  const { only, from, encoded } = batch;
  const each = batch.format.encoder.commandsPerRecord;
  output.clear();
  const ids = [...only];
  const locator = new RecordLocator(batch);
  const commands = new ByteBuffer();
  const walker = new ArgumentWalker();
  for (const id of only) {
    commands.clear();
    locator.encode(Math.floor(id / each), commands);
    walker.begin(commands.bytes, 0, commands.length);
    let start = 0;
    for (let skipped = 0; skipped <= id % each; skipped++) {
      start = walker.at;
      walker.nextCommand();
      while (walker.nextArgument());
    }
    output.push(commands.bytes.subarray(start, walker.at));
  }
  for (let i = from; i < encoded; i++) {
    locator.encode(i, output);
    for (let k = 0; k < each; k++) ids.push(i * each + k);
  }
  return ids;
}
