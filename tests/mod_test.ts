import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  ByteBuffer,
  compileTemplate,
  connect,
  ConnectionError,
  CsvReader,
  encode,
  encodeCommand,
  Header,
  InputError,
  load,
  openSource,
  parseDialect,
  pipe,
  type Reject,
  type Reply,
  ReplyReader,
  RowEncoder,
  Step,
  Summary,
  UsageError,
} from "../mod.ts";
import { byteSource } from "./support/byte_source.ts";
import { plain } from "./support/plain_reply.ts";
import { startServer } from "./support/redis_server.ts";
import { TempFiles } from "./support/temp_files.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

Deno.test("load() takes files, sources of one's own, and tells of rejects", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const own = byteSource("mine", "name,id\nBen,2\nbad\n");
  const rejects: Reject[] = [];
  const summary = new Summary();
  const returned = await load({
    sources: [files.write("a.csv", "id,name\n1,Ann\n"), own],
    commands: [["HSET", "u:{id}", "{*}"], ["RPUSH", "order", "{id}"]],
    server: { host: "127.0.0.1", port: server.port, database: 2 },
    onReject: (reject) => rejects.push(reject),
    summary,
  });
  assert(returned === summary);
  assertEquals([summary.loaded, summary.rejected, summary.records], [2, 1, 3]);
  assert(own.closed);
  assertEquals(
    rejects.map(({ source, record, line, offset, command, bytes }) => [
      ...[source, record, line, offset, command, decoder.decode(bytes)],
    ]),
    [["mine", 2, 3, 14, undefined, "bad\n"]],
  );
  await server.command("SELECT", "2");
  assertEquals(
    plain(await server.command("HGETALL", "u:2")),
    ["name", "Ben", "id", "2"],
  );
  assertEquals(
    plain(await server.command("LRANGE", "order", "0", "-1")),
    ["1", "2"],
  );
});

Deno.test("load() uses a connection that it is given, and closes it", async () => {
  await using server = await startServer();
  const connection = await connect({ port: server.port, database: 1 });
  await load({
    sources: [byteSource("in", "k\na\n")],
    commands: [["SET", "{k}", "1"]],
    connection,
  });
  await server.command("SELECT", "1");
  assertEquals(plain(await server.command("GET", "a")), "1");
  await assertRejects(() => connection.write(encodeCommand(["PING"])));
});

Deno.test("load() throws what is wrong before anything is sent", async () => {
  const wrong = (options: Partial<Parameters<typeof load>[0]>) => () =>
    load({
      sources: [byteSource("in", "k\na\n")],
      commands: [["SET", "{k}", "1"]],
      server: { port: 1 },
      ...options,
    });
  await assertRejects(wrong({ commands: [] }), UsageError, "no command");
  await assertRejects(wrong({ commands: [["GET", "{"]] }), UsageError, '"{"');
  await assertRejects(wrong({ limit: -1 }), UsageError, "limit");
  await assertRejects(wrong({ delimiter: "ab" }), UsageError, '"ab"');
  await assertRejects(wrong({ sources: ["/no/such"] }), InputError, "no such");
  await assertRejects(wrong({}), ConnectionError, "127.0.0.1:1");
});

Deno.test("load() leaves what came before a broken end in the server", async () => {
  await using server = await startServer();
  const summary = new Summary();
  const error = await assertRejects(
    () =>
      load({
        sources: [byteSource("in", 'k,v\na,1\nb,2\nc,"3\n')],
        commands: [["SET", "{k}", "{v}"]],
        server: { port: server.port },
        summary,
      }),
    InputError,
  );
  assertEquals([error.position.source, summary.loaded], ["in", 2]);
  assertEquals(plain(await server.command("GET", "b")), "2");
});

Deno.test("load() finishes what was sent when a later source does not fit", async () => {
  await using server = await startServer();
  const summary = new Summary();
  await assertRejects(
    () =>
      load({
        sources: [byteSource("a", "k\n1\n2\n"), byteSource("b", "x\n3\n")],
        commands: [["SET", "k:{k}", "v"]],
        server: { port: server.port },
        summary,
      }),
    UsageError,
    "b: ",
  );
  assertEquals([summary.loaded, summary.unknown], [2, 0]);
  assertEquals(plain(await server.command("DBSIZE")), 2);
});

Deno.test("encode() writes into a buffer", async () => {
  const out = new ByteBuffer();
  const summary = await encode({
    sources: [byteSource("in", "k,v\na,1\nb\nc,3\n")],
    commands: [["SET", "{k}", "{v}"]],
  }, (bytes) => {
    out.push(bytes);
    return Promise.resolve();
  });
  assertEquals(
    [...out.view()],
    [...encodeCommand(["SET", "a", "1"]), ...encodeCommand(["SET", "c", "3"])],
  );
  assertEquals([summary.loaded, summary.rejected], [2, 1]);
  assertEquals(summary.bytesOut, out.length);
});

Deno.test("encode() ends where its writer throws, and closes the source", async () => {
  const source = byteSource("in", "k\na\n");
  await assertRejects(
    () =>
      encode(
        { sources: [source], commands: [["SET", "{k}", "1"]] },
        () => Promise.reject(new RangeError("full")),
      ),
    RangeError,
    "full",
  );
  assert(source.closed);
});

Deno.test("pipe() sends sources and counts replies", async () => {
  await using server = await startServer();
  const errors: [string, number][] = [];
  let transferred = 0;
  const counts = await pipe({
    sources: [
      byteSource("a", "SET n 1\r\nNOSUCH\r\nINCR n"),
      byteSource("b", "INCR n", () => 1),
    ],
    server: { port: server.port },
    onError: ({ error, command }) => {
      errors.push([error.slice(0, 19), command]);
    },
    onTransferred: () => {
      transferred++;
    },
  });
  assertEquals([counts.replies, counts.errors, counts.bytes], [4, 1, 29]);
  assertEquals(errors, [["ERR unknown command", 2]]);
  assertEquals(transferred, 1);
  assertEquals(plain(await server.command("GET", "n")), "3");
});

Deno.test("ReplyReader reads replies as they come", () => {
  const reader = new ReplyReader({ maxBody: 10 });
  const replies: Reply[] = [];
  for (const byte of encoder.encode("+OK\r\n:42\r\n$3\r\nabc\r\n-ERR no\r\n")) {
    reader.feed(new Uint8Array([byte]));
    for (let reply; (reply = reader.next()) !== undefined;) {
      replies.push(reply);
    }
  }
  assertEquals(replies.map(plain), ["OK", 42, "abc", "(error) ERR no"]);
});

Deno.test("compileTemplate() makes what a RowEncoder runs on records", () => {
  const header = Header.named(["id", "name"]);
  const template = compileTemplate(
    [["HSET", "u:{id}", "{*-id}"], ["SADD", "all", "{1}"]],
    header,
  );
  const rows = new RowEncoder(template);
  assertEquals(rows.commandsPerRecord, 2);
  const reader = new CsvReader({ dialect: parseDialect(), fields: 2 });
  const input = encoder.encode('7,"A ""n"" n"\n');
  reader.feed(input, 0, input.length);
  assertEquals(reader.next(), Step.Record);
  const out = new ByteBuffer();
  rows.encode(reader.record, out);
  assertEquals(
    [...out.view()],
    [
      ...encodeCommand(["HSET", "u:7", "name", 'A "n" n']),
      ...encodeCommand(["SADD", "all", "7"]),
    ],
  );
  assertThrows(
    () => compileTemplate([["SET", "{ID}", "x"]], header),
    UsageError,
    "did you mean {id}?",
  );
});

Deno.test("openSource() is there for those who wrap a file", async () => {
  using files = new TempFiles();
  const file = await openSource(files.write("a.csv", "k\na\n"));
  let read = 0;
  await encode({
    sources: [{
      name: "wrapped",
      read: async (into): Promise<number | null> => {
        const count = await file.read(into);
        read += count ?? 0;
        return count;
      },
      close: (): void => file.close(),
    }],
    commands: [["SET", "{k}", "1"]],
  }, () => Promise.resolve());
  assertEquals(read, 4);
});
