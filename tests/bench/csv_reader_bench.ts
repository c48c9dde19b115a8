/**
 * The CSV reader against `@std/csv`, and against splitting at line breaks and
 * commas, which is wrong wherever a field is quoted. One iteration reads 1 MiB
 * in chunks of 256 KiB, so MB/s are about 1000 divided by the time in
 * milliseconds.
 *
 * @module
 */
import { parse } from "@std/csv";
import { CsvReader } from "../../src/codec/csv_reader.ts";
import { parseDialect } from "../../src/codec/dialect.ts";
import { Step } from "../../src/codec/step.ts";
import { benchRows } from "../support/bench_rows.ts";

const CHUNK_LENGTH = 256 * 1024;

/** Counts the records; the chunks lie in one buffer, so nothing is moved. */
function readRecords(bytes: Uint8Array): number {
  const reader = new CsvReader({ dialect: parseDialect() });
  for (let end = 0; end < bytes.length;) {
    end = Math.min(bytes.length, end + CHUNK_LENGTH);
    reader.feed(bytes, reader.boundary, end);
    while (reader.next() === Step.Record);
  }
  return reader.records;
}

function parseText(bytes: Uint8Array): number {
  return parse(new TextDecoder().decode(bytes)).length;
}

function splitLines(bytes: Uint8Array): number {
  let count = 0;
  for (const line of new TextDecoder().decode(bytes).split("\n")) {
    if (line.split(",").length > 1) count++;
  }
  return count;
}

for (const [shape, { bytes, count }] of Object.entries(benchRows(1 << 20))) {
  const ways = { CsvReader: readRecords, "@std/csv": parseText, splitLines };
  for (const [name, read] of Object.entries(ways)) {
    Deno.bench({
      name,
      group: shape,
      baseline: name === "CsvReader",
      fn: () => {
        const found = read(bytes);
        if (found !== count) throw new Error(`${found} rows, not ${count}`);
      },
    });
  }
}
