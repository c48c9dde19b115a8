/**
 * Random bytes as input of a pipe and as replies to a load: it ends, and with
 * an error of ours or none.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  Connection,
  ConnectionError,
  InputError,
  pipe,
  type PipeCounts,
  ProtocolError,
  StoppedError,
  type Summary,
} from "../../mod.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { byteSource } from "../support/byte_source.ts";
import { bounded, tryLoad } from "../support/outcome.ts";
import { Random } from "../support/random.ts";
import { startServer } from "../support/redis_server.ts";
import { rowSource } from "../support/row_source.ts";
import { isServerBefore } from "../support/server_program.ts";

const PIPES = 150;
const REPLIES = 250;
const HANDSHAKES = 40;

/** Commands that could do harm, or keep a connection waiting for long. */
const HARMFUL = [
  ...["BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP"],
  ...["BZPOPMAX", "BZPOPMIN", "CONFIG", "DEBUG", "FAILOVER", "FLUSHALL"],
  ...["MIGRATE", "REPLICAOF", "SHUTDOWN", "SLAVEOF", "WAIT", "XREAD"],
  ...["XREADGROUP", "SAVE", "BGSAVE", "BGREWRITEAOF"],
];

/** Those of them that came with Redis 7. */
const OF_7 = ["BLMPOP", "BZMPOP"];

const TEXTS = [
  ...["*", "$", "\r\n", "\n", "\r", " ", "*1\r\n", "*3\r\n", "$3\r\n", "$-1"],
  ...["*-1\r\n", "*0\r\n", "$0\r\n\r\n", "0", "1", "9", "-", "+", '"', "'"],
  ...["SET a b\r\n", "GET a\n", "MULTI\r\n", "EXEC\r\n", "DISCARD\r\n"],
  ...["HELLO 3\r\n", "QUIT\r\n", "RESET\r\n", "CLIENT REPLY OFF\r\n", "\0"],
  ...["MONITOR\r\n", "SUBSCRIBE c\r\n", "ECHO x\r\n", "PING\r\n", "\\x"],
];

/** Bytes as a careless program would write them: commands, and damage. */
function randomInput(random: Random): Uint8Array {
  const bytes: number[] = [];
  const text = (value: string): void => {
    for (const c of value) bytes.push(c.charCodeAt(0));
  };
  for (let i = random.int(30); i > 0; i--) {
    switch (random.int(5)) {
      case 0:
        text(random.pick(TEXTS));
        break;
      case 1:
        bytes.push(...random.bytes(random.int(20)));
        break;
      case 2: {
        const value = random.bytes(random.pick([0, 5, 200, 20_000]));
        bytes.push(...encodeCommand(["SET", "k", value]));
        break;
      }
      default:
        bytes.push(...encodeCommand(["INCR", String(random.int(3))]));
    }
  }
  const cut = random.int(3) === 0 ? random.int(bytes.length + 1) : undefined;
  return Uint8Array.from(bytes.slice(0, cut));
}

/** Whether it is an error that a pipe or a load is documented to throw. */
function isOurs(error: unknown): error is Error {
  return error instanceof InputError || error instanceof ConnectionError ||
    error instanceof ProtocolError || error instanceof StoppedError;
}

Deno.test("pipe: random bytes in random pieces", async () => {
  // To take away what it does not have ends an old server.
  const args = HARMFUL
    .filter((name) => !isServerBefore(7) || !OF_7.includes(name))
    .flatMap((name) => ["--rename-command", name, ""]);
  await using server = await startServer({ args });
  const first = Random.seed();
  const ends = new Map<string, number>();
  for (let seed = first; seed < first + PIPES; seed++) {
    const random = new Random(seed);
    const input = randomInput(random);
    const longest = random.pick([1, 7, 100, 100_000]);
    const counts: PipeCounts = { replies: 0, errors: 0, bytes: 0 };
    const stallsFor = async (stallTimeout: number): Promise<boolean> => {
      Object.assign(counts, { replies: 0, errors: 0, bytes: 0 });
      error = undefined;
      try {
        await bounded(
          pipe({
            sources: [byteSource("in", input, () => 1 + random.int(longest))],
            server: { port: server.port },
            counts,
            stallTimeout,
          }),
          `seed ${seed}`,
        );
      } catch (thrown) {
        error = thrown;
      }
      return /stall/.test(String(error)) && !(error instanceof InputError);
    };
    let error: unknown;
    // Nothing is waited for in vain, unless the input is no RESP; a server on a
    // busy machine may take its time.
    const isStalled = await stallsFor(400) && await stallsFor(20_000);
    assert(!isStalled, `seed ${seed}: ${error}`);
    assert(error === undefined || isOurs(error), `seed ${seed}: ${error}`);
    assert(counts.errors <= counts.replies, `seed ${seed}`);
    const end = error === undefined ? "well" : (error as Error).name;
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  // Some of all kinds, or it would test nothing.
  for (const end of ["well", "InputError"]) {
    assert((ends.get(end) ?? 0) > 5, `${[...ends]}, first seed ${first}`);
  }
});

const REPLY_TEXTS = [
  ...["+OK\r\n", "-ERR no\r\n", ":1\r\n", "$2\r\nab\r\n", "$-1\r\n", "*-1\r\n"],
  ...["*2\r\n", "*0\r\n", "$20\r\n", "%1\r\n", "~1\r\n", ">1\r\n", "#t\r\n"],
  ...[",1.5\r\n", "_\r\n", "(12\r\n", "=5\r\ntxt:a\r\n", "!3\r\nERR\r\n"],
  ...["|1\r\n", "\r", "\n", "$", "-READONLY x\r\n", "-ERR Protocol error\r\n"],
  ...[":999999999999999999999\r\n", "$99999999999\r\n", "*99999999999\r\n"],
  ...["-NOAUTH x\r\n", "HTTP/1.1 400 Bad Request\r\n", "$?\r\n", "*?\r\n"],
];

function randomReplies(random: Random): Uint8Array {
  const bytes: number[] = [];
  for (let i = random.int(60); i > 0; i--) {
    if (random.int(8) === 0) bytes.push(...random.bytes(random.int(30)));
    const text = random.int(3) > 0 ? ":1\r\n" : random.pick(REPLY_TEXTS);
    for (const c of text) bytes.push(c.charCodeAt(0));
  }
  return Uint8Array.from(bytes);
}

/** Answers every client with the same bytes, whatever it asks. */
async function answer(
  listener: Deno.TcpListener,
  pieces: readonly Uint8Array[],
): Promise<void> {
  const clients: Promise<void>[] = [];
  for await (const client of listener) {
    clients.push(answerOne(client, pieces).finally(() => client.close()));
  }
  await Promise.all(clients);
}

async function answerOne(
  client: Deno.TcpConn,
  pieces: readonly Uint8Array[],
): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    if (await client.read(buffer) === null) return;
    const reading = (async (): Promise<void> => {
      while (await client.read(buffer) !== null);
    })().catch(() => {});
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) {
        at += await client.write(piece.subarray(at));
      }
    }
    await client.closeWrite();
    await reading;
  } catch {
    // It has heard enough.
  }
}

/** One load from a server that answers at random. */
async function loadFrom(
  seed: number,
  isGreeted: boolean,
): Promise<{ error: Error | undefined; summary: Summary }> {
  const random = new Random(seed);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const longest = random.pick([1, 9, 999]);
  const serving = answer(listener, random.cut(randomReplies(random), longest));
  const connection = isGreeted
    ? new Connection(await Deno.connect({ port }), `127.0.0.1:${port}`)
    : undefined;
  const { summary, error } = await bounded(
    tryLoad({
      sources: [rowSource((n) => n % 7 ? `${n},a` : `${n}`, {
        header: "id,v",
        count: 40,
        perRead: 1 + random.int(40),
      })],
      commands: [["SET", "{id}", "{v}"]],
      server: { port, connectTimeout: 300 },
      connection,
      stallTimeout: 20_000,
    }),
    `seed ${seed}`,
  );
  listener.close();
  await bounded(serving, `the server of seed ${seed}`);
  // Nobody can know the sentinel, so no load can end well, but for one where an
  // error answers nothing else.
  if (error === undefined && summary.sentinelRefusal !== undefined) {
    assertEquals(summary.replies, summary.commands, `seed ${seed}`);
    return { error, summary };
  }
  assert(isOurs(error), `seed ${seed}: ${error}`);
  assert(!/stall/.test(error.message), `seed ${seed}: ${error}`);
  assert(summary.replies <= summary.commands, `seed ${seed}`);
  return { error, summary };
}

Deno.test("load: random replies in random pieces", async () => {
  const first = Random.seed();
  const ends = new Set<string>();
  for (let seed = first; seed < first + REPLIES; seed++) {
    ends.add((await loadFrom(seed, true)).error?.name ?? "none");
  }
  assertEquals(
    ["ConnectionError", "ProtocolError", "StoppedError"]
      .filter((name) => !ends.has(name)),
    [],
    `first seed ${first}`,
  );
});

Deno.test("load: random replies instead of a handshake", async () => {
  const first = Random.seed();
  for (let seed = first; seed < first + HANDSHAKES; seed++) {
    await loadFrom(seed, false);
  }
});
