import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ChunkPool } from "../../src/engine/chunk_pool.ts";
import { PipeReader } from "../../src/engine/pipe_reader.ts";
import { InputError } from "../../src/errors.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { byteSource } from "../support/byte_source.ts";
import { latin1Bytes, latin1Text } from "../support/latin1.ts";
import { Random } from "../support/random.ts";
import { scanSlowly } from "../support/scan_slowly.ts";

const SEED = Random.seed();

/** The chunks of a pipe, in bytes. */
const CHUNK = 256 * 1024;

/** A piece with a copy of its bytes, and what was known when it came. */
interface Seen {
  source: string;
  text: string;
  offset: number;
  first: number;
  firstAt: number;
  begun: number;
  ended: number;
  sentInPart: boolean;
  /** Bytes of memory that it keeps from being used again. */
  keeps: number;
}

interface Outcome {
  reader: PipeReader;
  pieces: Seen[];
  error: InputError | undefined;
}

interface Input {
  name: string;
  text: string;
}

/** Reads sources as a pipe does; each chunk is spoilt when it is released. */
async function readAll(
  inputs: readonly Input[],
  size: () => number = () => Infinity,
  chunkSize = CHUNK,
): Promise<Outcome> {
  const pool = new ChunkPool(chunkSize);
  const reader = new PipeReader(pool);
  const pieces: Seen[] = [];
  let error: InputError | undefined;
  try {
    for (const input of inputs) {
      const source = byteSource(input.name, latin1Bytes(input.text), size);
      for await (const piece of reader.pieces(source)) {
        const { chunk, end, ...others } = piece;
        pieces.push({
          ...others,
          text: latin1Text(chunk.bytes.subarray(0, end)),
          sentInPart: reader.sentInPart,
          keeps: chunk.bytes.length,
        });
        chunk.bytes.fill(0x2a);
        pool.release(chunk);
      }
    }
  } catch (caught) {
    if (!(caught instanceof InputError)) throw caught;
    error = caught;
  }
  return { reader, pieces, error };
}

/** What was sent of a source. */
function sent({ pieces }: Outcome, name: string): string {
  return pieces.filter(({ source }) => source === name)
    .map((piece) => piece.text).join("");
}

/**
 * Checks all that pieces say against the whole source.
 *
 * @param name The source's name.
 * @param whole What of it should have been sent.
 * @param earlier Commands of earlier sources.
 * @param mostHeld The longest command that is never sent in parts, in bytes.
 * @returns How many commands there are in it.
 */
function checkPieces(
  outcome: Outcome,
  name: string,
  whole: string,
  earlier: number,
  mostHeld: number,
): number {
  const { commands } = scanSlowly(whole);
  assert(sent(outcome, name) === whole, "all bytes come, as they were");
  let offset = 0;
  for (const piece of outcome.pieces) {
    if (piece.source !== name) continue;
    const end = offset + piece.text.length;
    assert(end > offset, "no piece is empty");
    assertEquals(piece.offset, offset);
    const begun = commands.filter(({ begin }) =>
      begin >= offset && begin < end
    );
    const ended = commands.filter((one) => one.end > offset && one.end <= end);
    assertEquals(piece.begun, begun.length, `begun at ${offset}`);
    assertEquals(piece.ended, ended.length, `ended at ${offset}`);
    if (begun.length > 0) {
      const index = commands.indexOf(begun[0]);
      assertEquals(piece.first, earlier + index + 1, `first at ${offset}`);
      // Lines that are no commands may be in front of it.
      const before = commands[index - 1]?.end ?? 0;
      assert(piece.firstAt + offset >= before, `firstAt at ${offset}`);
      assert(piece.firstAt + offset <= begun[0].begin, `firstAt at ${offset}`);
    }
    const within = commands.find((one) => one.begin < end && end < one.end);
    if (within !== undefined) {
      const length = within.end - within.begin;
      assert(length > mostHeld, `${length} bytes are sent in parts`);
    }
    assertEquals(piece.sentInPart, within !== undefined, `in part at ${end}`);
    offset = end;
  }
  return commands.length;
}

const PING = "*1\r\n$4\r\nPING\r\n";

/** A stream of whole commands; some are longer than `large` bytes. */
function randomStream(random: Random, large: number): string {
  let stream = "";
  for (let left = 1 + random.int(40); left > 0; left--) {
    const kind = random.int(10);
    if (kind === 0) stream += random.pick(["\r\n", "\n", "*0\r\n", " \n"]);
    else if (kind < 4) stream += random.pick(["PING\n", "SET a 'b c'\r\n"]);
    else {
      const length = random.int(8) === 0
        ? large + random.int(3 * large)
        : random.int(60);
      stream += latin1Text(encodeCommand(["SET", "key", random.bytes(length)]));
    }
  }
  return stream;
}

Deno.test("PipeReader cuts any sources into whole commands", async () => {
  const random = new Random(SEED);
  for (let round = 0; round < 150; round++) {
    const inputs = ["a", "b", "c"].slice(0, 1 + random.int(3))
      .map((name) => ({ name, text: randomStream(random, 600) }));
    const most = random.pick([1, 7, 100, 1024]);
    const outcome = await readAll(inputs, () => 1 + random.int(most), 1024);
    try {
      assertEquals(outcome.error, undefined);
      let earlier = 0;
      for (const { name, text } of inputs) {
        earlier += checkPieces(outcome, name, text, earlier, 512);
      }
      const { bytesRead } = outcome.reader;
      assertEquals(
        bytesRead,
        inputs.reduce((n, { text }) => n + text.length, 0),
      );
    } catch (error) {
      throw new Error(`RESPIPE_SEED=${SEED}, round ${round}`, { cause: error });
    }
  }
});

Deno.test("PipeReader sends what is too large to hold in parts", async () => {
  const random = new Random(SEED);
  const large = latin1Text(encodeCommand(["SET", "k", "x".repeat(1 << 20)]));
  const middle = latin1Text(encodeCommand(["SET", "k", "y".repeat(100_000)]));
  const stream = `${PING}${large}${PING}\n${middle}${large}${large}PING\n`;
  for (const most of [5000, 70_000, CHUNK]) {
    const size = (): number => 1 + random.int(most);
    const outcome = await readAll([{ name: "a", text: stream }], size);
    assertEquals(outcome.error, undefined, `RESPIPE_SEED=${SEED}`);
    assertEquals(checkPieces(outcome, "a", stream, 0, 128 * 1024), 7);
    assert(outcome.pieces.some((piece) => piece.sentInPart));
  }
});

Deno.test("PipeReader's short pieces do not keep whole chunks", async () => {
  const input = { name: "a", text: PING.repeat(50) };
  const { pieces } = await readAll([input], () => 14);
  assertEquals(pieces.length, 50);
  for (const piece of pieces) assert(piece.keeps < 100, `${piece.keeps}`);
});

Deno.test("PipeReader sends only whole commands of an input cut anywhere", async () => {
  const stream = `${PING}\r\nGET a\nSET 'a b' "c"\r\n*0\r\n` +
    "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$14\r\nab\r\n*1\r\n$4\r\nPI\r\n*-1\r\n" +
    "*2\r\n$3\r\nGET\r\n$0\r\n\r\n";
  assertEquals(scanSlowly(stream).commands.length, 5);
  for (let cut = 0; cut <= stream.length; cut++) {
    const part = stream.slice(0, cut);
    const slow = scanSlowly(part);
    const isQuoteOpen = scanSlowly(part + "\n").faultAt === cut;
    for (const most of [1, 5, 1000]) {
      const input = { name: "a.resp", text: part };
      const outcome = await readAll([input], () => most);
      const { error } = outcome;
      const message = `cut at ${cut}, reads of ${most}`;
      const completed = isQuoteOpen ? part : part + slow.lineBreak;
      assert(!outcome.reader.sentInPart, message);
      if (!slow.open || completed !== part) {
        assertEquals(error, undefined, message);
        checkPieces(outcome, "a.resp", completed, 0, 1000);
        continue;
      }
      const whole = part.slice(0, slow.boundary);
      checkPieces(outcome, "a.resp", whole, 0, 1000);
      assert(error !== undefined, message);
      assertEquals(error.position, { source: "a.resp", offset: slow.boundary });
      assertStringIncludes(
        error.message,
        `The input ends within command ${slow.commands.length + 1} (a.resp, ` +
          `byte ${slow.boundary})`,
        message,
      );
      const unsent = cut - slow.boundary;
      assertStringIncludes(
        error.message,
        `it was not sent (${unsent} byte${unsent === 1 ? "" : "s"})`,
        message,
      );
      const lack = slow.missing - 2;
      assertEquals(
        /, (\d+) bytes? short/.exec(error.message)?.[1],
        lack > 0 ? String(lack) : undefined,
        message,
      );
    }
  }
});

const CUT_MESSAGES: [string, string][] = [
  [
    `${PING}*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9\r\nhalf`,
    "The input ends within command 2 (-, byte 14), 5 bytes short: " +
    "SET k half...; it was not sent (28 bytes)",
  ],
  [
    "*",
    "The input ends within command 1 (-, byte 0); it was not sent (1 byte)",
  ],
  [
    '\nGET "a',
    "The input ends within command 1 (-, byte 1): " +
    '"GET \\"a"; it was not sent (6 bytes)',
  ],
];

for (const [input, message] of CUT_MESSAGES) {
  Deno.test(`PipeReader says what it kept of ${JSON.stringify(input)}`, async () => {
    const { error } = await readAll([{ name: "-", text: input }]);
    assertEquals(error?.message, message);
  });
}

Deno.test("PipeReader says when a cut command was sent in part", async () => {
  const large = latin1Text(encodeCommand(["SET", "k", "x".repeat(1 << 20)]));
  for (const cut of [300_000, 1 << 20, large.length - 4]) {
    const part = PING + large.slice(0, cut);
    const outcome = await readAll([{ name: "a", text: part }]);
    const { error, reader } = outcome;
    assertEquals(sent(outcome, "a"), part);
    assert(reader.sentInPart, "a sentinel must not follow");
    assertEquals(error?.position, { source: "a", offset: 14 });
    assertStringIncludes(
      error!.message,
      `command 2 (a, byte 14), ${large.length - cut - 2} bytes short; it was ` +
        "too large to be held back",
    );
  }
  for (const lack of [1, 2]) {
    const part = PING + large.slice(0, -lack);
    const outcome = await readAll([{ name: "a", text: part }]);
    assertEquals(outcome.error, undefined);
    assert(!outcome.reader.sentInPart);
    checkPieces(outcome, "a", PING + large, 0, 128 * 1024);
  }
});

Deno.test("PipeReader knows of a part that was sent when reading fails", async () => {
  const reader = new PipeReader(new ChunkPool(CHUNK));
  const large = encodeCommand(["SET", "k", "x".repeat(1 << 20)]);
  const source = byteSource("a", large.subarray(0, 400_000));
  const read = source.read.bind(source);
  const failing = {
    ...source,
    async read(into: Uint8Array): Promise<number | null> {
      return await read(into) ?? Promise.reject(new RangeError("gone"));
    },
  };
  let error: unknown;
  try {
    for await (const _ of reader.pieces(failing));
  } catch (caught) {
    error = caught;
  }
  assert(error instanceof RangeError);
  assert(reader.sentInPart);
});

const HAZARDS: [string, string][] = [
  ["*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n", "SUBSCRIBE"],
  ["monitor\r\n", "MONITOR"],
  ['"\\x6donitor"\n', "MONITOR"],
  ["CLIENT REPLY off\n", "CLIENT REPLY OFF"],
  ["*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$4\r\nskip\r\n", "CLIENT REPLY SKIP"],
  ["GET a\0\n", "an inline command with a NUL in it"],
  // Whole but for their line break.
  ["QUIT", "QUIT"],
  ["*1\r\n$7\r\nMONITOR", "MONITOR"],
  ["*1\r\n$7\r\nMONITOR\r", "MONITOR"],
  // Far too large to be held back until it is whole.
  [
    `*3\r\n$9\r\nSUBSCRIBE\r\n$300000\r\n${"x".repeat(300_000)}\r\n`,
    "SUBSCRIBE",
  ],
];

for (const [command, hazard] of HAZARDS) {
  const shown = JSON.stringify(command.slice(0, 40));
  Deno.test(`PipeReader sends nothing from ${shown} on`, async () => {
    const endings = /^(QUIT|.*MONITOR\r?)$/s.test(command) ? [""] : ["", PING];
    for (const ending of endings) {
      for (const most of [1, 13, 5000, CHUNK]) {
        if (most < 100 && command.length > 1000) continue;
        const before = `${PING}GET a\n\r\n`;
        const outcome = await readAll([
          { name: "x", text: PING },
          { name: "a", text: before + command + ending },
        ], () => most);
        const { error, pieces } = outcome;
        assertEquals(sent(outcome, "a"), before);
        assertEquals(pieces.reduce((sum, { ended }) => sum + ended, 0), 3);
        assertEquals(error?.position, { source: "a", offset: before.length });
        assertStringIncludes(
          error!.message,
          `Cannot pipe command 4 (a, byte 22), which is ${hazard}: `,
        );
        assert(!outcome.reader.sentInPart);
      }
    }
  });
}

Deno.test("PipeReader ends the last line of one source before the next", async () => {
  const outcome = await readAll([
    { name: "a", text: "SET a 1" },
    { name: "b", text: "SET b 2\r\nSET c 3" },
    { name: "c", text: PING.slice(0, -2) },
    { name: "d", text: "  " },
    { name: "e", text: "" },
    { name: "f", text: PING },
  ]);
  assertEquals(outcome.error, undefined);
  const wanted = {
    a: "SET a 1\n",
    b: "SET b 2\r\nSET c 3\n",
    c: PING,
    d: "  \n",
    e: "",
    f: PING,
  };
  let earlier = 0;
  for (const [name, whole] of Object.entries(wanted)) {
    earlier += checkPieces(outcome, name, whole, earlier, 1000);
  }
  assertEquals(earlier, 5);
});

Deno.test("PipeReader follows a transaction into the next source", async () => {
  const open = async (...texts: string[]): Promise<number> => {
    const inputs = texts.map((text, i) => ({ name: String(i), text }));
    return (await readAll(inputs)).reader.openMulti;
  };
  assertEquals(await open("PING\nMULTI\nPING\n", "PING\n"), 2);
  assertEquals(await open("PING\nMULTI\nPING\n", "PING\nEXEC\n"), 0);
  assertEquals(await open("PING\nPING\n", "MULTI\n"), 3);
  assertEquals(await open("MULTI\n", "EXEC\nMULTI\n", "PING"), 3);
});

Deno.test("PipeReader sends broken RESP as it is, and says where it breaks", async () => {
  const random = new Random(SEED);
  const good = `${PING}GET a\n${PING}`;
  const large = latin1Text(encodeCommand(["SET", "k", random.bytes(300_000)]));
  const cases: [string, number, string][] = [
    ["*1\r\n:3\r\n", 4, 'expected "$"'],
    ["*x\r\n", 1, "expected a length in decimal"],
    [
      "GET 'a\nGET b\n",
      6,
      "expected a closing quote in an inline command",
    ],
    [`*4\r\n${large.slice(4)}:`, large.length, 'expected "$"'],
  ];
  for (const [bad, at, reason] of cases) {
    for (const most of [11, 1000, CHUNK]) {
      if (most < 100 && bad.length > 1000) continue;
      const outcome = await readAll([
        { name: "a", text: good + bad + PING },
        { name: "b", text: `${PING}QUIT\n` },
      ], () => 1 + random.int(most));
      const { reader, pieces, error } = outcome;
      assertEquals(error, undefined);
      const offset = good.length + at;
      assertEquals(reader.fault, { source: "a", offset, reason });
      // Of the large one the beginning was sent before it was found broken.
      const begun = bad.length > CHUNK ? 4 : 3;
      assertEquals(pieces.reduce((sum, piece) => sum + piece.begun, 0), begun);
      assertEquals(pieces.reduce((sum, piece) => sum + piece.ended, 0), 3);
      assert(sent(outcome, "a") === good + bad + PING);
      assertEquals(sent(outcome, "b"), `${PING}QUIT\n`);
    }
  }
});

Deno.test("PipeReader survives any bytes", async () => {
  const random = new Random(SEED);
  const alphabet = latin1Bytes("**$$\r\n\r\n0123456789 \"'aA\0\xff");
  for (let round = 0; round < 500; round++) {
    const noise = Array.from(
      { length: random.int(300) },
      () => random.pick(alphabet),
    );
    const input = String.fromCharCode(...noise);
    const outcome = await readAll(
      [{ name: "a", text: input }],
      () => 1 + random.int(90),
      random.pick([64, 1024]),
    );
    const all = sent(outcome, "a");
    const message = `RESPIPE_SEED=${SEED}, round ${round}`;
    // At most a line break is added; without an error nothing is left out.
    assert((input + "\r\n").startsWith(all) || all === input + "\n", message);
    if (outcome.error === undefined) assert(all.startsWith(input), message);
  }
});
