// What respipe relies on in @std/assert, @std/cli and @std/csv. These tests
// pass with the originals and with the stand-ins in scripts/npm_std/ alike;
// `RESPIPE_STD=jsr deno task test` and `RESPIPE_STD=npm` choose.
import {
  assert,
  assertEquals,
  assertExists,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertNotMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
} from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";
import { promptSecret } from "@std/cli/prompt-secret";
import { parse, stringify } from "@std/csv";

Deno.test("assert: what must pass passes", async () => {
  assert("x");
  assertEquals({ a: [1, { b: "c" }] }, { a: [1, { b: "c" }] });
  assertEquals(Uint8Array.of(1, 2), Uint8Array.of(1, 2));
  assertEquals(NaN, NaN);
  assertEquals(new Map([["a", new Set([1])]]), new Map([["a", new Set([1])]]));
  assertNotEquals(Uint8Array.of(1, 2), Uint8Array.of(1, 3));
  assertStrictEquals("a", "a");
  assertStringIncludes("driver:42", "r:4");
  assertMatch("driver:42", /\d+$/);
  assertNotMatch("driver:42", /^\d/);
  assertInstanceOf(new RangeError("no"), Error);
  assertExists(0);
  assertGreater(2, 1);
  assertGreaterOrEqual(2, 2);
  assertLess(1n, 2n);
  assertLessOrEqual(2, 2);
  const thrown = assertThrows(
    () => {
      throw new RangeError("Cannot parse port");
    },
    RangeError,
    "port",
  );
  assertEquals(thrown.message, "Cannot parse port");
  const rejected = await assertRejects(
    () => Promise.reject(new TypeError("not there")),
    TypeError,
    "not",
  );
  assertEquals(rejected.name, "TypeError");
  assertEquals(assertThrows(() => fail("why")) instanceof Error, true);
});

const FAILING: [name: string, fn: () => unknown][] = [
  ["assert", () => assert(0, "why")],
  ["assertEquals", () => assertEquals([1, 2], [1, 3], "why")],
  ["assertEquals on bytes", () => {
    assertEquals(Uint8Array.of(1), Uint8Array.of(2), "why");
  }],
  ["assertEquals on lengths", () => {
    assertEquals<unknown>([1], [1, undefined], "why");
  }],
  ["assertEquals on classes", () => {
    assertEquals<unknown>([1], Uint8Array.of(1), "why");
  }],
  ["assertNotEquals", () => assertNotEquals({ a: 1 }, { a: 1 }, "why")],
  ["assertStrictEquals", () => assertStrictEquals<unknown>([], [], "why")],
  ["assertStringIncludes", () => assertStringIncludes("abc", "d", "why")],
  ["assertMatch", () => assertMatch("abc", /d/, "why")],
  ["assertNotMatch", () => assertNotMatch("abc", /a/, "why")],
  ["assertInstanceOf", () => assertInstanceOf("abc", Error, "why")],
  ["assertExists", () => assertExists(null, "why")],
  ["assertGreater", () => assertGreater(1, 1, "why")],
  ["assertGreaterOrEqual", () => assertGreaterOrEqual(1, 2, "why")],
  ["assertLess", () => assertLess(1, 1, "why")],
  ["assertLessOrEqual", () => assertLessOrEqual(2, 1, "why")],
  ["assertThrows", () => assertThrows(() => {}, "why")],
  ["assertThrows on the class", () =>
    assertThrows(
      () => {
        throw new TypeError("x");
      },
      RangeError,
      "x",
      "why",
    )],
  ["assertThrows on the message", () =>
    assertThrows(
      () => {
        throw new TypeError("x");
      },
      TypeError,
      "y",
      "why",
    )],
];

for (const [name, fn] of FAILING) {
  Deno.test(`${name}: fails and says why`, () => {
    let message: string | undefined;
    try {
      fn();
    } catch (thrown) {
      if (thrown instanceof Error) message = thrown.message;
    }
    if (message === undefined) throw new Error("it passed");
    if (!message.includes("why")) throw new Error(`no reason in: ${message}`);
  });
}

Deno.test("assertRejects: fails when the promise is kept", async () => {
  let failed = false;
  try {
    await assertRejects(() => Promise.resolve(1), Error);
  } catch {
    failed = true;
  }
  assert(failed);
});

Deno.test("unicodeWidth: counts columns", () => {
  assertEquals(unicodeWidth("Hà Nội"), 6);
  assertEquals(unicodeWidth("東京"), 4);
  assertEquals(unicodeWidth("e\u0301"), 1);
  assertEquals(unicodeWidth(""), 0);
});

Deno.test("promptSecret: is there", () => {
  assertEquals(typeof promptSecret, "function");
});

const CSV: [text: string, rows: string[][]][] = [
  ["", []],
  ["a,b\n1,2\n", [["a", "b"], ["1", "2"]]],
  ["a,b\r\n1,2", [["a", "b"], ["1", "2"]]],
  ["\ufeffa,b\n", [["a", "b"]]],
  ["a\n\n\nb\n\r\n", [["a"], ["b"]]],
  ['""\n', [[""]]],
  [",\n", [["", ""]]],
  [" a , b \n", [[" a ", " b "]]],
  ['"a,b","c ""d"" e"\n', [["a,b", 'c "d" e']]],
  ['"a\nb\n\nc",d\n', [["a\nb\n\nc", "d"]]],
  ['"a\r\nb"\n', [["a\nb"]]],
  ["a\rb\n", [["a\rb"]]],
  ["a,b\r", [["a", "b"]]],
  ["1\n1,2\n1,2,3\n", [["1"], ["1", "2"], ["1", "2", "3"]]],
  ["naïve,日本,\0\n", [["naïve", "日本", "\0"]]],
  ["#a\n", [["#a"]]],
];

for (const [text, rows] of CSV) {
  Deno.test(`csv parse: ${JSON.stringify(text)}`, () => {
    assertEquals(parse(text), rows);
    assertEquals(parse(text, { skipFirstRow: false }), rows);
  });
}

Deno.test("csv parse: options", () => {
  assertEquals(parse("a;b,c\n", { separator: ";" }), [["a", "b,c"]]);
  assertEquals(parse("a\tb\n", { separator: "\t" }), [["a", "b"]]);
  assertEquals(parse(" a,  b\n", { trimLeadingSpace: true }), [["a", "b"]]);
  assertEquals(parse('a"b,c\n', { lazyQuotes: true }), [['a"b', "c"]]);
  assertEquals(parse("a,b\n1,2\n", { fieldsPerRecord: 0 }).length, 2);
});

const BROKEN: [text: string, fieldsPerRecord: number][] = [
  ['"a', -1],
  ['"a"b\n', -1],
  ['a"b\n', -1],
  ["a,b\n1\n", 0],
  ["a,b\n1\n", 2],
];

for (const [text, fieldsPerRecord] of BROKEN) {
  Deno.test(`csv parse: refuses ${JSON.stringify(text)} with fieldsPerRecord ${fieldsPerRecord}`, () => {
    assertThrows(() => parse(text, { fieldsPerRecord }), SyntaxError);
  });
}

Deno.test("csv stringify: quotes what must be, ends records with CRLF", () => {
  const rows = [
    ["id", "city"],
    ["1", "Ho Chi Minh, City"],
    ["2", 'so "called"'],
    ["3", "two\nlines"],
    ["", ""],
    [" 4", "x;y"],
  ];
  const text = stringify(rows, { headers: false });
  assertEquals(
    text,
    'id,city\r\n1,"Ho Chi Minh, City"\r\n2,"so ""called"""\r\n' +
      '3,"two\nlines"\r\n,\r\n 4,x;y\r\n',
  );
  assertEquals(parse(text), rows);
  assertEquals(
    stringify([["a,b", "c;d"]], { headers: false, separator: ";" }),
    'a,b;"c;d"\r\n',
  );
  assertEquals(stringify([], { headers: false }), "");
});
