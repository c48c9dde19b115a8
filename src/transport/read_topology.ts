import { ConnectionError, NotReadyError } from "../errors.ts";
import type { Reply } from "../protocol/reply.ts";
import { ask, within } from "./ask.ts";
import type { Topology } from "./cluster_topology.ts";
import type { Connection } from "./connection.ts";
import { type AskedNode, readShards, readSlots } from "./topology_reply.ts";

/** What a cluster is asked, the most telling first. */
const QUESTIONS: readonly {
  readonly words: readonly string[];
  readonly read: (reply: Reply, asked: AskedNode) => Topology | undefined;
}[] = [
  { words: ["CLUSTER", "SHARDS"], read: readShards },
  { words: ["CLUSTER", "SLOTS"], read: readSlots },
];

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
 * @param timeout How long to wait for each answer, in ms; 0 is for ever.
 * @returns The cluster as this node sees it; empty where the node has met no
 * other and has no slots.
 * @throws {NotReadyError} When the node is lost, does not answer, or says that
 * it is not ready.
 * @throws {ConnectionError} When it answers neither question, with its words.
 * @throws {ProtocolError} When the answer is not RESP.
 */
export async function readTopology(
  connection: Connection,
  host: string,
  timeout: number,
): Promise<Topology> {
  const { address: name, isEncrypted } = connection;
  const asked: AskedNode = { host, isEncrypted };
  const answers: string[] = [];
  for (const { words, read } of QUESTIONS) {
    const reply = await within(
      connection,
      timeout,
      ask(connection, words, MAX_ITEMS),
      (cause) =>
        new NotReadyError(
          `Cannot use ${name}: it has not answered ${words.join(" ")} for ` +
            `${timeout / 1000} s`,
          name,
          { cause },
        ),
    );
    const topology = read(reply, asked);
    if (topology !== undefined) return topology;
    const isError = reply.kind === "error";
    const said = isError ? JSON.stringify(reply.text) : "what makes no sense";
    answers.push(`${words.join(" ")} with ${said}`);
    if (isError && NOT_READY.test(reply.text)) {
      throw new NotReadyError(refusal(connection, answers), connection.address);
    }
  }
  throw new ConnectionError(
    `${refusal(connection, answers)}; it must answer one of the two`,
    connection.address,
  );
}

function refusal(
  { address }: Connection,
  answers: readonly string[],
): string {
  return `Cannot read the cluster's slots from ${address}: it answers ` +
    answers.join(" and ");
}
