import { assertEquals } from "@std/assert";
import {
  formatTally,
  readTally,
  settleTally,
  type Tally,
} from "../../scripts/test_tally.ts";

function tally(passed: number, failed: number, skipped = 0): Tally {
  return { passed, failed, skipped };
}

const LINES: [line: string, expected: Tally | undefined][] = [
  ["ok | 78 passed | 0 failed (41ms)", tally(78, 0)],
  ["ok | 1 passed (1 step) | 0 failed | 1 ignored (8ms)", tally(1, 0, 1)],
  [
    "FAILED | 1 passed (2 steps) | 1 failed (1 step) | 1 ignored (8ms)",
    tally(1, 1, 1),
  ],
  ["ok | 0 passed | 0 failed | 3 filtered out (6ms)", tally(0, 0)],
  ["\x1b[32mok\x1b[39m | 2 passed | 0 failed (1ms)", tally(2, 0)],
  ["a test ... ok (1ms)", undefined],
  ["", undefined],
];

for (const [line, expected] of LINES) {
  Deno.test(`readTally: ${JSON.stringify(line)}`, () => {
    assertEquals(readTally(line), expected);
  });
}

const RUNS: [
  name: string,
  tally: Tally | undefined,
  exitCode: number,
  line: string,
][] = [
  ["a good run", tally(3, 0), 0, "3 passed, 0 failed"],
  ["skipped tests", tally(3, 0, 2), 0, "3 passed, 0 failed, 2 skipped"],
  ["failed tests", tally(3, 2), 1, "3 passed, 2 failed"],
  ["a run that was cut short", undefined, 1, "0 passed, 1 failed"],
  ["a run that broke after its summary", tally(3, 0), 1, "3 passed, 1 failed"],
  ["a run of no tests", tally(0, 0), 0, "0 passed, 1 failed"],
  [
    "a run that skipped all",
    tally(0, 0, 2),
    0,
    "0 passed, 1 failed, 2 skipped",
  ],
];

for (const [name, run, exitCode, line] of RUNS) {
  Deno.test(`settleTally: ${name} is "${line}"`, () => {
    assertEquals(formatTally(settleTally(run, exitCode)), line);
  });
}
