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

/**
 * Writes the tables of the benchmark.
 *
 * @param folder Where
 * @param rows How many rows each has
 * @returns `kv`: lines `KeyN,ValueN` without a header; `drivers`: the table of
 * the demo
 */
export async function makeInputs(
  folder: string,
  rows: number,
): Promise<{ kv: BenchInput; drivers: BenchInput }> {
  const input = async (
    name: string,
    chunks: Iterable<Uint8Array>,
    flags: string[],
    template: string[],
  ): Promise<BenchInput> => {
    const csv = `${folder}/${name}.csv`;
    await Deno.writeFile(csv, ReadableStream.from(chunks));
    const { size } = await Deno.stat(csv);
    const resp = `${folder}/${name}.resp`;
    return { name, csv, bytes: size, resp, flags, template, keys: rows };
  };
  return {
    kv: await input("kv", kvCsv(rows), ["--no-header"], ["SET", "{1}", "{2}"]),
    drivers: await input(
      "drivers",
      driversCsv({ rows }),
      [],
      ["HSET", "driver:{id}", "{*}"],
    ),
  };
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
