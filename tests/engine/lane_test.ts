import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type ByteStream,
  Connection,
  ConnectionError,
  load,
  Summary,
} from "../../mod.ts";
import { Lane } from "../../src/engine/lane.ts";
import { Shipment } from "../../src/engine/shipment.ts";
import { Wait } from "../../src/engine/wait.ts";
import { byteSource } from "../support/byte_source.ts";
import { startServer } from "../support/redis_server.ts";

/** Bytes of a row, and about as many of the RESP that holds its value. */
const ROW = 1000;
const MIB = 1024 * 1024;
const WINDOW = 2 * MIB;
/** What may be beyond it: a batch that is over, and one on its way. */
const SLACK = 3 * MIB;
const ROWS_PER_READ = 60;

interface Case {
  name: string;
  command: string[];
  reads: number;
  /** The most that they may be in all. */
  most: number;
}

const TABLE: Case[] = [
  {
    name: "its window",
    command: ["SET", "k:{id}", "{v}"],
    reads: 500,
    most: WINDOW,
  },
  {
    name: "four windows of input, where commands are small",
    command: ["DEL", "k:{id}"],
    reads: 1000,
    most: 4 * WINDOW,
  },
];

for (const { name, command, reads: all, most } of TABLE) {
  Deno.test(`a server that stops reading stops the load at ${name}`, async () => {
    await using server = await startServer();
    const summary = new Summary();
    const row = `{id},${"x".repeat(ROW)}\n`;
    let reads = 0;
    const loading = load({
      sources: [{
        name: "in",
        read: async (into): Promise<number | null> => {
          await Promise.resolve();
          if (reads === all) return null;
          // The handshake and some rows went well.
          if (reads === 20) server.pause();
          const first = ROWS_PER_READ * reads++;
          let text = "";
          for (let i = 0; i < ROWS_PER_READ; i++) {
            text += row.replace("{id}", String(first + i));
          }
          return new TextEncoder().encodeInto(text, into).written;
        },
        close: (): void => {},
      }],
      columns: ["id", "v"],
      commands: [command],
      coalesce: false,
      server: { port: server.port },
      window: WINDOW,
      summary,
    });
    await settled(() => reads);
    assert(reads > 20 && reads < all, `${reads} reads`);
    const inFlight = (summary.commands - summary.replies) * ROW;
    assert(inFlight > most / 2, `${inFlight} bytes in flight`);
    assert(inFlight < most + SLACK, `${inFlight} bytes in flight`);

    server.resume();
    await loading;
    assertEquals(summary.loaded, all * ROWS_PER_READ);
  });
}

/** Waits until a number has stopped changing. */
async function settled(value: () => number): Promise<void> {
  for (let last = -1, same = 0; same < 20;) {
    await new Promise((wake) => setTimeout(wake, 10));
    same = value() === last ? same + 1 : 0;
    last = value();
  }
}

Deno.test("replies as large as the commands do not stop the load", async () => {
  await using server = await startServer();
  const value = "x".repeat(10_000);
  const count = 3000;
  const csv = Array.from({ length: count }, (_, i) => `${i},${value}\n`);
  const summary = await load({
    sources: [byteSource("in", csv.join(""))],
    columns: ["id", "v"],
    commands: [["ECHO", "{v}"], ["ECHO", "12345678901234567890"]],
    server: { port: server.port },
  });
  assertEquals([summary.loaded, summary.replies], [count, 2 * count]);
});

/** Refuses the first command, sends the sentinel back, and closes. */
class RefusesAndCloses implements ByteStream {
  #heard = "";
  #isOver = false;
  readonly #sentinel = Promise.withResolvers<string>();

  write(bytes: Uint8Array): Promise<number> {
    this.#heard += String.fromCharCode(...bytes);
    const echo = /\$4\r\nECHO\r\n(\$20\r\n[^]{20}\r\n)/.exec(this.#heard);
    if (echo !== null) this.#sentinel.resolve(echo[1]);
    return Promise.resolve(bytes.length);
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#isOver) return null;
    const reply = `-ERR unknown command 'MSET'\r\n${await this.#sentinel
      .promise}`;
    this.#isOver = true;
    into.set(Uint8Array.from(reply, (char) => char.charCodeAt(0)));
    return reply.length;
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

Deno.test("a connection lost behind its sentinel is lost where a rewind needs it", async () => {
  const summary = new Summary();
  await assertRejects(
    () =>
      load({
        sources: [byteSource("in", "a,1\nb,2\n")],
        columns: ["k", "v"],
        commands: [["SET", "{k}", "{v}"]],
        connection: new Connection(new RefusesAndCloses(), "a server"),
        summary,
      }),
    ConnectionError,
    "Lost a server",
  );
  const { records, unknown, next } = summary;
  assertEquals([records, unknown, next?.record], [2, 2, 1]);
});

/** Takes all, and says what it is told to say. */
class Prompted implements ByteStream {
  #said = Promise.withResolvers<string | null>();

  say(text: string | null): void {
    this.#said.resolve(text);
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(bytes.length);
  }

  async read(into: Uint8Array): Promise<number | null> {
    const text = await this.#said.promise;
    this.#said = Promise.withResolvers();
    if (text === null) return null;
    return new TextEncoder().encodeInto(text, into).written;
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.say(null);
  }
}

Deno.test("a transaction that waits for the one before it can be taken back", async () => {
  const server = new Prompted();
  const frame = {
    opening: new Uint8Array(1),
    discard: new Uint8Array(1),
    length: 0,
    isHalted: false,
    isMine: () => false,
    closing: () => new Uint8Array(1),
    executed: () => {},
    aborted: () => {},
  };
  const aborted: string[] = [];
  const lane = new Lane<string>(
    new Connection(server, "a server"),
    {
      counts: { replies: 0 },
      onError: () => {},
      onDone: () => {},
      onLost: () => {},
      onAborted: ({ origin }) => aborted.push(origin),
    },
    new Wait(),
    { frame },
  );
  const turn = (): Promise<void> => new Promise((wake) => setTimeout(wake));
  const bytes = new Uint8Array(1);
  lane.send(new Shipment("one", bytes, 1));
  await turn();
  // To WATCH, GET and MULTI: the key is not there, so it is discarded.
  server.say("+OK\r\n$-1\r\n+OK\r\n");
  await turn();
  frame.isHalted = true;
  lane.send(new Shipment("two", bytes, 1));
  await turn();
  assertEquals(lane.withdraw(() => true).map(({ origin }) => origin), ["two"]);
  server.say("+QUEUED\r\n+OK\r\n");
  await turn();
  assertEquals(aborted, ["one"]);
  assert(lane.isIdle);
  await lane.stop();
});
