/**
 * The replies here are what Redis 7.0.15 said, with shorter ids.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Reply } from "../../src/protocol/reply.ts";
import { ReplyReader } from "../../src/protocol/reply_reader.ts";
import type { Topology } from "../../src/transport/cluster_topology.ts";
import { readShards, readSlots } from "../../src/transport/topology_reply.ts";

const PLAIN = { host: "seed", isEncrypted: false };
const TLS = { host: "seed", isEncrypted: true };

/** A value as a server writes it; a map is flat where RESP2 is spoken. */
type Value = string | number | null | Value[] | Map<string, Value>;

const encoder = new TextEncoder();

function write(value: Value, protocol: 2 | 3): string {
  if (value === null) return protocol === 2 ? "$-1\r\n" : "_\r\n";
  if (typeof value === "number") return `:${value}\r\n`;
  if (typeof value === "string") {
    return `$${encoder.encode(value).length}\r\n${value}\r\n`;
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => write(item, protocol));
    return `*${value.length}\r\n${items.join("")}`;
  }
  const items = [...value].flat().map((item) => write(item, protocol));
  const head = protocol === 2 ? `*${2 * value.size}` : `%${value.size}`;
  return `${head}\r\n${items.join("")}`;
}

function parse(text: string, maxItems = Infinity): Reply {
  const reader = new ReplyReader({ maxItems });
  reader.feed(encoder.encode(text));
  const reply = reader.next();
  if (reply === undefined) throw new Error("not a whole reply");
  return reply;
}

function map(fields: Record<string, Value>): Map<string, Value> {
  return new Map(Object.entries(fields));
}

/** A node of `CLUSTER SHARDS`, in the order that Redis has. */
function node(fields: Record<string, Value>): Map<string, Value> {
  return map({
    id: "7dfc0f",
    port: 7001,
    ip: "10.0.0.1",
    endpoint: "10.0.0.1",
    role: "master",
    "replication-offset": 42,
    health: "online",
    ...fields,
  });
}

function shard(slots: number[], ...nodes: Value[]): Map<string, Value> {
  return map({ slots, nodes });
}

function one(host: string, port = 7001): Topology {
  return [{
    primary: { host, port },
    isFailed: false,
    slots: [{ from: 0, to: 16383 }],
    replicas: [],
  }];
}

const ALL = [0, 16383];

const SHARDS: [string, Value, Topology | undefined, typeof PLAIN?][] = [
  ["a cluster of one", [shard(ALL, node({}))], one("10.0.0.1")],
  [
    "a node that has met no other",
    [shard(ALL, node({ ip: "", endpoint: "" }))],
    one("seed"),
  ],
  [
    "an endpoint that is not told",
    [shard(ALL, node({ endpoint: null, hostname: "a.example" }))],
    one("seed"),
  ],
  [
    "a preferred host name",
    [shard(ALL, node({ endpoint: "a.example", hostname: "a.example" }))],
    one("a.example"),
  ],
  [
    "host names preferred, and a node without one",
    [shard(ALL, node({ endpoint: "?" }))],
    one("10.0.0.1"),
  ],
  [
    "host names preferred, and a node that knows nothing of itself",
    [shard(ALL, node({ endpoint: "?", ip: "" }))],
    one("seed"),
  ],
  [
    "an IPv6 address",
    [shard(ALL, node({ ip: "fd00::1", endpoint: "fd00::1" }))],
    one("fd00::1"),
  ],
  [
    "both ports, TLS spoken",
    [shard(ALL, node({ "tls-port": 7101 }))],
    one("10.0.0.1", 7101),
    TLS,
  ],
  [
    "both ports, TLS not spoken",
    [shard(ALL, node({ "tls-port": 7101 }))],
    one("10.0.0.1", 7001),
  ],
  [
    "a single port, TLS spoken",
    [shard(ALL, node({}))],
    one("10.0.0.1", 7001),
    TLS,
  ],
  ["a node without slots", [shard([], node({}))], []],
  ["nobody", [], []],
  [
    "replicas, several runs of slots, shards not in order",
    [
      shard([5461, 10000, 10003, 10003, 12000, 16383], node({ port: 7002 })),
      shard([], node({ port: 7009 })),
      shard(
        [0, 5460],
        node({ port: 7003, role: "replica" }),
        node({}),
        node({ port: 7004, role: "replica", health: "loading" }),
      ),
    ],
    [{
      primary: { host: "10.0.0.1", port: 7001 },
      isFailed: false,
      slots: [{ from: 0, to: 5460 }],
      replicas: [
        { host: "10.0.0.1", port: 7003 },
        { host: "10.0.0.1", port: 7004 },
      ],
    }, {
      primary: { host: "10.0.0.1", port: 7002 },
      isFailed: false,
      slots: [
        { from: 5461, to: 10000 },
        { from: 10003, to: 10003 },
        { from: 12000, to: 16383 },
      ],
      replicas: [],
    }],
  ],
  [
    "a failed primary",
    [shard(ALL, node({ health: "fail" }))],
    [{ ...one("10.0.0.1")[0], isFailed: true }],
  ],
  [
    "a failed primary beside its successor",
    [shard(ALL, node({ health: "fail", port: 7009 }), node({}))],
    [{
      ...one("10.0.0.1")[0],
      replicas: [{ host: "10.0.0.1", port: 7009 }],
    }],
  ],
  [
    "replicas alone",
    [shard(ALL, node({ role: "replica" }))],
    [{ ...one("10.0.0.1")[0], isFailed: true }],
  ],
  ["a shard without nodes", [shard(ALL)], undefined],
  ["half a run of slots", [shard([0], node({}))], undefined],
  ["slots that there are not", [shard([0, 16384], node({}))], undefined],
  ["a run that ends before it begins", [shard([2, 1], node({}))], undefined],
  ["a node without a port", [shard(ALL, node({ port: 0 }))], undefined],
  ["a shard without slots' field", [map({ nodes: [node({})] })], undefined],
  ["a number", 1, undefined],
  ["numbers", [1], undefined],
];

const SLOTS: [string, Value, Topology | undefined][] = [
  ["nobody", [], []],
  [
    "a node that has met no other",
    [[0, 16383, ["", 7001, "c1d169", map({})]]],
    one("seed"),
  ],
  [
    "an endpoint that is not told",
    [[0, 16383, [null, 7001, "7dfc0f", map({ ip: "10.0.0.1" })]]],
    one("seed"),
  ],
  [
    "host names preferred, and a node without one",
    [[0, 16383, ["?", 7001, "7dfc0f", map({ ip: "10.0.0.1" })]]],
    one("10.0.0.1"),
  ],
  ["Redis 3, without ids", [[0, 16383, ["10.0.0.1", 7001]]], one("10.0.0.1")],
  [
    "Redis 4, without names",
    [[0, 16383, ["fd00::1", 7001, "7dfc0f"]]],
    one("fd00::1"),
  ],
  [
    "replicas, several runs of slots, shards not in order",
    [
      [10003, 10922, ["10.0.0.1", 7002, "063", map({})]],
      [
        ...[0, 5460, ["10.0.0.1", 7001, "7df", map({})]],
        ["b.example", 7003, "4be", map({ hostname: "b.example" })],
      ],
      [5461, 10000, ["10.0.0.1", 7002, "063", map({})]],
    ],
    [{
      primary: { host: "10.0.0.1", port: 7001 },
      isFailed: false,
      slots: [{ from: 0, to: 5460 }],
      replicas: [{ host: "b.example", port: 7003 }],
    }, {
      primary: { host: "10.0.0.1", port: 7002 },
      isFailed: false,
      slots: [{ from: 10003, to: 10922 }, { from: 5461, to: 10000 }],
      replicas: [],
    }],
  ],
  ["slots without a node", [[0, 16383]], undefined],
  ["slots that there are not", [[0, 16384, ["a", 1]]], undefined],
  ["a port that is none", [[0, 16383, ["a", 70000]]], undefined],
  ["a replica that is none", [[0, 16383, ["a", 1], ["b"]]], undefined],
  ["a number", 1, undefined],
];

for (const protocol of [2, 3] as const) {
  for (const [name, value, topology, asked = PLAIN] of SHARDS) {
    Deno.test(`CLUSTER SHARDS in RESP${protocol}: ${name}`, () => {
      const reply = parse(write(value, protocol));
      assertEquals(readShards(reply, asked), topology);
    });
  }
  for (const [name, value, topology] of SLOTS) {
    Deno.test(`CLUSTER SLOTS in RESP${protocol}: ${name}`, () => {
      const reply = parse(write(value, protocol));
      assertEquals(readSlots(reply, PLAIN), topology);
    });
  }
}

Deno.test("a reply that was not held whole is no topology", () => {
  const shards = write([shard([0, 1], node({})), shard(ALL, node({}))], 3);
  const slots = write([[0, 1, ["a", 1, "id", map({ ip: "b" })]]], 3);
  for (let items = 1; items < 40; items++) {
    const whole = parse(shards);
    const cut = parse(shards, items);
    if (JSON.stringify(cut) !== JSON.stringify(whole)) {
      assertEquals(readShards(cut, PLAIN), undefined, `${items} values`);
    }
  }
  for (let items = 1; items < 9; items++) {
    assertEquals(readSlots(parse(slots, items), PLAIN), undefined, `${items}`);
  }
});

Deno.test("an error reply is no topology", () => {
  const reply = parse("-ERR This instance has cluster support disabled\r\n");
  assertEquals(readShards(reply, PLAIN), undefined);
  assertEquals(readSlots(reply, PLAIN), undefined);
});
