import { assert, assertEquals } from "@std/assert";
import { CsvReader } from "../../src/codec/csv_reader.ts";
import { type DialectOptions, parseDialect } from "../../src/codec/dialect.ts";
import { Step } from "../../src/codec/step.ts";
import { everySplit } from "../support/every_split.ts";
import { latin1Bytes } from "../support/latin1.ts";
import { latin1Text, readAll, type ReadOptions } from "../support/read_all.ts";

type Options = DialectOptions & Omit<ReadOptions, "dialect">;

/** A good record: the line and the byte where it begins, and its fields. */
type Good = [line: number, offset: number, ...fields: string[]];

/** A bad one, the same for its fault, and a part of the reason. */
interface Bad {
  kind: "reject" | "broken";
  at: [line: number, offset: number];
  fault: [line: number, offset: number];
  reason: string;
}

function reject(at: Bad["at"], fault: Bad["fault"], reason: string): Bad {
  return { kind: "reject", at, fault, reason };
}

function broken(at: Bad["at"], fault: Bad["fault"], reason: string): Bad {
  return { kind: "broken", at, fault, reason };
}

type Row = [text: string, ...events: (Good | Bad)[]];

/** Reads each row of a table whole, byte by byte, and cut at every point. */
function check(table: Row[], options?: Options, blankLines?: number): void {
  const reading = { ...options, dialect: parseDialect(options) };
  const skipped = options?.place?.records ?? 0;
  for (const [text, ...expected] of table) {
    everySplit(latin1Bytes(text), (pieces) => {
      for (const carry of ["move", "append"] as const) {
        const outcome = readAll(pieces, reading, carry);
        const events = outcome.events.map((event, i) => {
          const { line, offset, fields, kind, fault } = event;
          if (fault === undefined) return [line, offset, ...fields];
          const wanted = expected[i];
          const reason = wanted !== undefined && "reason" in wanted &&
              fault.reason.includes(wanted.reason)
            ? wanted.reason
            : fault.reason;
          return {
            kind,
            at: [line, offset],
            fault: [fault.line, fault.offset],
            reason,
          };
        });
        const where = `${JSON.stringify(text)}, ${carry}`;
        assertEquals<unknown>(events, expected, where);
        assertEquals(
          outcome.events.map((event) => event.record),
          expected.map((_, i) => skipped + i + 1),
          where,
        );
        if (blankLines !== undefined) {
          assertEquals(outcome.blankLines, blankLines, where);
        }
      }
    });
  }
}

Deno.test("fields are what stands between delimiters", () => {
  check([
    [""],
    ["a\n", [1, 0, "a"]],
    ["a", [1, 0, "a"]],
    ["1,2\n3,4\n", [1, 0, "1", "2"], [2, 4, "3", "4"]],
    ["1,2\n3,4", [1, 0, "1", "2"], [2, 4, "3", "4"]],
    [",\n", [1, 0, "", ""]],
    [",", [1, 0, "", ""]],
    [",,\na,,\n", [1, 0, "", "", ""], [2, 3, "a", "", ""]],
    ["a,\n", [1, 0, "a", ""]],
    ["a,", [1, 0, "a", ""]],
    [" a , b \n", [1, 0, " a ", " b "]],
    [" \n", [1, 0, " "]],
    ["\t\n", [1, 0, "\t"]],
    ["a\0b,\0\n", [1, 0, "a\0b", "\0"]],
    ["\0\n", [1, 0, "\0"]],
    ["\xff\xc3,\x80\n", [1, 0, "\xff\xc3", "\x80"]],
    ["Z\xc3\xbcrich\n", [1, 0, "Z\xc3\xbcrich"]],
    ["a;b'c\\n\n", [1, 0, "a;b'c\\n"]],
  ]);
});

Deno.test("a record may have more fields than a view has room for at first", () => {
  const plain = Array.from({ length: 70 }, (_, i) => String(i));
  const text = plain.map((field) => `"${field}"""`).join(",");
  check([
    [`${plain.join(",")}\n`, [1, 0, ...plain]],
    [
      `${text}\na\n`,
      [1, 0, ...plain.map((field) => `${field}"`)],
      [2, text.length + 1, "a"],
    ],
    [",".repeat(64), [1, 0, ...Array(65).fill("")]],
  ]);
});

Deno.test("the empty field behind a last delimiter has room in the view, too", () => {
  const bytes = latin1Bytes(",".repeat(16));
  const reader = new CsvReader({ dialect: parseDialect() });
  reader.feed(bytes, 0, bytes.length);
  assertEquals([reader.next(), reader.finish()], [Step.NeedInput, Step.Record]);
  const { fieldCount, starts, ends } = reader.record;
  assertEquals([fieldCount, starts[16], ends[16]], [17, 16, 16]);
});

Deno.test("quotes hold delimiters, line breaks and doubled quotes", () => {
  check([
    ['"a"\n', [1, 0, "a"]],
    ['"a"', [1, 0, "a"]],
    ['""\n', [1, 0, ""]],
    ['""', [1, 0, ""]],
    ['"",""\n', [1, 0, "", ""]],
    ['"",\n', [1, 0, "", ""]],
    ['"a,b",c\n', [1, 0, "a,b", "c"]],
    ['"a""b"\n', [1, 0, 'a"b']],
    ['""""\n', [1, 0, '"']],
    ['""""', [1, 0, '"']],
    ['"""a"""\n', [1, 0, '"a"']],
    ['"""""",x\n', [1, 0, '""', "x"]],
    ['x,"a""b",""""\ny,"z",w\n', [1, 0, "x", 'a"b', '"'], [
      2,
      14,
      "y",
      "z",
      "w",
    ]],
    ['"\r"\n', [1, 0, "\r"]],
    ['"a\r"\r\n', [1, 0, "a\r"]],
    ['"a\0\xff"\n', [1, 0, "a\0\xff"]],
    ['1,"Ho Chi Minh, City",10.8\n', [1, 0, "1", "Ho Chi Minh, City", "10.8"]],
  ]);
});

Deno.test("doubled quotes of one record do not leak into the next", () => {
  check([
    ['"a""",b\n"c","d"\n"""",x\n', [1, 0, 'a"', "b"], [2, 8, "c", "d"], [
      3,
      16,
      '"',
      "x",
    ]],
    ['"a""""",""""\n"b","""c"\n', [1, 0, 'a""', '"'], [2, 13, "b", '"c']],
  ]);
});

Deno.test("a record ends in LF or CRLF; any other CR is data", () => {
  check([
    ["a\r\nb\r\n", [1, 0, "a"], [2, 3, "b"]],
    ["a,\r\n", [1, 0, "a", ""]],
    ['"a"\r\n"b"\r\n', [1, 0, "a"], [2, 5, "b"]],
    ["a\r\nb\nc\r\n", [1, 0, "a"], [2, 3, "b"], [3, 5, "c"]],
    ["a\rb\n", [1, 0, "a\rb"]],
    ["a\r,b\n", [1, 0, "a\r", "b"]],
    ["\ra\n", [1, 0, "\ra"]],
    ["a\n\rb\n", [1, 0, "a"], [2, 2, "\rb"]],
    ["a\r\r\n", [1, 0, "a\r"]],
    ["\r\r\n", [1, 0, "\r"]],
    ["\r,\n", [1, 0, "\r", ""]],
    [",\r\r\n", [1, 0, "", "\r"]],
    // The very last byte.
    ["a\r", [1, 0, "a"]],
    ['"a"\r', [1, 0, "a"]],
    ["a,\r", [1, 0, "a", ""]],
    ["a\r\r", [1, 0, "a\r"]],
    ["\r"],
    ["a\n\r", [1, 0, "a"]],
    ["a\r\n\r", [1, 0, "a"]],
  ]);
});

Deno.test("lines with nothing on them are passed over and counted", () => {
  check([["\n"], ["\r\n"], ["\n\r"]], {}, 1);
  check(
    [
      ["\na\n\n", [2, 1, "a"]],
      ["a\n\n\nb\n", [1, 0, "a"], [4, 4, "b"]],
      ["a\r\n\r\n\r\nb\r\n", [1, 0, "a"], [4, 7, "b"]],
      ["\r\na\n\r\n", [2, 2, "a"]],
      ["\n\r\n\ra", [3, 3, "\ra"]],
      ['"a\n\n"\n\n\n,', [1, 0, "a\n\n"], [6, 8, "", ""]],
    ],
    {},
    2,
  );
  check(
    [
      [" \n", [1, 0, " "]],
      ['""\n', [1, 0, ""]],
      [",\n", [1, 0, "", ""]],
      ["a\n", [1, 0, "a"]],
    ],
    {},
    0,
  );
  check([["1\n\n2\n", [1, 0, "1"], [3, 3, "2"]]], { fields: 1 }, 1);
});

Deno.test("lines and offsets are right after line breaks within quotes", () => {
  check([
    ['"a\nb"\nc\n', [1, 0, "a\nb"], [3, 6, "c"]],
    ['"a\r\nb",x\r\nc\r\n', [1, 0, "a\r\nb", "x"], [3, 10, "c"]],
    ['"\n","\n\n"\n"\n\n"', [1, 0, "\n", "\n\n"], [5, 9, "\n\n"]],
    ['"a\rb"\nc', [1, 0, "a\rb"], [2, 6, "c"]],
  ]);
  check([
    [
      '"a\n\nb",1\nx\n"\n",2\n',
      [1, 0, "a\n\nb", "1"],
      reject([4, 9], [4, 9], "1 field instead of 2"),
      [5, 11, "\n", "2"],
    ],
  ], { fields: 2 });
});

Deno.test("a UTF-8 byte order mark is no data, and part of one is", () => {
  check([
    ["\xef\xbb\xbf"],
    ["\xef\xbb\xbfa\n", [1, 3, "a"]],
    ["\xef\xbb\xbf\n\na", [3, 5, "a"]],
    ['\xef\xbb\xbf"a,"\n', [1, 3, "a,"]],
    ["\xef\xbb\xbf\xef\xbb\xbfa", [1, 3, "\xef\xbb\xbfa"]],
    ["a\n\xef\xbb\xbfb\n", [1, 0, "a"], [2, 2, "\xef\xbb\xbfb"]],
    ["\xef\xbb", [1, 0, "\xef\xbb"]],
    ["\xef", [1, 0, "\xef"]],
    ["\xef\xbb\n", [1, 0, "\xef\xbb"]],
    ["\xef\xbb,\xbf", [1, 0, "\xef\xbb", "\xbf"]],
    ["PK", [1, 0, "PK"]],
    ["(", [1, 0, "("]],
    ["PK\x03,\x04\n", [1, 0, "PK\x03", "\x04"]],
  ]);
});

Deno.test("an input that is no CSV is broken at once, without a record", () => {
  const rows: [start: string, reason: string][] = [
    ["\xfd7zXZ\0\0", "xzcat FILE | respipe"],
    ["PK\x03\x04\x14\0", "unzip -p FILE | respipe"],
  ];
  const dialect = parseDialect();
  for (const [start, reason] of rows) {
    everySplit(latin1Bytes(start + "\n1,2\n"), (pieces) => {
      for (const skipLines of [0, 2]) {
        const { events } = readAll(pieces, { dialect, skipLines });
        assertEquals(events.map((e) => [e.kind, e.record]), [["broken", 0]]);
        const { fault } = events[0];
        assert(fault!.reason.includes(reason), fault!.reason);
        assertEquals([fault!.line, fault!.offset], [1, 0], reason);
      }
    });
  }
});

const TEXT = "text after a closing quote";

Deno.test("a quote is data where it does not begin a field", () => {
  check([
    ["6'2\",a\nb,c\n", [1, 0, "6'2\"", "a"], [2, 7, "b", "c"]],
    ["a,37\xc2\xb036'37.8\"N\n", [1, 0, "a", "37\xc2\xb036'37.8\"N"]],
    ['a"b"c,d""\n', [1, 0, 'a"b"c', 'd""']],
    [' "a",b\n', [1, 0, ' "a"', "b"]],
    // Nothing is open, so a line break ends the record.
    ['a"\nb\n', [1, 0, 'a"'], [2, 3, "b"]],
    ['a"b', [1, 0, 'a"b']],
    ['a"\r\n', [1, 0, 'a"']],
    ['"a,""",b"\n', [1, 0, 'a,"', 'b"']],
  ]);
});

Deno.test("text after a closing quote costs its line, and no other", () => {
  check([
    ['"a"b\nc\n', reject([1, 0], [1, 3], TEXT), [2, 5, "c"]],
    ['"a" ,b\nc\n', reject([1, 0], [1, 3], TEXT), [2, 7, "c"]],
    ['"a"x"y\nc\n', reject([1, 0], [1, 3], TEXT), [2, 7, "c"]],
    ['"a"b', reject([1, 0], [1, 3], TEXT)],
    ['"a\n\nb"c\r\nd\n', reject([1, 0], [3, 6], TEXT), [4, 9, "d"]],
    ['"a\n","b\n"c\nd\n', reject([1, 0], [3, 9], TEXT), [4, 11, "d"]],
    ['"a"\rb\nc\n', reject([1, 0], [1, 3], TEXT), [2, 6, "c"]],
    ['"a"\r\r\nc\n', reject([1, 0], [1, 3], TEXT), [2, 6, "c"]],
    ['"a"\r,c\nd\n', reject([1, 0], [1, 3], TEXT), [2, 7, "d"]],
    ['"a"\r"\nd\n', reject([1, 0], [1, 3], TEXT), [2, 6, "d"]],
    [
      '1\n"a"b\n"c"d\n2\n',
      [1, 0, "1"],
      reject([2, 2], [2, 5], TEXT),
      reject([3, 7], [3, 10], TEXT),
      [4, 12, "2"],
    ],
    ['"a"b\n\n\nc', reject([1, 0], [1, 3], TEXT), [4, 7, "c"]],
  ]);
  // Its number of fields is not what is wrong with it, even at the end.
  check([
    ['"a"b\n1,2\n', reject([1, 0], [1, 3], TEXT), [2, 5, "1", "2"]],
    ['1,2\n"a"b', [1, 0, "1", "2"], reject([2, 4], [2, 7], TEXT)],
  ], { fields: 2 });
});

Deno.test("a record with more or fewer fields than wanted is rejected alone", () => {
  check([
    [
      "1,2\n3\n4,5\n",
      [1, 0, "1", "2"],
      reject([2, 4], [2, 4], "1 field instead of 2"),
      [3, 6, "4", "5"],
    ],
    ["1,2,3\n4,5\n", reject([1, 0], [1, 0], "3 fields instead of 2"), [
      2,
      6,
      "4",
      "5",
    ]],
    ["1,2,\n", reject([1, 0], [1, 0], "3 fields instead of 2")],
    // Too many, so nothing was cut off.
    ["1,2,3", reject([1, 0], [1, 0], "3 fields instead of 2")],
    ['""\n', reject([1, 0], [1, 0], "1 field instead of 2")],
    ["1,", [1, 0, "1", ""]],
    ['1,""', [1, 0, "1", ""]],
  ], { fields: 2 });
});

Deno.test("a last record with too few fields and no line break is broken: it may have been cut off", () => {
  const cut = "(1 of 2 fields, no line break): it may have been cut off";
  check([
    ["1", broken([1, 0], [1, 1], cut)],
    ["1,2\n3", [1, 0, "1", "2"], broken([2, 4], [2, 5], cut)],
    ["1,2\n\n34", [1, 0, "1", "2"], broken([3, 5], [3, 7], cut)],
    ['"a\n\nb"', broken([1, 0], [3, 6], cut)],
    ['"a\n"\r', broken([1, 0], [2, 5], cut)],
    ["1\r", broken([1, 0], [1, 2], cut)],
  ], { fields: 2 });
});

Deno.test("a quote that is never closed is broken, with the line where it was opened", () => {
  const open = (line: number): string =>
    `the quote opened on line ${line} is never closed`;
  check([
    ['"', broken([1, 0], [1, 1], open(1))],
    ['"a', broken([1, 0], [1, 2], open(1))],
    ['"""', broken([1, 0], [1, 3], open(1))],
    ['a,"b""', broken([1, 0], [1, 6], open(1))],
    ['1\n2,"a\nb\n', [1, 0, "1"], broken([2, 2], [4, 9], open(2))],
    ['1\n"a\nb","c\nd', [1, 0, "1"], broken([2, 2], [4, 12], open(3))],
    ['1\n\n"a""\n\nb', [1, 0, "1"], broken([3, 3], [5, 10], open(3))],
  ]);
});

Deno.test("a record larger than allowed is broken, whether it ends or not", () => {
  const large = "a record larger than 4 bytes, which is the most that " +
    "--max-record allows";
  const open = (line: number): string =>
    `${large} (is the quote opened on line ${line} ever closed?)`;
  check([
    ["abc\n", [1, 0, "abc"]],
    ["abcd", [1, 0, "abcd"]],
    ["ab\r\n", [1, 0, "ab"]],
    ['"a"\n', [1, 0, "a"]],
    ["a\n\n\n\n\n\n\nb\n", [1, 0, "a"], [8, 8, "b"]],
    ["abcd\n", broken([1, 0], [1, 0], large)],
    ["abc\r\n", broken([1, 0], [1, 0], large)],
    ["abcde", broken([1, 0], [1, 0], large)],
    ["1\n,,,,,\n", [1, 0, "1"], broken([2, 2], [2, 2], large)],
    ['"a"bcde\n', broken([1, 0], [1, 0], large)],
    ['"\n\n\n\n\n\n', broken([1, 0], [1, 0], open(1))],
    ['1\n\n"\n\n\n\n"\n', [1, 0, "1"], broken([3, 3], [3, 3], open(3))],
    ['"\n","\n\n",""\n', broken([1, 0], [1, 0], open(2))],
    ['"\n"",",a\n', broken([1, 0], [1, 0], open(1))],
    // A quote within an unquoted field opens nothing.
    ['a","\n\n\n', broken([1, 0], [1, 0], large)],
    ['a"bcd"\n', broken([1, 0], [1, 0], large)],
  ], { maxRecord: 4 });
  const { reason } = readAll([latin1Bytes('"",abcd\n"')], {
    dialect: parseDialect(),
    maxRecord: 4,
  }).events[0].fault!;
  assertEquals(reason, large);
});

Deno.test("lines are skipped at the start whatever is on them", () => {
  check([
    ["#\na\n", [2, 2, "a"]],
    ["\na\n", [2, 1, "a"]],
    ["\r\na\n", [2, 2, "a"]],
    ['"x\na\n', [2, 3, "a"]],
    ["\xef\xbb\xbf#\na\n", [2, 5, "a"]],
    ["#\n\xef\xbb\xbfa\n", [2, 2, "\xef\xbb\xbfa"]],
    ["#\n\n\na\n", [4, 4, "a"]],
    ["#"],
    ["#\n"],
    [""],
    ["\xef\xbb"],
  ], { skipLines: 1 });
  check([["1\n2\n3\n4\n", [4, 6, "4"]], ["1\n2\n3"]], { skipLines: 3 });
  // A skipped line is no record: it has no largest size.
  check([["# a comment\na\n", [2, 12, "a"]]], { skipLines: 1, maxRecord: 3 });
});

Deno.test("other delimiters and quotes, and none", () => {
  check([
    ["a;b,c;'d;e''f'\n", [1, 0, "a", "b,c", "d;e'f"]],
    ['"a";b\n', [1, 0, '"a"', "b"]],
    ["a'b\n", [1, 0, "a'b"]],
  ], { delimiter: ";", quote: "'" });
  check([
    ["a\tb\t\n", [1, 0, "a", "b", ""]],
    ["\t\n\n", [1, 0, "", ""]],
    ['"a\tb"\tc,d\r\n', [1, 0, "a\tb", "c,d"]],
  ], { delimiter: "tab" });
  check([
    ['"a","b\n', [1, 0, '"a"', '"b']],
    ['a"b,""\r\n"', [1, 0, 'a"b', '""'], [2, 8, '"']],
    ["\xff,\xfe\n", [1, 0, "\xff", "\xfe"]],
  ], { quote: "none" });
  check([["a\0b\0\n", [1, 0, "a", "b", ""]]], { delimiter: "\0" });
  check([['a"b"c\n', [1, 0, "a", "b", "c"]]], {
    delimiter: '"',
    quote: "none",
  });
  // Bytes above both characters and below them are data alike.
  check([["~\x7f~~~\x7f|}\n", reject([1, 0], [1, 5], TEXT)]], {
    delimiter: "|",
    quote: "~",
  });
});

Deno.test("a reader that begins at a place counts on from there", () => {
  const place = { records: 10, line: 20, offset: 300 };
  check([
    [
      'a,b\n"c\n"d\ne\n',
      [20, 300, "a", "b"],
      reject([21, 304], [22, 308], TEXT),
      reject([23, 310], [23, 310], "1 field instead of 2"),
    ],
    // It is not the start of a source.
    ["\xef\xbb\xbfa,b\n", [20, 300, "\xef\xbb\xbfa", "b"]],
    ["\xff\xfe,b\n", [20, 300, "\xff\xfe", "b"]],
    ["\n\n1,2\n", [22, 302, "1", "2"]],
  ], { place, fields: 2 });
});

Deno.test("the place behind a record is where the next reader begins", () => {
  const text = '\xef\xbb\xbfid\n\n"a\nb"\r\n\nlast';
  const { events } = readAll([latin1Bytes(text)], { dialect: parseDialect() });
  assertEquals(events.map((event) => event.place), [
    { records: 1, line: 2, offset: 6 },
    { records: 2, line: 5, offset: 14 },
    // No line break ends the last one, and yet what comes next is not on its line.
    { records: 3, line: 7, offset: 19 },
  ]);
  assertEquals(events.map((event) => event.raw), [
    "id\n",
    '"a\nb"\r\n',
    "last",
  ]);
});

Deno.test("a record that was put back is read again as if for the first time", () => {
  for (const text of ['\n"a\n""",b\nc,d\n', '\n"a\n""",b']) {
    const bytes = latin1Bytes(text);
    const reader = new CsvReader({ dialect: parseDialect() });
    reader.feed(bytes, 0, bytes.length);
    const read = (): unknown => {
      let step = reader.next();
      if (step === Step.NeedInput) step = reader.finish();
      const { record, records, line, offset, blankLines } = reader;
      return {
        step,
        at: [records, line, offset, blankLines],
        fields: [0, 1].map((i) => latin1Text(record.field(i))),
      };
    };
    const first = read();
    assertEquals<unknown>(first, {
      step: Step.Record,
      at: [1, 2, 1, 1],
      fields: ['a\n"', "b"],
    });
    for (let times = 0; times < 3; times++) {
      reader.unread();
      reader.fields = 2;
      assertEquals(read(), first);
    }
    if (text.endsWith("d\n")) {
      assertEquals<unknown>(read(), {
        step: Step.Record,
        at: [2, 4, 10, 1],
        fields: ["c", "d"],
      });
    }
    assertEquals(reader.next(), Step.NeedInput);
    assertEquals(reader.finish(), Step.NeedInput);
  }
});

Deno.test("the number of fields may become known after the header", () => {
  const bytes = latin1Bytes("a,b\n1\n2,3\n");
  const reader = new CsvReader({ dialect: parseDialect() });
  reader.feed(bytes, 0, bytes.length);
  assertEquals(reader.next(), Step.Record);
  reader.fields = reader.record.fieldCount;
  assertEquals(
    [reader.next(), reader.next(), reader.next()],
    [Step.Reject, Step.Record, Step.NeedInput],
  );
});

Deno.test("a broken reader stays broken", () => {
  for (const text of ['"', "1", "abcdefghi\n"]) {
    const options = { dialect: parseDialect(), fields: 2, maxRecord: 8 };
    const reader = new CsvReader(options);
    const bytes = latin1Bytes(text);
    reader.feed(bytes, 0, bytes.length);
    let step = reader.next();
    if (step === Step.NeedInput) step = reader.finish();
    const { fault, records } = reader;
    assertEquals(
      [step, reader.next(), reader.finish(), reader.next()],
      [Step.Broken, Step.Broken, Step.Broken, Step.Broken],
      text,
    );
    assertEquals([reader.fault, reader.records], [fault, records], text);
  }
});

Deno.test("only the bytes of an unfinished record are pending", () => {
  const rows: [text: string, pending: number][] = [
    ["", 0],
    ["a\n", 0],
    ["a\nb", 1],
    ["a\n\n\n", 0],
    ["a\n\r", 1],
    ["a\n\r\n\r", 1],
    ['a\n"b\nc"', 5],
    ['a"b', 3],
  ];
  for (const [text, pending] of rows) {
    const bytes = latin1Bytes(`xx${text}\n\n`);
    const reader = new CsvReader({ dialect: parseDialect() });
    reader.feed(bytes, 2, 2 + text.length);
    while (reader.next() !== Step.NeedInput);
    assertEquals(reader.pending, pending, text);
    assertEquals(reader.boundary, 2 + text.length - pending, text);
  }
});

Deno.test("nothing beyond the end of the input is looked at", () => {
  const rows: [text: string, beyond: string][] = [
    ["a,b", "c\n"],
    ['"a', '"\n'],
    ['"a"', '"\n'],
    ['a"', "b\n"],
    ["a\r", "\n"],
    ["\r", "\n"],
  ];
  for (const [text, beyond] of rows) {
    const bytes = latin1Bytes(text + beyond);
    const reader = new CsvReader({ dialect: parseDialect() });
    reader.feed(bytes, 0, text.length);
    assertEquals(reader.next(), Step.NeedInput, text);
    assertEquals(reader.records, 0, text);
  }
});
