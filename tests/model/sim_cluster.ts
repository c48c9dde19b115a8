import type { ClusterNodes } from "../../src/engine/cluster_nodes.ts";
import type { BatchOrigin } from "../../src/engine/batch.ts";
import type { Lane } from "../../src/engine/lane.ts";
import { ConnectionError } from "../../src/errors.ts";
import { keySlot } from "../../src/protocol/key_slot.ts";
import type { Redirection } from "../../src/protocol/redirection.ts";
import type { SimLane } from "./sim_lane.ts";

const encoder = new TextEncoder();

/** The port of the first node. */
const FIRST_PORT = 1;

/** Tells the slot of a key. */
export function slotOf(key: string): number {
  return keySlot(encoder.encode(key));
}

/** The keys of a command: every other argument is one. */
function keysOf(words: readonly string[]): string[] {
  return words.filter((_, i) => i % 2 === 1);
}

/**
 * Does what a command does to lists: RPUSH, or TWO for two keys, adds to them;
 * SET and MSET replace them.
 */
export function apply(
  words: readonly string[],
  data: Map<string, string[]>,
): void {
  const adds = words[0] === "RPUSH" || words[0] === "TWO";
  for (let i = 1; i < words.length; i += 2) {
    const [key, value] = words.slice(i);
    data.set(key, adds ? [...data.get(key) ?? [], value] : [value]);
  }
}

/** A slot that is on its way to another node. */
interface Move {
  readonly to: number;
  /** Its keys that are there. */
  readonly arrived: Set<string>;
}

/**
 * A cluster without sockets: lists on nodes, slots that move key by key, and
 * what nodes say of that, as cluster.c decides it.
 */
export class SimCluster {
  /** The lists. */
  readonly data = new Map<string, string[]>();
  /** What it says to everything with a key for now. */
  trouble: string | undefined;
  /** How often it has said so. */
  readonly said = { MOVED: 0, ASK: 0, TRYAGAIN: 0 };
  readonly #nodes: number;
  readonly #owners = new Map<number, number>();
  readonly #moves = new Map<number, Move>();

  constructor(nodes: number) {
    this.#nodes = nodes;
  }

  /** The node that has a slot. */
  ownerOf(slot: number): number {
    return this.#owners.get(slot) ?? slot % this.#nodes;
  }

  /** Takes one step of moving a slot: opens it, moves a key, or closes it. */
  move(slot: number, to: number): void {
    const move = this.#moves.get(slot);
    if (move === undefined) {
      // Moving takes much longer than commands are in flight: a slot that moves
      // on before what it has refused is there would be another story.
      if (to === this.ownerOf(slot) || this.#owners.has(slot)) return;
      this.#moves.set(slot, { to, arrived: new Set() });
      return;
    }
    const left = this.#keysOf(slot).filter((key) => !move.arrived.has(key));
    if (left.length > 0) return void move.arrived.add(left[0]);
    this.#moves.delete(slot);
    this.#owners.set(slot, move.to);
  }

  /** Makes a connection to a node; gives what executes its commands. */
  connect(node: number): (words: readonly string[]) => string | undefined {
    let isAsking = false;
    let queued: (readonly string[])[] | undefined;
    let isSpoilt = false;
    return (words) => {
      const [name] = words;
      if (name === "ASKING") {
        isAsking = true;
        return undefined;
      }
      const wasAsking = isAsking;
      if (name === "MULTI") {
        queued = [];
        isSpoilt = false;
        return undefined;
      }
      if (name === "EXEC") {
        const all = queued ?? [];
        queued = undefined;
        isAsking = false;
        const error = this.#refusal(node, all.flatMap(keysOf), wasAsking);
        if (error !== undefined) return error;
        if (isSpoilt) return "EXECABORT Transaction discarded";
        for (const words of all) this.#push(node, words);
        return undefined;
      }
      if (queued === undefined) isAsking = false;
      const error = name === "NOPE"
        ? "ERR unknown command"
        : this.#refusal(node, keysOf(words), wasAsking);
      if (error !== undefined) isSpoilt = true;
      else if (queued !== undefined) queued.push(words);
      else this.#push(node, words);
      return error;
    };
  }

  #keysOf(slot: number): string[] {
    return [...this.data.keys()].filter((key) => slotOf(key) === slot);
  }

  #push(node: number, words: readonly string[]): void {
    for (let i = 1; i < words.length; i += 2) {
      const key = words[i];
      const move = this.#moves.get(slotOf(key));
      if (move?.to === node) move.arrived.add(key);
    }
    apply(words, this.data);
  }

  /** What a node says of keys that are not, or not all, its own. */
  #refusal(
    node: number,
    keys: readonly string[],
    isAsking: boolean,
  ): string | undefined {
    if (keys.length === 0) return undefined;
    if (this.trouble !== undefined) return this.trouble;
    const slot = slotOf(keys[0]);
    const owner = this.ownerOf(slot);
    const move = this.#moves.get(slot);
    const arrived = new Set(keys.filter((key) => move?.arrived.has(key)));
    const all = new Set(keys);
    const there = [...all].filter((key) => this.data.has(key));
    const isMany = all.size > 1;
    if (node === owner) {
      const here = there.filter((key) => !arrived.has(key)).length;
      if (move === undefined || here === all.size) return undefined;
      return here > 0 ? this.#say("TRYAGAIN") : this.#say("ASK", slot, move.to);
    }
    if (node === move?.to && isAsking) {
      return isMany && arrived.size < all.size
        ? this.#say("TRYAGAIN")
        : undefined;
    }
    return this.#say("MOVED", slot, owner);
  }

  #say(what: keyof SimCluster["said"], slot?: number, to?: number): string {
    this.said[what]++;
    return slot === undefined
      ? `${what} later`
      : `${what} ${slot} sim:${FIRST_PORT + to!}`;
  }
}

/** What a cluster router needs of the nodes, with simulated lanes. */
export class SimNodes {
  lanes: SimLane[];
  /** The owners of slots, as they were when it looked last. */
  #owners = new Map<number, number>();
  readonly #cluster: SimCluster;
  readonly #open: (node: number) => SimLane;
  readonly #fails: () => boolean;

  constructor(
    count: number,
    cluster: SimCluster,
    open: (node: number) => SimLane,
    fails: () => boolean,
  ) {
    this.#cluster = cluster;
    this.#open = open;
    this.#fails = fails;
    this.lanes = Array.from({ length: count }, (_, node) => open(node));
  }

  /** It is one to whoever asks for one. */
  asNodes(): ClusterNodes {
    return this as unknown as ClusterNodes;
  }

  laneOf(slot: number): Lane<BatchOrigin> {
    const owner = this.#owners.get(slot) ?? this.#cluster.ownerOf(slot);
    this.#owners.set(slot, owner);
    return this.lanes[owner] as unknown as Lane<BatchOrigin>;
  }

  laneAt({ port }: Redirection): Lane<BatchOrigin> {
    return this.lanes[port - FIRST_PORT] as unknown as Lane<BatchOrigin>;
  }

  resolve({ host, port }: Redirection): { host: string; port: number } {
    return { host: host!, port };
  }

  note({ slot, port }: Redirection): void {
    this.#owners.set(slot, port - FIRST_PORT);
  }

  mend(): Promise<void> {
    if (this.#fails()) {
      return Promise.reject(new ConnectionError("Away for too long", "sim"));
    }
    this.#owners.clear();
    this.lanes = this.lanes.map((lane) =>
      lane.isLost ? this.#open(lane.node) : lane
    );
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
