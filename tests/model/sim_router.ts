import type { Batch, BatchOrigin } from "../../src/engine/batch.ts";
import { RecordLocator } from "../../src/engine/record_locator.ts";
import {
  type BatchLane,
  OneLane,
  type Router,
} from "../../src/engine/router.ts";
import { Shipment } from "../../src/engine/shipment.ts";
import { ByteBuffer } from "../../src/protocol/byte_buffer.ts";
import { takeCommands } from "./sim_server.ts";

/** Records of a batch that are not next to each other. */
class ScatteredOrigin implements BatchOrigin {
  readonly isShared = false;
  readonly #records: number[];
  readonly #each: number;

  constructor(readonly batch: Batch, records: number[]) {
    this.#records = records;
    this.#each = batch.format.encoder.commandsPerRecord;
  }

  recordOf(command: number): number {
    return this.#records[Math.floor(command / this.#each)] ??
      this.batch.encoded;
  }

  sharersOf(): number {
    return 1;
  }

  ordinalOf(command: number): number {
    return command % this.#each;
  }
}

/** Spreads records over lanes by their keys, one record after the other. */
export class SimRouter implements Router {
  readonly lanes: readonly BatchLane[];
  readonly #one: OneLane;

  constructor(lanes: readonly BatchLane[]) {
    this.lanes = lanes;
    this.#one = new OneLane(lanes[0]);
  }

  ship(batch: Batch, mayShare: boolean): void {
    if (this.lanes.length === 1) return this.#one.ship(batch, mayShare);
    const locator = new RecordLocator(batch);
    const records = this.lanes.map((): number[] => []);
    const outputs = this.lanes.map(() => new ByteBuffer(64));
    const out = new ByteBuffer(64);
    for (let i = batch.from; i < batch.encoded; i++) {
      out.clear();
      locator.encode(i, out);
      const [, key] = takeCommands(out.view()).commands[0];
      const lane = laneOf(key, this.lanes.length);
      records[lane].push(i);
      outputs[lane].push(out.view());
    }
    for (const [i, lane] of this.lanes.entries()) {
      if (records[i].length === 0) continue;
      const origin = new ScatteredOrigin(batch, records[i]);
      const bytes = outputs[i].view();
      const count = takeCommands(bytes).commands.length;
      const shipment = new Shipment<BatchOrigin>(origin, bytes, count);
      batch.open.push(shipment);
      lane.send(shipment);
    }
    batch.isShipped = true;
  }
}

function laneOf(key: string, lanes: number): number {
  let hash = 0;
  for (const character of key) hash = hash * 31 + character.charCodeAt(0) | 0;
  return Math.abs(hash) % lanes;
}
