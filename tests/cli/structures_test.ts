import { assertEquals } from "@std/assert";
import { startServer } from "../support/redis_server.ts";
import { runRespipe } from "../support/run_respipe.ts";
import { csv, ROWS, STRUCTURES } from "../support/structures.ts";
import { TempFiles } from "../support/temp_files.ts";

for (const { name, words, check } of STRUCTURES) {
  Deno.test(`the drivers table becomes ${name}`, async () => {
    await using server = await startServer();
    using files = new TempFiles();
    const path = files.write("drivers.csv", csv);
    const run = await runRespipe(
      ["load", "-p", String(server.port), path, "--json", ...words],
    );
    assertEquals([run.code, run.stderr], [0, ""]);
    assertEquals(JSON.parse(run.stdout).loaded, ROWS);
    await check(server);
  });
}
