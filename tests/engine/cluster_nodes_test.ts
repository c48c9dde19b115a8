/**
 * Whatever a node has said of others that are gone, the cluster is followed.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { BatchOrigin } from "../../src/engine/batch.ts";
import { ClusterNodes } from "../../src/engine/cluster_nodes.ts";
import { Lane } from "../../src/engine/lane.ts";
import { Summary } from "../../src/engine/summary.ts";
import { Wait } from "../../src/engine/wait.ts";
import { connect } from "../../src/transport/connect.ts";
import { until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { type RedisCluster, startCluster } from "../support/redis_cluster.ts";
import { freePort } from "../support/redis_server.ts";

/** How long mending may take, in ms: it has to try more than once. */
const PATIENCE = 5_000;

/** Opens lanes to a cluster whose first address is one of its nodes. */
async function open(
  cluster: RedisCluster,
  seed: number,
): Promise<ClusterNodes> {
  const wait = new Wait();
  const summary = new Summary();
  const { port } = cluster.nodes[seed];
  const nodes = new ClusterNodes({
    server: { host: "127.0.0.1", port },
    map: (announced) => announced,
    wait,
    summary,
    open: (connection): Lane<BatchOrigin> =>
      new Lane(connection, {
        counts: summary,
        onError: () => {},
        onDone: () => {},
        onLost: () => {},
      }, wait),
  });
  const server = { port, allowReplica: true, isRouted: true };
  await nodes.begin(await connect(server));
  return nodes;
}

Deno.test("a cluster is followed past nodes that are gone", async (t) => {
  await using cluster = await startCluster({ primaries: 2, spares: 1 });
  const gone = { slot: 5, host: "127.0.0.1", port: freePort() };

  await t.step("a slot has moved to one", async () => {
    const nodes = await open(cluster, 0);
    const lane = nodes.laneOf(gone.slot);
    nodes.note({ kind: "moved", ...gone });
    await nodes.mend(PATIENCE, false, []);
    assertEquals(nodes.laneOf(gone.slot), lane);
    await nodes.stop();
  });

  await t.step("a command was passed on to one", async () => {
    const nodes = await open(cluster, 0);
    const asked = { kind: "ask", ...gone } as const;
    await nodes.mend(PATIENCE, false, [asked]);
    assertEquals(nodes.laneAt(asked), undefined);
    await nodes.stop();
  });

  await t.step("who was asked has left, and answers", async () => {
    const nodes = await open(cluster, 2);
    const { server, id } = cluster.nodes[2];
    for (const { server } of cluster.nodes.slice(0, 2)) {
      assertEquals(plain(await server.command("CLUSTER", "FORGET", id)), "OK");
    }
    assertEquals(plain(await server.command("CLUSTER", "RESET")), "OK");
    await until(
      async () =>
        !String(plain(await server.command("CLUSTER", "NODES"))).trim()
          .includes("\n"),
      "the node alone",
    );
    await nodes.mend(PATIENCE, true, []);
    assert(!nodes.laneOf(gone.slot).hasEnded);
    await nodes.stop();
  });
});
