import { assertEquals } from "@std/assert";
import { median } from "../../scripts/bench_measure.ts";
import { formatTable } from "../../scripts/bench_table.ts";

Deno.test("median: the middle one, or the mean of the middle two", () => {
  assertEquals(median([3]), 3);
  assertEquals(median([9, 1, 4]), 4);
  assertEquals(median([10, 9, 1, 2]), 5.5);
});

Deno.test("formatTable: medians, and ratios to the first row", () => {
  const table = formatTable("what", [
    {
      name: "a | b",
      runs: [
        { wall: 1000, cpu: 0.5, memory: 7e6 },
        { wall: 3000, cpu: 0.5, memory: 7e6 },
        { wall: 1200, cpu: 0.1, memory: 8e6 },
      ],
    },
    { name: "c", runs: [{ wall: 600 }], bytes: 30e6 },
  ]);
  assertEquals(
    table.split("\n").filter((line) => !line.startsWith("| --")),
    [
      "| what | wall | min to max | ratio | CPU | ratio | peak memory | CSV read |",
      "| a \\| b | 1.20 s | 1.00 to 3.00 s | 1.00 | 0.50 s | 1.00 | 7 MB | - |",
      "| c | 0.60 s | 0.60 to 0.60 s | 0.50 | - | - | - | 50 MB/s |",
      "",
    ],
  );
});
