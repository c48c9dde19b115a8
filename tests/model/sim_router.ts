import { ConnectionError } from "../../src/errors.ts";
import { type Batch, PlainOrigin } from "../../src/engine/batch.ts";
import { encodeAgain, OneLane, type Router } from "../../src/engine/router.ts";
import { Shipment } from "../../src/engine/shipment.ts";
import { ByteBuffer } from "../../src/protocol/byte_buffer.ts";
import type { SimLane } from "./sim_lane.ts";
import { type SimServer, takeCommands } from "./sim_server.ts";

/** Spreads commands over lanes by their keys, one after the other. */
export class SimRouter implements Router {
  readonly mend: Router["mend"];
  lanes: SimLane[];
  readonly #server: SimServer;
  /** Where each key was when the router looked last. */
  #nodes = new Map<string, number>();

  /**
   * Makes a router.
   *
   * @param count How many lanes it has; with one it is no cluster.
   * @param server The server behind all of them.
   * @param open Makes the lane of a node.
   * @param mends Whether it can make lanes again.
   * @param fails Whether it cannot this time.
   * @param reconnect What is done with a new connection before it is used,
   * where shipments are transactions.
   */
  constructor(
    count: number,
    server: SimServer,
    open: (node: number) => SimLane,
    mends: boolean,
    fails: () => boolean,
    reconnect?: () => Promise<void>,
  ) {
    this.#server = server;
    this.lanes = Array.from({ length: count }, (_, node) => open(node));
    // Nothing in here takes time; who waits for it finds it done.
    if (!mends && count === 1) return;
    this.mend = () => {
      if (fails()) {
        return Promise.reject(new ConnectionError("Away for too long", "sim"));
      }
      if (reconnect !== undefined) {
        this.lanes[0].stop();
        return reconnect().then(() => {
          this.lanes = [open(0)];
        });
      }
      this.#nodes = new Map();
      this.lanes = this.lanes.map((lane) =>
        lane.isLost ? open(lane.node) : lane
      );
      return Promise.resolve();
    };
  }

  get isCluster(): boolean {
    return this.lanes.length > 1;
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  ship(batch: Batch, mayShare: boolean): void {
    if (!this.isCluster) {
      return new OneLane(this.lanes[0]).ship(batch, mayShare);
    }
    const all = new ByteBuffer(64);
    const ids = encodeAgain(batch, all);
    const { commands } = takeCommands(all.view());
    const of = this.lanes.map((): { ids: number[]; bytes: ByteBuffer } => ({
      ids: [],
      bytes: new ByteBuffer(64),
    }));
    for (const [i, words] of commands.entries()) {
      const one = of[this.#nodeOf(words[1])];
      one.ids.push(ids[i]);
      one.bytes.push(encode(words));
    }
    for (const [node, { ids, bytes }] of of.entries()) {
      if (ids.length === 0) continue;
      const origin = new PlainOrigin(batch, ids);
      const shipment = new Shipment(origin, bytes.view(), ids.length);
      batch.open.push(shipment);
      this.lanes[node].send(shipment);
    }
    batch.isShipped = true;
  }

  #nodeOf(key: string): number {
    const known = this.#nodes.get(key) ??
      this.#server.nodeOf(key, this.lanes.length);
    this.#nodes.set(key, known);
    return known;
  }
}

function encode(words: readonly string[]): Uint8Array {
  const text = words.map((word) => `$${word.length}\r\n${word}\r\n`).join("");
  return new TextEncoder().encode(`*${words.length}\r\n${text}`);
}
