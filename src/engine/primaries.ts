import { DEFAULT_ADDRESS } from "../transport/address.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import type { NodeMap } from "../transport/node_map.ts";
import { readTopology } from "../transport/read_topology.ts";
import { SideConnection } from "./side_connection.ts";

/** How long a node may take to say which others there are, in ms. */
const PATIENCE = 10_000;

/**
 * Finds the servers that have the data: the primaries of a cluster, or the
 * server itself where it is no cluster.
 *
 * @param server How to reach it, or any node of the cluster.
 * @param map Where nodes of a cluster can be reached from here.
 * @returns How to reach each of them.
 */
export async function primariesOf(
  server: ConnectOptions,
  map: NodeMap | undefined,
): Promise<readonly ConnectOptions[]> {
  using side = new SideConnection(server, map);
  const connection = await side.open();
  if (connection.server?.cluster !== true) return [server];
  const { host, port } = side.place;
  const { shards } = await readTopology(
    connection,
    { host: host ?? DEFAULT_ADDRESS.host, port: port ?? DEFAULT_ADDRESS.port },
    { timeout: PATIENCE },
  );
  return shards.map(({ primary }) => ({
    ...side.place,
    path: undefined,
    ...map?.mapped(primary) ?? primary,
  }));
}
