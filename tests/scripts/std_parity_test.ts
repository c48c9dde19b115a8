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
import { parseArgs } from "@std/cli";
import { unicodeWidth } from "@std/cli/unicode-width";
import { promptSecret } from "@std/cli/prompt-secret";
import { unicodeWidth as unicodeWidthAlone } from "@std/cli/unicode-width";
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

const FLAGS = {
  boolean: ["help", "progress", "no-header"],
  string: ["_", "host", "port", "then", "delimiter"],
  collect: ["then"],
  negatable: ["progress"],
  alias: { host: "h", port: "p" },
  "--": true,
} as const;

const NONE = {
  _: [],
  "--": [],
  help: false,
  progress: false,
  "no-header": false,
  then: [],
};

const WORDS: [words: string[], expected: Record<string, unknown>][] = [
  [[], {}],
  [["a.csv", "-", "42"], { _: ["a.csv", "-", "42"] }],
  [["-h", "db", "-p", "6380"], {
    host: "db",
    h: "db",
    port: "6380",
    p: "6380",
  }],
  [["--host", "db", "-p6380"], {
    host: "db",
    h: "db",
    port: "6380",
    p: "6380",
  }],
  [["--host=db", "--port=007"], {
    host: "db",
    h: "db",
    port: "007",
    p: "007",
  }],
  [["--delimiter=;=;"], { delimiter: ";=;" }],
  [["--delimiter", "a\nb"], { delimiter: "a\nb" }],
  [["--delimiter=a\nb"], { delimiter: "a\nb" }],
  [["--host", "a", "--host", "b"], { host: "b", h: "b" }],
  [["--host", "a", "-h", "b"], { host: "b", h: "b" }],
  [["--then", "A"], { then: ["A"] }],
  [["--then", "A", "--then", "B"], { then: ["A", "B"] }],
  [["--help", "a.csv"], { help: true, _: ["a.csv"] }],
  [["--help", "--help"], { help: true }],
  [["--help=false"], { help: false }],
  [["--progress", "--no-progress"], { progress: false }],
  [["--no-header", "a.csv"], { "no-header": true, _: ["a.csv"] }],
  [["--delimiter", "-x"], { delimiter: "", x: true }],
  [["--delimiter", "-"], { delimiter: "", _: ["-"] }],
  [["--delimiter", "", "a"], { delimiter: "", _: ["", "a"] }],
  [["-h", "", "a"], { host: "", h: "", _: ["", "a"] }],
  [["--delimiter"], { delimiter: "" }],
  [["a", "--", "SET", "--host", "{k}", "--", "-p"], {
    _: ["a"],
    "--": ["SET", "--host", "{k}", "--", "-p"],
  }],
  [["--delimiter", "--", "SET"], { delimiter: "", "--": ["SET"] }],
  [["--no-such", "x"], { "no-such": "x" }],
  [["--no-host", "x"], { "no-host": "x" }],
];

for (const [words, expected] of WORDS) {
  Deno.test(`parseArgs: ${JSON.stringify(words)}`, () => {
    assertEquals<unknown>(parseArgs(words, FLAGS), { ...NONE, ...expected });
  });
}

Deno.test("parseArgs: without `--` kept apart, its words are positional", () => {
  const flags = parseArgs(["a", "--", "-b"], { string: ["_", "b"] });
  // Where "_" is listed, @std/cli's type of it is no array's: the stand-in's
  // is, as the values are.
  assertEquals<unknown>(flags._, ["a", "-b"]);
});

Deno.test("parseArgs: a default holds until the flag is given", () => {
  const options = { string: ["port"], default: { port: "6379" } } as const;
  assertEquals(parseArgs([], options).port, "6379");
  assertEquals(parseArgs(["--port", "1"], options).port, "1");
  assertEquals(
    parseArgs([], {
      boolean: ["progress"],
      negatable: ["progress"],
      default: { progress: true },
    }).progress,
    true,
  );
});

Deno.test("parseArgs: stopEarly leaves what follows as it came", () => {
  const flags = parseArgs(["--help", "load", "--no-x", "-p", "1", "--host"], {
    boolean: ["help"],
    string: ["_", "p", "host"],
    stopEarly: true,
  });
  assertEquals<unknown>(flags._, ["load", "--no-x", "-p", "1", "--host"]);
  assertEquals(flags.help, true);
});

Deno.test("parseArgs: unknown hears words, names and values", () => {
  const heard: unknown[][] = [];
  const flags = parseArgs(
    ["--what=1", "a.csv", "--host", "db", "--no-idea", "--so", "x", "-z"],
    {
      string: ["_", "host"],
      unknown: (arg, key, value) => {
        heard.push([arg, key, value]);
        return key === undefined;
      },
    },
  );
  assertEquals(heard, [
    ["--what=1", "what", "1"],
    ["a.csv", undefined, undefined],
    ["--no-idea", "no-idea", true],
    ["--so", "so", "x"],
    ["-z", "z", true],
  ]);
  assertEquals<unknown>(flags, { _: ["a.csv"], host: "db" });
});

Deno.test("parseArgs: unknown hears each unknown letter of a group", () => {
  const heard: unknown[] = [];
  parseArgs(["-abc", "-xa"], {
    boolean: ["b"],
    unknown: (_arg, key) => {
      heard.push(key);
      return false;
    },
  });
  assertEquals(heard, ["a", "c", "x", "a"]);
});

Deno.test("parseArgs: gives types that need no cast", () => {
  const flags = parseArgs(["-h", "db"], {
    string: ["h", "then"],
    boolean: ["help"],
    collect: ["then"],
    default: { h: "localhost" },
  });
  const host: string = flags.h;
  const help: boolean = flags.help;
  const then: string[] = flags.then;
  assertEquals([host, help, then], ["db", false, []]);
});

Deno.test("unicodeWidth: counts columns", () => {
  assertEquals(unicodeWidth("Hà Nội"), 6);
  assertEquals(unicodeWidth("東京"), 4);
  assertEquals(unicodeWidthAlone("e\u0301"), 1);
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
