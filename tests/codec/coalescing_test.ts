import { assertEquals } from "@std/assert";
import { Coalescer, MOST_ROWS } from "../../src/codec/coalescer.ts";
import { planCoalescing } from "../../src/codec/coalescing.ts";
import { CsvReader } from "../../src/codec/csv_reader.ts";
import { parseDialect } from "../../src/codec/dialect.ts";
import { Header } from "../../src/codec/header.ts";
import { OVERRUN } from "../../src/codec/record_writer.ts";
import { Step } from "../../src/codec/step.ts";
import { compileTemplate } from "../../src/codec/template.ts";
import { ByteBuffer } from "../../src/protocol/byte_buffer.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { quoteCommands } from "../../src/protocol/quote.ts";
import { latin1Bytes } from "../support/latin1.ts";
import { Random } from "../support/random.ts";

const NAMES = ["k", "a", "b", "c"];
const ALL = { bytes: 1000, arguments: 1000 };

/** Room for all rows of a test, as commands of their own. */
const ROOM = 100_000;

function plan(template: string): ReturnType<typeof planCoalescing> {
  const words = template.split(" ");
  return planCoalescing(compileTemplate([words], Header.named(NAMES)));
}

/** The commands that rows of four fields become, however they are read. */
function coalesce(template: string, rows: readonly string[]): string[] {
  const bytes = coalesceBy(template, rows, () => 0);
  for (const limit of [1, 3, Infinity]) {
    assertEquals(coalesceBy(template, rows, () => limit), bytes, template);
  }
  return quoteCommands(bytes, Infinity, ALL);
}

/**
 * Coalesces rows.
 *
 * @param limit Called before each step: how many plain records are appended at
 * the most; 0: the next record is read first, whatever it is.
 */
function coalesceBy(
  template: string,
  rows: readonly string[],
  limit: () => number,
): Uint8Array {
  const coalescing = plan(template);
  if (coalescing === undefined) throw new Error(`${template} is not shared`);
  const coalescer = new Coalescer(coalescing, Header.named(NAMES));
  const input = latin1Bytes(rows.join("\n") + "\n" + " ".repeat(OVERRUN));
  const options = { dialect: parseDialect(), fields: NAMES.length };
  const reader = new CsvReader(options);
  reader.feed(input, 0, input.length - OVERRUN);
  const out = new ByteBuffer();
  for (;;) {
    const most = limit();
    if (most > 0) {
      out.reserve(ROOM);
      if (coalescer.addPlain(reader, out, most) > 0) continue;
    }
    if (reader.next() !== Step.Record) break;
    coalescer.add(reader.record, out);
  }
  const shares = coalescer.close(out);
  const commands = quoteCommands(out.view(), Infinity, ALL);
  assertEquals(shares.length, commands.length);
  assertEquals(shares.reduce((sum, it) => sum + it, 0), rows.length);
  return out.view().slice();
}

const SHARED: [template: string, sameKey: boolean, tailLength: number][] = [
  ["SET {k} {a}", false, 2],
  ["set fixed {a}", false, 2],
  ["SADD {k} {a}", true, 1],
  ["SADD {k} {*}", true, 8],
  ["PFADD {k} {a} {b}", true, 2],
  ["RPUSH fixed {a}", true, 1],
  ["LPUSH {k} {a}", true, 1],
  ["HSET {k} {a} {b}", true, 2],
  ["HSET {k} {*-k}", true, 6],
  ["ZADD {k} {a} {b}", true, 2],
  ["ZADD {k} {a} {b} {c} x", true, 4],
  ["ZADD {k} 1 {b}", true, 2],
  ["ZADD {k} -1.5 {b} 2 {c}", true, 4],
  ["GEOADD {k} {a} {b} {c}", true, 3],
  ["GEOADD {k} 180 -85 {c}", true, 3],
];

const ALONE = [
  "GET {k}",
  "SET {k} {a} NX",
  "SET {k} {a} {b} {c}",
  "SET {k} {*-k}",
  "SET {*-k,a,b}",
  "MSET {k} {a}",
  "SADD {k}",
  "HSET {k} {a}",
  "HSET {k} {a} {b} {c}",
  "ZADD {k} NX {a} {b}",
  "ZADD {k} NX CH {a} {b}",
  "ZADD {k} INCR {a}",
  "ZADD {k} 1e3 {a}",
  "ZADD {k} {*}",
  "ZADD {k} {a} {*-a,b,k}",
  "GEOADD {k} 180.5 1 {c}",
  "GEOADD {k} 1 86 {c}",
  "GEOADD {k} NX CH 1 2 {c}",
  "INCRBY {k} {a}",
  "XADD {k} * f {a}",
];

Deno.test("a template without options is shared, any other not", () => {
  for (const [template, sameKey, tailLength] of SHARED) {
    const found = plan(template);
    assertEquals(
      [found?.sameKey, found?.tailLength],
      [sameKey, tailLength],
      template,
    );
  }
  for (const template of ALONE) {
    assertEquals(plan(template), undefined, template);
  }
});

Deno.test("rows of one key share a command, and rows of SET any", () => {
  assertEquals(coalesce("SADD {k} {a}", ["x,1,,", "x,2,,", "y,3,,", "x,4,,"]), [
    "SADD x 1 2",
    "SADD y 3",
    "SADD x 4",
  ]);
  assertEquals(coalesce("SET {k} {a}", ["x,1,,", "y,2,,", "x,3,,"]), [
    "MSET x 1 y 2 x 3",
  ]);
  assertEquals(
    coalesce("HSET {k} {*-k}", ["x,1,2,3", "x,4,5,6"]),
    ["HSET x a 1 b 2 c 3 a 4 b 5 c 6"],
  );
  const rows = Array.from({ length: 70 }, (_, i) => `x,${i},,`);
  assertEquals(
    coalesce("RPUSH {k} {a}", rows).map((it) => it.split(" ").length - 2),
    [32, 32, 6],
  );
});

const SCORES: [text: string, shares: boolean][] = [
  ["1", true],
  ["-0", true],
  ["-1.50", true],
  ["180.1", true],
  ["1".repeat(32), true],
  ["1".repeat(33), false],
  ["1e5", false],
  ["+1", false],
  [".5", false],
  ["5.", false],
  ["nan", false],
  ["inf", false],
  [" 1", false],
  ["", false],
  ["0x1", false],
  ["1_000", false],
  ["NX", false],
  ["INCR", false],
];

Deno.test("a row with a score that is no plain number has a command of its own", () => {
  for (const [score, shares] of SCORES) {
    const odd = score === "" || score === " 1" ? `"${score}"` : score;
    assertEquals(
      coalesce("ZADD {k} {a} {b}", [
        "x,1,a,",
        "x,2,b,",
        `x,${score},c,`,
        "x,3,d,",
        "x,4,e,",
      ]),
      shares
        ? [`ZADD x 1 a 2 b ${odd} c 3 d 4 e`]
        : ["ZADD x 1 a 2 b", `ZADD x ${odd} c`, "ZADD x 3 d 4 e"],
      score,
    );
  }
});

Deno.test("every number of a row is looked at, and no member", () => {
  assertEquals(
    coalesce("ZADD {k} 1 {a} {b} {c}", [
      "x,no,2,nan",
      "x,p,3,CH",
      "x,q,bad,r",
      "x,s,4,t",
    ]),
    [
      "ZADD x 1 no 2 nan 1 p 3 CH",
      "ZADD x 1 q bad r",
      "ZADD x 1 s 4 t",
    ],
  );
});

const PLACES: [lon: string, lat: string, shares: boolean][] = [
  ["180", "85", true],
  ["-180", "-85.0", true],
  ["-0.5", "0", true],
  ["180.1", "1", false],
  ["1", "85.06", false],
  ["1", "-85.05", false],
  ["1e1", "1", false],
  ["1", "", false],
  ["CH", "1", false],
];

Deno.test("a row with a place that may be refused has a command of its own", () => {
  for (const [lon, lat, shares] of PLACES) {
    const odd = `${lon} ${lat === "" ? '""' : lat} c`;
    assertEquals(
      coalesce("GEOADD {k} {a} {b} {c}", [
        "x,1,2,a",
        `x,${lon},${lat},c`,
        "x,3,4,b",
      ]),
      shares
        ? [`GEOADD x 1 2 a ${odd} 3 4 b`]
        : ["GEOADD x 1 2 a", `GEOADD x ${odd}`, "GEOADD x 3 4 b"],
      odd,
    );
  }
});

Deno.test("rows that go alone follow each other, and a command of many digits is moved", () => {
  const rows = Array.from({ length: 12 }, (_, i) => `x,${i},m${i},`);
  assertEquals(
    coalesce("ZADD {k} {a} {b}", [...rows, "x,no,a,", "x,,b,", "x,1,c,"]),
    [
      "ZADD x " + rows.map((_, i) => `${i} m${i}`).join(" "),
      "ZADD x no a",
      'ZADD x "" b',
      "ZADD x 1 c",
    ],
  );
});

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(pieces.flatMap((piece) => [...piece]));
}

function unquoted(field: string): string {
  return field.startsWith('"')
    ? field.slice(1, -1).replaceAll('""', '"')
    : field;
}

Deno.test("however rows are read, those in a row with one key share", () => {
  const seed = Random.seed();
  const random = new Random(seed);
  for (let round = 0; round < 300; round++) {
    const keys = ["x", "y", "x".repeat(random.int(150)), "", '"z,z"'];
    const rows: string[] = [];
    const expected: string[][] = [];
    let last: string | undefined;
    let isAlone = false;
    for (let i = random.int(200); i >= 0; i--) {
      const key = random.int(4) > 0 ? last ?? "x" : random.pick(keys);
      const score = random.pick(["7", "-1.25", "33", "no", "8"]);
      const member = random.pick(["m", `"a""b"`, "n".repeat(random.int(300))]);
      rows.push(`${key},${score},${member},`);
      const own = [score, unquoted(member)];
      const joins = key === last && !isAlone && score !== "no" &&
        expected[expected.length - 1].length < 2 + 2 * MOST_ROWS;
      if (joins) expected[expected.length - 1].push(...own);
      else expected.push(["ZADD", unquoted(key), ...own]);
      last = key;
      isAlone = score === "no";
    }
    assertEquals(
      coalesceBy("ZADD {k} {a} {b}", rows, () => random.int(5)),
      concat(expected.map((words) => encodeCommand(words))),
      `seed ${seed}, round ${round}`,
    );
  }
});
