import { assert, assertEquals, assertMatch } from "@std/assert";
import { readSummary } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { startServer } from "../support/redis_server.ts";
import { type Run, runRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

interface Forecast {
  bytesPerRecord: number;
  needed: number;
  maxmemory: number;
  policy: string;
  fullAtRecord: number | null;
}

const ROWS = 100_000;

/** Loads 100,000 rows of 100 bytes into a server with so much memory. */
async function loadInto(
  args: string[],
  file: string,
  words: string[] = [],
): Promise<{ run: Run; forecast: Forecast | null; keys: number }> {
  await using server = await startServer({ args });
  const run = await runRespipe([
    ...["load", "-p", `${server.port}`, file, "--json", ...words],
    ...["--", "SET", "k:{id}", "{v}"],
  ]);
  const summary = readSummary(run.stdout);
  const keys = plain(await server.command("DBSIZE")) as number;
  return { run, forecast: summary.memoryForecast as Forecast | null, keys };
}

Deno.test("a load that the server has no room for is warned about once", async (t) => {
  using files = new TempFiles();
  const value = "x".repeat(100);
  const lines = Array.from({ length: ROWS }, (_, i) => `${i},${value}\n`);
  const file = files.write("a.csv", `id,v\n${lines.join("")}`);

  await t.step("noeviction", async () => {
    const { run, forecast, keys } = await loadInto(
      ["--maxmemory", "12mb"],
      file,
    );
    assertEquals(run.code, 3);
    const [warning, ...more] = run.stderr.trimEnd().split("\n")
      .filter((line) => line.includes("warning"));
    assertMatch(
      warning,
      /^respipe: warning: the server will be full at about record [\d,]+ of [\d,]+: with all of them it needs about \d+ MB, and maxmemory is 13 MB \(maxmemory-policy noeviction\)$/,
    );
    assertEquals(more, []);
    assert(forecast !== null && forecast.fullAtRecord !== null);
    assertEquals([forecast.maxmemory, forecast.policy], [
      12 * 2 ** 20,
      "noeviction",
    ]);
    // About: a quarter more or less.
    const ratio = forecast.fullAtRecord / keys;
    assert(ratio > 0.75 && ratio < 1.25, `${forecast.fullAtRecord}, ${keys}`);
  });

  await t.step("a policy that evicts", async () => {
    const { run } = await loadInto(
      ["--maxmemory", "12mb", "--maxmemory-policy", "allkeys-lru"],
      file,
    );
    assertEquals(run.code, 0);
    assertMatch(run.stderr, /^respipe: warning: .*allkeys-lru\)\n$/);
  });

  await t.step("enough room", async () => {
    const { run, forecast } = await loadInto(["--maxmemory", "1gb"], file);
    assertEquals([run.code, run.stderr], [0, ""]);
    assertEquals(forecast?.fullAtRecord, null);
    const { bytesPerRecord, needed } = forecast!;
    assert(bytesPerRecord > 100 && bytesPerRecord < 400, `${bytesPerRecord}`);
    assert(needed > ROWS * 100 && needed < ROWS * 400, `${needed}`);
  });

  await t.step("no limit", async () => {
    const { run, forecast } = await loadInto([], file);
    assertEquals([run.code, run.stderr, forecast], [0, "", null]);
  });

  await t.step("a server that does not tell", async () => {
    const { run, forecast } = await loadInto(
      [
        ...["--maxmemory", "1gb"],
        ...["--user", "default", "on", "nopass", "~*", "&*", "+@all", "-info"],
      ],
      file,
    );
    assertEquals([run.code, run.stderr, forecast], [0, "", null]);
  });

  await t.step("rows that replace what is there take nothing", async () => {
    await using server = await startServer({ args: ["--maxmemory", "64mb"] });
    const load = (): Promise<Run> =>
      runRespipe([
        ...["load", "-p", `${server.port}`, file, "--json"],
        ...["--", "SET", "k:{id}", "{v}"],
      ]);
    assertEquals((await load()).code, 0);
    const second = await load();
    assertEquals([second.code, second.stderr], [0, ""]);
    const forecast = readSummary(second.stdout).memoryForecast as Forecast;
    assert(forecast.bytesPerRecord < 30, `${forecast.bytesPerRecord}`);
  });
});
