import { assertEquals, assertThrows } from "@std/assert";
import { ErrorLimit } from "../../src/engine/error_limit.ts";
import { UsageError } from "../../src/errors.ts";

const NUMBERS: [string, number, boolean][] = [
  ["0", 0, false],
  ["0", 1, true],
  ["10", 10, false],
  ["10", 11, true],
  ["010", 11, true],
  ["999999999999999", 1e15 - 1, false],
  ["999999999999999", 1e15, true],
  ["1%", 1e15, false],
];

for (const [text, rejected, isExceeded] of NUMBERS) {
  const verdict = isExceeded ? "too many" : "fine";
  Deno.test(`with --max-errors ${text}, ${rejected} rejects are ${verdict}`, () => {
    const limit = ErrorLimit.parse(text);
    assertEquals(limit.isCountExceeded(rejected), isExceeded);
    assertEquals(limit.text, text);
  });
}

const SHARES: [string, number, number, boolean][] = [
  ["1%", 999, 999, false],
  ["1%", 10, 1000, false],
  ["1%", 11, 1000, true],
  ["1%", 10_001, 1_000_000, true],
  ["0.5%", 5, 1000, false],
  ["0.5%", 6, 1000, true],
  ["0%", 0, 1000, false],
  ["0%", 1, 999, false],
  ["0%", 1, 1000, true],
  ["100%", 1000, 1000, false],
  ["10", 1000, 1000, false],
  ["1%", 0, 0, false],
];

for (const [text, rejected, records, isExceeded] of SHARES) {
  const verdict = isExceeded ? "too many" : "fine";
  Deno.test(`with --max-errors ${text}, ${rejected} of ${records} are ${verdict}`, () => {
    const limit = ErrorLimit.parse(text);
    assertEquals(limit.isShareExceeded(rejected, records), isExceeded);
  });
}

for (
  const text of [
    "",
    "-1",
    "1.5",
    "%",
    "1 %",
    "101%",
    "100.1%",
    "-1%",
    "1e3",
    "0x10",
    "ten",
    " 1",
    "1\n",
    "NaN",
    "Infinity",
    "1%%",
    "1000000000000000000",
  ]
) {
  Deno.test(`--max-errors ${JSON.stringify(text)} is wrong usage`, () => {
    const error = assertThrows(
      () => ErrorLimit.parse(text),
      UsageError,
      `Cannot parse --max-errors ${JSON.stringify(text)}: must be `,
    );
    assertEquals(error.flag, "--max-errors");
  });
}
