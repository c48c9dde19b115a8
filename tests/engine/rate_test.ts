import { assert, assertEquals, assertThrows } from "@std/assert";
import { load, Summary, UsageError } from "../../mod.ts";
import { Rate } from "../../src/engine/rate.ts";
import { Wait } from "../../src/engine/wait.ts";
import { plain } from "../support/plain_reply.ts";
import { startServer } from "../support/redis_server.ts";
import { TempFiles } from "../support/temp_files.ts";

/** A wait that notes its pauses, and takes none. */
class NoWait extends Wait {
  readonly pauses: number[] = [];

  override pause(ms: number): Promise<void> {
    this.pauses.push(ms);
    return Promise.resolve();
  }
}

Deno.test("each batch is due when the records before it have had their time", async () => {
  const wait = new NoWait();
  const summary = new Summary();
  const rate = new Rate(1_000, summary, wait);
  assertEquals(rate.mostRecords, 50);
  const began = performance.now();
  assertEquals(rate.beforeBatch(), undefined);
  for (let batch = 1; batch <= 20; batch++) {
    summary.records += 50;
    await rate.beforeBatch();
    const due = 50 * batch;
    const late = performance.now() - began;
    const paused = wait.pauses[batch - 1];
    assert(paused <= due && paused >= due - late - 1, `${paused} of ${due}`);
  }
});

Deno.test("a slow rate goes record by record", () => {
  for (const rate of [1, 7, 39]) {
    assertEquals(new Rate(rate, new Summary(), new Wait()).mostRecords, 1);
  }
  for (const wrong of [0, -1, 0.5, NaN]) {
    assertThrows(
      () => new Rate(wrong, new Summary(), new Wait()),
      UsageError,
      "--rate",
    );
  }
});

Deno.test("a load at a rate loads every record once, in order", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const rows = Array.from({ length: 3_000 }, (_, i) => `${i}\n`);
  const path = files.write("a.csv", `id\n${rows.join("")}`);
  const summary = await load({
    sources: [path, path],
    commands: [["RPUSH", "ids", "{id}"]],
    server: { port: server.port },
    rate: 20_000,
  });
  assertEquals([summary.records, summary.loaded], [6_000, 6_000]);
  const ids = plain(await server.command("LRANGE", "ids", "0", "-1"));
  const once = rows.map((row) => row.trim());
  assertEquals(ids, [...once, ...once]);
});

Deno.test("a load that is to be slow ends at once when it is stopped", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const path = files.write("a.csv", "id\n1\n2\n3\n");
  const controller = new AbortController();
  const summary = new Summary();
  const loading = load({
    sources: [path],
    commands: [["SET", "k:{id}", "1"]],
    server: { port: server.port },
    rate: 1,
    signal: controller.signal,
    summary,
    onReject: () => {},
  }).catch((error) => error);
  controller.abort(new Error("enough"));
  assertEquals((await loading).message, "enough");
  assert(summary.records < 3);
});
