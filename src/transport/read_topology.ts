import { ConnectionError, NotReadyError } from "../errors.ts";
import { askAll, within } from "./ask.ts";
import type { Topology } from "./cluster_topology.ts";
import type { Connection } from "./connection.ts";
import { readFailed, readSlots } from "./topology_reply.ts";

/** What tells who serves which slots, from Redis 3 on. */
const SLOTS = ["CLUSTER", "SLOTS"];

/**
 * What tells who has failed, from Redis 7 on. It tells of slots, too, but for
 * those that a replica has taken over from a primary that is still away: Redis
 * 7.4 leaves them out.
 */
const SHARDS = ["CLUSTER", "SHARDS"];

/**
 * How many values a reply may have: some 20 for each node, and some 20 for each
 * run of slots, of which there are 16384 at the most.
 */
const MAX_ITEMS = 1_000_000;

/** What a node says that may soon know more. */
const NOT_READY = /^(LOADING|BUSY|MASTERDOWN|CLUSTERDOWN)\b/;

/**
 * Asks a node of a cluster which nodes there are and what they serve.
 *
 * @param connection A connection to any node, a replica too, on which nothing
 * is in flight.
 * @param host Where that connection goes: nodes may leave their host open.
 * @param timeout How long to wait for the answer, in ms; 0 is for ever.
 * @returns The cluster as this node sees it; empty where the node has met no
 * other and has no slots.
 * @throws {NotReadyError} When the node is lost, does not answer, or says that
 * it is not ready.
 * @throws {ConnectionError} When it refuses to tell its slots, with its words.
 * @throws {ProtocolError} When the answer is not RESP.
 */
export async function readTopology(
  connection: Connection,
  host: string,
  timeout: number,
): Promise<Topology> {
  const { address } = connection;
  const [slots, shards] = await within(
    connection,
    timeout,
    askAll(connection, [SLOTS, SHARDS], MAX_ITEMS),
    (cause) =>
      new NotReadyError(
        `Cannot use ${address}: it has not answered CLUSTER SLOTS for ` +
          `${timeout / 1000} s`,
        address,
        { cause },
      ),
  );
  const failed = readFailed(shards);
  const topology = readSlots(slots, host, failed);
  if (topology !== undefined) return topology;
  const isError = slots.kind === "error";
  const said = isError ? JSON.stringify(slots.text) : "what makes no sense";
  const refusal = `Cannot read the cluster's slots from ${address}: it ` +
    `answers CLUSTER SLOTS with ${said}`;
  throw isError && NOT_READY.test(slots.text)
    ? new NotReadyError(refusal, address)
    : new ConnectionError(refusal, address);
}
