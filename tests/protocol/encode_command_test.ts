import { assertEquals, assertThrows } from "@std/assert";
import {
  decimalLength,
  encodeCommand,
  writeDecimal,
} from "../../src/protocol/encode_command.ts";
import { ReplyReader } from "../../src/protocol/reply_reader.ts";
import { Random } from "../support/random.ts";

const encoder = new TextEncoder();

Deno.test("a command is encoded as an array of bulk strings", () => {
  const rows: [(string | Uint8Array)[], string][] = [
    [["PING"], "*1\r\n$4\r\nPING\r\n"],
    [["SET", "k", ""], "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n"],
    [["GET", "Zürich"], "*2\r\n$3\r\nGET\r\n$7\r\nZürich\r\n"],
    [["ECHO", "a\r\nb\0"], "*2\r\n$4\r\nECHO\r\n$5\r\na\r\nb\0\r\n"],
    [[encoder.encode("PING")], "*1\r\n$4\r\nPING\r\n"],
    [
      ["ECHO", "x".repeat(1234)],
      `*2\r\n$4\r\nECHO\r\n$1234\r\n${"x".repeat(1234)}\r\n`,
    ],
    [
      Array.from({ length: 12 }, () => "a"),
      "*12\r\n" + "$1\r\na\r\n".repeat(12),
    ],
  ];
  for (const [args, expected] of rows) {
    assertEquals(encodeCommand(args), encoder.encode(expected), expected);
  }
});

Deno.test("a command passes bytes that are not UTF-8 through", () => {
  assertEquals(
    [...encodeCommand(["A", new Uint8Array([0xff, 0x00, 0xc3])])],
    [...encoder.encode("*2\r\n$1\r\nA\r\n$3\r\n"), 0xff, 0x00, 0xc3, 13, 10],
  );
});

Deno.test("a command without arguments is refused", () => {
  assertThrows(() => encodeCommand([]), RangeError, "no arguments");
});

Deno.test("a random command comes back from the reply reader as it was", () => {
  const seed = Random.seed();
  const random = new Random(seed);
  for (let i = 0; i < 300; i++) {
    const args = Array.from(
      { length: 1 + random.int(20) },
      () => random.bytes(random.int(200)),
    );
    const reader = new ReplyReader();
    reader.feed(encodeCommand(args));
    assertEquals(
      reader.next(),
      {
        kind: "array",
        length: args.length,
        items: args.map((body) => ({
          kind: "bulk" as const,
          length: body.length,
          body,
        })),
      },
      `RESPIPE_SEED=${seed}`,
    );
    assertEquals(reader.next(), undefined, `RESPIPE_SEED=${seed}`);
  }
});

Deno.test("a length is written as its decimal digits and nothing else", () => {
  const lengths = [0, 1, 9, 42, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 40];
  for (let bound = 10; bound <= 1e15; bound *= 10) {
    lengths.push(bound - 1, bound, bound + 1);
  }
  lengths.push(Number.MAX_SAFE_INTEGER);
  for (const n of lengths) {
    const digits = String(n);
    assertEquals(decimalLength(n), digits.length, digits);
    const bytes = new Uint8Array(20).fill(0xee);
    const end = writeDecimal(bytes, 2, n);
    assertEquals(end, 2 + digits.length, digits);
    assertEquals(
      [...bytes],
      [
        0xee,
        0xee,
        ...encoder.encode(digits),
        ...Array(18 - digits.length).fill(0xee),
      ],
      digits,
    );
  }
});
