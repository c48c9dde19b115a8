import { assert, assertEquals } from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";
import {
  formatProgress,
  formatProgressLog,
} from "../../src/cli/progress_line.ts";
import type { ProgressState } from "../../src/cli/progress_meter.ts";

const STATE: ProgressState = {
  source: "users.csv",
  elapsed: 65.2,
  bytes: 42_000_000,
  fraction: 0.425,
  done: 1_234_567,
  unit: "record",
  donePerSecond: 812_345.4,
  bytesPerSecond: 45_200_000,
  errors: 12,
  secondsLeft: 6.3,
};
/** Of a size that nobody knows. */
const UNSIZED = { source: "-", fraction: undefined, secondsLeft: undefined };
const WAITING = { waiting: 14.2, secondsLeft: undefined };
const NESTED = "/var/spool/imports/2024-06-01/drivers_of_hanoi.csv";

const LINES: [width: number, what: Partial<ProgressState>, line: string][] = [
  [
    199,
    {},
    "users.csv [=====================>                            ]  42% " +
    "1,234,567 records 812,345/s 45.2 MB/s 12 errors 0:07 left",
  ],
  [
    99,
    {},
    "users.csv [==========>             ]  42% " +
    "1,234,567 records 812,345/s 45.2 MB/s 12 errors 0:07 left",
  ],
  [
    79,
    {},
    "users.csv [=====>        ]  42% " +
    "1,234,567 records 812,345/s 12 errors 0:07 left",
  ],
  [64, {}, "users.csv  42% 1,234,567 records 812,345/s 12 errors 0:07 left"],
  [60, {}, "users.csv  42% 1,234,567 records 12 errors 0:07 left"],
  [39, {}, "users.csv  42% 12 errors 0:07 left"],
  [39, { errors: 0 }, "users.csv  42% 0:07 left"],
  [20, {}, " 42% 12 errors"],
  [
    99,
    WAITING,
    "users.csv [===========>              ]  42% " +
    "1,234,567 records waiting for the server 0:14 12 errors",
  ],
  [40, WAITING, "users.csv  42% 12 errors"],
  [24, WAITING, "users.csv  42% 12 errors"],
  [
    199,
    { nodes: 6 },
    "users.csv [=====================>                            ]  42% " +
    "1,234,567 records 812,345/s 45.2 MB/s 6 nodes 12 errors 0:07 left",
  ],
  [
    109,
    { nodes: 1, errors: 0 },
    "users.csv [===============>                     ]  42% " +
    "1,234,567 records 812,345/s 45.2 MB/s 1 node 0:07 left",
  ],
  [
    79,
    { nodes: 6 },
    "users.csv [==>   ]  42% " +
    "1,234,567 records 812,345/s 6 nodes 12 errors 0:07 left",
  ],
  [3, {}, " 42"],
  [0, {}, ""],
  [
    79,
    UNSIZED,
    "stdin 42.0 MB 1,234,567 records 812,345/s 45.2 MB/s 12 errors",
  ],
  [39, UNSIZED, "stdin 42.0 MB 12 errors"],
  [
    79,
    { ...UNSIZED, unit: "reply", done: 1, errors: 1 },
    "stdin 42.0 MB 1 reply 812,345/s 45.2 MB/s 1 error",
  ],
  [
    79,
    { source: NESTED },
    "..1/drivers_of_hanoi.csv  42% " +
    "1,234,567 records 812,345/s 12 errors 0:07 left",
  ],
  // Two columns each.
  [
    70,
    { source: "資料/東京都の利用者一覧.csv" },
    "..東京都の利用者一覧.csv  42% 1,234,567 records 12 errors 0:07 left",
  ],
  // What a terminal would obey is not shown to it.
  [39, { source: "a\x1b[2J\n\u202e" }, "a?[2J??  42% 12 errors 0:07 left"],
  [
    79,
    { fraction: 1, secondsLeft: 0 },
    "users.csv [==============] 100% " +
    "1,234,567 records 812,345/s 12 errors 0:00 left",
  ],
  [
    79,
    { fraction: 0, secondsLeft: 3723 },
    "users.csv [>          ]   0% " +
    "1,234,567 records 812,345/s 12 errors 1:02:03 left",
  ],
  [
    79,
    { ...UNSIZED, bytes: 27, bytesPerSecond: 2.69956, donePerSecond: 0.6 },
    "stdin 27 B 1,234,567 records 1/s 3 B/s 12 errors",
  ],
];

for (const [width, what, line] of LINES) {
  const name = JSON.stringify(what);
  Deno.test(`formatProgress of ${name} in ${width} columns`, () => {
    assertEquals(formatProgress({ ...STATE, ...what }, width), line);
  });
}

Deno.test("formatProgress fits every width, whatever it is about", () => {
  for (const source of ["-", NESTED, "東京都の利用者一覧.csv"]) {
    for (const done of [0, 1, 999_950, Number.MAX_SAFE_INTEGER]) {
      for (const fraction of [undefined, 1 / 3]) {
        const state = { ...STATE, source, done, fraction, errors: done };
        for (let width = 0; width < 140; width += 3) {
          const line = formatProgress(state, width);
          assert(unicodeWidth(line) <= width, `${width}: ${line}`);
        }
      }
    }
  }
});

Deno.test("formatProgress colours errors, where it may and there are any", () => {
  const colored = formatProgress(STATE, 80, true);
  assert(colored.includes(" \x1b[31m12 errors\x1b[39m "));
  assertEquals(
    // deno-lint-ignore no-control-regex
    colored.replace(/\x1b\[\d+m/g, ""),
    formatProgress(STATE, 80),
  );
  const clean = { ...STATE, errors: 0 };
  assertEquals(formatProgress(clean, 80, true), formatProgress(clean, 80));
});

Deno.test("formatProgressLog writes everything out", () => {
  assertEquals(
    formatProgressLog({ ...STATE, source: NESTED }),
    `respipe: after 1:05: ${NESTED}, 42%, 1,234,567 records, ` +
      "812,345/s, 45.2 MB/s, 12 errors, 0:07 left\n",
  );
  assertEquals(
    formatProgressLog({ ...STATE, ...UNSIZED }),
    "respipe: after 1:05: stdin, 42.0 MB, 1,234,567 records, " +
      "812,345/s, 45.2 MB/s, 12 errors\n",
  );
});
