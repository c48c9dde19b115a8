import { assert, assertEquals } from "@std/assert";
import { load, type LoadOptions, type Reject } from "../../mod.ts";
import { byteSource } from "../support/byte_source.ts";
import { Random } from "../support/random.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Loads one input from memory, and collects what is rejected. */
async function rejectsOf(
  server: RedisServer,
  input: string | Uint8Array,
  options: Omit<LoadOptions, "sources">,
  size?: () => number,
): Promise<Reject[]> {
  const rejects: Reject[] = [];
  const summary = await load({
    sources: [byteSource("in", input, size)],
    server: { port: server.port },
    onReject: (reject) => rejects.push(reject),
    ...options,
  });
  assertEquals(summary.rejected, rejects.length);
  assertEquals(summary.loaded + summary.rejected, summary.records);
  return rejects;
}

const INCRBY = { commands: [["INCRBY", "c:{id}", "{n}"]] };

/** An input, and the text, line and ordinal of each record rejected. */
const CASES: [
  name: string,
  input: string,
  options: Omit<LoadOptions, "sources">,
  rejected: [text: string, line: number, record: number][],
][] = [
  ["the first", "id,n\n1,x\n2,2\n", INCRBY, [["1,x\n", 2, 1]]],
  ["the last, without a line break", "id,n\n1,1\n2,x", INCRBY, [["2,x", 3, 2]]],
  ["CRLF", "id,n\r\n1,x\r\n", INCRBY, [["1,x\r\n", 2, 1]]],
  [
    "behind quoted line breaks",
    'id,n,p\n1,1,"\n\r\n\n"\n2,x,"\n"\n3,3,\n4,y,\n',
    INCRBY,
    [['2,x,"\n"\n', 6, 2], ["4,y,\n", 9, 4]],
  ],
  [
    "behind blank lines",
    "\n\nid,n\n\n1,x\n\r\n\n2,y\n",
    INCRBY,
    [["1,x\n", 5, 1], ["2,y\n", 8, 2]],
  ],
  [
    "among malformed ones, in the order of the input",
    'id,n\n1,x\n2\n3,y\n"4"4,4\n5,5\n6,z\n7,7,7\n',
    INCRBY,
    [
      ["1,x\n", 2, 1],
      ["2\n", 3, 2],
      ["3,y\n", 4, 3],
      ['"4"4,4\n', 5, 4],
      ["6,z\n", 7, 6],
      ["7,7,7\n", 8, 7],
    ],
  ],
  [
    "behind a byte order mark",
    '\ufeffid,n\n"1",x\n2,y\n',
    INCRBY,
    [['"1",x\n', 2, 1], ["2,y\n", 3, 2]],
  ],
  [
    "behind a byte order mark, without a header",
    '\ufeff"1",x\n"2",2\n"3",y\n',
    { ...INCRBY, columns: ["id", "n"] },
    [['"1",x\n', 1, 1], ['"3",y\n', 3, 3]],
  ],
  [
    "without a header or names",
    "1,x\n2,2\n3,y\n",
    { commands: [["INCRBY", "c:{1}", "{2}"]], header: false },
    [["1,x\n", 1, 1], ["3,y\n", 3, 3]],
  ],
  [
    "behind skipped lines and a header",
    'some "thing\n# else\nid,n\n1,1\n2,x\n3,3\n4,y\n',
    { ...INCRBY, skipLines: 2 },
    [["2,x\n", 5, 2], ["4,y\n", 7, 4]],
  ],
  [
    "behind skipped lines, without a header",
    "# a\n# b\n1,x\n2,2\n3,y\n",
    { ...INCRBY, columns: ["id", "n"], skipLines: 2 },
    [["1,x\n", 3, 1], ["3,y\n", 5, 3]],
  ],
  [
    "in another dialect",
    "id;n\n'1';x\n2;2\n'3''';y\n",
    { ...INCRBY, delimiter: ";", quote: "'" },
    [["'1';x\n", 2, 1], ["'3''';y\n", 4, 3]],
  ],
];

for (const [name, input, options, rejected] of CASES) {
  Deno.test(`a rejected record is found: ${name}`, async () => {
    await using server = await startServer();
    const bytes = encoder.encode(input);
    for (const size of [Infinity, 1, 3]) {
      await server.command("FLUSHALL");
      const rejects = await rejectsOf(server, bytes, options, () => size);
      assertEquals(
        rejects.map((it) => [decoder.decode(it.bytes), it.line, it.record]),
        rejected,
        `${size} bytes at a time`,
      );
      for (const { offset, bytes: own, source } of rejects) {
        assertEquals(bytes.subarray(offset, offset + own.length), own);
        assertEquals(source, "in");
      }
    }
  });
}

Deno.test("a reject shows the command that failed, of several", async () => {
  await using server = await startServer();
  const rejects = await rejectsOf(
    server,
    'id,n\n1,1\n2,"t wo"\n3,3\n4,\n',
    {
      commands: [
        ["SET", "k:{id}", "{n}"],
        ["INCR", "k:{id}"],
        ["INCR", "k:{id}"],
        ["SADD", "s", "{id}"],
      ],
    },
  );
  assertEquals(
    rejects.map(({ record, command }) => [record, command]),
    [[2, "INCR k:2"], [4, "INCR k:4"]],
  );
  // One reason for each record; every command was sent all the same.
  const { value } = await server.command("SCARD", "s") as { value: number };
  assertEquals(value, 4);
});

Deno.test("a reject's command is quoted, and cut to be read", async () => {
  await using server = await startServer();
  const [reject] = await rejectsOf(
    server,
    `id,n\n"a b\n",${"x".repeat(500)}\n`,
    INCRBY,
  );
  assert(reject.command!.startsWith('INCRBY "c:a b\\n" xxx'), reject.command);
  assert(reject.command!.endsWith("xxx... (500 bytes)"), reject.command);
});

Deno.test("rejected records are found in inputs of any shape", async () => {
  const random = new Random(Random.seed());
  const what = `RESPIPE_SEED=${random.seed}`;
  await using server = await startServer();
  for (let round = 0; round < 30; round++) {
    let csv = random.pick(["", "\ufeff", "\n\n"]) + "id,n,pad\n";
    const wanted: string[] = [];
    const rows = 1 + random.int(400);
    for (let id = 0; id < rows; id++) {
      if (random.int(10) === 0) csv += random.pick(["\n", "\r\n"]);
      const n = random.int(8) === 0 ? "no" : String(id);
      const pad = random.pick([
        "",
        '"\n\r\n"',
        '"a""b"',
        "x",
        `"${
          "y,".repeat(
            random.int(3000),
          )
        }"`,
      ]);
      const row = random.int(15) === 0
        ? `${id},no\n`
        : `${id},${n},${pad}${random.pick(["\n", "\r\n"])}`;
      if (row.includes(",no")) wanted.push(row);
      csv += row;
    }
    const bytes = encoder.encode(csv);
    const longest = random.pick([7, 1000, 1e6]);
    const rejects = await rejectsOf(
      server,
      bytes,
      { ...INCRBY, window: random.pick([1, 5000, 8e6]) },
      () => 1 + random.int(longest),
    );
    assertEquals(
      rejects.map(({ bytes }) => decoder.decode(bytes)),
      wanted,
      `${what}, round ${round}`,
    );
    for (const { offset, bytes: own, line } of rejects) {
      assertEquals(bytes.subarray(offset, offset + own.length), own, what);
      const before = decoder.decode(bytes.subarray(0, offset));
      assertEquals(line, before.split("\n").length, what);
    }
  }
});
