import { assertEquals, assertThrows } from "@std/assert";
import {
  type DialectOptions,
  NO_QUOTE,
  parseDialect,
} from "../../src/codec/dialect.ts";
import { UsageError } from "../../src/errors.ts";

const GOOD: [options: DialectOptions, delimiter: number, quote: number][] = [
  [{}, 0x2c, 0x22],
  [{ delimiter: undefined, quote: undefined }, 0x2c, 0x22],
  [{ delimiter: ";" }, 0x3b, 0x22],
  [{ delimiter: "tab" }, 9, 0x22],
  [{ delimiter: "\\t" }, 9, 0x22],
  [{ delimiter: "\t" }, 9, 0x22],
  [{ delimiter: "\0" }, 0, 0x22],
  [{ delimiter: " " }, 0x20, 0x22],
  [{ delimiter: "\x7f" }, 0x7f, 0x22],
  [{ quote: "'" }, 0x2c, 0x27],
  [{ quote: "none" }, 0x2c, NO_QUOTE],
  [{ quote: "" }, 0x2c, NO_QUOTE],
  [{ delimiter: '"', quote: "'" }, 0x22, 0x27],
  [{ delimiter: '"', quote: "none" }, 0x22, NO_QUOTE],
];

const BAD: [options: DialectOptions, message: string, flag: string][] = [
  [{ delimiter: "" }, 'Cannot parse delimiter ""', "--delimiter"],
  [{ delimiter: ",," }, 'delimiter ",,": must be one ASCII', "--delimiter"],
  [{ delimiter: "none" }, 'delimiter "none"', "--delimiter"],
  [{ delimiter: "|||" }, "one ASCII character, or tab", "--delimiter"],
  [{ quote: "no" }, "one ASCII character, or none", "--quote"],
  [{ delimiter: "é" }, 'delimiter "é": must be one ASCII', "--delimiter"],
  [{ delimiter: "🚕" }, 'delimiter "🚕": must be one ASCII', "--delimiter"],
  [{ delimiter: "\n" }, "a line break ends a record", "--delimiter"],
  [{ delimiter: "\r" }, "a line break ends a record", "--delimiter"],
  [{ quote: "ab" }, 'Cannot parse quote "ab"', "--quote"],
  [{ quote: "«" }, 'Cannot parse quote "«"', "--quote"],
  [{ quote: "\n" }, "a line break ends a record", "--quote"],
  [{ quote: "," }, 'Cannot use "," both as delimiter and as', "--quote"],
  [{ delimiter: "tab", quote: "\\t" }, 'Cannot use "\\t" both', "--quote"],
];

Deno.test("a dialect is read from the characters that a user writes", () => {
  for (const [options, delimiter, quote] of GOOD) {
    assertEquals(
      parseDialect(options),
      { delimiter, quote },
      JSON.stringify(options),
    );
  }
});

Deno.test("a dialect that cannot work is refused, and its flag is named", () => {
  for (const [options, message, flag] of BAD) {
    const error = assertThrows(
      () => parseDialect(options),
      UsageError,
      message,
      JSON.stringify(options),
    );
    assertEquals(error.flag, flag, JSON.stringify(options));
  }
});
