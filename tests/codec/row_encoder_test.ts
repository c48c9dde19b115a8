import { assert, assertEquals } from "@std/assert";
import { CsvReader } from "../../src/codec/csv_reader.ts";
import { parseDialect } from "../../src/codec/dialect.ts";
import { Header } from "../../src/codec/header.ts";
import { RecordView } from "../../src/codec/record.ts";
import { RowEncoder } from "../../src/codec/row_encoder.ts";
import { Step } from "../../src/codec/step.ts";
import { compileTemplate } from "../../src/codec/template.ts";
import { ByteBuffer } from "../../src/protocol/byte_buffer.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { latin1Bytes } from "../support/latin1.ts";
import { Random } from "../support/random.ts";
import { randomCsv } from "../support/random_csv.ts";
import { latin1Text, readAll } from "../support/read_all.ts";

const dialect = parseDialect();

/** One argument before it is written as a template's word. */
type Word =
  | { parts: (string | number)[]; byNumber?: boolean }
  | { without: number[] };

/** Reads CSV text; calls `use` for each record in it, which must all be good. */
function eachRecord(
  text: string,
  fields: number,
  use: (reader: CsvReader) => void,
): void {
  const pieces = [latin1Bytes(text)];
  const { events } = readAll(pieces, { dialect, fields }, "append", use);
  assert(events.every((event) => event.kind === "record"), text);
}

/** What the words of a template say, for a column's name in the header. */
function templateWord(word: Word, names: readonly string[]): string {
  if ("without" in word) {
    const { without } = word;
    return without.length === 0
      ? "{*}"
      : `{*-${without.map((column) => names[column]).join(",")}}`;
  }
  return word.parts.map((part) => {
    if (typeof part === "number") {
      return `{${word.byNumber ? part + 1 : names[part]}}`;
    }
    return part.replaceAll("{", "{{").replaceAll("}", "}}");
  }).join("");
}

/** The obvious way: every argument as bytes, then `encodeCommand`. */
function encodeSlowly(
  commands: readonly (readonly Word[])[],
  names: readonly string[],
  record: RecordView,
  skipEmpty: boolean,
): string {
  const encoder = new TextEncoder();
  const latin1 = (text: string): string => latin1Text(encoder.encode(text));
  const fields = names.map((_, column) => latin1Text(record.field(column)));
  return commands.map((words) => {
    const args = words.flatMap((word) => {
      if ("parts" in word) {
        return word.parts.map((part) =>
          typeof part === "number" ? fields[part] : latin1(part)
        ).join("");
      }
      return names.flatMap((name, column) =>
        word.without.includes(column) || skipEmpty && fields[column] === ""
          ? []
          : [latin1(name), fields[column]]
      );
    });
    return latin1Text(encodeCommand(args.map(latin1Bytes)));
  }).join("");
}

/** A record like `record` in a buffer of its own, with so much room around. */
function moved(
  record: RecordView,
  before: number,
  after: number,
): RecordView {
  const { start, end } = record;
  const bytes = new Uint8Array(before + end - start + after).fill(0xee);
  bytes.set(record.bytes.subarray(start, end), before);
  return Object.assign(new RecordView(record.starts.length, record.quote), {
    bytes,
    start: before,
    end: before + end - start,
    fieldCount: record.fieldCount,
    starts: record.starts.slice(),
    ends: record.ends.slice(),
    doubled: record.doubled.slice(),
    escaped: record.escaped,
  });
}

/** The same record, marked as if a field of it might have doubled quotes. */
function markedEscaped(record: RecordView): RecordView {
  const marked = moved(record, 1, 8);
  if (!record.escaped) marked.doubled.fill(0);
  marked.escaped = true;
  return marked;
}

const NAMES = ["id", "name", "note"];

const COMMANDS: [
  words: string[][],
  record: string,
  skipEmpty: boolean,
  wire: string,
][] = [
  [
    [["SET", "u:{id}", "{name}"]],
    "7,Ann,\n",
    false,
    "*3\r\n$3\r\nSET\r\n$3\r\nu:7\r\n$3\r\nAnn\r\n",
  ],
  [
    [["HSET", "u:{id}", "{*}"]],
    "7,,x\n",
    false,
    "*8\r\n$4\r\nHSET\r\n$3\r\nu:7\r\n$2\r\nid\r\n$1\r\n7\r\n" +
    "$4\r\nname\r\n$0\r\n\r\n$4\r\nnote\r\n$1\r\nx\r\n",
  ],
  [
    [["HSET", "u:{id}", "{*-id}"]],
    "7,,x\n",
    true,
    "*4\r\n$4\r\nHSET\r\n$3\r\nu:7\r\n$4\r\nnote\r\n$1\r\nx\r\n",
  ],
  // The first pair is left out: what stands before it must stay.
  [
    [["HSET", "k", "{*}"]],
    ",Ann,\n",
    true,
    "*4\r\n$4\r\nHSET\r\n$1\r\nk\r\n$4\r\nname\r\n$3\r\nAnn\r\n",
  ],
  [
    [["HSET", "u:{note}", "{*}"], ["PING"]],
    ",,x\n",
    true,
    "*4\r\n$4\r\nHSET\r\n$3\r\nu:x\r\n$4\r\nnote\r\n$1\r\nx\r\n" +
    "*1\r\n$4\r\nPING\r\n",
  ],
  [
    [["XADD", "s", "*", "{*}", "end"]],
    ",,\n",
    true,
    "*4\r\n$4\r\nXADD\r\n$1\r\ns\r\n$1\r\n*\r\n$3\r\nend\r\n",
  ],
  [[["PING"]], "7,a,b\n", false, "*1\r\n$4\r\nPING\r\n"],
  [
    [["SET", "{{{id}}}:{id}", "{name}{note}"]],
    '7,"say ""hi""","Ho, City"\r\n',
    false,
    '*3\r\n$3\r\nSET\r\n$5\r\n{7}:7\r\n$16\r\nsay "hi"Ho, City\r\n',
  ],
  [
    [["SET", "", "{3}"]],
    '1,2,""\n',
    false,
    "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$0\r\n\r\n",
  ],
  [
    [["SADD", "n:{name}", "{id}"], ["EXPIRE", "n:{name}", "60"]],
    "7,Z\xc3\xbcrich,\n",
    false,
    "*3\r\n$4\r\nSADD\r\n$9\r\nn:Z\xc3\xbcrich\r\n$1\r\n7\r\n" +
    "*3\r\n$6\r\nEXPIRE\r\n$9\r\nn:Z\xc3\xbcrich\r\n$2\r\n60\r\n",
  ],
];

Deno.test("a record becomes its template's commands", () => {
  for (const [words, text, skipEmpty, wire] of COMMANDS) {
    const template = compileTemplate(words, Header.named(NAMES));
    const encoder = new RowEncoder(template, { skipEmpty });
    assertEquals(encoder.commandsPerRecord, words.length);
    const what = JSON.stringify({ words, text, skipEmpty });
    const found: string[] = [];
    eachRecord(text, NAMES.length, ({ record }) => {
      for (const one of [record, markedEscaped(record), moved(record, 0, 0)]) {
        const out = new ByteBuffer();
        encoder.encode(one, out);
        found.push(latin1Text(out.view()));
      }
    });
    assertEquals(found, [wire, wire, wire], what);
  }
});

Deno.test("a field of any length is written with its length, wherever its buffer ends", () => {
  const template = compileTemplate(
    [["SET", "k{a}", "{a}"]],
    Header.named(["a"]),
  );
  const encoder = new RowEncoder(template);
  const lengths = [8, 31, 32, 33, 99, 100, 101, 126, 127, 128, 129, 130, 255];
  for (const length of [0, 1, 2, 3, 4, 5, 9, 10, 11, ...lengths, 999, 70_000]) {
    const value = "abcdefg".repeat(length / 7 + 1).slice(0, length);
    const wire = latin1Text(
      encodeCommand(["SET", `k${value}`, value]),
    );
    for (const text of [`"${value}"\n`, `"${value}"`]) {
      eachRecord(text, 1, ({ record }) => {
        for (let after = 0; after < 7; after++) {
          for (const before of [0, 1, 3]) {
            const out = new ByteBuffer();
            encoder.encode(moved(record, before, after), out);
            assertEquals(latin1Text(out.view()), wire, `${length}, ${after}`);
          }
        }
      });
    }
  }
});

Deno.test("records are appended to a buffer that is in use, cleared or new", () => {
  const header = Header.named(["a", "b"]);
  const encoder = new RowEncoder(
    compileTemplate([["SET", "{a}", "{b}"]], header),
  );
  const out = new ByteBuffer();
  const other = new ByteBuffer(4);
  out.push(latin1Bytes("before"));
  let expected = "before";
  let round = 0;
  eachRecord("k,v\nk2,\n".repeat(40), 2, ({ record }) => {
    const args = ["SET", record.field(0), record.field(1)];
    encoder.encode(record, out);
    expected += latin1Text(encodeCommand(args));
    assertEquals(latin1Text(out.view()), expected);
    encoder.encode(record, other);
    if (++round % 30 === 0) {
      out.clear();
      expected = "";
    }
  });
  assertEquals(round, 80);
  const pair = encodeCommand(["SET", "k", "v"]).length +
    encodeCommand(["SET", "k2", ""]).length;
  assertEquals(other.length, 40 * pair);
});

const LITERALS = ["", "x", "user:", "{tag}", "}", "Zürich", "abc\r\n", "a b"];

function randomWord(random: Random, columns: number): Word {
  if (random.int(5) === 0) {
    const without = Array.from({ length: columns }, (_, column) => column)
      .filter(() => random.int(3) === 0);
    return { without: without.length === columns ? [] : without };
  }
  const parts = Array.from(
    { length: 1 + random.int(4) },
    () => random.int(2) === 0 ? random.int(columns) : random.pick(LITERALS),
  );
  return { parts, byNumber: random.int(4) === 0 };
}

Deno.test("fixed bytes are written as they are, whatever number they would be", () => {
  // Not-a-numbers, a negative zero, infinities and the smallest numbers.
  const patterns = [
    [0xff],
    [0, 0, 0, 0, 0, 0, 0, 0x80],
    [0, 0, 0, 0, 0, 0, 0xf0, 0x7f],
    [1, 0, 0, 0, 0, 0, 0xf0, 0xff],
    [1, 0, 0, 0, 0, 0, 0, 0],
    [0],
  ];
  for (const pattern of patterns) {
    for (let shift = 0; shift < 8; shift++) {
      for (let size = 1; size <= 24; size++) {
        const name = Uint8Array.from(
          { length: size },
          (_, i) => pattern[(i + shift) % pattern.length],
        );
        const line = new Uint8Array([...name, 0x0a]);
        const reader = new CsvReader({ dialect });
        reader.feed(line, 0, line.length);
        assertEquals(reader.next(), Step.Record);
        const header = Header.fromRecord(reader.record);
        const template = compileTemplate([["HSET", "k", "{*}"]], header);
        const out = new ByteBuffer();
        eachRecord("v\n", 1, (reader) => {
          new RowEncoder(template).encode(reader.record, out);
        });
        assertEquals(
          latin1Text(out.view()),
          latin1Text(encodeCommand(["HSET", "k", name, "v"])),
          `${pattern}, from ${shift}, ${size} bytes`,
        );
      }
    }
  }
});

Deno.test("random records become what encodeCommand makes of their fields", () => {
  const seed = Random.seed();
  const random = new Random(seed);
  const out = new ByteBuffer();
  let escaped = 0;
  let plain = 0;
  for (let i = 0; i < 2500; i++) {
    const columns = 1 + random.int(5);
    const names = Array.from(
      { length: columns },
      (_, column) => `${random.pick(["c", "Größe", "a long name "])}${column}`,
    );
    const commands = Array.from({ length: 1 + random.int(3) }, () => [
      { parts: [random.pick(["SET", "HSET", "ZADD", "x"])] },
      ...Array.from(
        { length: random.int(5) },
        () => randomWord(random, columns),
      ),
    ]);
    const skipEmpty = random.int(2) === 0;
    const words = commands.map((command) =>
      command.map((word) => templateWord(word, names))
    );
    const template = compileTemplate(words, Header.named(names));
    const encoder = new RowEncoder(template, { skipEmpty });
    const { text } = randomCsv(random, { columns });
    const where = `RESPIPE_SEED=${seed}, document ${i}: ` +
      JSON.stringify({ words, names, skipEmpty, text });
    eachRecord(text, columns, ({ record }) => {
      const wire = encodeSlowly(commands, names, record, skipEmpty);
      if (record.escaped) escaped++;
      else plain++;
      const views = [
        record,
        markedEscaped(record),
        moved(record, random.int(4), random.int(8)),
      ];
      for (const [which, view] of views.entries()) {
        if (random.int(4) === 0) out.clear();
        const before = out.length;
        encoder.encode(view, out);
        const written = latin1Text(out.view().subarray(before));
        if (written !== wire) assertEquals(written, wire, `${where}, ${which}`);
      }
    });
  }
  assert(escaped > 500 && plain > 500, `RESPIPE_SEED=${seed}: ${escaped}`);
});
