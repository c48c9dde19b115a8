import { assertEquals, assertRejects } from "@std/assert";
import { encode, type EncodeOptions, Summary, UsageError } from "../../mod.ts";
import { byteSource } from "../support/byte_source.ts";

/** What is read of some inputs, as `id@record:line:offset`. */
async function read(
  inputs: readonly string[],
  size: number,
  options: Partial<EncodeOptions>,
): Promise<{ ids: string; blankLines: number; records: number }> {
  const summary = new Summary();
  const ids: string[] = [];
  let output = "";
  await encode({
    sources: inputs.map((input) => byteSource("in", input, () => size)),
    // A record with more fields is rejected, and so tells its place.
    commands: [["SET", "{1}", "v"]],
    onReject: ({ record, line, offset }) =>
      ids.push(`${record}:${line}:${offset}`),
    summary,
    ...options,
  }, (bytes) => {
    output += new TextDecoder().decode(bytes);
    return Promise.resolve();
  });
  for (const [, id] of output.matchAll(/SET\r\n\$\d+\r\n(\w+)/g)) ids.push(id);
  const { blankLines, records } = summary;
  return { ids: ids.join(" "), blankLines, records };
}

/** Lines 3, 6 and 10 are blank; line 8 is malformed. */
const INPUT = 'id,n\na,1\n\nb,"2\n3"\n\nc,4\nd,5,6\ne,7\n\n';

const CASES: [line: number, ids: string, blankLines: number][] = [
  [1, "4:8:23 a b c e", 3],
  [2, "4:8:23 a b c e", 3],
  [3, "4:8:23 b c e", 2],
  [4, "4:8:23 b c e", 2],
  [6, "4:8:23 c e", 1],
  [7, "4:8:23 c e", 1],
  [8, "4:8:23 e", 1],
  [9, "e", 1],
];

for (const [line, ids, blankLines] of CASES) {
  Deno.test(`from line ${line}: ${ids}`, async () => {
    for (let size = 1; size <= INPUT.length; size++) {
      const what = `reads of ${size} bytes`;
      const all = await read([INPUT], size, { from: { line } });
      const records = ids.split(" ").length;
      assertEquals(all, { ids, blankLines, records }, what);
    }
  });
}

const REFUSED: [input: string, line: number, says: string][] = [
  [INPUT, 5, "line 5 of in: it is within the record that begins on line 4"],
  [INPUT, 12, "line 12 of in: its last record begins on line 9"],
  ["id\n", 7, "line 7 of in: there is no record in it"],
];

for (const [input, line, says] of REFUSED) {
  Deno.test(`from line ${line} is refused: ${says}`, async () => {
    for (let size = 1; size <= input.length; size++) {
      await assertRejects(
        () => read([input], size, { from: { line } }),
        UsageError,
        `Cannot begin at ${says}`,
      );
    }
  });
}

Deno.test("from a line: the limit counts from there", async () => {
  const options = { from: { line: 4 }, limit: 2 };
  assertEquals((await read([INPUT], 9, options)).ids, "b c");
});

Deno.test("from a line: further sources are read as a whole", async () => {
  const inputs = [INPUT, "id,n\nx,1\ny,2"];
  const { ids } = await read(inputs, 9, { from: { line: 9 } });
  assertEquals(ids, "e x y");
});

Deno.test("from the line behind the last one there is nothing to read", async () => {
  const firsts = [
    "id,n\nx,1\n",
    "id,n\nx,1",
    'id,n\n"x",1',
    "id,n\nx,1,2",
    '{"1":"x"}\n{"1":"x"}',
  ];
  for (const first of firsts) {
    for (let size = 1; size <= first.length; size++) {
      const inputs = [first, "id,n\ny,2\n"];
      const { ids } = await read(inputs, size, { from: { line: 3 } });
      assertEquals(ids, "y", first);
    }
  }
});

Deno.test("from a line: a header of the user's own, and lines to skip", async () => {
  const options = { columns: ["id"], skipLines: 2, from: { line: 4 } };
  const { ids } = await read(["#\n#\na\nb\nc\n"], 2, options);
  assertEquals(ids, "b c");
});
