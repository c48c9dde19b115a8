import { assert, assertEquals } from "@std/assert";
import {
  quoteArgument,
  quoteCommand,
  quoteCommands,
  quotePiped,
} from "../../src/protocol/quote.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { latin1Bytes } from "../support/latin1.ts";

const LONG = "x".repeat(64);

const ARGUMENTS: [string, string][] = [
  ["key:1", "key:1"],
  ["a.b{c}@d/e+f-g_h", "a.b{c}@d/e+f-g_h"],
  ["", '""'],
  ["two words", '"two words"'],
  [
    'say "hi"\\\r\n\t\x07\b\0\x7f',
    '"say \\"hi\\"\\\\\\r\\n\\t\\a\\b\\x00\\x7f"',
  ],
  ["Z\xc3\xbcrich", '"Z\\xc3\\xbcrich"'],
  ["\x1b[2J", '"\\x1b[2J"'],
  ["'", '"\'"'],
  [LONG, LONG],
  [LONG + "x", `${LONG}... (65 bytes)`],
  [" ".repeat(70), `"${" ".repeat(64)}"... (70 bytes)`],
];

for (const [argument, shown] of ARGUMENTS) {
  Deno.test(`quoteArgument shows ${shown.slice(0, 40)}`, () => {
    assertEquals(quoteArgument(latin1Bytes(argument)), shown);
  });
}

const COMMANDS: [string[], string][] = [
  [["PING"], "PING"],
  [["SET", "k", "two words"], 'SET k "two words"'],
  [["SET", "", "\r\n"], 'SET "" "\\r\\n"'],
  [["SET", "k", "x".repeat(1000)], `SET k ${LONG}... (1000 bytes)`],
  [["DEL", ..."abcdefg"], "DEL a b c d e f g"],
  [["DEL", ..."abcdefgh"], "DEL a b c d e f g ... (9 arguments)"],
];

for (const [command, shown] of COMMANDS) {
  Deno.test(`a command is quoted as ${shown.slice(0, 40)}`, () => {
    const bytes = encodeCommand(command);
    assertEquals(quoteCommand(bytes, 0), shown);
    assertEquals(quotePiped(bytes, 0, bytes.length), shown);
    // Others around it make no difference.
    const other = encodeCommand(["ECHO", "*1\r\n$4\r\nPING\r\n"]);
    const all = new Uint8Array([...other, ...bytes, ...other]);
    assertEquals(quoteCommand(all, 1), shown);
    assertEquals(quotePiped(all, other.length, all.length), shown);
    const end = other.length + bytes.length;
    assertEquals(quotePiped(all, other.length, end), shown);
  });
}

const PIPED: [string, string][] = [
  ["GET a\r\n", '"GET a"'],
  ["GET a\nGET b\n", '"GET a"'],
  ["PING", "PING"],
  ["PING\r", "PING"],
  [`SET k ${"x".repeat(100)}\n`, `"SET k ${"x".repeat(58)}"... (106 bytes)`],
  // A password is never shown.
  ["AUTH s3cret\r\n", "AUTH ..."],
  ['"auth" s3cret\r\n', "auth ..."],
  [" Hello 3 AUTH u s3cret\n", "Hello ..."],
  ["*2\r\n$4\r\nAUTH\r\n$6\r\ns3cret\r\n", "AUTH ..."],
  ["*2\r\n$4\r\nAUTH\r\n$6\r\ns3", "AUTH ..."],
  ["AUTH\r\n", "AUTH"],
  ["AUTHOR a\r\n", '"AUTHOR a"'],
  ["GET AUTH\r\n", '"GET AUTH"'],
  // Cut anywhere.
  ["", '""'],
  ["*", ""],
  ["*2", ""],
  ["*2\r", ""],
  ["*2\r\n", ""],
  ["*2\r\n$3", ""],
  ["*2\r\n$3\r\n", "..."],
  ["*2\r\n$3\r\nGE", "GE..."],
  ["*2\r\n$3\r\nGET\r\n$1", "GET"],
  ["*2\r\n$3\r\nGET\r\n$9\r\nhalf", "GET half..."],
  [`*2\r\n$3\r\nGET\r\n$5000\r\n${LONG}y`, `GET ${LONG}... (5000 bytes)`],
];

for (const [input, shown] of PIPED) {
  const name = JSON.stringify(input.slice(0, 30));
  Deno.test(`quotePiped shows ${name} as ${shown.slice(0, 30)}`, () => {
    assertEquals(quotePiped(latin1Bytes(input), 0, input.length), shown);
    // What is behind the end does not matter.
    const more = latin1Bytes(`PING\n${input}\r\n$4\r\nstale`);
    assertEquals(quotePiped(more, 5, 5 + input.length), shown);
  });
}

Deno.test("a quoted command is never long", () => {
  const bytes = encodeCommand(
    Array.from({ length: 1000 }, () => "\0".repeat(1000)),
  );
  for (let end = 0; end < 20_000; end += 7) {
    assert(quotePiped(bytes, 0, end).length < 2300);
  }
  assert(quoteCommand(bytes, 0).length < 2300);
});

Deno.test("quoteCommands shows the first commands, as much as it is told", () => {
  const commands = [["SET", "k", "v w"], ["SADD", "s", "abcdef", "g"], [
    "PING",
  ]];
  const bytes = Uint8Array.from(commands.flatMap((c) => [...encodeCommand(c)]));
  const all = { bytes: 100, arguments: 100 };
  assertEquals(quoteCommands(bytes, 9, all), [
    'SET k "v w"',
    "SADD s abcdef g",
    "PING",
  ]);
  assertEquals(quoteCommands(bytes, 2, { bytes: 4, arguments: 3 }), [
    'SET k "v w"',
    "SADD s abcd... (6 bytes) ... (4 arguments)",
  ]);
  assertEquals(quoteCommands(bytes, 0, all), []);
});
