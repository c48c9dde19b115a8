import type { BenchInput } from "./bench_inputs.ts";
import type { Measured } from "./bench_measure.ts";
import { type Bench, respipe } from "./bench_race.ts";
import type { Row } from "./bench_table.ts";
import { plain } from "../tests/support/plain_reply.ts";

/** How many scores are bad where some are. */
const BAD = 5;

/**
 * Races a sorted set without bad scores against one with a few: rows that are
 * rejected ought to cost the others nothing.
 *
 * @param bench Where to
 * @param folder A folder for the tables
 * @param rows How many rows each has
 * @returns What each of them took; without bad scores comes first
 */
export async function raceScores(
  bench: Bench,
  folder: string,
  rows: number,
): Promise<Row[]> {
  const { runs, server, meter } = bench;
  const inputs: { row: { name: string; runs: Measured[] }; line: string }[] =
    [];
  for (const bad of [0, BAD]) {
    const name = bad === 0 ? "scores" : "scores_bad";
    const input: BenchInput = {
      ...{ name, csv: `${folder}/${name}.csv`, resp: "", bytes: 0, keys: 1 },
      flags: [],
      template: ["ZADD", "z", "{score}", "m{id}"],
    };
    await Deno.writeFile(
      input.csv,
      ReadableStream.from(scoresCsv(rows, bad)),
    );
    inputs.push({
      row: { name: `respipe load, ${bad} bad scores`, runs: [] },
      // With rejects it exits with 1, and the shell stays to say so.
      line: bad === 0
        ? respipe(bench, "load", input)
        : `(${respipe(bench, "load", input)}); [ $? -eq 1 ]`,
    });
  }
  for (let run = 0; run < runs; run++) {
    for (const [at, { row, line }] of inputs.entries()) {
      await server.command("FLUSHALL");
      console.error(`bench: ${run + 1} of ${runs}: ${row.name}`);
      row.runs.push(await meter.run(line));
      const members = plain(await server.command("ZCARD", "z"));
      const expected = at === 0 ? rows : rows - BAD;
      if (members !== expected) {
        throw new Error(`${row.name} left ${members} instead of ${expected}`);
      }
    }
  }
  return inputs.map(({ row }) => row);
}

function* scoresCsv(rows: number, bad: number): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  const wrong = new Set(
    Array.from({ length: bad }, (_, i) => Math.floor((i + 0.5) * rows / bad)),
  );
  yield encoder.encode("id,score,name\n");
  for (let row = 0; row < rows;) {
    const end = Math.min(rows, row + 10_000);
    let text = "";
    for (; row < end; row++) {
      const score = wrong.has(row) ? "notanumber" : row * 7919 % 1_000_003;
      text += `${row},${score},Name${row}\n`;
    }
    yield encoder.encode(text);
  }
}
