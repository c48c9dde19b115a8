import { assert, assertEquals } from "@std/assert";
import { parse } from "@std/csv";
import { parseDialect } from "../../src/codec/dialect.ts";
import { latin1Bytes } from "../support/latin1.ts";
import { Random } from "../support/random.ts";
import {
  damageText,
  randomCsv,
  randomText,
  randomValue,
} from "../support/random_csv.ts";
import {
  latin1Text,
  readAll,
  type ReadEvent,
  type ReadOutcome,
} from "../support/read_all.ts";
import { readSlowly, type SlowOptions } from "../support/slow_csv.ts";

const encoder = new TextEncoder();

/** Shorter pieces are more likely, and no piece is longer than a document. */
const LONGEST_PIECE = [1, 2, 3, 5, 17, 100, 5000];

/**
 * Compares with the slow reader, whose reasons are only parts of the real ones,
 * and which does not say what a reader holds of a record that is too large.
 */
function assertSame(
  actual: ReadOutcome,
  expected: ReadOutcome,
  where: string,
): void {
  const events = actual.events.map((event, i): ReadEvent => {
    const other = expected.events[i];
    const reason = other?.fault?.reason;
    if (reason === undefined || !event.fault?.reason.includes(reason)) {
      return event;
    }
    const fault = { ...event.fault, reason };
    if (event.kind !== "broken") return { ...event, fault };
    // Without a record (the input is no CSV at all) there is no offset either.
    const offset = event.record === 0 ? 0 : event.offset;
    return { ...event, offset, fault, raw: other.raw, place: other.place };
  });
  const comparable = { ...actual, events };
  if (JSON.stringify(comparable) === JSON.stringify(expected)) return;
  assertEquals(comparable, expected, where);
}

const DIALECTS: [delimiter: string, quote: string | undefined][] = [
  [",", '"'],
  [",", '"'],
  [";", "'"],
  ["\t", '"'],
  ["|", undefined],
  ["\0", "~"],
];

function randomOptions(random: Random): SlowOptions {
  const [delimiter, quote] = random.pick(DIALECTS);
  return {
    delimiter,
    quote,
    fields: random.pick([undefined, undefined, 1, 2, 3]),
    maxRecord: random.int(4) === 0 ? 1 + random.int(30) : undefined,
    skipLines: random.int(5) === 0 ? 1 + random.int(3) : 0,
  };
}

function randomDocument(random: Random, options: SlowOptions): string {
  const { delimiter, quote } = options;
  const special = `a${delimiter}${quote ?? ""}\r\n`;
  if (random.int(3) === 0) {
    return randomText(random, special, random.int(40));
  }
  const columns = options.fields ?? 1 + random.int(4);
  const { text } = randomCsv(random, {
    delimiter,
    columns,
    ...(quote === undefined
      // Without a quote nothing can be escaped: a tilde stands for it.
      ? { quote: "~", value: (random) => String(random.int(1e6)) }
      : { quote }),
  });
  const start = random.int(12) === 0
    ? random.pick(["\xef\xbb", "\xff\xfe", "PK\x03\x04", "PK", "\x1f\x8b", "("])
    : "";
  return random.int(3) === 0
    ? start + text
    : start + damageText(random, text, special);
}

Deno.test("a random input, well-formed or not, is read as the slow reader reads it, however it is cut", () => {
  const seed = Random.seed();
  const random = new Random(seed);
  const seen = { record: 0, reject: 0, broken: 0 };
  for (let i = 0; i < 12_000; i++) {
    const options = randomOptions(random);
    const text = randomDocument(random, options);
    const bytes = latin1Bytes(text);
    const expected = readSlowly(text, options);
    for (const event of expected.events) seen[event.kind]++;
    const dialect = parseDialect({
      delimiter: options.delimiter,
      quote: options.quote ?? "none",
    });
    const where = `RESPIPE_SEED=${seed}, document ${i}: ` +
      JSON.stringify({ text, ...options });
    const cut = random.cut(bytes, random.pick(LONGEST_PIECE));
    const reading = { ...options, dialect };
    const whole = readAll([bytes], reading);
    assertSame(whole, expected, `${where}, whole`);
    const carry = random.pick(["move", "append"] as const);
    const pieces = cut.map((piece) => piece.length);
    const how = `${where}, ${carry}, pieces of ${pieces}`;
    const parted = readAll(cut, reading, carry);
    assertSame(parted, expected, how);
    assertEquals(parted.events.at(-1)?.fault, whole.events.at(-1)?.fault, how);
  }
  const counts = `RESPIPE_SEED=${seed}: ${JSON.stringify(seen)}`;
  assert(Math.min(seen.record, seen.reject, seen.broken) > 500, counts);
});

Deno.test("reading on from the place behind any record gives the rest", () => {
  const seed = Random.seed();
  const random = new Random(seed);
  for (let i = 0; i < 1500; i++) {
    const { maxRecord: _, ...options } = randomOptions(random);
    const text = randomDocument(random, options);
    const bytes = latin1Bytes(text);
    const dialect = parseDialect({
      delimiter: options.delimiter,
      quote: options.quote ?? "none",
    });
    const { events } = readAll([bytes], { ...options, dialect });
    for (const [at, { kind, place }] of events.entries()) {
      if (kind === "broken") break;
      const { fields } = options;
      const rest = random.cut(bytes.subarray(place.offset), 20);
      const onward = readAll(rest, { dialect, fields, place });
      assertEquals(
        onward.events,
        events.slice(at + 1),
        `RESPIPE_SEED=${seed}, document ${i}, record ${at}: ` +
          JSON.stringify({ text, ...options }),
      );
    }
  }
});

Deno.test("a well-formed document gives the values that it was written from", () => {
  const seed = Random.seed();
  const random = new Random(seed);
  for (let i = 0; i < 2000; i++) {
    const [delimiter, quote] = random.pick(DIALECTS.slice(0, 4));
    const { text, rows } = randomCsv(random, { delimiter, quote: quote! });
    const dialect = parseDialect({ delimiter, quote });
    const pieces = random.cut(
      latin1Bytes(text),
      random.pick(LONGEST_PIECE),
    );
    const where = `RESPIPE_SEED=${seed}, document ${i}: ${
      JSON.stringify(text)
    }`;
    const fields = rows[0]?.length;
    const { events } = readAll(pieces, { dialect, fields });
    assertEquals(events.map((event) => event.fields), rows, where);
    assert(events.every((event) => event.kind === "record"), where);
  }
});

/**
 * A value on which `@std/csv` and RFC 4180 agree: Unicode, as UTF-8, and no CR,
 * since `@std/csv` reads by lines and makes LF of CRLF within quotes.
 */
function randomUnicode(random: Random): string {
  const text = random.pick([
    "Zürich",
    "東京",
    "🚕 taxi",
    "Ho Chi Minh, City",
    'a "b" c',
    "two\nlines",
    "",
    randomValue(random).replace(/[^\x20-\x7e\n]/g, ""),
  ]);
  return latin1Text(encoder.encode(text));
}

Deno.test("a random document is read as @std/csv reads it", () => {
  const seed = Random.seed();
  const random = new Random(seed);
  const decoder = new TextDecoder();
  for (let i = 0; i < 2000; i++) {
    const separator = random.pick([",", ";", "\t", "|"]);
    const { text } = randomCsv(random, {
      delimiter: separator,
      value: randomUnicode,
    });
    const bytes = latin1Bytes(text);
    const pieces = random.cut(bytes, random.pick(LONGEST_PIECE));
    const dialect = parseDialect({ delimiter: separator });
    const { events } = readAll(pieces, { dialect });
    const rows = events.map(({ fields }) =>
      fields.map((field) => decoder.decode(latin1Bytes(field)))
    );
    assertEquals(
      rows,
      parse(decoder.decode(bytes), { separator }),
      `RESPIPE_SEED=${seed}, document ${i}: ${JSON.stringify(text)}`,
    );
  }
});
