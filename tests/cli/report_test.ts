import { assertEquals, assertStringIncludes } from "@std/assert";
import { formatErrors, formatSummary } from "../../src/cli/report.ts";
import { formatBytes, formatCount } from "../../src/engine/counted.ts";
import { Summary } from "../../src/engine/summary.ts";

const COUNTS: [n: number, text: string][] = [
  [0, "0"],
  [7, "7"],
  [999, "999"],
  [1000, "1,000"],
  [12345, "12,345"],
  [999_999, "999,999"],
  [1_000_000, "1,000,000"],
  [1_234_567.5, "1,234,568"],
  [Number.MAX_SAFE_INTEGER, "9,007,199,254,740,991"],
];

for (const [n, text] of COUNTS) {
  Deno.test(`formatCount writes ${n} as ${text}`, () => {
    assertEquals(formatCount(n), text);
  });
}

Deno.test("formatSummary says when there was no record at all", () => {
  const summary = new Summary();
  summary.end();
  assertStringIncludes(formatSummary(summary), "\nno record was read\n");
  summary.records = 1;
  assertEquals(formatSummary(summary).includes("no record was"), false);
});

const SIZES: [bytes: number, text: string][] = [
  [0, "0 B"],
  [1, "1 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [1049, "1.0 kB"],
  [1051, "1.1 kB"],
  [999_900, "999.9 kB"],
  // Never "1000.0 kB".
  [999_999, "1.0 MB"],
  [78_646_670, "78.6 MB"],
  [10_000_000_000, "10.0 GB"],
  [5e12, "5.0 TB"],
  [5e15, "5000.0 TB"],
];

for (const [bytes, text] of SIZES) {
  Deno.test(`formatBytes writes ${bytes} as ${text}`, () => {
    assertEquals(formatBytes(bytes), text);
  });
}

Deno.test("formatErrors writes a line for each kind", () => {
  assertEquals(formatErrors([]), "");
  assertEquals(
    formatErrors([
      { error: "ERR a", count: 1, first: ["f.csv:2"] },
      { error: "ERR b", count: 2_000_000, first: ["-:3", "-:4", "-:9"] },
    ]),
    "  ERR a x 1, first f.csv:2\n" +
      "  ERR b x 2,000,000, first -:3, -:4, -:9\n",
  );
});

Deno.test("formatSummary says what lost connections have cost", () => {
  const summary = new Summary();
  summary.records = 5;
  summary.loaded = 5;
  summary.end();
  assertEquals(formatSummary(summary).includes("reconnected"), false);
  summary.secondsWaiting = 1.26;
  summary.reconnections = 2;
  summary.repeated = 1_200;
  assertStringIncludes(
    formatSummary(summary),
    "\nreconnected 2 times, waited 1.3 s\n1,200 records may be in twice\n",
  );
});

Deno.test("formatSummary says what transactions did, and what is in doubt", () => {
  const summary = new Summary();
  summary.records = 5;
  summary.loaded = 5;
  summary.end();
  assertEquals(formatSummary(summary).includes("transaction"), false);
  summary.transactions = 1_200;
  assertStringIncludes(formatSummary(summary), "\n1,200 transactions\n");
  summary.resumedAt = { source: "a.csv", record: 7, line: 8 };
  summary.repliesLost = 2;
  assertStringIncludes(
    formatSummary(summary),
    "\n1,200 transactions, from a.csv:8 on\nof 2 records the replies were " +
      "lost: they are in, but for those that the server may have refused\n",
  );
});
