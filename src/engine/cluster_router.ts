/**
 * The router of a cluster: each command to the lane of its key's hash slot.
 *
 * Why it has this shape: a batch is encoded once, as for one server, and then
 * walked over: what is not the key costs a few comparisons, and only the key is
 * hashed. So the encoder knows nothing of clusters, and a batch that goes again
 * takes the same way. Order per key holds because a key has one slot, a slot has
 * one lane, and lanes keep their order; when a slot moves, nothing is shipped
 * before every lane is empty (the rewind).
 *
 * What must change together: the ids in a cargo, and how a batch counts its
 * commands (batch.ts).
 *
 * @module
 */
import { ArgumentWalker } from "../protocol/argument_walker.ts";
import { ByteBuffer } from "../protocol/byte_buffer.ts";
import type { CommandKeys } from "../protocol/command_keys.ts";
import { encodeCommand } from "../protocol/encode_command.ts";
import { NO_SLOT } from "../protocol/key_slot.ts";
import { parseRedirection, type Redirection } from "../protocol/redirection.ts";
import type { TemplateKeys } from "../protocol/template_keys.ts";
import type { Batch, BatchOrigin } from "./batch.ts";
import { Cargo } from "./cargo.ts";
import type { ClusterNodes } from "./cluster_nodes.ts";
import type { Flight } from "./flight.ts";
import type { Lane, LaneEvents } from "./lane.ts";
import { HASH_TAGS } from "./recovery.ts";
import { encodeAgain, type Router } from "./router.ts";
import { Shipment } from "./shipment.ts";

/** Goes in front of a command that a node has passed on with ASK. */
const ASKING = encodeCommand(["ASKING"]);

/** Cargoes that are kept for later, at the most. */
const KEPT = 32;

/** What is said of a record whose keys are not in one slot. */
const MANY_SLOTS = "CROSSSLOT The keys of a transaction must be in one slot, " +
  `or nothing of it is sent; ${HASH_TAGS}`;

/** Hands each command to the lane of its key. */
export class ClusterRouter implements Router {
  readonly isCluster = true;
  readonly #nodes: ClusterNodes;
  readonly #keys: TemplateKeys | CommandKeys;
  readonly #isRepeatable: boolean;
  readonly #walker = new ArgumentWalker();
  readonly #again = new ByteBuffer();
  readonly #free: Cargo[] = [];
  /** Where commands go that were passed on with ASK, by their batch and id. */
  readonly #asked = new Map<Batch, Map<number, Redirection>>();
  /**
   * Slots of what was shipped since the last mending to their own lanes, while
   * there are such: what comes behind must not overtake it on another lane.
   */
  readonly #unasked = new Set<number>();

  /**
   * Makes a router.
   *
   * @param keys Tells where keys stand.
   * @param isRepeatable Whether the commands may be repeated, in order.
   */
  constructor(
    nodes: ClusterNodes,
    keys: TemplateKeys | CommandKeys,
    isRepeatable: boolean,
  ) {
    this.#nodes = nodes;
    this.#keys = keys;
    this.#isRepeatable = isRepeatable;
  }

  get lanes(): readonly Lane<BatchOrigin>[] {
    return this.#nodes.lanes;
  }

  /** Adds to what lanes tell that their cargoes can be used again. */
  recycling(events: LaneEvents<BatchOrigin>): LaneEvents<BatchOrigin> {
    return {
      ...events,
      onDone: (shipment) => {
        events.onDone(shipment);
        const { origin } = shipment;
        if (!(origin instanceof Cargo) || !origin.isKept) return;
        if (this.#free.length < KEPT) this.#free.push(origin);
      },
    };
  }

  redirect(
    error: string,
    origin: BatchOrigin,
    command: number,
    flight: Flight<BatchOrigin>,
  ): void {
    const said = parseRedirection(error);
    if (said === undefined) return;
    const to = { ...said, ...this.#nodes.resolve(said, flight) };
    if (to.kind === "moved") return this.#nodes.note(to);
    // Where nobody knows the node, the slot's own one is asked again.
    if (to.host === undefined) return;
    const { batch } = origin;
    const each = batch.format.encoder.commandsPerRecord;
    const ids = this.#asked.get(batch) ?? new Map<number, Redirection>();
    const first = origin.recordOf(command);
    // Within MULTI it is in force until EXEC: a unit asks with its first one.
    for (let i = first; i < first + origin.sharersOf(command); i++) {
      const id = i * each + origin.ordinalOf(command);
      ids.set(batch.unitOf(id).first, to);
    }
    this.#asked.set(batch, ids);
  }

  async mend(patience: number, isTrouble: boolean): Promise<void> {
    this.#unasked.clear();
    const asked = [...this.#asked.values()].flatMap((ids) => [...ids.values()]);
    await this.#nodes.mend(patience, isTrouble, asked);
  }

  async stop(): Promise<void> {
    await this.#nodes.stop();
  }

  ship(batch: Batch): void {
    batch.isShipped = true;
    const each = batch.format.encoder.commandsPerRecord;
    const isFresh = !batch.wasSent;
    const shares = isFresh ? batch.shares : undefined;
    const ids = isFresh ? undefined : encodeAgain(batch, this.#again);
    const { bytes, length } = isFresh ? batch.output : this.#again;
    const cargoes = new Map<Lane<BatchOrigin>, Cargo>();
    const isMixed = this.#asked.size > 0;
    const asked = this.#asked.get(batch);
    this.#asked.delete(batch);
    const { units } = batch;
    const isTransaction = batch.format.transaction !== undefined;
    const walker = this.#walker;
    walker.begin(bytes, 0, length);
    let record = 0;
    for (let i = 0, start = 0, unit = 1; start < length; i += unit) {
      const id = ids?.[i] ?? (shares === undefined ? i : record);
      if (isTransaction) unit = each;
      else if (units.size > 0) unit = units.get(id) ?? 1;
      const slot = this.#slotOf(id % each, unit);
      const end = walker.at;
      const sharers = shares?.[i] ?? 1;
      record += sharers;
      if (slot === SEVERAL) {
        for (let k = id; k < id + unit; k += each) {
          const record = Math.floor(k / each);
          batch.failures.push({ record, command: 0, error: MANY_SLOTS });
        }
        start = end;
        continue;
      }
      let to = asked?.get(id);
      if (
        to !== undefined && (this.#unasked.has(slot) ||
          !this.#mayAsk(bytes, start, end, id % each))
      ) to = undefined;
      if (isMixed && to === undefined) this.#unasked.add(slot);
      const lane = to === undefined
        ? this.#nodes.laneOf(slot)
        : this.#nodes.laneAt(to) ?? this.#nodes.laneOf(slot);
      let cargo = cargoes.get(lane);
      if (cargo === undefined) {
        cargo = this.#free.pop() ?? new Cargo();
        cargo.begin(batch, shares !== undefined);
        cargoes.set(lane, cargo);
      }
      if (to !== undefined) cargo.add(id, 1, ASKING, 0, ASKING.length);
      if (unit === 1) cargo.add(id, sharers, bytes, start, end);
      else this.#addAll(cargo, id, bytes, start, end);
      start = end;
    }
    for (const [lane, cargo] of cargoes) {
      const shipment = new Shipment<BatchOrigin>(
        cargo,
        cargo.output.view(),
        cargo.commands,
      );
      batch.open.push(shipment);
      lane.send(shipment);
    }
  }

  /**
   * Walks over the commands of a unit; gives the slot of their keys, or what is
   * none of one.
   */
  #slotOf(ordinal: number, unit: number): number {
    const walker = this.#walker;
    let slot = NO_SLOT;
    for (let k = 0; k < unit; k++) {
      walker.nextCommand();
      const one = this.#keys.slotOf(walker, ordinal + k);
      if (one === NO_SLOT || one === slot) continue;
      slot = slot === NO_SLOT ? one : SEVERAL;
    }
    return slot;
  }

  /**
   * Whether a unit may go where ASK has passed it on to. About several keys the
   * new node says TRYAGAIN until it has them all: what is behind may be taken
   * then. Their old node refuses all of the same ones until the slot has moved.
   */
  #mayAsk(
    bytes: Uint8Array,
    start: number,
    end: number,
    ordinal: number,
  ): boolean {
    if (this.#isRepeatable) return true;
    const keys = this.#keys;
    const walker = new ArgumentWalker();
    walker.begin(bytes, start, end);
    let known: string | undefined;
    for (let k = ordinal; walker.nextCommand(); k++) {
      if (keys.slotOf(walker, k) === NO_SLOT) continue;
      const key = bytes.subarray(keys.start, keys.start + keys.length).join();
      if (!keys.isOnly || key !== (known ?? key)) return false;
      known = key;
    }
    return true;
  }

  /** Adds the commands of a transaction, each with an id of its own. */
  #addAll(
    cargo: Cargo,
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const walker = new ArgumentWalker();
    walker.begin(bytes, start, end);
    for (let from = start; walker.nextCommand(); from = walker.at) {
      while (walker.nextArgument());
      cargo.add(id++, 1, bytes, from, walker.at);
    }
  }
}

/** Keys of several slots. */
const SEVERAL = NO_SLOT + 1;
