/**
 * Pushes are no replies: a server that sends nothing else has stalled.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ConnectionError, pipe, type PipeCounts } from "../../mod.ts";
import {
  assertSentence,
  bounded,
  readSummary,
  tryLoad,
  until,
} from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { PushProxy } from "../support/push_proxy.ts";
import { startServer } from "../support/redis_server.ts";
import { rowSource } from "../support/row_source.ts";
import { endOf, spawnRespipe } from "../support/run_respipe.ts";
import { tryKill } from "../support/try_kill.ts";

const STALLED =
  /no reply for (0\.3|1) s \(--stall-timeout\), with [\d,]+ command/;

for (const coalesce of [true, false]) {
  const how = coalesce ? "shared" : "not shared";
  Deno.test(`a load gets nothing but pushes, ${how}`, async () => {
    await using server = await startServer();
    await using proxy = new PushProxy(server.port);
    const { summary, error } = await bounded(
      tryLoad({
        sources: [rowSource(String, {
          header: "id",
          perRead: 10,
          before: (rows) => {
            if (rows === 10) proxy.hold();
            // A producer that goes on keeps nothing alive.
            return rows < 500
              ? undefined
              : new Promise((wake) => setTimeout(wake, 10));
          },
        })],
        commands: [["SET", "{id}", "v"]],
        coalesce,
        server: { port: proxy.port },
        stallTimeout: 300,
      }),
      "a stalled load",
    );
    // The read that was under way is left to itself.
    await new Promise((wake) => setTimeout(wake, 20));
    assert(error instanceof ConnectionError, String(error));
    assertMatch(error.message, STALLED);
    assert(proxy.pushes > 0, "pushes have come");
    assert(summary.unknown > 0);
    assertEquals(summary.next?.record, summary.loaded + 1);
  });
}

Deno.test("a pipe gets nothing but pushes", async () => {
  await using server = await startServer();
  await using proxy = new PushProxy(server.port);
  const counts: PipeCounts = { replies: 0, errors: 0, bytes: 0 };
  let error: unknown;
  await bounded(
    pipe({
      sources: [rowSource((n) => `SET ${n} v\r`, {
        perRead: 10,
        before: (rows) => {
          if (rows === 10) proxy.hold();
          return rows < 500
            ? undefined
            : new Promise((wake) => setTimeout(wake, 10));
        },
      })],
      counts,
      server: { port: proxy.port },
      stallTimeout: 300,
    }).catch((thrown) => error = thrown),
    "a stalled pipe",
  );
  await new Promise((wake) => setTimeout(wake, 20));
  assert(error instanceof ConnectionError, String(error));
  assertMatch(error.message, STALLED);
  assert(proxy.pushes > 0, "pushes have come");
  assert(counts.replies <= 10, `${counts.replies} replies`);
});

for (const command of ["load", "pipe"]) {
  Deno.test(`the program gets nothing but pushes: ${command}`, async () => {
    await using server = await startServer();
    await using proxy = new PushProxy(server.port);
    const child = spawnRespipe([
      ...[command, "-p", `${proxy.port}`, "--retry", "0"],
      // Long enough for the first replies, on a busy machine as well.
      ...["--stall-timeout", "1"],
      ...(command === "load" ? ["--json", "--", "SET", "{id}", "v"] : []),
    ]);
    const ended = endOf(child);
    const writer = child.stdin.getWriter();
    const write = (text: string): Promise<void> =>
      writer.write(new TextEncoder().encode(text));
    try {
      await write(command === "load" ? "id\n1\n2\n" : "SET 1 v\nSET 2 v\n");
      await until(
        async () => plain(await server.command("DBSIZE")) === 2,
        "two rows",
      );
      // Their replies have come, or never will: both are fine.
      proxy.hold();
      await write(command === "load" ? "3\n4\n" : "SET 3 v\nSET 4 v\n");
      const { code, stdout, stderr } = await bounded(ended, command);
      assertEquals(code, 4, stderr);
      assertSentence(stderr, STALLED);
      assert(proxy.pushes > 0, "pushes have come");
      if (command === "pipe") return;
      const { records, unknown, next } = readSummary(stdout);
      assert(unknown >= 2, `${unknown} unknown of ${records}`);
      assertEquals(next?.record, records - unknown + 1);
    } finally {
      await writer.abort().catch(() => {});
      // It has ended, as it should.
      tryKill(child, "SIGKILL");
      await ended;
    }
  });
}
