/**
 * Races respipe against `redis-cli --pipe` over a long link: through a relay
 * that delays each way, and prints a Markdown table of medians.
 *
 * Usage: deno run -A scripts/dev.ts bench:link [--runs N] [--rows N]
 *        [--bin PATH] [--delay MS]
 *
 * `--delay` (50) is how long each way takes, in ms. As in `bench:load`, the
 * ways take turns, each with an empty server, and what they leave is compared.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { makeInputs } from "./bench_inputs.ts";
import { machineLines } from "./bench_machine.ts";
import {
  BENCH_OPTIONS,
  countOf,
  openBench,
  race,
  respipe,
  ways,
} from "./bench_race.ts";
import { formatTable } from "./bench_table.ts";
import { DelayRelay } from "../tests/support/delay_relay.ts";
import { runMain } from "./run_main.ts";

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { ...BENCH_OPTIONS, delay: { type: "string", default: "50" } },
  });
  const rows = countOf(values.rows, "--rows");
  const delay = countOf(values.delay, "--delay");
  const folder = await Deno.makeTempDir({ prefix: "respipe_bench_" });
  try {
    const local = await openBench(values, folder);
    await using server = local.server;
    await using relay = await DelayRelay.start(server.port, delay);
    const bench = { ...local, port: relay.port };
    const { cli, binary, meter, runs } = bench;

    console.error(`bench: making tables of ${rows} rows`);
    const { kv } = await makeInputs(folder, rows);
    await meter.run(`${respipe(bench, "encode", kv)} >${kv.resp}`);

    console.log((await machineLines(server, cli, binary)).join("\n"));
    console.log(
      `- link: a relay that delays each way by ${delay} ms\n\n` +
        `${rows.toLocaleString("en")} rows, medians of ${runs} runs\n`,
    );
    const loads = await race(bench, kv, ways(bench, kv));
    console.log(formatTable("kv.csv as SET, over the link", loads));
    return 0;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) await runMain(main);
