/**
 * The replies here are what Redis 7.0.15 said, with shorter ids.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Reply } from "../../src/protocol/reply.ts";
import { ReplyReader } from "../../src/protocol/reply_reader.ts";
import type { Topology } from "../../src/transport/cluster_topology.ts";
import { readFailed, readSlots } from "../../src/transport/topology_reply.ts";

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

/** Who has failed. */
const GONE = new Set(["gone"]);

function one(host: string): Topology {
  return [{
    primary: { host, port: 7001 },
    isFailed: false,
    slots: [{ from: 0, to: 16383 }],
    replicas: [],
  }];
}

const FAILED: [string, Value, string[]][] = [
  ["nobody", [], []],
  ["nodes that are well", [shard([0, 16383], node({}), node({}))], []],
  [
    "a failed primary and its successor, as Redis 7.4 shows them",
    [
      shard([5461, 16383], node({ id: "a" })),
      shard([], node({ id: "b", health: "fail" }), node({ id: "c" })),
    ],
    ["b"],
  ],
  [
    "a failed replica, in the word of the documentation",
    [shard([0, 16383], node({}), node({ id: "b", health: "failed" }))],
    ["b"],
  ],
  [
    "one that is loading has not failed",
    [shard([0, 16383], node({ health: "loading" }))],
    [],
  ],
  ["a node without an id", [shard([], map({ health: "fail" }))], []],
  ["a shard without nodes", [map({ slots: [0, 1] })], []],
  ["a number", 1, []],
  ["numbers", [1], []],
  ["nodes that are numbers", [shard([], 1, node({ health: "fail" }))], [
    "7dfc0f",
  ]],
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
    "a preferred host name",
    [[0, 16383, ["a.example", 7001, "7dfc0f", map({ ip: "10.0.0.1" })]]],
    one("a.example"),
  ],
  [
    "host names preferred, and a node without one",
    [[0, 16383, ["?", 7001, "7dfc0f", map({ ip: "10.0.0.1" })]]],
    one("10.0.0.1"),
  ],
  [
    "host names preferred, and a node that knows nothing of itself",
    [[0, 16383, ["?", 7001, "7dfc0f", map({ ip: "" })]]],
    one("seed"),
  ],
  [
    "a failed primary",
    [[0, 16383, ["10.0.0.1", 7001, "gone", map({})]]],
    [{ ...one("10.0.0.1")[0], isFailed: true }],
  ],
  [
    "a failed replica",
    [[0, 16383, ["a", 7001, "7df", map({})], ["b", 7002, "gone", map({})]]],
    [{ ...one("a")[0], replicas: [{ host: "b", port: 7002 }] }],
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
  ["a run that ends before it begins", [[2, 1, ["a", 1]]], undefined],
  ["half a run of slots", [[0]], undefined],
  ["a port that is none", [[0, 16383, ["a", 70000]]], undefined],
  ["no port", [[0, 16383, ["a", 0]]], undefined],
  ["a replica that is none", [[0, 16383, ["a", 1], ["b"]]], undefined],
  ["a number", 1, undefined],
];

for (const protocol of [2, 3] as const) {
  for (const [name, value, failed] of FAILED) {
    Deno.test(`CLUSTER SHARDS in RESP${protocol}: ${name}`, () => {
      const reply = parse(write(value, protocol));
      assertEquals([...readFailed(reply)], failed);
    });
  }
  for (const [name, value, topology] of SLOTS) {
    Deno.test(`CLUSTER SLOTS in RESP${protocol}: ${name}`, () => {
      const reply = parse(write(value, protocol));
      assertEquals(readSlots(reply, "seed", GONE), topology);
    });
  }
}

Deno.test("a reply that was not held whole is no topology", () => {
  const slots = write([[0, 1, ["a", 1, "id", map({ ip: "b" })]]], 3);
  for (let items = 1; items < 9; items++) {
    const reply = parse(slots, items);
    assertEquals(readSlots(reply, "seed", GONE), undefined, `${items} values`);
  }
});

Deno.test("an error reply is no topology, and tells of no failure", () => {
  const reply = parse("-ERR This instance has cluster support disabled\r\n");
  assertEquals(readSlots(reply, "seed", GONE), undefined);
  assertEquals([...readFailed(reply)], []);
});
