import { assert, assertEquals } from "@std/assert";
import { ConnectionError, pipe, type Source } from "../../mod.ts";
import { tryLoad, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { RecordingProxy } from "../support/recording_proxy.ts";
import { startServer } from "../support/redis_server.ts";

const encoder = new TextEncoder();

/** A source that pauses in front of each part but the first. */
function pausing(
  parts: readonly string[],
  pause: () => Promise<unknown>,
): Source {
  let at = 0;
  return {
    name: "in",
    async read(into: Uint8Array): Promise<number | null> {
      if (at > 0) await pause();
      if (at === parts.length) return null;
      return encoder.encodeInto(parts[at++], into).written;
    },
    close(): void {},
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, ms));
}

function sentTo(proxy: RecordingProxy): string {
  return new TextDecoder().decode(proxy.sent());
}

const PING = "*1\r\n$4\r\nPING\r\n";

Deno.test("a server's timeout is no matter to a producer that pauses", async () => {
  await using server = await startServer();
  await server.command("CONFIG", "SET", "timeout", "1");
  const load = (keepAlive: number): ReturnType<typeof tryLoad> =>
    tryLoad({
      // The server looks at its clients but now and then.
      sources: [pausing(["id\n1\n", "2\n3\n"], () => sleep(4_000))],
      commands: [["SADD", "s", "{id}"]],
      server: { port: server.port },
      keepAlive,
    });
  const [kept, lost] = await Promise.all([load(300), load(0)]);
  assertEquals(kept.error, undefined);
  const { loaded, commands, replies } = kept.summary;
  assertEquals([loaded, commands, replies], [3, 3, 3]);
  assert(lost.error instanceof ConnectionError, String(lost.error));
});

Deno.test("a PING that is refused is no error, and answers no row", async () => {
  await using server = await startServer();
  await server.command(..."ACL SETUSER u on >pw ~* +@all -ping".split(" "));
  await server.command("SET", "k:2", "no set");
  const ids = Array.from({ length: 20 }, (_, i) => `${i + 1}\n`);
  const { error, summary, rejects } = await tryLoad({
    sources: [pausing(["id\n", ...ids], () => sleep(30))],
    commands: [["SADD", "k:{id}", "x"]],
    server: { port: server.port, user: "u", password: "pw" },
    keepAlive: 5,
  });
  assertEquals(error, undefined);
  assertEquals([summary.loaded, summary.replies], [19, 20]);
  assertEquals(rejects.map(({ record }) => record), [2]);
});

Deno.test("pipe: PING stands between commands, and is not counted", async () => {
  await using server = await startServer();
  await using proxy = new RecordingProxy(server.port);
  const counts = await pipe({
    sources: [
      pausing(
        ["SET a 1\r\n", "INCR a\r\n"],
        () => until(() => sentTo(proxy).endsWith(PING), "a PING"),
      ),
    ],
    server: { port: proxy.port },
    keepAlive: 5,
  });
  assertEquals([counts.replies, counts.errors], [2, 0]);
  const [, behind] = sentTo(proxy).split("SET a 1\r\n");
  const [between] = behind.split("INCR a\r\n");
  assert(between.startsWith(PING), between);
  assertEquals(between.replaceAll(PING, ""), "");
});

const HALF = "x".repeat(150_000);

const WITHIN: [what: string, parts: string[], size: number, replies: number][] =
  [
    ["a transaction", ["MULTI\r\nSET a 1\r\n", "EXEC\r\n"], 1, 3],
    [
      "a command that is sent in parts",
      [
        `*3\r\n$3\r\nSET\r\n$1\r\na\r\n$${2 * HALF.length}\r\n${HALF}`,
        `${HALF}\r\n`,
      ],
      2 * HALF.length,
      1,
    ],
  ];

for (const [what, parts, size, replies] of WITHIN) {
  Deno.test(`pipe: there is no PING within ${what}`, async () => {
    await using server = await startServer();
    await using proxy = new RecordingProxy(server.port);
    const counts = await pipe({
      sources: [pausing(parts, () => sleep(100))],
      server: { port: proxy.port },
      keepAlive: 5,
    });
    assertEquals([counts.replies, counts.errors], [replies, 0]);
    assert(sentTo(proxy).includes(parts.join("")));
    const value = plain(await server.command("GET", "a"));
    assertEquals(String(value).length, size);
  });
}
