import { assertEquals } from "@std/assert";
import {
  describeUnserved,
  type Shard,
  slotTable,
} from "../../src/transport/cluster_topology.ts";

/** A shard with the runs of slots of a text such as `0-99 200`. */
function shard(runs: string, port: number, isFailed = false): Shard {
  return {
    primary: { host: "::1", port },
    isFailed,
    slots: runs.split(" ").map((run) => {
      const [from, to = from] = run.split("-").map(Number);
      return { from, to };
    }),
    replicas: [],
  };
}

Deno.test("the slot table has the index of each slot's shard", () => {
  const table = slotTable([
    shard("0-99 200", 1),
    shard("100-150", 2, true),
    shard("16383", 3),
  ]);
  assertEquals(table.length, 16384);
  const found = [0, 99, 100, 150, 151, 200, 201, 16382, 16383];
  assertEquals(found.map((slot) => table[slot]), [
    ...[0, 0, -1, -1, -1, 0, -1, -1, 2],
  ]);
});

const TAIL = "rows with keys in them cannot be loaded";

const TABLE: [string, Shard[], string | undefined][] = [
  ["every slot", [shard("0-16383", 1)], undefined],
  [
    "every slot, two shards",
    [shard("0-8000", 1), shard("8001-16383", 2)],
    undefined,
  ],
  [
    "all but one",
    [shard("0-99 101-16383", 1)],
    `No node of the cluster serves the hash slot 100 (1 of 16384); ${TAIL}`,
  ],
  [
    "two runs",
    [shard("1-99", 1), shard("110-16383", 1)],
    "No node of the cluster serves the hash slots 0, 100-109 (11 of 16384); " +
    TAIL,
  ],
  [
    "six runs",
    [shard("1 3 5 7 9 11-16383", 1)],
    "No node of the cluster serves the hash slots 0, 2, 4, 6, 8 and 1 more " +
    `range (6 of 16384); ${TAIL}`,
  ],
  [
    "the slots of a failed primary",
    [shard("0-16000", 1), shard("16001-16383", 7000, true)],
    "No node of the cluster serves the hash slots 16001-16383 (383 of 16384; " +
    `failed: [::1]:7000); ${TAIL}`,
  ],
];

for (const [name, shards, sentence] of TABLE) {
  Deno.test(`what nobody serves is said: ${name}`, () => {
    assertEquals(describeUnserved(shards), sentence);
  });
}
