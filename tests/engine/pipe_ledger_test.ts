import { assert, assertEquals } from "@std/assert";
import { ChunkPool } from "../../src/engine/chunk_pool.ts";
import { Flight } from "../../src/engine/flight.ts";
import { type PipeError, PipeLedger } from "../../src/engine/pipe_ledger.ts";
import { type PipePiece, PipeReader } from "../../src/engine/pipe_reader.ts";
import { quotePiped } from "../../src/protocol/quote.ts";
import { Shipment } from "../../src/engine/shipment.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { CommandScanner } from "../../src/protocol/command_scanner.ts";
import { byteSource } from "../support/byte_source.ts";
import { latin1Bytes, latin1Text } from "../support/latin1.ts";
import { Random } from "../support/random.ts";
import { scanSlowly } from "../support/scan_slowly.ts";

const SEED = Random.seed();

/** A ledger and a flight that spoil the bytes of each piece let go. */
class Piping {
  readonly counts = { replies: 0, errors: 0, bytes: 0 };
  readonly errors: PipeError[] = [];
  readonly done = new Set<PipePiece>();
  readonly flight = new Flight<PipePiece>({
    counts: this.counts,
    onError: (error) => this.#ledger.fail(error),
    onDone: (shipment) => this.#ledger.done(shipment.origin),
  });
  readonly #ledger = new PipeLedger({
    counts: this.counts,
    onError: (error) => this.errors.push(error),
    onDone: (piece) => {
      assert(!this.done.has(piece), "nothing is let go twice");
      piece.chunk.bytes.fill(0x2a);
      this.done.add(piece);
    },
  });
  readonly #shipments = new Map<PipePiece, Shipment<PipePiece>>();

  enter(piece: PipePiece): void {
    const bytes = piece.chunk.bytes.subarray(0, piece.end);
    const shipment = new Shipment(piece, bytes, piece.ended);
    this.#shipments.set(piece, shipment);
    this.#ledger.enter(piece);
    this.flight.enter(shipment);
  }

  written(piece: PipePiece): void {
    this.flight.written(this.#shipments.get(piece)!);
  }

  withdraw(piece: PipePiece): void {
    this.flight.withdraw(this.#shipments.get(piece)!);
    this.#ledger.withdraw(piece);
  }
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
      const piece of reader.pieces(byteSource(name, latin1Bytes(input), size))
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
    const bytes = latin1Bytes(input);
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
      stream += latin1Text(
        encodeCommand(["SET", `${left}`, "x".repeat(length)]),
      );
    }
  }
  return stream;
}

Deno.test("a pipe pairs any replies with any commands", async () => {
  const random = new Random(SEED);
  for (let round = 0; round < 150; round++) {
    const message = `RESPIPE_SEED=${SEED}, round ${round}`;
    const inputs = { a: randomStream(random), b: randomStream(random) };
    const pieces = await cut(inputs, () => 1 + random.int(700));
    const commands = commandsOf(inputs);
    const piping = new Piping();
    const { flight, errors, done } = piping;
    const wanted: PipeError[] = [];
    let [entered, written, answered, ended] = [0, 0, 0, 0];
    const endedIn = (count: number): number =>
      pieces.slice(0, count).reduce((n, piece) => n + piece.ended, 0);
    const check = (): void => {
      assertEquals(piping.counts.replies, answered, message);
      assertEquals(piping.counts.errors, wanted.length, message);
      const isAnswered = (i: number): boolean =>
        i < written && answered >= endedIn(i + 1);
      for (const [i, piece] of pieces.entries()) {
        // A command may end in a later piece than it begins in.
        const begun = piece.begun === 0 ? 0 : piece.first + piece.begun - 1;
        const last = pieces.findIndex((_, j) =>
          j >= i && endedIn(j + 1) >= begun
        );
        const where = `${message}, piece ${i}`;
        if (isAnswered(last)) assert(done.has(piece), where);
        if (!isAnswered(i) || answered < begun) assert(!done.has(piece), where);
      }
      assertEquals(flight.unanswered, endedIn(entered) - answered, message);
      const bytes = pieces.slice(0, entered).filter((_, i) => !isAnswered(i))
        .reduce((n, { end }) => n + end, 0);
      assertEquals(flight.weight, bytes, message);
    };
    while (answered < commands.length || written < pieces.length) {
      switch (random.int(4)) {
        case 0:
          if (entered < pieces.length) piping.enter(pieces[entered++]);
          break;
        case 1:
          if (written < entered) {
            piping.written(pieces[written++]);
          }
          break;
        case 2: {
          // A server may answer what the system has not reported as written;
          // what is behind that is not sent yet.
          ended = endedIn(Math.min(entered, written + 1));
          const run = random.int(Math.min(20, ended - answered) + 1);
          answered += run;
          if (run > 0) flight.succeed(run);
          break;
        }
        default:
          if (answered < ended) {
            wanted.push({ ...commands[answered++], error: `ERR ${answered}` });
            flight.fail(`ERR ${answered}`);
          }
      }
      check();
    }
    assertEquals(errors, wanted, message);
    assertEquals(done.size, pieces.length, message);
    assertEquals(flight.weight, 0, message);
  }
});

Deno.test("a pipe ledger finds the command behind lines that are none", async () => {
  const input =
    "PING\n\r\n  \t\n*0\r\n*-1\r\n  GET a\n\n*1\r\n$4\r\nPING\r\n\n";
  const [piece] = await cut({ "a.resp": input });
  const piping = new Piping();
  const { flight, errors } = piping;
  piping.enter(piece);
  for (const error of ["ERR 1", "ERR 2", "ERR 3"]) flight.fail(error);
  assertEquals(errors.map(({ offset, text }) => [offset, text]), [
    [0, "PING"],
    [20, '"  GET a"'],
    [29, "PING"],
  ]);
});

Deno.test("a pipe ledger walks over a piece once, however many errors", async () => {
  const count = 5000;
  const input = latin1Text(encodeCommand(["GET", "key"])).repeat(count);
  const pieces = await cut({ a: input }, undefined, 64 * 1024);
  const piping = new Piping();
  const { flight, errors } = piping;
  for (const piece of pieces) {
    piping.enter(piece);
    piping.written(piece);
  }
  const { scan } = CommandScanner.prototype;
  let walked = 0;
  CommandScanner.prototype.scan = function (bytes, start, end, most): number {
    const at = scan.call(this, bytes, start, end, most);
    walked += at - start;
    return at;
  };
  try {
    for (let i = 0; i < count; i++) flight.fail("ERR no");
  } finally {
    CommandScanner.prototype.scan = scan;
  }
  assertEquals(errors.length, count);
  assertEquals(errors.at(-1)?.offset, input.length - input.length / count);
  assertEquals(walked, input.length);
});

Deno.test("a pipe ledger shows the beginning of a command sent in parts", async () => {
  const large = latin1Text(encodeCommand(["SET", "k", "x".repeat(5000)]));
  const pieces = await cut({ a: `PING\n${large}PING\n` });
  assert(pieces.length > 3);
  const piping = new Piping();
  const { flight, errors, done } = piping;
  for (const piece of pieces) {
    piping.enter(piece);
    piping.written(piece);
  }
  assertEquals(done.size, 0, "the PING is not answered");
  flight.succeed(1);
  // Those in the middle are of no use to anybody any more.
  assertEquals(done.size, pieces.filter(({ begun }) => begun === 0).length);
  flight.fail("ERR no");
  flight.fail("ERR no");
  const shown = `SET k ${"x".repeat(64)}... (5000 bytes)`;
  assertEquals(errors.map(({ offset, text }) => [offset, text]), [
    [5, shown],
    [5 + large.length, "PING"],
  ]);
  assertEquals(done.size, pieces.length);
});

Deno.test("a pipe ledger has nothing in flight within one endless command", async () => {
  const large = latin1Text(encodeCommand(["SET", "k", "x".repeat(100_000)]));
  const pieces = await cut({ a: `PING\n${large}` });
  const piping = new Piping();
  const { flight } = piping;
  for (const piece of pieces.slice(0, -1)) {
    piping.enter(piece);
    piping.written(piece);
  }
  assert(flight.weight > 0, "the PING is");
  assertEquals(flight.unanswered, 1);
  flight.succeed(1);
  assertEquals(flight.weight, 0, "else its rest would never be sent");
  assertEquals(flight.unanswered, 0);
  piping.enter(pieces.at(-1)!);
  assert(flight.weight > 0);
  assertEquals(flight.unanswered, 1);
});

Deno.test("a pipe ledger takes back what was not sent", async () => {
  const pieces = await cut({ a: "PING\n".repeat(9) }, () => 15);
  assertEquals(pieces.length, 3);
  const piping = new Piping();
  const { flight, errors, done } = piping;
  for (const piece of pieces) piping.enter(piece);
  piping.written(pieces[0]);
  piping.withdraw(pieces[2]);
  piping.withdraw(pieces[1]);
  assertEquals([...done], [pieces[2], pieces[1]]);
  assertEquals(flight.unanswered, 3);
  assertEquals(flight.weight, 15);
  flight.succeed(2);
  assert(!done.has(pieces[0]));
  flight.fail("ERR no");
  assertEquals(errors[0].command, 3);
  assert(done.has(pieces[0]));
  assertEquals([flight.unanswered, flight.weight], [0, 0]);
});

Deno.test("a pipe ledger knows an ordinal and no more behind broken RESP", async () => {
  const input = "PING\nGET a\n*1\r\n:2\r\nPING\nGET b\nPING\n";
  const pieces = await cut({ a: input }, () => 14);
  assert(pieces.length > 1);
  const piping = new Piping();
  const { flight, errors, done } = piping;
  for (const piece of pieces) {
    piping.enter(piece);
    piping.written(piece);
  }
  assertEquals(flight.unanswered, 2);
  flight.isExact = false;
  flight.succeed(1);
  flight.fail("ERR known");
  flight.fail("ERR Protocol error");
  flight.fail("ERR more");
  assertEquals(errors, [
    { error: "ERR known", command: 2, source: "a", offset: 5, text: '"GET a"' },
    { error: "ERR Protocol error", command: 3 },
    { error: "ERR more", command: 4 },
  ]);
  assertEquals(done.size, pieces.length);
  assertEquals([flight.unanswered, flight.weight], [0, 0]);
});

Deno.test("a pipe ledger counts replies that nobody asked for", () => {
  const piping = new Piping();
  const { flight, errors } = piping;
  flight.isExact = false;
  flight.succeed(3);
  flight.fail("ERR what");
  assertEquals(piping.counts.replies, 4);
  assertEquals(flight.unanswered, 0);
  assertEquals(errors, [{ error: "ERR what", command: 4 }]);
});

Deno.test("a pipe ledger lets go of very many pieces in order", async () => {
  const count = 3000;
  const pieces = await cut({ a: "PING\n".repeat(count) }, () => 5);
  assertEquals(pieces.length, count);
  const piping = new Piping();
  const { flight, errors, done } = piping;
  for (const piece of pieces) {
    piping.enter(piece);
    piping.written(piece);
  }
  for (let i = 0; i < count; i++) {
    if (i % 7 === 0) flight.fail("ERR no");
    else flight.succeed(1);
    assertEquals(done.size, i + 1);
  }
  assertEquals([...done], pieces);
  assertEquals(errors.map(({ offset }) => offset! / 35), [
    ...errors.keys(),
  ]);
});
