import { assertEquals } from "@std/assert";
import {
  CommandEncoder,
  CommandReader,
} from "../../src/codec/command_reader.ts";
import { Step } from "../../src/codec/step.ts";
import { ByteBuffer } from "../../src/protocol/byte_buffer.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { everySplit } from "../support/every_split.ts";

const latin1 = new TextDecoder("latin1");

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A command: where it stands, and its words. */
type Found = [offset: number, words: string[]];

const CASES: [name: string, input: string, found: Found[], ending?: string][] =
  [
    ["nothing", "", []],
    ["empty lines and arrays", "\r\n\n*0\r\n*-1\r\n\n", []],
    ["inline", "PING\nset a  1\r\n", [[0, ["PING"]], [5, ["set", "a", "1"]]]],
    [
      "quotes",
      'set "a b" \'it\\\'s\' "\\x00\\xfF\\n\\r\\t\\b\\a\\q\\"" ""\n',
      [[0, ["set", "a b", "it's", '\0\xff\n\r\t\b\x07q"', ""]]],
    ],
    ["words that quotes end", 'a"b c" \'d\\e\' "\\xg"\n', [
      [0, ["ab c", "d\\e", "xg"]],
    ]],
    ["RESP", "*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n", [
      [0, ["PING"]],
      [14, ["GET", ""]],
    ]],
    ["both by turns", "\nPING\n*0\r\n*1\r\n$1\r\n\n\r\n\r\nPING\r\n", [
      [1, ["PING"]],
      [10, ["\n"]],
      [23, ["PING"]],
    ]],
    ["an open command", "PING\n*1\r\n$4\r\nPI", [[0, ["PING"]]], "open"],
    ["a hazard", "PING\nMONITOR\nPING\n", [[0, ["PING"]]], "MONITOR"],
    ["no RESP", "PING\n*1\r\n+4\r\n", [[0, ["PING"]]], 'expected "$"'],
  ];

/** Reads an input that comes in pieces, in buffers that move. */
function read(
  input: Uint8Array,
  pieces: Uint8Array[],
): [Found[], string, number] {
  const reader = new CommandReader({ records: 7, line: 1, offset: 100 });
  const encoder = new CommandEncoder();
  const found: Found[] = [];
  let moved = 0;
  let cut = 0;
  for (const { length } of pieces) {
    cut += length;
    // What is not whole comes again, at another place of another buffer.
    const bytes = new Uint8Array(input.length + 9);
    const from = reader.boundary - moved;
    moved = cut % 5;
    bytes.set(input.subarray(from, cut), from + moved);
    reader.feed(bytes, from + moved, cut + moved);
    let step: Step;
    while ((step = reader.next()) === Step.Record) {
      const out = new ByteBuffer();
      encoder.encode(reader.record, out);
      const words = wordsOf(latin1.decode(out.view()));
      assertEquals(encodeCommand(words.map(bytesOf)), out.view());
      found.push([reader.offset - 100, words]);
      assertEquals(reader.records, 7 + found.length);
      assertEquals(reader.offset + reader.raw.length, reader.place().offset);
    }
    if (step === Step.Broken) break;
  }
  const { hazard, fault, open } = reader.scanner;
  const ending = hazard?.name ?? fault ?? (open ? "open" : "");
  return [found, ending, reader.place().offset - 100];
}

function wordsOf(resp: string): string[] {
  const words: string[] = [];
  for (let at = resp.indexOf("\n") + 1; at < resp.length;) {
    const start = resp.indexOf("\n", at) + 1;
    const length = Number(resp.slice(at + 1, start - 2));
    words.push(resp.slice(start, start + length));
    at = start + length + 2;
  }
  return words;
}

for (const [name, text, found, ending = ""] of CASES) {
  Deno.test(`commands whole, byte by byte and cut anywhere: ${name}`, () => {
    const input = bytesOf(text);
    const whole = read(input, [input]);
    assertEquals(whole.slice(0, 2), [found, ending]);
    everySplit(input, (pieces) => assertEquals(read(input, pieces), whole));
  });
}
