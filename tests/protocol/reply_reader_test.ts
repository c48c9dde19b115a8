import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { ProtocolError } from "../../src/errors.ts";
import { errorIn, type Reply } from "../../src/protocol/reply.ts";
import {
  ReplyReader,
  type ReplyReaderOptions,
} from "../../src/protocol/reply_reader.ts";
import { everySplit } from "../support/every_split.ts";
import { latin1Bytes } from "../support/latin1.ts";
import { Random } from "../support/random.ts";
import { randomReply } from "../support/random_reply.ts";

const encoder = new TextEncoder();

/** What came out of a reader, and the error that ended it. */
interface Outcome {
  replies: Reply[];
  error: ProtocolError | undefined;
}

/**
 * Feeds pieces through one buffer that is written over after each of them, so
 * that a reader which keeps a chunk beyond its time is caught.
 */
function readPieces(reader: ReplyReader, pieces: Uint8Array[]): Outcome {
  const scratch = new Uint8Array(
    Math.max(0, ...pieces.map((piece) => piece.length)),
  );
  const outcome: Outcome = { replies: [], error: undefined };
  try {
    for (const piece of pieces) {
      scratch.set(piece);
      reader.feed(scratch.subarray(0, piece.length));
      for (let reply; (reply = reader.next()) !== undefined;) {
        outcome.replies.push(reply);
      }
      scratch.fill(0xee);
    }
  } catch (error) {
    assertInstanceOf(error, ProtocolError);
    outcome.error = error;
  }
  return outcome;
}

function read(wire: string, options: ReplyReaderOptions = {}): Outcome {
  return readPieces(new ReplyReader(options), [encoder.encode(wire)]);
}

function simple(text: string): Reply {
  return { kind: "simple", text };
}
function integer(value: number | bigint): Reply {
  return { kind: "integer", value };
}
function bulk(text: string): Reply {
  const body = encoder.encode(text);
  return { kind: "bulk", length: body.length, body };
}
function double(value: number): Reply {
  return { kind: "double", value };
}
function array(...items: Reply[]): Reply {
  return { kind: "array", length: items.length, items };
}

const NULL: Reply = { kind: "null" };
const OK = simple("OK");

const REPLIES: [wire: string, ...replies: Reply[]][] = [
  [""],
  ["+OK\r\n", OK],
  ["+\r\n", simple("")],
  ["+Zürich\r\n+\ufeffx\r\n", simple("Zürich"), simple("\ufeffx")],
  ["+QUEUED\r\n+OK\r\n", simple("QUEUED"), OK],
  ["-ERR no\r\n", { kind: "error", text: "ERR no" }],
  ["-\r\n", { kind: "error", text: "" }],
  ["!6\r\nERR\r\nx\r\n", { kind: "error", text: "ERR\r\nx" }],
  [":0\r\n:7\r\n:-42\r\n:+5\r\n", ...[0, 7, -42, 5].map(integer)],
  [":-0\r\n", integer(0)],
  [":999999999999999\r\n", integer(999999999999999)],
  [":9007199254740991\r\n", integer(9007199254740991)],
  [":9007199254740992\r\n", integer(9007199254740992n)],
  [":9223372036854775807\r\n", integer(9223372036854775807n)],
  [":-9223372036854775808\r\n", integer(-9223372036854775808n)],
  ["$5\r\nhello\r\n", bulk("hello")],
  ["$0\r\n\r\n", bulk("")],
  ["$4\r\n\r\n\r\n\r\n", bulk("\r\n\r\n")],
  ["$11\r\n+OK\r\n-ERR\r\n\r\n", bulk("+OK\r\n-ERR\r\n")],
  ["$-1\r\n*-1\r\n_\r\n", NULL, NULL, NULL],
  ["*0\r\n", array()],
  ["*2\r\n$1\r\na\r\n:1\r\n", array(bulk("a"), integer(1))],
  ["*2\r\n*1\r\n+a\r\n*0\r\n", array(array(simple("a")), array())],
  ["*3\r\n$-1\r\n*-1\r\n_\r\n", array(NULL, NULL, NULL)],
  ["*2\r\n+OK\r\n-ERR no\r\n", {
    kind: "array",
    length: 2,
    items: [OK, { kind: "error", text: "ERR no" }],
    error: "ERR no",
  }],
  ["#t\r\n#f\r\n", { kind: "boolean", value: true }, {
    kind: "boolean",
    value: false,
  }],
  [",1.5\r\n,-3\r\n,10.\r\n", double(1.5), double(-3), double(10)],
  [",1e3\r\n,+1.5E-2\r\n", double(1000), double(0.015)],
  [",inf\r\n,-inf\r\n", double(Infinity), double(-Infinity)],
  [",nan\r\n,-nan\r\n", double(NaN), double(NaN)],
  ["(3492890328409238509324850943850943825024385\r\n", {
    kind: "bignumber",
    value: 3492890328409238509324850943850943825024385n,
  }],
  ["(-1\r\n(+1\r\n", { kind: "bignumber", value: -1n }, {
    kind: "bignumber",
    value: 1n,
  }],
  ["=15\r\ntxt:Some string\r\n", {
    kind: "verbatim",
    format: "txt",
    length: 11,
    body: encoder.encode("Some string"),
  }],
  ["=4\r\nmkd:\r\n", {
    kind: "verbatim",
    format: "mkd",
    length: 0,
    body: new Uint8Array(0),
  }],
  ["~2\r\n:1\r\n:2\r\n", {
    kind: "set",
    length: 2,
    items: [integer(1), integer(2)],
  }],
  [">2\r\n+message\r\n+x\r\n+OK\r\n", {
    kind: "push",
    length: 2,
    items: [simple("message"), simple("x")],
  }, OK],
  ["%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n", {
    kind: "map",
    length: 2,
    entries: [[simple("a"), integer(1)], [simple("b"), array(integer(2))]],
  }],
  ["%0\r\n", { kind: "map", length: 0, entries: [] }],
  ["%1\r\n+a\r\n%1\r\n+b\r\n-ERR in\r\n", {
    kind: "map",
    length: 1,
    entries: [[simple("a"), {
      kind: "map",
      length: 1,
      entries: [[simple("b"), { kind: "error", text: "ERR in" }]],
      error: "ERR in",
    }]],
    error: "ERR in",
  }],
  ["|1\r\n+ttl\r\n:9\r\n+OK\r\n", OK],
  ["|1\r\n+a\r\n-ERR not the reply's\r\n|0\r\n:1\r\n", integer(1)],
  ["*2\r\n|1\r\n+a\r\n|0\r\n:5\r\n:1\r\n:2\r\n", array(integer(1), integer(2))],
];

Deno.test("every type of reply is read, however it is cut up", () => {
  for (const [wire, ...replies] of REPLIES) {
    everySplit(encoder.encode(wire), (pieces) => {
      const reader = new ReplyReader();
      const outcome = readPieces(reader, pieces);
      assertEquals(outcome, { replies, error: undefined }, wire);
      assertEquals(reader.offset, encoder.encode(wire).length, wire);
      assert(reader.idle, wire);
    });
  }
});

Deno.test("a text or body that is not UTF-8 is read too", () => {
  const wire = latin1Bytes("+\xff\r\n-\xc3\r\n$2\r\n\xff\xfe\r\n");
  everySplit(wire, (pieces) => {
    assertEquals(readPieces(new ReplyReader(), pieces).replies, [
      simple("\ufffd"),
      { kind: "error", text: "\ufffd" },
      { kind: "bulk", length: 2, body: new Uint8Array([0xff, 0xfe]) },
    ]);
  });
});

Deno.test("a reply that is not whole gives nothing yet, and the reader is not idle", () => {
  for (const [wire, ...replies] of REPLIES) {
    if (replies.length !== 1) continue;
    const bytes = encoder.encode(wire);
    for (let length = 1; length < bytes.length; length++) {
      const reader = new ReplyReader();
      reader.feed(bytes.subarray(0, length));
      assertEquals(reader.next(), undefined, `${wire} up to ${length}`);
      assert(!reader.idle, `${wire} up to ${length}`);
      assertEquals(reader.skip(), 0);
      assertEquals(reader.offset, length);
    }
  }
});

Deno.test("within a reply is neither between replies nor within a push", () => {
  const rows: [wire: string, inReply: boolean][] = [
    ["", false],
    ["+OK\r\n", false],
    ["+O", true],
    ["-", true],
    [":1\r", true],
    ["$9\r\nabc", true],
    ["$0\r\n", true],
    ["*2\r\n:1\r\n", true],
    ["*1\r\n>1\r\n", true],
    ["%1\r\n+a\r\n", true],
    [">", false],
    [">2\r\n", false],
    [">2\r\n+message\r\n$9\r\nabc", false],
    [">1\r\n*1\r\n", false],
    [">1\r\n+x\r\n", false],
    [">1\r\n+x\r\n+O", true],
    ["+OK\r\n>1\r\n", false],
    ["|1\r\n+ttl\r\n", false],
    ["|1\r\n+ttl\r\n:9\r\n", false],
    ["|1\r\n+ttl\r\n:9\r\n>1\r\n", false],
    ["|1\r\n+ttl\r\n:9\r\n*1\r\n", true],
  ];
  for (const [wire, inReply] of rows) {
    everySplit(encoder.encode(wire), (pieces) => {
      const reader = new ReplyReader();
      readPieces(reader, pieces);
      assertEquals(reader.inReply, inReply, wire);
    });
  }
});

Deno.test("the offset stands behind the reply that was returned", () => {
  const reader = new ReplyReader();
  reader.feed(encoder.encode("+OK\r\n:12\r\n$1\r\n"));
  const offsets = [reader.offset];
  while (reader.next() !== undefined) offsets.push(reader.offset);
  assertEquals([...offsets, reader.offset], [0, 5, 10, 14]);
});

const TYPES = "a reply type, one of +-:$*_#,(!=%~>|";
const STREAMED = "a value of known length, as streamed ones are not read";

const ERRORS: [
  wire: string,
  offset: number,
  expected: string,
  found: string,
][] = [
  [
    "HTTP/1.1 400 Bad Request\r\nServer: x\r\n",
    0,
    TYPES,
    "HTTP/1.1 400 Bad Request",
  ],
  ["+OK\r\nERROR\r\n", 5, TYPES, "ERROR"],
  ["\x15\x03\x01\x00\x02", 0, TYPES, String.raw`\x15\x03\x01\x00\x02`],
  ["\r\n", 0, TYPES, String.raw`\r`],
  ["+OK\r\n\0", 5, TYPES, String.raw`\x00`],
  ['+OK\r\n\\"\t\x07\x08\x7f~\r\n', 5, TYPES, String.raw`\\\"\t\a\b\x7f~`],
  [".\r\n", 0, STREAMED, "."],
  ["*1\r\n.\r\n", 4, STREAMED, "."],
  [";1\r\na\r\n", 0, STREAMED, ";1"],
  ["+OK\r\n;0\r\n", 5, STREAMED, ";0"],
  ["$?\r\n;1\r\nx\r\n;0\r\n", 0, STREAMED, "$?"],
  ["*?\r\n.\r\n", 0, STREAMED, "*?"],
  ["~?\r\n", 0, STREAMED, "~?"],
  ["%?\r\n", 0, STREAMED, "%?"],
  [">?\r\n", 0, STREAMED, ">?"],
  ["|?\r\n", 0, STREAMED, "|?"],
  ["*1\r\n*?\r\n", 4, STREAMED, "*?"],
  ["+O\nK\r\n", 2, "CRLF at the end of the line", String.raw`\nK`],
  ["+O\rK\r\n", 3, "LF behind the CR at the end of the line", "K"],
  ["+O\r\r\n", 3, "LF behind the CR at the end of the line", String.raw`\r`],
  [":\r\n", 0, "an integer of 64 bits", ":"],
  [":-\r\n", 0, "an integer of 64 bits", ":-"],
  [":1x\r\n", 0, "an integer of 64 bits", ":1x"],
  [":1.5\r\n", 0, "an integer of 64 bits", ":1.5"],
  [": 1\r\n", 0, "an integer of 64 bits", ": 1"],
  [
    ":9223372036854775808\r\n",
    0,
    "an integer of 64 bits",
    ":9223372036854775808",
  ],
  [
    ":-9223372036854775809\r\n",
    0,
    "an integer of 64 bits",
    ":-9223372036854775809",
  ],
  ["+OK\r\n$\r\n", 5, "a length in bytes", "$"],
  ["$-2\r\n", 0, "a length in bytes", "$-2"],
  ["$01\r\n", 0, "a length in bytes", "$01"],
  ["$+1\r\n", 0, "a length in bytes", "$+1"],
  ["$1?\r\n", 0, "a length in bytes", "$1?"],
  ["$1099511627777\r\n", 0, "a length in bytes", "$1099511627777"],
  [
    "$99999999999999999999\r\n",
    0,
    "a length in bytes",
    "$99999999999999999999",
  ],
  ["$1\r\nab\r\n", 5, "CRLF behind the body", "b"],
  ["$1\r\na\rb", 6, "CRLF behind the body", "b"],
  ["$1\r\na\n", 5, "CRLF behind the body", String.raw`\n`],
  ["!-1\r\n", 0, "a length in bytes", "!-1"],
  ["!?\r\n", 0, STREAMED, "!?"],
  ["=3\r\ntxt\r\n", 0, "a length of 4 bytes or more", "=3"],
  ["=5\r\nSome string\r\n", 9, "CRLF behind the body", "string"],
  ["=5\r\ntext1\r\n", 4, 'a format, such as "txt:"', "text"],
  ["*-2\r\n", 0, "a count of values", "*-2"],
  ["*x\r\n", 0, "a count of values", "*x"],
  ["%-1\r\n", 0, "a count of values", "%-1"],
  ["~-1\r\n", 0, "a count of values", "~-1"],
  ["|-1\r\n", 0, "a count of values", "|-1"],
  ["*2\r\n+OK\r\n>01\r\n", 9, "a count of values", ">01"],
  ["_x\r\n", 0, 'nothing behind "_"', "_x"],
  ["#\r\n", 0, 'a boolean, "#t" or "#f"', "#"],
  ["#T\r\n", 0, 'a boolean, "#t" or "#f"', "#T"],
  ["#true\r\n", 0, 'a boolean, "#t" or "#f"', "#true"],
  [",\r\n", 0, "a floating point number", ","],
  [",.5\r\n", 0, "a floating point number", ",.5"],
  [",1e\r\n", 0, "a floating point number", ",1e"],
  [",0x10\r\n", 0, "a floating point number", ",0x10"],
  [",infinity\r\n", 0, "a floating point number", ",infinity"],
  ["(\r\n", 0, "a big number", "("],
  ["(1n\r\n", 0, "a big number", "(1n"],
  ["(0x10\r\n", 0, "a big number", "(0x10"],
];

Deno.test("garbage is an error that says what was expected and quotes what came", () => {
  for (const [wire, offset, expected, found] of ERRORS) {
    const { error } = read(wire);
    assert(error !== undefined, wire);
    assertStringIncludes(
      error.message,
      `Cannot read reply at byte ${offset}: expected ${expected}, ` +
        `found "${found}"`,
    );
    assertEquals(error.offset, offset, wire);
  }
});

Deno.test("the error is the same and its offset right, however the bytes came", () => {
  for (const [wire, offset, expected] of ERRORS) {
    everySplit(encoder.encode(wire), (pieces) => {
      const reader = new ReplyReader();
      const { error } = readPieces(reader, pieces);
      assert(error !== undefined, wire);
      assertStringIncludes(
        error.message,
        `byte ${offset}: expected ${expected},`,
      );
      assertEquals(error.offset, offset, wire);
      const bytes = encoder.encode(wire).subarray(offset);
      assertEquals(error.bytes, bytes.subarray(0, error.bytes.length), wire);
      assert(error.bytes.length > 0, wire);
    });
  }
});

Deno.test("the error is sticky", () => {
  const reader = new ReplyReader();
  const { replies, error } = readPieces(reader, [
    encoder.encode("+OK\r\n"),
    encoder.encode("?\r\n+OK\r\n"),
  ]);
  assertEquals(replies, [OK]);
  assert(error !== undefined);
  for (
    const call of [
      () => reader.next(),
      () => reader.skip(),
      () => reader.feed(encoder.encode("+OK\r\n")),
    ]
  ) {
    assertStrictEquals(assertThrows(call, ProtocolError), error);
  }
  assertEquals(reader.offset, 5);
});

Deno.test("an error names the wrong kind of server where it can tell", () => {
  const http = read("HTTP/1.1 400 Bad Request\r\n").error?.message ?? "";
  assertStringIncludes(http, "(an HTTP server answers on this port)");
  const tls = read("\x15\x03\x03\x00\x02\x02\x46").error?.message ?? "";
  assertStringIncludes(tls, "(this port speaks TLS)");
  const other = read("+OK\r\nHTTP/1.1").error?.message ?? "";
  assertEquals(other.endsWith('found "HTTP/1.1"'), true, other);
});

Deno.test("an error quotes 48 bytes at most", () => {
  const { error } = read("x".repeat(1000));
  assertStringIncludes(error?.message ?? "", `"${"x".repeat(48)}"...`);
  assertEquals(error?.bytes.length, 48);
});

Deno.test("a chunk that is not drained cannot be followed by another", () => {
  const reader = new ReplyReader();
  reader.feed(encoder.encode("+OK\r\n+OK\r\n"));
  reader.next();
  const error = assertThrows(
    () => reader.feed(encoder.encode("+OK\r\n")),
    Error,
    "Cannot feed reply reader: 5 bytes of the chunk before are not read yet",
  );
  assert(!(error instanceof ProtocolError));
  assertEquals(reader.next(), OK);
  reader.feed(encoder.encode(":1\r\n"));
  assertEquals(reader.next(), integer(1));
});

/** Checks what comes of replies whose bodies may have 8 bytes. */
function assertWithin8(rows: [wire: string, reply: Reply][]): void {
  for (const [wire, reply] of rows) {
    everySplit(encoder.encode(wire + "+OK\r\n"), (pieces) => {
      assertEquals(
        readPieces(new ReplyReader({ maxBody: 8 }), pieces),
        { replies: [reply, OK], error: undefined },
        wire,
      );
    });
  }
}

Deno.test("a text longer than maxBody is cut, with its true length, not lost", () => {
  assertWithin8([
    ["+12345678\r\n", simple("12345678")],
    ["+123456789\r\n", { kind: "simple", text: "12345678", length: 9 }],
    ["-ERR 5678\r\n", { kind: "error", text: "ERR 5678" }],
    ["-ERR 56789\r\n", { kind: "error", text: "ERR 5678", length: 9 }],
    ["!8\r\nERR 5678\r\n", { kind: "error", text: "ERR 5678" }],
    ["!9\r\nERR 56\r\n9\r\n", { kind: "error", text: "ERR 56\r\n", length: 9 }],
    ["*2\r\n+123456789\r\n-ERR 56789\r\n", {
      kind: "array",
      length: 2,
      items: [
        { kind: "simple", text: "12345678", length: 9 },
        { kind: "error", text: "ERR 5678", length: 9 },
      ],
      error: "ERR 5678",
    }],
  ]);
});

Deno.test("a long error or status is one reply, and does not end the stream", () => {
  const random = new Random(1);
  for (const length of [4096, 4097, 65_537, 300_000]) {
    const text = "ERR " + "x".repeat(length - 4);
    for (const [type, kind] of [["-", "error"], ["+", "simple"]] as const) {
      const wire = encoder.encode(`:1\r\n${type}${text}\r\n+OK\r\n`);
      const cut = length > 4096 ? { length } : {};
      for (const longest of [wire.length, 70_000, 16_384, 100]) {
        const reader = new ReplyReader();
        assertEquals(readPieces(reader, random.cut(wire, longest)), {
          replies: [
            integer(1),
            { kind, text: text.slice(0, 4096), ...cut },
            OK,
          ],
          error: undefined,
        });
        assertEquals(reader.offset, wire.length);
      }
    }
  }
});

Deno.test("a line that is a number or a length is bounded", () => {
  for (const type of ":,(#_$!=*~>%|") {
    const fits = type + "1".repeat(1024);
    const { error } = read(fits);
    assertEquals(error, undefined, type);
    everySplit(encoder.encode(`+OK\r\n${fits}1\r\n`), (pieces) => {
      const { replies, error } = readPieces(new ReplyReader(), pieces);
      assertEquals(replies, [OK]);
      assertEquals(error?.offset, 5);
      assertStringIncludes(
        error?.message ?? "",
        "expected a line of at most 1024 bytes, found " +
          `"${fits.slice(0, 48)}"...`,
      );
    });
  }
  assertEquals(read(`(${"1".repeat(1024)}\r\n`).replies, [
    { kind: "bignumber", value: BigInt("1".repeat(1024)) },
  ]);
});

Deno.test("aggregates may nest as deep as maxDepth says and no deeper", () => {
  const levels = (count: number) => "*1\r\n".repeat(count) + ":1\r\n";
  assertEquals(read(levels(128)).replies.length, 1);
  const { replies, error } = read(levels(129));
  assertEquals(replies, []);
  assertEquals(error?.offset, 128 * 4);
  assertStringIncludes(
    error?.message ?? "",
    'expected at most 128 aggregates inside each other, found "*1"',
  );
  const attributes = "|1\r\n".repeat(3) + ":1\r\n";
  assertEquals(read(attributes, { maxDepth: 2 }).error?.offset, 8);
});

Deno.test("a million levels overflow no stack", () => {
  const depth = 1_000_000;
  const wire = "*1\r\n".repeat(depth) + "-ERR deep\r\n";
  assertInstanceOf(read(wire).error, ProtocolError);

  const { replies, error } = read(wire, { maxDepth: depth, maxItems: depth });
  assertEquals(error, undefined);
  assertEquals(errorIn(replies[0]), "ERR deep");
  let levels = 0;
  let reply = replies[0];
  for (; reply.kind === "array"; levels++) reply = reply.items[0];
  assertEquals(levels, depth);
});

Deno.test("a body longer than maxBody passes by without being held", () => {
  assertWithin8([
    ["$8\r\n12345678\r\n", bulk("12345678")],
    ["$9\r\n123456789\r\n", { kind: "bulk", length: 9, body: undefined }],
    ["=12\r\ntxt:12345678\r\n", {
      kind: "verbatim",
      format: "txt",
      length: 8,
      body: encoder.encode("12345678"),
    }],
    ["=13\r\ntxt:123456789\r\n", {
      kind: "verbatim",
      format: "txt",
      length: 9,
      body: undefined,
    }],
  ]);
});

Deno.test("10 MB in small pieces pass by in constant memory", () => {
  const length = 10_000_000;
  const rows: [begin: string, reply: Reply][] = [
    [`$${length}\r\n`, { kind: "bulk", length, body: undefined }],
    ["+", { kind: "simple", text: "+".repeat(4096), length }],
    ["-", { kind: "error", text: "+".repeat(4096), length }],
  ];
  for (const [begin, reply] of rows) {
    const reader = new ReplyReader();
    reader.feed(encoder.encode(begin));
    assertEquals(reader.next(), undefined);
    const piece = new Uint8Array(1000).fill(0x2b);
    const before = Deno.memoryUsage();
    for (let fed = 0; fed < length; fed += piece.length) {
      reader.feed(piece);
      assertEquals(reader.next() === undefined, true);
    }
    const after = Deno.memoryUsage();
    assertLess(after.external - before.external, 1_000_000);
    reader.feed(encoder.encode("\r\n+OK\r\n"));
    assertEquals(reader.next(), reply);
    assertEquals(reader.next(), OK);
  }
});

Deno.test("a body that was announced and never comes takes no memory", () => {
  const reader = new ReplyReader({ maxBody: Infinity, maxItems: Infinity });
  const before = Deno.memoryUsage();
  reader.feed(encoder.encode(`*1099511627776\r\n$1099511627776\r\nx`));
  assertEquals(reader.next(), undefined);
  const after = Deno.memoryUsage();
  assertLess(after.external - before.external, 1_000_000);
});

Deno.test("a reply holds maxItems values in all and counts the rest", () => {
  const rows: [wire: string, reply: Reply][] = [
    ["*3\r\n:1\r\n:2\r\n:3\r\n", array(integer(1), integer(2), integer(3))],
    ["*4\r\n:1\r\n:2\r\n:3\r\n-ERR last\r\n", {
      kind: "array",
      length: 4,
      items: [integer(1), integer(2), integer(3)],
      error: "ERR last",
    }],
    ["*3\r\n*1\r\n:1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n-ERR no\r\n", {
      kind: "array",
      length: 3,
      items: [
        array(integer(1)),
        { kind: "array", length: 2, items: [] },
      ],
      error: "ERR no",
    }],
    ["%2\r\n:1\r\n:2\r\n:3\r\n:4\r\n", {
      kind: "map",
      length: 2,
      entries: [[integer(1), integer(2)]],
    }],
    ["*1\r\n|2\r\n:1\r\n:2\r\n:3\r\n:4\r\n*2\r\n:5\r\n:6\r\n", {
      kind: "array",
      length: 1,
      items: [array(integer(5), integer(6))],
    }],
  ];
  for (const [wire, reply] of rows) {
    everySplit(encoder.encode(wire + wire), (pieces) => {
      assertEquals(
        readPieces(new ReplyReader({ maxItems: 3 }), pieces),
        { replies: [reply, reply], error: undefined },
        wire,
      );
    });
  }
});

Deno.test("skip passes over plain replies and stops before the others", () => {
  const OKS = "+OK\r\n".repeat(23);
  const rows: [
    wire: string,
    skipped: number,
    offset: number,
    stopLength?: number,
  ][] = [
    ["", 0, 0],
    [OKS, 23, 115],
    [":1\r\n:22\r\n:333\r\n:-4\r\n:5555555\r\n", 5, 30],
    [":0\r\n:7\r\n:8\r\n:9\r\n:/\r\n", 4, 16],
    ["$1\r\na\r\n$0\r\n\r\n$4\r\n\r\n\r\n\r\n", 3, 23],
    ["+QUEUED\r\n" + OKS + "+\r\n:1\r\n", 26, 131],
    [OKS + "-ERR no\r\n", 23, 115],
    [OKS + "+OK\r", 23, 115],
    [OKS + "+OX\r\n", 24, 120],
    [OKS + "+OK\rx", 23, 115],
    [":1\r\n:2\r", 1, 4],
    [":1\r\n:2\rx", 1, 4],
    [":1\r\n:\r\n", 1, 4],
    [":1\r\n:9223372036854775808\r\n", 1, 4],
    ["$1\r\na\r\n$1\r\nab\r", 1, 7],
    ["$01\r\na\r\n", 0, 0],
    ["$-1\r\n", 0, 0],
    ["$3\r\nab", 0, 0],
    ["+OK\r\n*0\r\n", 1, 5],
    ["+OK\r\n>0\r\n", 1, 5],
    ["+OK\r\n|0\r\n+OK\r\n", 1, 5],
    ["+OK\r\nHTTP/1.1\r\n", 1, 5],
    ["$2\r\nab\r\n$3\r\nabc\r\n$2\r\nab\r\n", 1, 8, 3],
    ["$3\r\nabc\r\n", 0, 0, 3],
  ];
  for (const [wire, skipped, offset, stopLength] of rows) {
    // Not at the start of its buffer: the words must be the right ones.
    const shifted = encoder.encode("???" + wire).subarray(3);
    for (const chunk of [encoder.encode(wire), shifted]) {
      const reader = new ReplyReader();
      reader.feed(chunk);
      assertEquals(
        [reader.skip(stopLength), reader.offset],
        [skipped, offset],
        wire,
      );
    }
  }
});

Deno.test("skip leaves a reply that began in the chunk before to next", () => {
  const reader = new ReplyReader();
  reader.feed(encoder.encode("+OK\r\n+O"));
  assertEquals(reader.skip(), 1);
  assertEquals(reader.next(), undefined);
  reader.feed(encoder.encode("K\r\n+OK\r\n"));
  assertEquals(reader.skip(), 0);
  assertEquals(reader.next(), OK);
  assertEquals(reader.skip(), 1);
  assertEquals(reader.next(), undefined);
  assert(reader.idle);
});

/** Random replies, plain ones mostly, in runs as a load gets them. */
function randomStream(random: Random): { wire: string; replies: Reply[] } {
  const replies: Reply[] = [];
  let wire = "";
  for (let i = random.int(12); i > 0; i--) {
    const one = random.int(2) === 0
      ? { reply: OK, wire: "+OK\r\n" }
      : randomReply(random);
    const times = random.pick([1, 1, 2, 9]);
    for (let j = 0; j < times; j++) {
      wire += one.wire;
      replies.push(one.reply);
    }
  }
  return { wire, replies };
}

Deno.test("random replies are read as they were made, however they are cut", () => {
  const seed = Random.seed();
  const random = new Random(seed);
  for (let i = 0; i < 1500; i++) {
    const { wire, replies } = randomStream(random);
    const bytes = latin1Bytes(wire);
    const pieces = random.cut(bytes, random.pick([1, 7, 100, 5000]));
    const reader = new ReplyReader();
    assertEquals(
      readPieces(reader, pieces),
      { replies, error: undefined },
      `RESPIPE_SEED=${seed}, stream ${i}: ${JSON.stringify(wire)}`,
    );
    assert(reader.idle && reader.offset === bytes.length);
  }
});

/** What a lane counts: everything that is to be seen, and how many are not. */
function tally(
  reader: ReplyReader,
  pieces: Uint8Array[],
  skips: () => boolean,
): {
  seen: Reply[];
  count: number;
  error: string | undefined;
  offset: number;
} {
  const seen: Reply[] = [];
  let count = 0;
  let error: ProtocolError | undefined;
  try {
    for (const piece of pieces) {
      reader.feed(piece);
      for (;;) {
        if (skips()) count += reader.skip(20);
        const reply = reader.next();
        if (reply === undefined) break;
        count++;
        const plain = reply.kind === "simple" || reply.kind === "integer" ||
          reply.kind === "bulk" && reply.length !== 20;
        if (!plain) seen.push(reply);
      }
    }
  } catch (thrown) {
    assertInstanceOf(thrown, ProtocolError);
    error = thrown;
  }
  return { seen, count, error: error?.message, offset: reader.offset };
}

/** Changes, drops or adds a few bytes. */
function damage(random: Random, bytes: Uint8Array): Uint8Array {
  const damaged = [...bytes];
  for (let i = random.int(3); i > 0 && damaged.length > 0; i--) {
    const byte = random.int(2) === 0
      ? random.int(256)
      : random.pick(encoder.encode("+-:$*_#,(!=%~>|;.?\r\n0123456789OK"));
    damaged.splice(random.int(damaged.length), random.int(2), ...[byte]);
  }
  return Uint8Array.from(damaged);
}

Deno.test("skip and next together see what next alone sees, garbage included", () => {
  const seed = Random.seed();
  const random = new Random(seed);
  let broken = 0;
  for (let i = 0; i < 3000; i++) {
    const bytes = damage(random, latin1Bytes(randomStream(random).wire));
    const pieces = random.cut(bytes, random.pick([7, 100, 5000]));
    const alone = tally(new ReplyReader(), pieces, () => false);
    const together = tally(
      new ReplyReader(),
      pieces,
      () => random.int(3) > 0,
    );
    const where = `RESPIPE_SEED=${seed}, stream ${i}`;
    assertEquals(together, alone, where);
    if (alone.error !== undefined) broken++;
  }
  assert(broken > 100, `RESPIPE_SEED=${seed}: only ${broken} were broken`);
});

Deno.test("skip looks at every byte of a run", () => {
  const runs = [
    "+OK\r\n".repeat(9),
    ":1\r\n".repeat(9),
    ":12\r\n:8\r\n".repeat(3),
  ];
  runs.push("$2\r\nab\r\n".repeat(3), "$10\r\n0123456789\r\n");
  for (const run of runs) {
    for (let i = 0; i < run.length; i++) {
      for (const byte of encoder.encode("x-0\r\n:+;/")) {
        const bytes = encoder.encode(run);
        bytes[i] = byte;
        assertEquals(
          tally(new ReplyReader(), [bytes], () => true),
          tally(new ReplyReader(), [bytes], () => false),
          `byte ${i} of ${JSON.stringify(run)} is ${byte}`,
        );
      }
    }
  }
});

Deno.test("random bytes give replies or a ProtocolError and come to an end", () => {
  const seed = Random.seed();
  const random = new Random(seed);
  const likely = encoder.encode("+-:$*_#,(!=%~>|;.?\r\n\r\n\r\n0123tf");
  for (let i = 0; i < 5000; i++) {
    const bytes = random.int(4) === 0
      ? random.bytes(random.int(50))
      : Uint8Array.from({ length: random.int(200) }, () => random.pick(likely));
    const reader = new ReplyReader();
    const { replies, error } = readPieces(
      reader,
      random.cut(bytes, 20),
    );
    const where = `RESPIPE_SEED=${seed}, stream ${i}`;
    assert(replies.length <= bytes.length / 3, where);
    if (error === undefined) {
      assertEquals(reader.offset, bytes.length, where);
    } else {
      assert(error.offset >= 0 && error.offset < bytes.length, where);
      assertEquals(
        error.bytes,
        bytes.subarray(error.offset, error.offset + error.bytes.length),
        where,
      );
    }
  }
});

Deno.test("unfolded arrays: the length first, then the items one by one", () => {
  const wire = "+OK\r\n*4\r\n:1\r\n-ERR no\r\n*2\r\n+a\r\n*1\r\n+b\r\n" +
    "*0\r\n*0\r\n$1\r\nx\r\n*1\r\n*-1\r\n*1\r\n>1\r\n+p\r\n+c\r\n";
  const header = (length: number): Reply => ({
    kind: "array",
    length,
    items: [],
  });
  const expected: Reply[] = [
    ...[OK, header(4), integer(1)],
    { kind: "error", text: "ERR no" },
    ...[array(simple("a"), array(simple("b"))), array()],
    ...[header(0), bulk("x"), header(1), NULL, header(1)],
    { kind: "push", length: 1, items: [simple("p")] },
    simple("c"),
  ];
  everySplit(encoder.encode(wire), (pieces) => {
    const outcome = readPieces(new ReplyReader({ unfolds: true }), pieces);
    assertEquals(outcome, { replies: expected, error: undefined });
  });
});

Deno.test("the items of an unfolded array are passed over like replies", () => {
  const reader = new ReplyReader({ unfolds: true });
  reader.feed(encoder.encode("*3\r\n+OK\r\n:1\r\n*1\r\n+a\r\n*1\r\n:2\r\n"));
  assertEquals(reader.skip(), 0);
  assertEquals(reader.next(), { kind: "array", length: 3, items: [] });
  assertEquals(reader.skip(), 2);
  // The third item is an array of its own.
  assertEquals(reader.next(), array(simple("a")));
  assertEquals(reader.next(), { kind: "array", length: 1, items: [] });
  assertEquals(reader.skip(), 1);
  assertEquals(reader.next(), undefined);
});
