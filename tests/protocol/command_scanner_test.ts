import { assert, assertEquals } from "@std/assert";
import { CommandScanner } from "../../src/protocol/command_scanner.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { everySplit } from "../support/every_split.ts";
import { latin1Bytes, latin1Text } from "../support/latin1.ts";
import { Random } from "../support/random.ts";
import { type Scanned, scanSlowly } from "../support/scan_slowly.ts";

const SEED = Random.seed();

/** What lies around the bytes: whoever looks at it finds whole commands. */
const STALE = latin1Bytes("*1\r\n$4\r\nPING\r\n".repeat(20));

/** Scans pieces, each one in a buffer that is used again. */
function scanPieces(
  pieces: readonly Uint8Array[],
): Omit<Scanned, "commands"> & { count: number } {
  const scanner = new CommandScanner();
  let [boundary, begin, faultAt, base] = [0, -1, -1, 0];
  for (const piece of pieces) {
    const start = 14;
    const buffer = new Uint8Array(piece.length + STALE.length);
    buffer.set(STALE);
    buffer.set(piece, start);
    const end = start + piece.length;
    const at = scanner.scan(buffer, start, end);
    assert(at >= start && at <= end, `stopped at ${at}`);
    const { boundary: bound, begin: first } = scanner;
    if (bound >= 0) boundary = base + bound - start;
    if (first >= 0) begin = base + first - start;
    if (scanner.fault !== undefined) faultAt = base + at - start;
    if (scanner.fault !== undefined || scanner.hazard !== undefined) {
      // For good: whatever comes next changes nothing.
      const { commands } = scanner;
      assertEquals(scanner.scan(STALE, 0, STALE.length), 0);
      assertEquals(scanner.commands, commands);
      break;
    }
    assertEquals(at, end, "all of it is scanned");
    base += piece.length;
  }
  const { hazard, commands, open, missing, openMulti } = scanner;
  return {
    count: commands,
    boundary,
    begin,
    faultAt,
    hazard: hazard?.name,
    open,
    missing,
    lineBreak: latin1Text(scanner.lineBreak),
    openMulti,
  };
}

function expected(input: string): ReturnType<typeof scanPieces> {
  const { commands, ...others } = scanSlowly(input);
  return { ...others, count: commands.length };
}

/** A result that most inputs have most of. */
const PLAIN = {
  count: 0,
  boundary: 0,
  faultAt: -1,
  hazard: undefined,
  open: false,
  missing: 0,
  lineBreak: "",
  openMulti: 0,
} as const;

const PING = "*1\r\n$4\r\nPING\r\n";
const MULTI = "*1\r\n$5\r\nMULTI\r\n";
const EXEC = "*1\r\n$4\r\nEXEC\r\n";

/** Input, and what is not plain about the result; the boundary is the end. */
const WHOLE: Record<string, [string, Partial<Scanned> & { count?: number }]> = {
  "nothing": ["", {}],
  "one command": [PING, { count: 1 }],
  "several commands": [PING.repeat(3), { count: 3 }],
  "a count of two digits": [
    "*12\r\n" + "$1\r\nx\r\n".repeat(12) + PING,
    { count: 2 },
  ],
  "an empty bulk string": [
    "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
    { count: 1 },
  ],
  "an empty command name": ["*1\r\n$0\r\n\r\n", { count: 1 }],
  "line breaks and RESP in a value": [
    "*2\r\n$4\r\nECHO\r\n$12\r\n\r\n*1\r\n$9\r\n\r\n\r\n",
    { count: 1 },
  ],
  "any two bytes behind a bulk string": [
    "*1\r\n$4\r\nPING*1" + PING,
    { count: 2 },
  ],
  "a count of 0": ["*0\r\n" + PING, { count: 1 }],
  "a count of -1": ["*-1\r\n" + PING, { count: 1 }],
  "a very negative count": ["*-9999999999\r\n", {}],
  "an inline command": ["PING\r\n", { count: 1 }],
  "an inline command with LF": ["PING\nPING\n", { count: 2 }],
  "blank lines": ["\r\n\n \t\v\f\r\r\n", {}],
  "blank lines between commands": [
    `\n${PING}\r\n  \nGET a\n\n${PING}\n`,
    { count: 3 },
  ],
  "a control character is a command": ["\x01\n", { count: 1 }],
  "empty quotes are a command": ['""\n', { count: 1 }],
  "a line break in quotes": ['ECHO "a\\nb"\n', { count: 1 }],
  "a quote in the middle of a word": [
    "PI\"NG\"\nEC'HO' x\n",
    { count: 2 },
  ],
  "escapes in double quotes": [
    '"\\x50\\"\\\\\\x4" "\\xZZ" "\\q"\n',
    { count: 1 },
  ],
  "an escape in single quotes": [
    "'it\\'s' 'a\\b'\n",
    { count: 1 },
  ],
  "a value that looks like a hazard": [
    "*2\r\n$4\r\nECHO\r\n$7\r\nMONITOR\r\nECHO MONITOR\n",
    { count: 2 },
  ],
  "a name that is longer than a hazard's": [
    "*1\r\n$8\r\nMONITORS\r\n*1\r\n$22\r\nPUNSUBSCRIBEUNSUBSCRI\r\n\r\n",
    { count: 2 },
  ],
  "CLIENT REPLY ON": [
    "*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$2\r\nON\r\nCLIENT REPLY ON\n",
    { count: 2 },
  ],
  "CLIENT with something else": [
    "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$3\r\nOFF\r\nCLIENT REPLY BAD\n",
    { count: 2 },
  ],
  "CLIENT REPLY without its argument": [
    "*2\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\nCLIENT REPLY\n",
    { count: 2 },
  ],
};

/** From here on the boundary is 0 where nothing else is said. */
const CUT: typeof WHOLE = {
  "in front of the count": ["*", { open: true }],
  "within the count": ["*1", { open: true }],
  "behind a minus": ["*-", { open: true }],
  "within the count's line break": ["*1\r", { open: true }],
  "behind the count": [PING + "*1\r\n", {
    count: 1,
    boundary: 14,
    open: true,
  }],
  "within a length": ["*1\r\n$4", { open: true }],
  "in front of a value": ["*1\r\n$4\r\n", { open: true, missing: 6 }],
  "within a value": ["*1\r\n$4\r\nPI", { open: true, missing: 4 }],
  "in front of the last line break": ["*1\r\n$4\r\nPING", {
    open: true,
    missing: 2,
    lineBreak: "\r\n",
  }],
  "within the last line break": ["*1\r\n$4\r\nPING\r", {
    open: true,
    missing: 1,
    lineBreak: "\n",
  }],
  "within another line break": ["*2\r\n$4\r\nPING\r", {
    open: true,
    missing: 1,
  }],
  "between two arguments": ["*2\r\n$4\r\nPING\r\n", { open: true }],
  "within an inline command": ["PING\nGET a", {
    count: 1,
    boundary: 5,
    open: true,
    lineBreak: "\n",
  }],
  "within a blank line": ["PING\n  ", {
    count: 1,
    boundary: 5,
    open: true,
    lineBreak: "\n",
  }],
  "within quotes": ['GET "a', { open: true, lineBreak: "\n" }],
};

const BROKEN: typeof WHOLE = {
  "no count": ["*\r\n", { faultAt: 1 }],
  "a count that is no number": ["*x\r\n", { faultAt: 1 }],
  "a count with a plus": ["*+1\r\n", { faultAt: 1 }],
  "a count with a leading zero": ["*03\r\n", { faultAt: 2 }],
  "a count of minus nothing": ["*-\r\n", { faultAt: 2 }],
  "a count of minus zero": ["*-0\r\n", { faultAt: 2 }],
  "two minuses": ["*--1\r\n", { faultAt: 2 }],
  "a minus within the count": ["*1-\r\n", { faultAt: 2 }],
  "a count that is too large": ["*21474836480\r\n", { faultAt: 10 }],
  "a count that is too large by one": ["*2147483648\r\n", { faultAt: 10 }],
  "a count that ends in LF": ["*1\n$4\r\nPING\r\n", { faultAt: 2 }],
  "a carriage return without its LF": ["*1\rX$4\r\nPING\r\n", { faultAt: 3 }],
  "another type than a bulk string": ["*1\r\n:4\r\n", { faultAt: 4 }],
  "too few bulk strings": ["*2\r\n$4\r\nPING\r\n" + PING, { faultAt: 14 }],
  "no length": ["*1\r\n$\r\n", { faultAt: 5 }],
  "a null bulk string": ["*1\r\n$-1\r\n", { faultAt: 5 }],
  "a length with a leading zero": ["*1\r\n$04\r\nPING\r\n", { faultAt: 6 }],
  "a length of zeros": ["*1\r\n$00\r\n\r\n", { faultAt: 6 }],
  "a length that is too large": ["*1\r\n$2147483648\r\n", { faultAt: 14 }],
  "a length that ends in LF": ["*1\r\n$4\nPING\r\n", { faultAt: 6 }],
  "behind whole commands": [PING + PING + "*1\r\n*1\r\n", {
    count: 2,
    boundary: 28,
    faultAt: 32,
  }],
  "a quote left open": ['PING\nGET "a\nPING\n', {
    count: 1,
    boundary: 5,
    faultAt: 11,
  }],
  "a single quote left open": ["GET 'a\\'\n", { faultAt: 8 }],
  "something right behind a quote": ['GET "a"b\n', { faultAt: 7 }],
};

const HAZARDOUS: typeof WHOLE = {
  "SUBSCRIBE": [
    PING + "*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n" + PING,
    { count: 1, boundary: 14, hazard: "SUBSCRIBE" },
  ],
  "in any letter case": ["*1\r\n$7\r\nmOnItOr\r\n", { hazard: "MONITOR" }],
  "as soon as its name is whole": [
    "*1000\r\n$9\r\nSUBSCRIBE\r\n",
    { hazard: "SUBSCRIBE" },
  ],
  "CLIENT REPLY OFF": [
    "*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n",
    { hazard: "CLIENT REPLY OFF" },
  ],
  "CLIENT REPLY SKIP": [
    "*3\r\n$6\r\nclient\r\n$5\r\nreply\r\n$4\r\nskip\r\n",
    { hazard: "CLIENT REPLY SKIP" },
  ],
  "inline": ["PING\nmonitor\nPING\n", {
    count: 1,
    boundary: 5,
    hazard: "MONITOR",
  }],
  "inline, with more": ["  client\treply  off  \r\n", {
    hazard: "CLIENT REPLY OFF",
  }],
  "inline, in quotes": ['"\\x73ub\'scribe" x\n'.replace("'", ""), {
    hazard: "SUBSCRIBE",
  }],
  "inline, quoted from the middle on": ["MONI'TOR'\n", { hazard: "MONITOR" }],
  "inline, behind blank lines": ["\n\r\n*0\r\nQUIT\r\n", {
    boundary: 7,
    hazard: "QUIT",
  }],
  "a NUL in an inline command": ["PING\nGET a\0b\nPING\n", {
    count: 1,
    boundary: 5,
    hazard: "an inline command with a NUL in it",
  }],
  "within MULTI": [MULTI + "MONITOR\n", {
    count: 1,
    boundary: 15,
    hazard: "MONITOR",
    openMulti: 1,
  }],
};

const TRANSACTIONS: typeof WHOLE = {
  "MULTI is open": [PING + MULTI + PING, {
    count: 3,
    openMulti: 2,
  }],
  "EXEC ends it": [MULTI + PING + EXEC, { count: 3 }],
  "a wrong EXEC ends it too": [MULTI + "exec now\n", {
    count: 2,
  }],
  "DISCARD ends it": ["multi\ndiscard\n", { count: 2 }],
  "a wrong DISCARD does not": ["multi\ndiscard all\n", {
    count: 2,
    openMulti: 1,
  }],
  "RESET ends it": [MULTI + "*1\r\n$5\r\nreset\r\n", {
    count: 2,
  }],
  "a nested MULTI is none": [MULTI + MULTI, {
    count: 2,
    openMulti: 1,
  }],
  "a wrong MULTI is none": ["MULTI 2\n*2\r\n$5\r\nMULTI\r\n$0\r\n\r\n", {
    count: 2,
  }],
  "the second one is open": ["MULTI\nEXEC\nmulti\n", {
    count: 3,
    openMulti: 3,
  }],
};

for (
  const [group, table] of Object.entries({
    "finds the end of": WHOLE,
    "knows that it ends": CUT,
    "finds the fault of": BROKEN,
    "finds a hazard:": HAZARDOUS,
    "tracks transactions:": TRANSACTIONS,
  })
) {
  for (const [name, [input, result]] of Object.entries(table)) {
    Deno.test(`CommandScanner ${group} ${name}`, () => {
      const whole = table === WHOLE || table === TRANSACTIONS;
      const boundary = whole ? input.length : 0;
      const wanted = { ...PLAIN, boundary, ...result };
      everySplit(latin1Bytes(input), (pieces) => {
        const { begin: _, ...found } = scanPieces(pieces);
        assertEquals(found, wanted);
      });
      // The oracle of the random tests has to know as much.
      const { begin: _, ...slow } = expected(input);
      assertEquals(slow, wanted);
    });
  }
}

Deno.test("CommandScanner says what it expected where", () => {
  const cases: [string, string][] = [
    ["*1\r\n:", 'expected "$"'],
    ["*1\rx", "expected a line feed"],
    ["*x", "expected a length in decimal"],
    ["*01", "expected a length without a leading zero"],
    ["*9999999999", "expected a smaller length"],
    ["'a\n", "expected a closing quote in an inline command"],
    ["'a'b", "expected white space in an inline command"],
  ];
  for (const [input, fault] of cases) {
    const scanner = new CommandScanner();
    scanner.scan(latin1Bytes(input), 0, input.length);
    assertEquals(scanner.fault, fault, input);
    assert(!scanner.open);
  }
});

Deno.test("CommandScanner takes inline commands of up to 80 KiB", () => {
  const most = 80 * 1024;
  for (const size of [7, 4096, 1 << 20]) {
    const good = latin1Bytes(`SET ${"x".repeat(most - 4)}\nPING\n`);
    const split = (bytes: Uint8Array): Uint8Array[] =>
      Array.from(
        { length: Math.ceil(bytes.length / size) },
        (_, i) => bytes.subarray(i * size, (i + 1) * size),
      );
    const { count, faultAt } = scanPieces(split(good));
    assertEquals([count, faultAt], [2, -1]);
    const bad = latin1Bytes(`PING\nSET ${"x".repeat(most - 3)}\n`);
    const found = scanPieces(split(bad));
    assertEquals([found.count, found.boundary], [1, 5]);
    assertEquals(found.faultAt, 5 + most);
  }
});

Deno.test("CommandScanner stops behind as many commands as wanted", () => {
  const input = latin1Bytes(`${PING}\n*0\r\n${PING}GET a\n\n${PING}`);
  const ends = [14, 33, 39, 54];
  for (let most = 0; most <= 4; most++) {
    const scanner = new CommandScanner();
    const at = scanner.scan(input, 0, input.length, most);
    assertEquals(at, most === 0 ? 0 : ends[most - 1]);
    assertEquals(scanner.commands, most);
    assertEquals(scanner.boundary, at);
  }
  const scanner = new CommandScanner();
  const begins: number[] = [];
  for (let at = 0; at < input.length;) {
    at = scanner.scan(input, at, input.length, 1);
    begins.push(scanner.begin);
  }
  assertEquals(begins, [0, 19, 33, 40], "blank lines are not the command's");
});

/** A stream of commands in RESP and inline, with their number. */
function randomStream(random: Random): { bytes: Uint8Array; count: number } {
  const parts: Uint8Array[] = [];
  let count = 0;
  for (let left = random.int(30); left > 0; left--) {
    switch (random.int(8)) {
      case 0:
        parts.push(latin1Bytes(random.pick(["\n", "\r\n", " \t\n", "*0\r\n"])));
        break;
      case 1:
      case 2:
        count++;
        parts.push(latin1Bytes(random.pick([
          "PING\n",
          "set a 'b c'\r\n",
          '  get "\\x00\\"" x y\n',
          "MULTI\n",
          "exec\r\n",
          "client reply on\n",
        ])));
        break;
      default: {
        count++;
        const name = random.pick(["SET", "MULTI", "EXEC", "CLIENT", "QUOTA"]);
        const others = Array.from(
          { length: random.pick([0, 1, 2, 3, 12]) },
          () => random.bytes(random.pick([0, 1, 3, 5, 12, 150])),
        );
        parts.push(encodeCommand([name, ...others]));
      }
    }
  }
  const bytes = new Uint8Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { bytes, count };
}

Deno.test("CommandScanner agrees with a slow one on any commands and cuts", () => {
  const random = new Random(SEED);
  for (let round = 0; round < 400; round++) {
    const { bytes, count } = randomStream(random);
    const message = `RESPIPE_SEED=${SEED}, round ${round}`;
    const slow = expected(latin1Text(bytes));
    assertEquals(slow.count, count, message);
    assertEquals(slow.boundary, bytes.length, message);
    assertEquals(scanPieces([bytes]), slow, message);
    // One byte at a time, only the states are at work.
    const single = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
    assertEquals(scanPieces(single), slow, message);
    for (const longest of [3, 20, 400]) {
      assertEquals(scanPieces(random.cut(bytes, longest)), slow, message);
    }
    const cut = random.int(bytes.length + 1);
    const part = bytes.subarray(0, cut);
    assertEquals(
      scanPieces(random.cut(part, 50)),
      expected(latin1Text(part)),
      `${message}, cut at ${cut}`,
    );
  }
});

Deno.test("CommandScanner agrees with a slow one on damaged commands", () => {
  const random = new Random(SEED);
  const alphabet = latin1Bytes("*$\r\n0123456789-+ \t\v\"'\\x\0Aa");
  for (let round = 0; round < 3000; round++) {
    const { bytes } = randomStream(random);
    const damaged = bytes.slice(0, 400);
    for (let left = random.int(4); left > 0 && damaged.length > 0; left--) {
      damaged[random.int(damaged.length)] = random.pick(alphabet);
    }
    const message = `RESPIPE_SEED=${SEED}, round ${round}`;
    const slow = expected(latin1Text(damaged));
    assertEquals(scanPieces([damaged]), slow, message);
    assertEquals(scanPieces(random.cut(damaged, 9)), slow, message);
  }
});

Deno.test("CommandScanner agrees with a slow one on any bytes", () => {
  const random = new Random(SEED);
  const alphabet = latin1Bytes("**$$\r\n\r\n1234567890- \"'\\xMULTI\0");
  for (let round = 0; round < 5000; round++) {
    const length = random.int(60);
    const noise = round % 2 === 0
      ? random.bytes(length)
      : Uint8Array.from({ length }, () => random.pick(alphabet));
    const message = `RESPIPE_SEED=${SEED}, round ${round}`;
    const slow = expected(latin1Text(noise));
    assertEquals(scanPieces([noise]), slow, message);
    assertEquals(scanPieces(random.cut(noise, 4)), slow, message);
  }
});
