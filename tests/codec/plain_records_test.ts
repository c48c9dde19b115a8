import { assert, assertEquals, assertGreater } from "@std/assert";
import {
  CsvReader,
  type CsvReaderOptions,
} from "../../src/codec/csv_reader.ts";
import { type DialectOptions, parseDialect } from "../../src/codec/dialect.ts";
import { Header } from "../../src/codec/header.ts";
import { RowEncoder } from "../../src/codec/row_encoder.ts";
import { OVERRUN } from "../../src/codec/record_writer.ts";
import { Step } from "../../src/codec/step.ts";
import { compileTemplate } from "../../src/codec/template.ts";
import { ByteBuffer } from "../../src/protocol/byte_buffer.ts";
import { everySplit } from "../support/every_split.ts";
import { latin1Bytes } from "../support/latin1.ts";
import { damageText, randomCsv, randomText } from "../support/random_csv.ts";
import { Random } from "../support/random.ts";
import { latin1Text } from "../support/read_all.ts";

/** Anywhere in a source. */
const PLACE = { records: 41, line: 77, offset: 1 << 20 };

const STALE = 0xee;

interface Case extends DialectOptions {
  columns: number;
  commands: string[][];
  maxRecord?: number;
  limit?: number;
  skipEmpty?: boolean;
  /** Bytes of room for the output at first. */
  room?: number;
}

/** All that can be seen of reading and encoding. */
interface Outcome {
  resp: string;
  faults: unknown[];
  place: unknown;
  blankLines: number;
}

function named(columns: number): Header {
  return Header.named(Array.from({ length: columns }, (_, i) => `c${i + 1}`));
}

/** What a case is read and encoded with. */
interface Tools {
  kind: CsvReaderOptions;
  encoder: RowEncoder;
}

function prepare(of: Case): Tools {
  const { columns, commands, maxRecord, skipEmpty, ...options } = of;
  const template = compileTemplate(commands, named(columns));
  const kind = { dialect: parseDialect(options), fields: columns, maxRecord };
  return { kind, encoder: new RowEncoder(template, { skipEmpty }) };
}

/** Reads and encodes pieces of input as a batcher does. */
function encodePieces(
  pieces: readonly Uint8Array[],
  { limit = Infinity, room = 8192 }: Case,
  { kind, encoder }: Tools,
  withRun: boolean,
): { outcome: Outcome; runs: number } {
  const reader = new CsvReader({ ...kind, place: PLACE });
  const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const out = new ByteBuffer(room);
  const faults: unknown[] = [];
  let runs = 0;
  let left = limit;

  const take = (finish: boolean): boolean => {
    while (left > 0) {
      if (withRun && !finish) {
        const count = reader.encodePlain(encoder, out, left);
        runs += count;
        left -= count;
        if (left === 0) break;
      }
      const step = finish ? reader.finish() : reader.next();
      if (step === Step.NeedInput) return false;
      left--;
      if (step === Step.Record) encoder.encode(reader.record, out);
      else faults.push([step, reader.line, reader.offset, reader.fault]);
      if (step === Step.Broken) return true;
    }
    return true;
  };

  let held = new Uint8Array();
  let isOver = false;
  for (const piece of pieces) {
    const size = held.length + piece.length;
    const buffer = new Uint8Array(3 + total + OVERRUN).fill(STALE);
    buffer.set(held, 3);
    buffer.set(piece, 3 + held.length);
    reader.feed(buffer, 3, 3 + size);
    isOver = take(false);
    // The input is left as it is.
    const before = latin1Text(buffer.subarray(3, 3 + size));
    assertEquals(before, latin1Text(held) + latin1Text(piece));
    assert(buffer.subarray(3 + size).every((byte) => byte === STALE));
    if (isOver) break;
    held = buffer.slice(reader.boundary, 3 + size);
  }
  if (!isOver) take(true);
  return {
    outcome: {
      resp: latin1Text(out.view()),
      faults,
      place: reader.place(),
      blankLines: reader.blankLines,
    },
    runs,
  };
}

/** Compares with and without runs; says how many records came out of runs. */
function compare(text: string, of: Case): number {
  const tools = prepare(of);
  let runs = 0;
  everySplit(latin1Bytes(text), (pieces) => {
    const fast = encodePieces(pieces, of, tools, true);
    const slow = encodePieces(pieces, of, tools, false);
    assertEquals(fast.outcome, slow.outcome, JSON.stringify({ text, of }));
    runs = Math.max(runs, fast.runs);
  });
  return runs;
}

const TWO: Case = { columns: 2, commands: [["SET", "{1}", "{2}"]] };

const LONG = "x".repeat(13);
const LONGER = "y".repeat(127) + "z".repeat(300);

const TABLE: [text: string, runs: number, of?: Partial<Case>][] = [
  ["", 0],
  ["a,b\nc,d\n", 2],
  ["a,b\nc,d", 1],
  ["a,b\r\nc,d\r\n", 2],
  ["a,b\r\nc,d\r", 1],
  [",\n,\r\n", 2],
  [`${LONG},${LONGER}\n${LONGER},b\n`, 2],
  ['"a","b"\n"c",d\r\ne,"f"\r\n', 3],
  ['"a,1","b\r"\n', 1],
  ['"say ""hi""",""""\n"""","a"""\n', 2],
  [`"${LONG}""${LONG}",${LONG}\n${LONG},${LONG}\n`, 2],
  [`"""${LONGER}""","${`""${LONG}`.repeat(20)}"\n`, 1],
  ['"","a"\n,""\n', 2],
  ['a,b\n"c\nd",e\nf,g\n', 3],
  ['"a\n\r\n",b\n"c",d\n', 2],
  ['"\n","\n"\n', 1],
  ['a,b\nc"d,e"\nf,g"\n', 3],
  ["a\r,b\r\r\n", 1],
  // What it leaves to the reader, with what comes before and behind.
  ["a,b\n\n\r\nc,d\n", 2],
  ["a,b\nc\nd,e\n", 2],
  ["a,b\nc,d,e\nf,g\n", 2],
  ['a,b\n"c",d,"e"\nf,g\n', 2],
  ['a,b\n"c"d,e\nf,g\n', 2],
  ['a,b\nc,"d"e\nf,g\n', 2],
  ['a,b\nc,"d"\re\nf,g\n', 2],
  ['a,b\nc,"d"\r\re\n', 1],
  ['a,b\n"c\nd","e\n', 1],
  ['a,b\n"c\nd",e', 1],
  ["\ra,b\n", 0],
  ['a,b\n"c', 1],
  ['a,b\n"c,d', 1],
  ['a,b\nc,"d"', 1],
  ['a,b\nc,"d"\r', 1],
  ["a,b\nccc,ddd\ne,f\n", 1, { maxRecord: 6 }],
  ["a,b\nc,d\ne,f\n", 2, { limit: 2 }],
  ["\ta\nb\t\n", 2, { delimiter: "tab" }],
  ["a;'b;'''\n", 1, { delimiter: ";", quote: "'" }],
  ['a,"b"\n"c,d""\n', 2, { quote: "none" }],
  ["\xff,\xff\n", 1, { quote: "none" }],
  ["a\nb\r\n\nc\n", 3, { columns: 1, commands: [["DEL", "k:{1}"]] }],
  ["a,b,c\n", 1, { columns: 3, commands: [["DEL", "{3}"], ["DEL", "x{1}"]] }],
  ["a,b,c\n", 1, { columns: 3, commands: [["HSET", "{1}-{3}", "{*}"]] }],
  ["a,b,c\n", 1, { columns: 3, commands: [["PING"]] }],
  [',b,\n"",,""\n"""",b,c\n', 3, {
    columns: 3,
    commands: [["HSET", "k", "{*}", "end"], ["HSET", "l", "{*-c1}"]],
    skipEmpty: true,
  }],
];

Deno.test("plain records are written as the reader and the row encoder would write them", () => {
  for (const [text, runs, of] of TABLE) {
    assertEquals(compare(text, { ...TWO, ...of }), runs, JSON.stringify(text));
  }
});

/** A line with a field from each column's number. */
function wide(columns: number, field: (column: number) => string): string {
  return Array.from({ length: columns }, (_, i) => field(i)).join(",");
}

Deno.test("wide records are no different", () => {
  // Around where there is room for more fields.
  for (const columns of [4, 15, 16, 17, 33, 120, 1000]) {
    const text = [
      wide(columns, (c) => "x".repeat(c % 20)),
      wide(columns, (c) => `"${c}""${c}"`),
      wide(columns, (c) => c === columns - 1 ? '"""quoted"""\r' : LONG),
      wide(columns - 1, () => "too few"),
      wide(columns + 1, () => "too many"),
      wide(columns, (c) => c > 30 ? `"${LONG}""${LONG}"` : `${c}`),
      "",
    ].join("\n");
    const commands = [["HSET", "k:{c1}", "{*}"], ["DEL", `{c${columns}}`]];
    const of: Case = { columns, commands, room: 1 << 20 };
    const tools = prepare(of);
    const bytes = latin1Bytes(text);
    const slow = encodePieces([bytes], of, tools, false);
    for (let cut = 0; cut < bytes.length; cut += 1 + (bytes.length >> 8)) {
      const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)];
      const fast = encodePieces(pieces, of, tools, true);
      assertEquals(fast.outcome, slow.outcome, `${columns}, cut at ${cut}`);
      if (cut === 0) assertEquals(fast.runs, 4, `${columns} columns`);
    }
  }
});

Deno.test("random input becomes the same bytes with runs as without", () => {
  const seed = Random.seed();
  const random = new Random(seed);
  let runs = 0;
  let rows = 0;
  for (let i = 0; i < 150; i++) {
    const columns = 1 + random.int(4);
    const delimiter = random.pick([",", ",", "\t", "|"]);
    const quote = random.pick(['"', '"', "'"]);
    const plain = (random: Random): string =>
      randomText(random, `abc ${delimiter}${quote}`, random.int(20));
    const csv = randomCsv(random, {
      columns,
      delimiter,
      quote,
      ...(random.int(2) === 0 ? { value: plain } : {}),
    });
    const text = random.int(3) === 0
      ? damageText(random, csv.text, `${delimiter}${quote}\r\nx`)
      : csv.text;
    const commands = random.pick([
      [["SET", "{1}", `{${columns}}`]],
      [["HSET", "k:{1}", "{*}"], ["EXPIRE", "k:{1}", "60"]],
      [["RPUSH", "all", `{1}${"-".repeat(random.int(9))}{${columns}}`]],
    ]);
    const of: Case = { columns, delimiter, quote, commands };
    if (random.int(3) === 0) of.skipEmpty = true;
    if (random.int(2) === 0) of.room = random.int(500);
    if (random.int(4) === 0) of.limit = 1 + random.int(5);
    if (random.int(4) === 0) of.maxRecord = 1 + random.int(60);
    try {
      runs += compare(text, of);
    } catch (error) {
      if (error instanceof Error) {
        error.message = `RESPIPE_SEED=${seed}, ${i}: ${error.message}`;
      }
      throw error;
    }
    rows += csv.rows.length;
  }
  assertGreater(runs, rows / 4, `RESPIPE_SEED=${seed}`);
});

Deno.test("a buffer without room behind the input is left to the states", () => {
  const { kind, encoder } = prepare(TWO);
  const rows = latin1Bytes("a,b\nc,d\n");
  for (let room = 0; room < OVERRUN; room++) {
    const input = new Uint8Array(rows.length + room);
    input.set(rows);
    const reader = new CsvReader({ ...kind, place: PLACE });
    reader.feed(input, 0, rows.length);
    assertEquals(reader.encodePlain(encoder, new ByteBuffer(500), 9), 0);
    assertEquals(reader.next(), Step.Record);
  }
});

Deno.test("records of any number of fields are left to the states", () => {
  const { kind, encoder } = prepare(TWO);
  const { fields: _, ...any } = kind;
  const input = new Uint8Array(40);
  input.set(latin1Bytes("a,b\n"));
  const reader = new CsvReader(any);
  reader.feed(input, 0, 4);
  assertEquals(reader.encodePlain(encoder, new ByteBuffer(500), 9), 0);
});

Deno.test("a full output buffer ends it in front of the record", () => {
  const dialect = parseDialect();
  const header = named(2);
  const template = compileTemplate([["SET", "{1}", "{2}"]], header);
  const encoder = new RowEncoder(template);
  const rows = "k,v\n".repeat(100);
  for (let capacity = 0; capacity < 400; capacity++) {
    const reader = new CsvReader({ dialect, fields: 2, place: PLACE });
    const input = new Uint8Array(rows.length + OVERRUN);
    input.set(latin1Bytes(rows));
    reader.feed(input, 0, rows.length);
    const out = new ByteBuffer(capacity);
    const count = reader.encodePlain(encoder, out, Infinity);
    assertEquals(
      latin1Text(out.view()),
      "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n".repeat(count),
    );
    assertEquals(reader.boundary, 4 * count);
    assertEquals(reader.place().line, PLACE.line + count);
    if (capacity === 399) assertGreater(count, 5);
  }
});
