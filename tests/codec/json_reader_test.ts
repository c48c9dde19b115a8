import { assert, assertEquals } from "@std/assert";
import type { JsonField } from "../../src/codec/json_fields.ts";
import { JsonReader } from "../../src/codec/json_reader.ts";
import type { Place } from "../../src/codec/place.ts";
import { Step } from "../../src/codec/step.ts";
import { everySplit } from "../support/every_split.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const NAME: JsonField[] = [{ kind: "path", path: "a" }];

interface Found {
  step: Step;
  line: number;
  record: number;
  bytes: string;
  field?: string;
  reason?: string;
  at?: number;
}

function makeReader(
  fields: readonly JsonField[] = NAME,
  maxRecord = 1000,
  place: Place = { records: 0, line: 1, offset: 0 },
): JsonReader {
  return new JsonReader({ fields, skipEmpty: false, maxRecord, place });
}

/** All steps of a reader but those that ask for more. */
function readAll(pieces: readonly Uint8Array[], reader: JsonReader): Found[] {
  const found: Found[] = [];
  const note = (step: Step): boolean => {
    if (step === Step.NeedInput) return false;
    const { line, records: record, raw, fault } = reader;
    const base = { step, line, record, bytes: decoder.decode(raw) };
    found.push(
      step === Step.Record
        ? { ...base, field: decoder.decode(reader.record.field(0)) }
        : { ...base, reason: fault!.reason, at: fault!.offset },
    );
    return step !== Step.Broken;
  };
  let pending = new Uint8Array();
  for (const piece of pieces) {
    const buffer = new Uint8Array(pending.length + piece.length);
    buffer.set(pending);
    buffer.set(piece, pending.length);
    reader.feed(buffer, 0, buffer.length);
    let step: Step;
    while (note(step = reader.next()));
    if (step === Step.Broken) return found;
    pending = buffer.slice(reader.boundary);
  }
  while (note(reader.finish()));
  return found;
}

/** Lines that are rejected, why, and at which of their bytes. */
const REJECTS: [line: string, reason: RegExp, at: number][] = [
  ["[1]", /^the line is no JSON object$/, 0],
  ["x", /^the line is no JSON object$/, 0],
  ["{", /^the line ends within its object, which must be on one line/, 1],
  ['{"a":1', /^the line ends within its object/, 6],
  ['{"a":1,}', /^a name is missing$/, 7],
  ["{a:1}", /^a name is missing$/, 1],
  ['{"a" 1}', /^a colon is missing$/, 5],
  ['{"a":1 "b":2}', /^a comma is missing$/, 7],
  ['{"a":[1 2]}', /^a comma is missing$/, 8],
  ['{"a":[1,]}', /^what stands there is no value$/, 8],
  ['{"a":}', /^what stands there is no value$/, 5],
  ['{"a":NaN}', /^what stands there is no value$/, 5],
  ["{\"a\":'x'}", /^what stands there is no value$/, 5],
  ['{"a":tru}', /^what stands there is no value$/, 5],
  ['{"a":01}', /^a number that begins with 0$/, 5],
  ['{"a":-}', /^a number without digits$/, 6],
  ['{"a":1.}', /^a number without digits$/, 7],
  ['{"a":1e}', /^a number without digits$/, 7],
  ['{"a":"\t"}', /^a control character within a string$/, 6],
  ['{"a":"\\x"}', /^an unknown escape$/, 6],
  ['{"a":"\\u12g4"}', /^an escape without four digits$/, 6],
  ['{"a":"\\ud83d"}', /^half a surrogate pair, which is no text$/, 6],
  ['{"a":"\\ude00\\ud83d"}', /^half a surrogate pair/, 6],
  ['{"a":"\\ud83d\\n"}', /^half a surrogate pair/, 6],
  ['{"b":{"\\ud83d":1},"a":1}', /^half a surrogate pair/, 7],
  ['{"a":1} x', /^something stands behind the object$/, 8],
  ['{"a":1}{"a":2}', /^something stands behind the object$/, 7],
  ['{"b":1}', /^there is no member a$/, 0],
  ["{}", /^there is no member a$/, 0],
];

for (const [line, reason, at] of REJECTS) {
  Deno.test(`JSON Lines: ${JSON.stringify(line)} is rejected, and no other`, () => {
    const input = encoder.encode(`{"a":1}\n${line}\n\n{"a":2}\n`);
    everySplit(input, (pieces) => {
      const found = readAll(pieces, makeReader());
      assertEquals(found.map(({ step }) => step), [
        Step.Record,
        Step.Reject,
        Step.Record,
      ]);
      const [, bad, good] = found;
      assertEquals([bad.line, bad.record, bad.at], [2, 2, 8 + at]);
      assertEquals(bad.bytes, `${line}\n`);
      assert(reason.test(bad.reason!), bad.reason);
      assertEquals([good.line, good.record, good.field], [4, 3, "2"]);
    });
  });
}

Deno.test("JSON Lines: a last line without a line break", () => {
  everySplit(encoder.encode('{"a":1}\r\n{"a":"\u00eb"} '), (pieces) => {
    const found = readAll(pieces, makeReader());
    assertEquals(found.map(({ field }) => field), ["1", "\u00eb"]);
  });
});

Deno.test("JSON Lines: an input that is cut within a record is broken", () => {
  const line = '{"a":"\\ud83d\\ude00\\n","b":[-1.5e+7,{"c":true}]}';
  for (let cut = 1; cut < line.length; cut++) {
    const input = encoder.encode(`{"a":1}\n${line.slice(0, cut)}`);
    const [first, last] = readAll([input], makeReader());
    assertEquals(first.step, Step.Record);
    assertEquals(last.step, Step.Broken, `cut at ${cut}`);
    assert(/it may have been cut off$/.test(last.reason!), last.reason);
    assertEquals([last.line, last.record], [2, 2]);
  }
});

Deno.test("JSON Lines: a last line that is wrong and not cut is rejected", () => {
  const found = readAll([encoder.encode('{"a":1}\n{"a" 1}')], makeReader());
  assertEquals(found.map(({ step }) => step), [Step.Record, Step.Reject]);
});

Deno.test("JSON Lines: a record larger than allowed breaks the input", () => {
  const input = encoder.encode(`{"a":1}\n{"a":"${"x".repeat(60)}"}\n`);
  everySplit(input, (pieces) => {
    const found = readAll(pieces, makeReader(NAME, 20));
    assertEquals(found.map(({ step }) => step), [Step.Record, Step.Broken]);
    assert(/larger than 20 bytes/.test(found[1].reason!));
    assertEquals([found[1].line, found[1].record], [2, 2]);
  });
});

Deno.test("JSON Lines: reading goes on at a place", () => {
  const input = encoder.encode('\n{"a":1}\n\n{"a":2}\n{"a":3}\n');
  const first = makeReader();
  first.feed(input, 0, input.length);
  first.next();
  const place = first.place();
  assertEquals(place, { records: 1, line: 3, offset: 9 });
  const rest = [input.subarray(place.offset)];
  const found = readAll(rest, makeReader(NAME, 1000, place));
  assertEquals(found.map((it) => [it.record, it.line, it.field]), [
    [2, 4, "2"],
    [3, 5, "3"],
  ]);
});

Deno.test("JSON Lines: behind a last line without a line break is the next line", () => {
  for (const text of ['{"a":1}\n{"a":2}', '{"a":1}\n{"b":2}']) {
    const input = encoder.encode(text);
    const reader = makeReader();
    reader.feed(input, 0, input.length);
    assertEquals([reader.next(), reader.next()], [Step.Record, Step.NeedInput]);
    reader.finish();
    assertEquals(reader.place(), { records: 2, line: 3, offset: 15 });
  }
});

Deno.test("JSON Lines: of members with the same name the last counts", () => {
  const fields: JsonField[] = [
    { kind: "path", path: "a.b" },
    { kind: "members", without: [] },
    { kind: "count" },
  ];
  const input = encoder.encode('{"a":{"b":1},"\\u0061":{"b":2,"b":3}}\n');
  const reader = makeReader(fields);
  reader.feed(input, 0, input.length);
  assertEquals(reader.next(), Step.Record);
  assertEquals(decoder.decode(reader.record.field(0)), "3");
  assertEquals(
    decoder.decode(reader.record.field(1)),
    '$1\r\na\r\n$13\r\n{"b":2,"b":3}\r\n',
  );
  assertEquals(reader.record.ends[2] - reader.record.starts[2], 2);
});

Deno.test("JSON Lines: many members, and deep values", () => {
  const members = Array.from({ length: 5000 }, (_, i) => `"n${i % 4000}":${i}`);
  const deep = `${"[".repeat(5000)}${"]".repeat(5000)}`;
  const input = encoder.encode(`{${members.join(",")},"a":${deep}}\n`);
  const reader = makeReader([
    { kind: "members", without: ["a"] },
    { kind: "count" },
    ...NAME,
  ], 1 << 20);
  reader.feed(input, 0, input.length);
  for (const _ of [1, 2]) {
    assertEquals(reader.next(), Step.Record);
    assertEquals(reader.record.ends[1], 8000);
    const resp = decoder.decode(reader.record.field(0));
    assert(resp.startsWith("$2\r\nn0\r\n$4\r\n4000\r\n"));
    assertEquals(decoder.decode(reader.record.field(2)), deep);
    reader.unread();
  }
});
