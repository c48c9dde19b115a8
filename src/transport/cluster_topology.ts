import { SLOTS } from "../protocol/key_slot.ts";
import { formatAddress, type TcpAddress } from "./address.ts";

/** A run of hash slots. */
export interface SlotRange {
  /** The first of them. */
  readonly from: number;
  /** The last of them. */
  readonly to: number;
}

/** A primary, what it serves, and the replicas that have a copy of it. */
export interface Shard {
  /** Where its primary listens. */
  readonly primary: TcpAddress;
  /** Whether the other nodes agree that the primary is gone. */
  readonly isFailed: boolean;
  /** Its hash slots, at least one. */
  readonly slots: readonly SlotRange[];
  /** Where its replicas listen. */
  readonly replicas: readonly TcpAddress[];
}

/**
 * Which node of a cluster has which hash slots, as one of them sees it: the
 * shards that have slots, in the order of their first.
 */
export type Topology = readonly Shard[];

/** How many runs of slots a sentence names. */
const NAMED_RANGES = 5;

/**
 * Tells for every hash slot which shard serves it.
 *
 * @returns For each slot the index of its shard; -1 where nobody serves it,
 * which is so too where the primary has failed.
 */
export function slotTable(topology: Topology): Int16Array {
  const table = new Int16Array(SLOTS).fill(-1);
  for (const [at, { isFailed, slots }] of topology.entries()) {
    if (isFailed) continue;
    for (const { from, to } of slots) table.fill(at, from, to + 1);
  }
  return table;
}

/**
 * Says which hash slots nobody serves.
 *
 * @returns A sentence without a full stop; none where every slot is served.
 */
export function describeUnserved(topology: Topology): string | undefined {
  const ranges = unserved(slotTable(topology));
  if (ranges.length === 0) return undefined;
  const count = ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  const named = ranges.slice(0, NAMED_RANGES).map(({ from, to }) =>
    from === to ? `${from}` : `${from}-${to}`
  );
  const more = ranges.length - named.length;
  const failed = topology.filter(({ isFailed }) => isFailed)
    .map(({ primary }) => formatAddress(primary));
  return `No node of the cluster serves the hash slot${count > 1 ? "s" : ""} ` +
    named.join(", ") +
    (more > 0 ? ` and ${more} more range${more > 1 ? "s" : ""}` : "") +
    ` (${count} of ${SLOTS}` +
    (failed.length > 0 ? `; failed: ${failed.join(", ")}` : "") +
    "); rows with keys in them cannot be loaded";
}

function unserved(table: Int16Array): SlotRange[] {
  const ranges: SlotRange[] = [];
  for (let from = 0; from < SLOTS; from++) {
    if (table[from] !== -1) continue;
    let to = from;
    while (table[to + 1] === -1) to++;
    ranges.push({ from, to });
    from = to;
  }
  return ranges;
}
