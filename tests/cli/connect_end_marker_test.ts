import { assertEquals, assertMatch } from "@std/assert";
import { plain } from "../support/plain_reply.ts";
import { RecordingProxy } from "../support/recording_proxy.ts";
import { readSummary } from "../support/outcome.ts";
import { startServer } from "../support/redis_server.ts";
import { runRespipe } from "../support/run_respipe.ts";

const SET = ["--", "SET", "k:{a}", "v"];
const ROWS = "a\n" + Array.from({ length: 5_000 }, (_, i) => `${i}\n`).join("");

/** How the end is known, by flag and by whether the server has ECHO. */
const CASES: [flag: string[], hasEcho: boolean, marker: string][] = [
  [[], true, "echo"],
  [["--end-marker", "echo"], true, "echo"],
  [["--end-marker", "ping"], true, "ping"],
  [["--end-marker", "ping"], false, "ping"],
  [["--end-marker", "count"], true, "count"],
  [["--end-marker", "count"], false, "count"],
  [[], false, "count"],
];

for (const [flag, hasEcho, marker] of CASES) {
  const name = `${flag[1] ?? "nothing"} ${hasEcho ? "with" : "without"} ECHO`;
  Deno.test(`the end of a load, told ${name}, is known by ${marker}`, async () => {
    await using server = await startServer({
      args: hasEcho ? [] : ["--rename-command", "ECHO", ""],
    });
    await using proxy = new RecordingProxy(server.port);
    const run = await runRespipe(
      ["load", "-p", String(proxy.port), "--json", ...flag, ...SET],
      { stdin: ROWS },
    );
    assertEquals(run.code, 0, run.stderr);
    const { loaded, endMarker } = readSummary(run.stdout);
    assertEquals([loaded, endMarker], [5_000, marker]);
    assertEquals(plain(await server.command("DBSIZE")), 5_000);
    if (flag.length === 0 && !hasEcho) {
      assertMatch(
        run.stderr,
        /^respipe: the server refuses the closing command \(ERR unknown command .ECHO.\); [^\n]*counting the replies[^\n]*\n$/,
      );
    } else assertEquals(run.stderr, "");
    const sent = new TextDecoder().decode(proxy.sent()).slice(-60);
    const closing = /\r\n(ECHO|PING)\r\n\$20\r\n/.exec(sent)?.[1];
    const expected = flag[1] ?? "echo";
    assertEquals(
      closing,
      expected === "count" ? undefined : expected.toUpperCase(),
    );
  });
}

Deno.test("the end of a pipe can be counted too", async () => {
  await using server = await startServer({
    args: ["--rename-command", "ECHO", ""],
  });
  for (const marker of ["ping", "count"]) {
    const run = await runRespipe(
      ["pipe", "-p", String(server.port), "--end-marker", marker],
      { stdin: "SET a 1\r\nINCR a\r\n" },
    );
    assertEquals(run.code, 0, run.stderr);
    assertMatch(run.stdout, /errors: 0, replies: 2\n$/);
  }
});
