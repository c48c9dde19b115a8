/**
 * JSON Lines against `JSON.parse`: thousands of random documents, whole and
 * damaged, cut anywhere.
 *
 * `JSON.parse` is no oracle for three things, which are told here: it loses
 * digits of numbers, takes half a surrogate pair, and forgets how a value was
 * written.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { JsonReader } from "../../src/codec/json_reader.ts";
import type { JsonField } from "../../src/codec/json_fields.ts";
import { Step } from "../../src/codec/step.ts";
import { Random } from "../support/random.ts";
import { damageText } from "../support/random_csv.ts";

const DOCUMENTS = 4000;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const PATHS = ["a", "b", "c.a", "c.b", "c.a.b", "d.0", "d.1.a", "e", "\u00eb"];
const NAMES = ["a", "b", "c", "d", "e", "\u00eb", "", "f.g", "*", "0", "1"];

const FIELDS: JsonField[] = [
  ...PATHS.map((path): JsonField => ({ kind: "path", path })),
  { kind: "members", without: ["b", "\u00eb"] },
  { kind: "count" },
];

/** Writes a string in one of its many ways. */
function writeString(random: Random, text: string): string {
  let out = '"';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const mustEscape = code < 0x20 || text[i] === '"' || text[i] === "\\";
    // Half a pair alone is no text either way.
    const isHalf = code >= 0xd800 && code < 0xe000;
    if (isHalf && random.int(2) > 0 && code < 0xdc00) {
      out += text.slice(i, i + 2);
      i++;
    } else if (mustEscape || isHalf || random.int(12) === 0) {
      const plain = JSON.stringify(text[i]).slice(1, -1);
      const hex = code.toString(16).padStart(4, "0");
      out += plain.length === 2 && random.int(2) === 0
        ? plain
        : `\\u${random.int(2) === 0 ? hex : hex.toUpperCase()}`;
    } else if (text[i] === "/" && random.int(2) === 0) {
      out += "\\/";
    } else {
      out += text[i];
    }
  }
  return `${out}"`;
}

function randomString(random: Random): string {
  const letters = ["a", "b", "/", '"', "\\", "\n", "\0", "\u00eb", "\u20ac"];
  const all = [...letters, "\u{1f600}", "\x7f", "\r", "\ufeff", "{", "]", ","];
  const length = random.int(10) === 0 ? random.int(200) : random.int(6);
  return Array.from({ length }, () => random.pick(all)).join("");
}

const NUMBERS = ["0", "-0", "1", "-12", "1.50", "1e5", "1E+05", "0.1e-2"];

/** Writes a random value. */
function writeValue(random: Random, depth: number): string {
  const space = (): string => random.int(6) === 0 ? random.pick(" \t\r") : "";
  const kind = random.int(depth > 3 ? 5 : 8);
  if (kind === 0) return random.pick(["true", "false", "null"]);
  if (kind === 1) return random.pick(NUMBERS);
  if (kind === 2) return "12345678901234567890";
  if (kind < 5) return writeString(random, randomString(random));
  if (kind === 5) {
    const items = Array.from(
      { length: random.int(4) },
      () => `${space()}${writeValue(random, depth + 1)}${space()}`,
    );
    return `[${items.length === 0 ? space() : items.join(",")}]`;
  }
  return writeObject(random, depth + 1);
}

function writeObject(random: Random, depth: number): string {
  const space = (): string => random.int(6) === 0 ? random.pick(" \t\r") : "";
  const count = random.int(40) === 0 ? 30 + random.int(80) : random.int(6);
  const members = Array.from({ length: count }, (_, i) => {
    const name = count > 10 ? `n${random.int(i + 9)}` : random.pick(NAMES);
    return `${space()}${writeString(random, name)}${space()}:${space()}${
      writeValue(random, depth)
    }${space()}`;
  });
  return `{${members.length === 0 ? space() : members.join(",")}}`;
}

/**
 * How each value of an object was written, by its name; of the same names the
 * last, in the place of the first. The document is known to be right.
 */
function membersOf(text: string): Map<string, string> {
  const members = new Map<string, string>();
  const isOpen = text.trimStart()[0];
  let at = text.indexOf(isOpen) + 1;
  const string = /\s*("(?:[^"\\]|\\.)*")\s*:/y;
  for (let index = 0;; index++) {
    let name = String(index);
    if (isOpen === "{") {
      string.lastIndex = at;
      const match = string.exec(text);
      if (match === null) return members;
      name = JSON.parse(match[1]);
      at = string.lastIndex;
    }
    const from = at;
    let depth = 0;
    for (;; at++) {
      if (text[at] === '"') {
        for (at++; text[at] !== '"'; at++) if (text[at] === "\\") at++;
      } else if (depth === 0 && ",]}".includes(text[at])) break;
      else if ("[{".includes(text[at])) depth++;
      else if ("]}".includes(text[at])) depth--;
    }
    const value = text.slice(from, at).trim();
    if (value !== "") members.set(name, value);
    if (text[at] !== ",") return members;
    at++;
  }
}

/** What a value is as a field. */
function fieldOf(value: string): string {
  if (value === "null") return "";
  return value[0] === '"' ? JSON.parse(value) : value;
}

function valueAt(text: string, path: string): string | undefined {
  let value: string | undefined = text;
  for (const name of path.split(".")) {
    if (value === undefined || !"[{".includes(value.trimStart()[0])) return;
    value = membersOf(value).get(name);
  }
  return value;
}

/** What a line is expected to come to. */
function expected(line: string, skipEmpty: boolean): string[] | "reject" {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return "reject";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return "reject";
  }
  // Half a surrogate pair survives as such nowhere else.
  if (!isText(line)) return "reject";
  const fields = PATHS.map((path) => {
    const found = valueAt(line, path);
    return found === undefined ? undefined : fieldOf(found);
  });
  if (!skipEmpty && fields.includes(undefined)) return "reject";
  const members = [...membersOf(line)]
    .filter(([name]) => name !== "b" && name !== "\u00eb")
    .map(([name, text]) => [name, fieldOf(text)])
    .filter(([, field]) => !skipEmpty || field !== "");
  const resp = members.flat().map((text) =>
    `$${encoder.encode(text).length}\r\n${text}\r\n`
  );
  return [
    ...fields.map((field) => field ?? ""),
    resp.join(""),
    String(2 * members.length),
  ];
}

/** Whether all strings of a right document are text. */
function isText(line: string): boolean {
  const strings = line.match(/"(?:[^"\\]|\\.)*"/g) ?? [];
  return strings.every((it) => (JSON.parse(it) as string).isWellFormed());
}

/** What a reader makes of an input that comes in pieces. */
function read(
  input: Uint8Array,
  pieces: readonly Uint8Array[],
  skipEmpty: boolean,
): (string[] | "reject")[] {
  const reader = new JsonReader({
    fields: FIELDS,
    skipEmpty,
    maxRecord: 1 << 20,
    place: { records: 0, line: 1, offset: 0 },
  });
  const found: (string[] | "reject")[] = [];
  const note = (step: Step): boolean => {
    if (step === Step.NeedInput || step === Step.Broken) return false;
    const { record, raw, offset } = reader;
    // A record's bytes are those of the input.
    assertEquals(raw, input.subarray(offset, offset + raw.length));
    if (step === Step.Reject) found.push("reject");
    else {
      const fields = Array.from(
        { length: FIELDS.length - 1 },
        (_, i) => decoder.decode(record.field(i)),
      );
      const last = FIELDS.length - 1;
      fields.push(String(record.ends[last] - record.starts[last]));
      found.push(fields);
    }
    return true;
  };
  let pending = new Uint8Array();
  for (const piece of pieces) {
    const buffer = new Uint8Array(3 + pending.length + piece.length);
    buffer.set(pending, 3);
    buffer.set(piece, 3 + pending.length);
    reader.feed(buffer, 3, buffer.length);
    while (note(reader.next()));
    pending = buffer.slice(reader.boundary);
    assertEquals(pending.length, reader.pending);
  }
  while (note(reader.finish()));
  return found;
}

Deno.test("JSON Lines are read as JSON.parse reads them, however they are cut", () => {
  const random = new Random(Random.seed());
  let [good, bad] = [0, 0];
  for (let i = 0; i < DOCUMENTS; i++) {
    const lines = Array.from({ length: 1 + random.int(4) }, () => {
      const line = writeObject(random, 0);
      if (random.int(3) > 0) return line;
      return damageText(random, line, '{}[]",:\\u0d8\t tfn-1.e')
        .replaceAll("\n", "");
    }).filter((line) => line.trim() !== "");
    const text = lines.map((line) => `${line}\n${random.int(9) ? "" : " \r\n"}`)
      .join("");
    // What damaged text is as UTF-8 has no half pairs any more.
    const input = encoder.encode(text);
    const known = decoder.decode(input).split("\n")
      .filter((line) => !/^[ \t\r]*$/.test(line));
    const skipEmpty = random.int(2) === 0;
    const pieces = random.int(4) === 0
      ? [input]
      : random.cut(input, 1 + random.int(60));
    const found = read(input, pieces, skipEmpty);
    for (const it of found) {
      if (it === "reject") bad++;
      else good++;
    }
    assertEquals(
      found,
      known.map((line) => expected(line, skipEmpty)),
      `seed ${random.seed}, document ${i}: ${JSON.stringify(text)}`,
    );
  }
  assert(good > DOCUMENTS / 4 && bad > DOCUMENTS / 4, `${good}, ${bad}`);
});
