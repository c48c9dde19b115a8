import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  load,
  type LoadOptions,
  type Reject,
  StoppedError,
  Summary,
} from "../../mod.ts";
import { byteSource } from "../support/byte_source.ts";
import { plain } from "../support/plain_reply.ts";
import { startServer } from "../support/redis_server.ts";

/** Rows `id,n` of which every so many cannot be added. */
function rows(count: number, isBad: (id: number) => boolean): string {
  let csv = "id,n\n";
  for (let id = 1; id <= count; id++) csv += `${id},${isBad(id) ? "x" : 1}\n`;
  return csv;
}

const CASES: [
  name: string,
  count: number,
  isBad: (id: number) => boolean,
  options: Partial<LoadOptions>,
][] = [
  ["no error", 30_000, () => false, {}],
  ["nothing but errors", 30_000, () => true, {}],
  ["one error in the middle", 50_000, (id) => id === 25_000, {}],
  ["an error at either end", 50_000, (id) => id === 1 || id === 50_000, {}],
  ["every other one", 30_000, (id) => id % 2 === 0, {}],
  ["a window of one byte", 30_000, (id) => id % 997 === 0, { window: 1 }],
  ["several commands", 20_000, (id) => id % 101 === 0, {
    commands: [["INCR", "before"], ["INCRBY", "sum", "{n}"], ["INCR", "after"]],
  }],
];

for (const [name, count, isBad, options] of CASES) {
  Deno.test(`every reply finds its record: ${name}`, async () => {
    await using server = await startServer();
    const rejects: Reject[] = [];
    const summary = await load({
      sources: [byteSource("in", rows(count, isBad))],
      commands: [["INCRBY", "sum", "{n}"]],
      server: { port: server.port },
      onReject: (reject) => rejects.push(reject),
      ...options,
    });
    const bad = Array.from({ length: count }, (_, i) => i + 1).filter(isBad);
    assertEquals(rejects.map(({ record }) => record), bad);
    const perRecord = options.commands?.length ?? 1;
    assertEquals(
      [summary.records, summary.loaded, summary.rejected, summary.unknown],
      [count, count - bad.length, bad.length, 0],
    );
    assertEquals(
      [summary.commands, summary.replies],
      [count * perRecord, count * perRecord],
    );
    assertEquals(
      plain(await server.command("GET", "sum")),
      bad.length === count ? null : String(count - bad.length),
    );
  });
}

Deno.test("an error within a transaction rejects its record", async () => {
  await using server = await startServer();
  await server.command("SET", "s:2", "no list");
  const rejects: Reject[] = [];
  const summary = await load({
    sources: [byteSource("in", "id\n1\n2\n3\n")],
    commands: [["MULTI"], ["RPUSH", "s:{1}", "x"], ["INCR", "n"], ["EXEC"]],
    server: { port: server.port },
    onReject: (reject) => rejects.push(reject),
  });
  assertEquals([summary.loaded, summary.rejected], [2, 1]);
  assertEquals(rejects.map(({ record }) => record), [2]);
  assertEquals(rejects[0].error.split(" ")[0], "WRONGTYPE");
});

const PARTLY: [
  what: string,
  commands: string[][],
  input: string,
  failed: (string | undefined)[],
  partly: number,
][] = [
  [
    "some of three commands",
    [["SADD", "a:{1}", "x"], ["SADD", "b:{1}", "x"], ["SADD", "c:{1}", "x"]],
    "1,\n2,\n3,\n4,\n5,,\n",
    ["1 of 3", "2 of 3", "3 of 3", undefined],
    2,
  ],
  [
    "a transaction that is executed",
    [["MULTI"], ["SADD", "a:{1}", "x"], ["SADD", "b:{1}", "x"], ["EXEC"]],
    "1,\n2,\n4,\n",
    ["1 or more of 2", "1 or more of 2"],
    2,
  ],
  [
    "a transaction of one command",
    [["MULTI"], ["SADD", "a:{1}", "x"], ["EXEC"]],
    "3,\n4,\n",
    ["1 or more of 1"],
    0,
  ],
  [
    "a transaction that is refused",
    [["MULTI"], ["SADD", "z:{1}", "x"], ["HSET", "h:{1}", "{*-1}"], ["EXEC"]],
    "1,\n4,v\n",
    ["2 of 2"],
    0,
  ],
];

for (const [what, commands, input, failed, partly] of PARTLY) {
  Deno.test(`a reject says what has failed: ${what}`, async () => {
    await using server = await startServer();
    for (const key of ["a:1", "a:2", "b:2", "a:3", "b:3", "c:3"]) {
      await server.command("SET", key, "no set");
    }
    const rejects: Reject[] = [];
    const summary = await load({
      sources: [byteSource("in", input)],
      columns: ["1", "2"],
      commands,
      // A hash without fields is refused before it is executed.
      skipEmpty: true,
      server: { port: server.port },
      onReject: (reject) => rejects.push(reject),
    });
    assertEquals(rejects.map((reject) => reject.failed), failed);
    assertEquals([summary.rejected, summary.partly], [failed.length, partly]);
    assertEquals(await server.command("EXISTS", "z:1"), {
      kind: "integer",
      value: 0,
    });
  });
}

Deno.test("rejects that cannot be told leave no accounts open", async () => {
  await using server = await startServer({ args: ["--maxmemory", "20mb"] });
  await server.command("RPUSH", "list", "no string");
  const summary = new Summary();
  const loading = load({
    sources: [byteSource("in", "k,n\nlist,1\nfull,30000000\nmore,1\n")],
    commands: [["SETRANGE", "{k}", "{n}", "x"]],
    server: { port: server.port },
    summary,
    onReject: () => {
      throw new Error("the paper is out");
    },
  });
  const { message } = await assertRejects(() => loading, StoppedError);
  assertMatch(message, /^Stopped at in:4: .*OOM/);
  assertMatch(message, /the first of them is in:2; the paper is out$/);
  assertEquals(summary.next, { source: "in", record: 1, line: 2, offset: 4 });
  assertEquals(summary.state, "stopped");
  const { records, loaded, rejected, unknown } = summary;
  assertEquals([records, loaded, rejected, unknown], [2, 0, 0, 2]);
});

Deno.test("the counts are live: nothing is loaded before its reply", async () => {
  await using server = await startServer();
  const summary = new Summary();
  const source = byteSource("in", rows(50_000, () => false));
  const seen: boolean[] = [];
  await load({
    sources: [{
      name: "in",
      read: (into): Promise<number | null> => {
        const { records, loaded, rejected, unknown } = summary;
        seen.push(loaded + rejected + unknown === records);
        seen.push(loaded <= summary.replies && unknown >= 0);
        return source.read(into);
      },
      close: (): void => source.close(),
    }],
    commands: [["INCRBY", "sum", "{n}"]],
    server: { port: server.port },
    summary,
  });
  assertEquals(seen.length > 2 && seen.every((it) => it), true);
  assertEquals(summary.loaded, 50_000);
});

Deno.test("a load ends in front of a reject that nobody takes", async () => {
  await using server = await startServer();
  const isBad = (i: number): boolean => i % 1_000 === 0;
  for (const refused of [1, 2, 30, 200]) {
    const summary = new Summary();
    const taken: number[] = [];
    let told = 0;
    await assertRejects(
      () =>
        load({
          sources: [byteSource("in", rows(200_000, isBad))],
          commands: [["HSET", "h", "{id}", "1"], ["INCRBY", "sum", "{n}"]],
          server: { port: server.port },
          summary,
          onReject: ({ record }) => {
            if (++told === refused) throw new RangeError("no room");
            taken.push(record);
          },
        }),
      RangeError,
      "no room",
    );
    const { loaded, rejected, records, unknown, next } = summary;
    assertEquals(told, refused, "nothing is told behind it");
    assert(unknown > 0 && loaded + rejected + unknown === records);
    assertEquals(next!.record, loaded + rejected + 1);
    assertEquals(taken.filter((it) => it < next!.record).length, rejected);
    assertEquals(summary.partly, rejected);
  }
});
