import { assert, assertEquals } from "@std/assert";
import { ChunkPool } from "../../src/engine/chunk_pool.ts";
import { type PipeError, PipeLedger } from "../../src/engine/pipe_ledger.ts";
import type { PipePiece } from "../../src/engine/pipe_piece.ts";
import { PipeReader } from "../../src/engine/pipe_reader.ts";
import { quotePiped } from "../../src/protocol/quote.ts";
import { encodeCommand } from "../../src/protocol/encode.ts";
import { CommandScanner } from "../../src/protocol/command_scanner.ts";
import { byteSource } from "../support/byte_source.ts";
import { Random } from "../support/random.ts";
import { scanSlowly } from "../support/scan_slowly.ts";

const SEED = Random.seed();

function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function text(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** A ledger that spoils the bytes of each piece that is let go. */
function makeLedger(): {
  ledger: PipeLedger;
  errors: PipeError[];
  done: Set<PipePiece>;
} {
  const errors: PipeError[] = [];
  const done = new Set<PipePiece>();
  const ledger = new PipeLedger({
    onError: (error) => errors.push(error),
    onDone: (piece) => {
      assert(!done.has(piece), "nothing is let go twice");
      piece.chunk.bytes.fill(0x2a);
      done.add(piece);
    },
  });
  return { ledger, errors, done };
}

/** Cuts sources into pieces; each has a chunk of its own. */
async function cut(
  inputs: Record<string, string>,
  size: () => number = () => Infinity,
  chunkSize = 1024,
): Promise<PipePiece[]> {
  const reader = new PipeReader(new ChunkPool(chunkSize));
  const pieces: PipePiece[] = [];
  for (const [name, input] of Object.entries(inputs)) {
    for await (
      const piece of reader.pieces(byteSource(name, latin1(input), size))
    ) pieces.push(piece);
  }
  return pieces;
}

/** What an error of each command should say. */
function commandsOf(
  inputs: Record<string, string>,
): Omit<PipeError, "error">[] {
  let command = 0;
  return Object.entries(inputs).flatMap(([source, input]) => {
    const bytes = latin1(input);
    return scanSlowly(input).commands.map(({ begin, end }) => ({
      command: ++command,
      source,
      offset: begin,
      text: quotePiped(bytes, begin, end),
    }));
  });
}

function randomStream(random: Random): string {
  let stream = "";
  for (let left = 1 + random.int(60); left > 0; left--) {
    const kind = random.int(10);
    if (kind === 0) {
      stream += random.pick(["\r\n", "  \n", "*0\r\n", "*-1\r\n"]);
    } else if (kind < 3) stream += `SET key:${left} 'a b'\r\n`;
    else {
      const length = random.int(9) === 0 ? 600 + random.int(3000) : left;
      stream += text(encodeCommand(["SET", `${left}`, "x".repeat(length)]));
    }
  }
  return stream;
}

Deno.test("PipeLedger pairs any replies with any commands", async () => {
  const random = new Random(SEED);
  for (let round = 0; round < 150; round++) {
    const message = `RESPIPE_SEED=${SEED}, round ${round}`;
    const inputs = { a: randomStream(random), b: randomStream(random) };
    const pieces = await cut(inputs, () => 1 + random.int(700));
    const commands = commandsOf(inputs);
    const { ledger, errors, done } = makeLedger();
    const wanted: PipeError[] = [];
    let [entered, written, answered, ended] = [0, 0, 0, 0];
    const check = (): void => {
      assertEquals(ledger.replies, answered, message);
      assertEquals(ledger.errors, wanted.length, message);
      for (const [i, piece] of pieces.entries()) {
        const isDone = i < written &&
          (piece.begun === 0 || answered >= piece.first + piece.begun - 1);
        assertEquals(done.has(piece), isDone, `${message}, piece ${i}`);
      }
      const entry = pieces.slice(0, entered);
      const sum = entry.reduce((n, piece) => n + piece.ended, 0);
      assertEquals(ledger.unanswered, sum - answered, message);
      const bytes = entry.filter((piece) => !done.has(piece))
        .reduce((n, { end }) => n + end, 0);
      assertEquals(ledger.bytesInFlight, sum > answered ? bytes : 0, message);
    };
    while (answered < commands.length || written < pieces.length) {
      switch (random.int(4)) {
        case 0:
          if (entered < pieces.length) ledger.enter(pieces[entered++]);
          break;
        case 1:
          // A server may answer what the system has not reported as written.
          if (written < entered) {
            ledger.written(pieces[written++]);
          }
          break;
        case 2: {
          ended = pieces.slice(0, entered).reduce((n, p) => n + p.ended, 0);
          const run = random.int(Math.min(20, ended - answered) + 1);
          answered += run;
          if (run > 0) ledger.succeed(run);
          break;
        }
        default:
          if (answered < ended) {
            wanted.push({ ...commands[answered++], error: `ERR ${answered}` });
            ledger.fail(`ERR ${answered}`);
          }
      }
      check();
    }
    assertEquals(errors, wanted, message);
    assertEquals(done.size, pieces.length, message);
    assertEquals(ledger.bytesInFlight, 0, message);
  }
});

Deno.test("PipeLedger finds the command behind lines that are none", async () => {
  const input =
    "PING\n\r\n  \t\n*0\r\n*-1\r\n  GET a\n\n*1\r\n$4\r\nPING\r\n\n";
  const [piece] = await cut({ "a.resp": input });
  const { ledger, errors } = makeLedger();
  ledger.enter(piece);
  for (const error of ["ERR 1", "ERR 2", "ERR 3"]) ledger.fail(error);
  assertEquals(errors.map(({ offset, text }) => [offset, text]), [
    [0, "PING"],
    [20, '"  GET a"'],
    [29, "PING"],
  ]);
});

Deno.test("PipeLedger walks over a piece once, however many errors", async () => {
  const count = 5000;
  const input = text(encodeCommand(["GET", "key"])).repeat(count);
  const pieces = await cut({ a: input }, undefined, 64 * 1024);
  const { ledger, errors } = makeLedger();
  for (const piece of pieces) {
    ledger.enter(piece);
    ledger.written(piece);
  }
  const { scan } = CommandScanner.prototype;
  let walked = 0;
  CommandScanner.prototype.scan = function (bytes, start, end, most): number {
    const at = scan.call(this, bytes, start, end, most);
    walked += at - start;
    return at;
  };
  try {
    for (let i = 0; i < count; i++) ledger.fail("ERR no");
  } finally {
    CommandScanner.prototype.scan = scan;
  }
  assertEquals(errors.length, count);
  assertEquals(errors.at(-1)?.offset, input.length - input.length / count);
  assertEquals(walked, input.length);
});

Deno.test("PipeLedger shows the beginning of a command sent in parts", async () => {
  const large = text(encodeCommand(["SET", "k", "x".repeat(5000)]));
  const pieces = await cut({ a: `PING\n${large}PING\n` });
  assert(pieces.length > 3);
  const { ledger, errors, done } = makeLedger();
  for (const piece of pieces) {
    ledger.enter(piece);
    ledger.written(piece);
  }
  // Those in the middle are of no use to anybody.
  assertEquals(done.size, pieces.filter(({ begun }) => begun === 0).length);
  ledger.succeed(1);
  ledger.fail("ERR no");
  ledger.fail("ERR no");
  const shown = `SET k ${"x".repeat(64)}... (5000 bytes)`;
  assertEquals(errors.map(({ offset, text }) => [offset, text]), [
    [5, shown],
    [5 + large.length, "PING"],
  ]);
  assertEquals(done.size, pieces.length);
});

Deno.test("PipeLedger has nothing in flight within one endless command", async () => {
  const large = text(encodeCommand(["SET", "k", "x".repeat(100_000)]));
  const pieces = await cut({ a: `PING\n${large}` });
  const { ledger } = makeLedger();
  for (const piece of pieces.slice(0, -1)) {
    ledger.enter(piece);
    ledger.written(piece);
  }
  assert(ledger.bytesInFlight > 0, "the PING is");
  assertEquals(ledger.unanswered, 1);
  ledger.succeed(1);
  assertEquals(ledger.bytesInFlight, 0, "else its rest would never be sent");
  assertEquals(ledger.unanswered, 0);
  ledger.enter(pieces.at(-1)!);
  assert(ledger.bytesInFlight > 0);
  assertEquals(ledger.unanswered, 1);
});

Deno.test("PipeLedger takes back what was not sent", async () => {
  const pieces = await cut({ a: "PING\n".repeat(9) }, () => 15);
  assertEquals(pieces.length, 3);
  const { ledger, errors, done } = makeLedger();
  for (const piece of pieces) ledger.enter(piece);
  ledger.written(pieces[0]);
  ledger.withdraw(pieces[2]);
  ledger.withdraw(pieces[1]);
  ledger.withdraw(pieces[1]);
  assertEquals([...done], [pieces[2], pieces[1]]);
  assertEquals(ledger.unanswered, 3);
  assertEquals(ledger.bytesInFlight, 15);
  ledger.succeed(2);
  assert(!done.has(pieces[0]));
  ledger.fail("ERR no");
  assertEquals(errors[0].command, 3);
  assert(done.has(pieces[0]));
  assertEquals([ledger.unanswered, ledger.bytesInFlight], [0, 0]);
});

Deno.test("PipeLedger knows an ordinal and no more behind broken RESP", async () => {
  const input = "PING\nGET a\n*1\r\n:2\r\nPING\nGET b\nPING\n";
  const pieces = await cut({ a: input }, () => 14);
  assert(pieces.length > 1);
  const { ledger, errors, done } = makeLedger();
  for (const piece of pieces) {
    ledger.enter(piece);
    ledger.written(piece);
  }
  assertEquals(ledger.unanswered, 2);
  ledger.succeed(1);
  ledger.fail("ERR known");
  ledger.fail("ERR Protocol error");
  ledger.fail("ERR more");
  assertEquals(errors, [
    { error: "ERR known", command: 2, source: "a", offset: 5, text: '"GET a"' },
    { error: "ERR Protocol error", command: 3 },
    { error: "ERR more", command: 4 },
  ]);
  assertEquals(done.size, pieces.length);
  assertEquals([ledger.unanswered, ledger.bytesInFlight], [0, 0]);
});

Deno.test("PipeLedger counts replies that nobody asked for", () => {
  const { ledger, errors } = makeLedger();
  ledger.succeed(3);
  ledger.fail("ERR what");
  assertEquals(ledger.replies, 4);
  assertEquals(ledger.unanswered, 0);
  assertEquals(errors, [{ error: "ERR what", command: 4 }]);
});

Deno.test("PipeLedger lets go of very many pieces in order", async () => {
  const count = 3000;
  const pieces = await cut({ a: "PING\n".repeat(count) }, () => 5);
  assertEquals(pieces.length, count);
  const { ledger, errors, done } = makeLedger();
  for (const piece of pieces) {
    ledger.enter(piece);
    ledger.written(piece);
  }
  for (let i = 0; i < count; i++) {
    if (i % 7 === 0) ledger.fail("ERR no");
    else ledger.succeed(1);
    assertEquals(done.size, i + 1);
  }
  assertEquals([...done], pieces);
  assertEquals(errors.map(({ offset }) => offset! / 35), [
    ...errors.keys(),
  ]);
});
