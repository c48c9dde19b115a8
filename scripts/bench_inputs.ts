import { driversCsv } from "./drivers.ts";

/** A table to load, as CSV and as the RESP that `encode` makes of it. */
export interface BenchInput {
  /** What it is called: the file without its ending. */
  name: string;
  /** The CSV's path. */
  csv: string;
  /** Its size in bytes. */
  bytes: number;
  /** The path of the RESP; the file is made by the caller. */
  resp: string;
  /** The flags of respipe that say how to read it. */
  flags: string[];
  /** The command template. */
  template: string[];
  /** How many keys it makes. */
  keys: number;
}

/** Rows of one table of documents, for each row of the others. */
const DOCUMENTS: readonly [name: string, size: number, share: number][] = [
  ["values-1k", 1000, 0.2],
  ["values-100k", 100_000, 0.002],
];

/**
 * Writes the tables of the benchmark.
 *
 * @param folder Where
 * @param rows How many rows each has
 * @returns `kv`: lines `KeyN,ValueN` without a header; `drivers`: the table of
 * the demo; `documents`: a few rows with one long value each, bare and quoted
 * with doubled quotes
 */
export async function makeInputs(
  folder: string,
  rows: number,
): Promise<
  { kv: BenchInput; drivers: BenchInput; documents: BenchInput[] }
> {
  const input = async (
    name: string,
    chunks: Iterable<Uint8Array>,
    flags: string[],
    template: string[],
    keys = rows,
  ): Promise<BenchInput> => {
    const csv = `${folder}/${name}.csv`;
    await Deno.writeFile(csv, ReadableStream.from(chunks));
    const { size } = await Deno.stat(csv);
    const resp = `${folder}/${name}.resp`;
    return { name, csv, bytes: size, resp, flags, template, keys };
  };
  const documents: BenchInput[] = [];
  for (const [name, size, share] of DOCUMENTS) {
    const count = Math.max(1, Math.round(rows * share));
    for (const isQuoted of [false, true]) {
      documents.push(
        await input(
          isQuoted ? `${name}-quoted` : name,
          documentsCsv(count, size, isQuoted),
          [],
          ["SET", "doc:{id}", "{doc}"],
          count,
        ),
      );
    }
  }
  return {
    documents,
    kv: await input("kv", kvCsv(rows), ["--no-header"], ["SET", "{1}", "{2}"]),
    drivers: await input(
      "drivers",
      driversCsv({ rows }),
      [],
      ["HSET", "driver:{id}", "{*}"],
    ),
  };
}

/** Rows of an id and a value: words, or JSON, whose quotes are doubled. */
function* documentsCsv(
  rows: number,
  size: number,
  isQuoted: boolean,
): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  yield encoder.encode("id,doc\n");
  for (let row = 1; row <= rows; row++) {
    const item = isQuoted
      ? `{"id":${row},"name":"Item ${row}","tags":["red","green"],` +
        '"note":"The quick brown fox jumps over the lazy dog"},'
      : `${row} The quick brown fox jumps over the lazy dog. `;
    const value = item.repeat(Math.ceil(size / item.length)).slice(0, size);
    const field = isQuoted ? `"${value.replaceAll('"', '""')}"` : value;
    yield encoder.encode(`${row},${field}\n`);
  }
}

function* kvCsv(rows: number): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  for (let row = 1; row <= rows;) {
    const end = Math.min(rows, row + 9_999);
    let text = "";
    for (; row <= end; row++) text += `Key${row},Value${row}\n`;
    yield encoder.encode(text);
  }
}
