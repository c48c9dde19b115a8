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
    const stopped = ErrorLimit.parse(text).judge(
      { loaded: 1e17, rejected },
      false,
    );
    assertEquals(stopped !== undefined, isExceeded);
  });
}

const SHARES: [string, number, number, before: boolean, end: boolean][] = [
  ["1%", 999, 999, false, true],
  ["1%", 10, 1000, false, false],
  ["1%", 11, 1000, true, true],
  ["1%", 10_001, 1_000_000, true, true],
  ["0.5%", 5, 1000, false, false],
  ["0.5%", 6, 1000, true, true],
  ["0%", 0, 1000, false, false],
  ["0%", 1, 999, false, true],
  ["0%", 1, 1000, true, true],
  ["10%", 3, 3, false, true],
  ["10%", 55, 500, false, true],
  ["10%", 45, 500, false, false],
  ["100%", 1000, 1000, false, false],
  ["10", 10, 10, false, false],
  ["1%", 0, 0, false, false],
];

for (const [text, rejected, records, before, end] of SHARES) {
  const counts = { rejected, loaded: records - rejected };
  for (const [isEnd, isExceeded] of [[false, before], [true, end]]) {
    const verdict = isExceeded ? "too many" : "fine";
    const when = isEnd ? "in the end" : "before the end";
    Deno.test(`with --max-errors ${text}, ${rejected} of ${records} are ${verdict} ${when}`, () => {
      const stopped = ErrorLimit.parse(text).judge(counts, isEnd);
      assertEquals(stopped !== undefined, isExceeded);
    });
  }
}

Deno.test("without a limit any number of rejects is fine", () => {
  const limit = ErrorLimit.parse(undefined);
  assertEquals(limit.judge({ loaded: 0, rejected: 1e9 }, true), undefined);
});

Deno.test("the sentence about too many rejects tells how many of what", () => {
  const limit = ErrorLimit.parse("1%");
  const counts = { loaded: 989, rejected: 11 };
  assertEquals(
    limit.judge(counts, false)?.message,
    "Stopped: 11 of the first 1,000 records were rejected, more than " +
      "--max-errors 1% allows",
  );
  assertEquals(
    limit.judge(counts, true)?.message,
    "Too many rejects: 11 of 1,000 records were rejected, more than " +
      "--max-errors 1% allows",
  );
});

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
