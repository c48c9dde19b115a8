import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  encode,
  type EncodeOptions,
  InputError,
  Summary,
  UsageError,
} from "../../mod.ts";
import { byteSource } from "../support/byte_source.ts";
import { Random } from "../support/random.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** All that comes of an input, in plain values. */
async function outcome(
  input: Uint8Array,
  options: Omit<EncodeOptions, "sources">,
  size?: () => number,
): Promise<unknown> {
  const summary = new Summary();
  const rejects: unknown[] = [];
  let output = "";
  let failure = "";
  try {
    await encode({
      sources: [byteSource("in", input, size)],
      summary,
      // Of a record that is too large there is as much as was read.
      onReject: ({ bytes, ...rest }) =>
        rejects.push({
          ...rest,
          bytes: isWhole(rest) && decoder.decode(bytes),
        }),
      ...options,
    }, (bytes) => {
      for (const byte of bytes) output += String.fromCharCode(byte);
      return Promise.resolve();
    });
  } catch (error) {
    assert(error instanceof InputError, String(error));
    failure = error.message;
  }
  const { records, loaded, rejected, commands, blankLines, bytesIn } = summary;
  return {
    output,
    rejects,
    failure,
    counts: { records, loaded, rejected, commands, blankLines, bytesIn },
  };
}

function isWhole({ error }: { error: string }): boolean {
  return !error.includes("larger than");
}

const SET = { commands: [["SET", "k:{1}", "{2}"]] };

const CASES: [
  name: string,
  input: string,
  options: Omit<EncodeOptions, "sources">,
][] = [
  ["nothing but a header", "a,b", SET],
  ["rows", "a,b\n1,x\n2,y\n3,z\n", SET],
  ["no last line break", "a,b\r\n1,x\r\n2,y", SET],
  ["a byte order mark", '\ufeff"a",b\n1,x\n', SET],
  ["quotes", 'a,b\n1,"x""y"\n"2","\r\n,"\n3,""\n4,""""\n', SET],
  ["blank lines", "\n\na,b\n\n1,x\n\r\n\n2,y\n\n", SET],
  ["malformed rows", 'a,b\n1\n2,y,\n3,"z"z\n4,w\n5,v"\n6,u\n', SET],
  ["a quote left open", 'a,b\n1,x\n2,"y\n3,z\n', SET],
  ["an end within a record", "a,b\n1,x\n2", SET],
  ["a record that is too large", "a,b\n1,x\n2,1234567890\n3,z\n", {
    ...SET,
    maxRecord: 8,
  }],
  ["no header", '1,x\n2,"y"\n', { ...SET, header: false }],
  ["no header, but names", '\ufeff1,x\n2,"y"\n', {
    ...SET,
    columns: ["a", "b"],
  }],
  ["skipped lines", 'x"\n\r\na,b\n1,x\n2,y\n', { ...SET, skipLines: 2 }],
  ["a limit", "a,b\n1,x\n2\n3,z\n4,w\n", { ...SET, limit: 3 }],
  ["empty fields left out", 'a,b\n1,\n"",y\n', {
    commands: [["HSET", "k", "{*}"]],
    skipEmpty: true,
  }],
];

for (const [name, input, options] of CASES) {
  Deno.test(`any reads give the same records: ${name}`, async () => {
    const bytes = encoder.encode(input);
    const whole = await outcome(bytes, options);
    const random = new Random(Random.seed());
    for (let round = 0; round < 20; round++) {
      const longest = round === 0 ? 1 : 1 + random.int(bytes.length);
      const got = await outcome(bytes, options, () => 1 + random.int(longest));
      // How far it has read when it stops early is its own business.
      const early = options.limit ?? options.maxRecord;
      for (const it of [whole, got] as { counts: { bytesIn: number } }[]) {
        if (early !== undefined) it.counts.bytesIn = 0;
      }
      assertEquals(got, whole, `RESPIPE_SEED=${random.seed}, round ${round}`);
    }
  });
}

Deno.test("any reads give the same records: many chunks", async () => {
  const random = new Random(Random.seed());
  let csv = "id,v,w\n";
  for (let id = 0; id < 30_000; id++) {
    const size = random.int(3000) === 0 ? random.int(700_000) : random.int(30);
    csv += `${id},${"x".repeat(size)},"${"\n".repeat(id % 3)}""${id}"\n`;
  }
  const bytes = encoder.encode(csv);
  const options = { commands: [["SET", "k:{id}", "{v}{w}"]] };
  const whole = await outcome(bytes, options);
  const got = await outcome(bytes, options, () => 1 + random.int(400_000));
  // Not assertEquals: it would print megabytes.
  const same = JSON.stringify(got) === JSON.stringify(whole);
  assert(same, `RESPIPE_SEED=${random.seed}`);
});

Deno.test("a source that fails ends the input where it failed", async () => {
  let reads = 0;
  let output = "";
  const source = {
    name: "in",
    read: (into: Uint8Array): Promise<number | null> => {
      if (reads++ > 0) {
        return Promise.reject(new InputError("gone", { source: "in" }));
      }
      const { written } = encoder.encodeInto("a,b\n1,x\n2,", into);
      return Promise.resolve(written);
    },
    closed: false,
    close(): void {
      this.closed = true;
    },
  };
  await assertRejects(
    () =>
      encode({ sources: [source], ...SET }, (bytes) => {
        output += decoder.decode(bytes);
        return Promise.resolve();
      }),
    InputError,
    "gone",
  );
  assertEquals(output, "*3\r\n$3\r\nSET\r\n$3\r\nk:1\r\n$1\r\nx\r\n");
  assert(source.closed);
});

Deno.test("lines that end in CR alone are refused with what to do, header or not", async () => {
  for (
    const options of [SET, { ...SET, header: false }, {
      ...SET,
      columns: ["a", "b"],
    }]
  ) {
    for (const text of ["a,b\r1,2\r", "a,b\r1,2\r3,4", '"a",b\r1,"x"y\r']) {
      const { failure, output } = await outcome(
        encoder.encode(text),
        options,
      ) as { failure: string; output: string };
      assertMatch(failure, /^Cannot read in: its lines end in CR alone/, text);
      assertMatch(failure, /tr '\\r' '\\n'/);
      assertEquals(output, "");
    }
  }
  const large = encoder.encode("a,b\r1,2\r".repeat(100));
  const { failure } = await outcome(large, { ...SET, maxRecord: 50 }) as {
    failure: string;
  };
  assertMatch(failure, /CR alone/);
});

Deno.test("a header that does not fit says what the input looks like", async () => {
  const rows: [input: string, says: RegExp, isInput?: boolean][] = [
    ["id;name\n1;x\n", /there is no such column.*; the header looks as if sem/],
    ['{"id":1, "name":"x"}\n', /looks like JSON/],
    ['{"id":1,"name":"x"}\n', /line 1 .*; the input looks like JSON/, true],
    ['"id";"name"\n', /line 1 .*; .*semicolons/, true],
    ["sep=;\nid;name\n", /; the header looks as if semicolons/],
    ["i\0d\0,\0n\0\n\0", /UTF-16 without a byte order mark/],
  ];
  for (const [input, says, isInput] of rows) {
    const error = await assertRejects(
      () =>
        encode({
          sources: [byteSource("in", encoder.encode(input))],
          commands: [["SET", "{id}", "{name}"]],
          // What is said is not found out.
          delimiter: ",",
        }, () => Promise.resolve()),
      Error,
    );
    assert(error instanceof (isInput ? InputError : UsageError), input);
    assertMatch(error.message, says, input);
  }
});

Deno.test("a source without a header says whether it is empty", async () => {
  const rows: [input: string, skipLines: number, says: string][] = [
    ["", 0, "in: it is empty, not even a header is in it"],
    ["", 1, "in: it is empty, not even a header is in it"],
    ["\n\r\n", 0, "in: there is no header in it"],
    ["\ufeff", 0, "in: there is no header in it"],
    ["sep=;\n", 0, "in: there is no header in it"],
    ["id,name\n", 2, "in: there is no header behind the lines that --skip"],
  ];
  for (const [input, skipLines, says] of rows) {
    await assertRejects(
      () =>
        encode({
          sources: [byteSource("in", encoder.encode(input))],
          ...{ ...SET, skipLines },
        }, () => Promise.resolve()),
      InputError,
      says,
    );
  }
});

Deno.test("a file of one column with another delimiter in its header is read all the same", async () => {
  const { output, failure } = await outcome(
    encoder.encode("a|b\nx\n"),
    { commands: [["SADD", "s", "{1}"]], delimiter: "," },
  ) as { output: string; failure: string };
  assertEquals(failure, "");
  assertEquals(output, "*3\r\n$4\r\nSADD\r\n$1\r\ns\r\n$1\r\nx\r\n");
});
