import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConnectionError, NotReadyError } from "../../src/errors.ts";
import { SLOTS } from "../../src/protocol/key_slot.ts";
import type { TcpAddress } from "../../src/transport/address.ts";
import {
  describeUnserved,
  slotTable,
  type Topology,
} from "../../src/transport/cluster_topology.ts";
import { connect, type ConnectOptions } from "../../src/transport/connect.ts";
import { Connection } from "../../src/transport/connection.ts";
import { parseNodeMap } from "../../src/transport/node_map.ts";
import { readTopology } from "../../src/transport/read_topology.ts";
import { Certificates } from "../support/certificates.ts";
import { until } from "../support/outcome.ts";
import { type RedisCluster, startCluster } from "../support/redis_cluster.ts";
import { startServer } from "../support/redis_server.ts";
import { testOf7 } from "../support/server_program.ts";

async function topologyAt(
  server: ConnectOptions & { port: number },
): Promise<Topology> {
  using connection = await connect({ allowReplica: true, ...server });
  return await readTopology(connection, "127.0.0.1", 0);
}

function thirds(cluster: RedisCluster): Topology {
  const [a, b, c] = cluster.nodes.map(({ port }) => ({
    host: "127.0.0.1",
    port,
  }));
  const shard = (primary: TcpAddress, from: number, to: number) => ({
    primary,
    isFailed: false,
    slots: [{ from, to }],
    replicas: [],
  });
  return [shard(a, 0, 5460), shard(b, 5461, 10921), shard(c, 10922, 16383)];
}

// CLUSTER SHARDS, health and host names are of Redis 7.
testOf7("the topology of a real cluster, with and without health", async () => {
  await using cluster = await startCluster({
    users: [
      "slots on >pw ~* +@all -cluster|shards",
      "none on >pw ~* +@all -cluster",
    ],
  });
  for (const { port } of cluster.nodes) {
    assertEquals(await topologyAt({ port }), thirds(cluster));
  }
  const [{ port }] = cluster.nodes;
  const slots = { port, user: "slots", password: "pw" };
  assertEquals(await topologyAt(slots), thirds(cluster));
  await assertRejects(
    () => topologyAt({ port, user: "none", password: "pw" }),
    ConnectionError,
    `Cannot read the cluster's slots from 127.0.0.1:${port}: it answers ` +
      `CLUSTER SLOTS with "NOPERM`,
  );

  // One slot more moves, and is seen on both sides at once.
  await cluster.moveSlot(0, 0, 2);
  const table = slotTable(await topologyAt({ port }));
  const shards = await topologyAt({ port });
  assertEquals(shards[table[0]].primary.port, cluster.nodes[2].port);
  assertEquals(shards[table[1]].primary.port, cluster.nodes[0].port);
  assert(table.every((index) => index >= 0 && index < 3));
});

testOf7(
  "a cluster of one has met nobody: it is where it was asked",
  async () => {
    await using cluster = await startCluster({ primaries: 1 });
    const { port } = cluster;
    for (const user of [undefined, "slots"]) {
      await cluster.command(
        ...["ACL", "SETUSER", "slots", "on", ">pw", "~*", "+@all"],
        "-cluster|shards",
      );
      const login = user === undefined ? {} : { user, password: "pw" };
      assertEquals(await topologyAt({ port, ...login }), [{
        primary: { host: "127.0.0.1", port },
        isFailed: false,
        slots: [{ from: 0, to: SLOTS - 1 }],
        replicas: [],
      }]);
    }
  },
);

testOf7(
  "slots without a node, nodes without slots, replicas and a failure",
  async () => {
    await using cluster = await startCluster({
      replicas: 1,
      spares: 1,
      nodeTimeout: 2_000,
      without: { from: 0, to: 99 },
    });
    const { nodes, port } = cluster;
    // A replica is listed when it is known to have got something.
    for (const key of ["b", "c", "d"]) await cluster.command("SET", key, "");
    await until(async () => {
      const views = await Promise.all(nodes.map((node) => topologyAt(node)));
      return views.flat().every(({ replicas }) => replicas.length === 1);
    }, "replicas");
    const before = await topologyAt({ port });
    assertEquals(
      before.map(({ primary, replicas }) => [
        primary.port,
        replicas.map(({ port }) => port),
      ]),
      [0, 1, 2].map((i) => [nodes[i].port, [nodes[i + 4].port]]),
    );
    assertEquals(
      describeUnserved(before),
      "No node of the cluster serves the hash slots 0-99 (100 of 16384); rows " +
        "with keys in them cannot be loaded",
    );
    // A replica and a node without slots know the same.
    assertEquals(await topologyAt({ port: nodes[4].port }), before);
    assertEquals(await topologyAt({ port: nodes[3].port }), before);

    // With its replica gone, nobody can take over from the primary.
    await cluster.kill(4);
    await cluster.kill(0);
    const [{ port: other }] = nodes.slice(1);
    await until(
      async () => (await topologyAt({ port: other }))[0].isFailed,
      "the failure",
    );
    const after = await topologyAt({ port: other });
    assertEquals(after.map(({ isFailed }) => isFailed), [
      true,
      false,
      false,
    ]);
    const said = describeUnserved(after) ?? "";
    assert(said.includes(`0-5460 (5461 of 16384; failed: 127.0.0.1:${port})`));
  },
);

Deno.test("a failover is seen", async () => {
  await using cluster = await startCluster({ replicas: 1, nodeTimeout: 2_000 });
  const { nodes } = cluster;
  await cluster.kill(0);
  const { port } = nodes[1];
  const successor = nodes[3].port;
  await until(async () => {
    const shards = await topologyAt({ port });
    return shards[0].primary.port === successor && !shards[0].isFailed;
  }, "the failover");
  assertEquals(describeUnserved(await topologyAt({ port })), undefined);
});

testOf7("announced host names, and the map to where they are", async () => {
  await using cluster = await startCluster({
    primaries: 2,
    announce: (index) => ({
      host: `node-${index}.invalid`,
      port: 7000 + index,
    }),
  });
  const map = parseNodeMap(cluster.nodeMap);
  for (const [asked, { port }] of cluster.nodes.entries()) {
    const shards = await topologyAt({ port });
    assertEquals(shards.map(({ primary }) => primary), [
      { host: "node-0.invalid", port: 7000 },
      { host: "node-1.invalid", port: 7001 },
    ], `node ${asked}`);
    assertEquals(
      shards.map(({ primary }) => map(primary)),
      cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port })),
    );
  }
});

testOf7("host names preferred, and one node without", async () => {
  await using cluster = await startCluster({
    primaries: 2,
    args: ["--cluster-preferred-endpoint-type", "hostname"],
    announce: (index) => index === 0 ? { host: "node-0.invalid" } : {},
  });
  const shards = await topologyAt({ port: cluster.port });
  assertEquals(shards.map(({ primary }) => primary.host), [
    "node-0.invalid",
    "127.0.0.1",
  ]);
});

testOf7(
  "an endpoint that is not told is where the node was asked",
  async () => {
    await using cluster = await startCluster({
      primaries: 2,
      args: ["--cluster-preferred-endpoint-type", "unknown-endpoint"],
    });
    using connection = await connect({ port: cluster.port });
    const shards = await readTopology(connection, "forwarded.example", 0);
    assertEquals(
      shards.map(({ primary }) => primary),
      cluster.nodes.map(({ port }) => ({ host: "forwarded.example", port })),
    );
  },
);

testOf7(
  "TLS: the TLS ports where TLS is spoken, else the plain ones",
  async () => {
    using tls = Certificates.make();
    await using cluster = await startCluster({
      primaries: 2,
      tls,
      users: ["slots on >pw ~* +@all -cluster|shards"],
    });
    const [{ server, port }] = cluster.nodes;
    const ports = (shards: Topology) => shards.map((it) => it.primary.port);
    const encrypted = { port, tls: { cacert: tls.path("ca.crt") } };
    const slots = { user: "slots", password: "pw" };
    for (const login of [{}, slots]) {
      assertEquals(
        ports(await topologyAt({ ...encrypted, ...login })),
        cluster.nodes.map(({ port }) => port),
      );
      assertEquals(
        ports(await topologyAt({ port: server.port, ...login })),
        cluster.nodes.map(({ server }) => server.port),
      );
    }
  },
);

Deno.test("a server that is no cluster says so", async () => {
  await using server = await startServer();
  await assertRejects(
    () => topologyAt(server),
    ConnectionError,
    "ERR This instance has cluster support disabled",
  );
});

/** A server that says one thing, whatever it is asked. */
function sayer(text: string): Deno.TcpListener {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  (async () => {
    for await (const conn of listener) {
      const buffer = new Uint8Array(1_000);
      while (await conn.read(buffer).catch(() => null) !== null) {
        if (text === "") break;
        await conn.write(new TextEncoder().encode(text));
      }
      conn.close();
    }
  })();
  return listener;
}

const SAID: [string, string, typeof ConnectionError, string][] = [
  [
    "that it is loading",
    "-LOADING Redis is loading the dataset in memory\r\n",
    NotReadyError,
    'it answers CLUSTER SLOTS with "LOADING Redis',
  ],
  [
    "nonsense",
    "*1\r\n:5\r\n",
    ConnectionError,
    "it answers CLUSTER SLOTS with what makes no sense",
  ],
  ["nothing and hangs up", "", NotReadyError, "instead of answering CLUSTER"],
];

for (const [what, text, kind, message] of SAID) {
  Deno.test(`a node that says ${what}`, async () => {
    using listener = sayer(text.repeat(2));
    const { port } = listener.addr;
    using conn = await Deno.connect({ port });
    using connection = Connection.from(conn);
    await assertRejects(
      () => readTopology(connection, "127.0.0.1", 0),
      kind,
      message,
    );
  });
}

Deno.test("a node that does not answer within the time", async () => {
  await using server = await startServer();
  using connection = await connect({ port: server.port });
  server.pause();
  await assertRejects(
    () => readTopology(connection, "127.0.0.1", 200),
    NotReadyError,
    `Cannot use 127.0.0.1:${server.port}: it has not answered CLUSTER SLOTS ` +
      "for 0.2 s",
  );
  server.resume();
});

Deno.test("a cluster of 500 nodes, each with its every 250th slot", async () => {
  // As Redis writes it, with a replica for each primary; and no word of failures.
  const node = (port: number): string =>
    `*4\r\n$8\r\n10.0.0.1\r\n:${port}\r\n$40\r\n${"f".repeat(40)}\r\n*0\r\n`;
  let text = `*${SLOTS}\r\n`;
  for (let slot = 0; slot < SLOTS; slot++) {
    const port = 7000 + slot % 250;
    text += `*4\r\n:${slot}\r\n:${slot}\r\n${node(port)}${node(port + 250)}`;
  }
  text += "-ERR Unknown subcommand\r\n";
  using listener = sayer(text);
  const { port } = listener.addr;
  using conn = await Deno.connect({ port });
  using connection = Connection.from(conn);
  const topology = await readTopology(connection, "127.0.0.1", 0);
  assertEquals(topology.length, 250);
  assertEquals(describeUnserved(topology), undefined);
  assertEquals(slotTable(topology)[16383], 16383 % 250);
});
