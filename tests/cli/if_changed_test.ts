import { assertEquals, assertMatch } from "@std/assert";
import { assertSentence, readSummary } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { startServer } from "../support/redis_server.ts";
import { type Run, runRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

Deno.test("sources that have not changed are not loaded again", async (t) => {
  await using server = await startServer();
  using files = new TempFiles();
  const file = files.write("a.csv", "id\n1\n2\n");
  const load = (
    words: string[] = [],
    template = ["SADD", "ids", "{id}"],
  ): Promise<Run> =>
    runRespipe([
      ...["load", "-p", `${server.port}`, file, "--json"],
      ...["--state", `${files.path}/state`, "--if-changed", ...words],
      ...["--", ...template],
    ], {
      permissions: [
        `--allow-net=127.0.0.1:${server.port}`,
        `--allow-read=${files.path}`,
        `--allow-write=${files.path}`,
      ],
    });
  const check = async (
    isSkipped: boolean,
    loading: Promise<Run>,
    code = 0,
  ): Promise<void> => {
    const before = plain(
      await server.command("INFO", "commandstats"),
    ) as string;
    const calls = (text: string): string | undefined =>
      /cmdstat_sadd:calls=(\d+)/.exec(text)?.[1];
    const run = await loading;
    assertEquals(run.code, code, run.stderr);
    const { skipped, records } = readSummary(run.stdout);
    assertEquals(skipped, isSkipped);
    const after = plain(await server.command("INFO", "commandstats")) as string;
    if (!isSkipped) return;
    assertEquals(records, 0);
    assertEquals(calls(after), calls(before));
  };

  await t.step("the first time they are", () => check(false, load()));
  await t.step("the second time not", () => check(true, load()));
  await t.step("in words", async () => {
    const run = await load(["--no-progress"]);
    assertEquals(run.code, 0);
    const words = await runRespipe([
      ...["load", "-p", `${server.port}`, file],
      ...["--state", `${files.path}/state`, "--if-changed"],
      ...["--", "SADD", "ids", "{id}"],
    ], {
      permissions: [
        `--allow-net=127.0.0.1:${server.port}`,
        `--allow-read=${files.path}`,
        `--allow-write=${files.path}`,
      ],
    });
    assertEquals(
      [words.code, words.stdout],
      [0, "skipped: the sources are those of the last complete load\n"],
    );
  });
  await t.step("another template loads", async () => {
    await check(false, load([], ["SADD", "others", "{id}"]));
    await check(true, load([], ["SADD", "others", "{id}"]));
  });
  await t.step("a file with more rows loads", async () => {
    await Deno.writeTextFile(file, "id\n1\n2\n3\n");
    await check(false, load());
    await check(true, load());
  });
  await t.step("a file that was written anew loads", async () => {
    await Deno.utime(file, 1_000_000_000, 1_000_000_000);
    await check(false, load());
    await check(true, load());
  });
  await t.step("a part is not the whole", async () => {
    await Deno.utime(file, 1_000_000_001, 1_000_000_001);
    await check(false, load(["--limit", "1"]));
    await check(false, load());
    await check(true, load());
  });
  await t.step("what has failed in the end is loaded again", async () => {
    await Deno.utime(file, 1_000_000_002, 1_000_000_002);
    await server.command("SET", "stale", "1");
    const words = ["--prune", "*", "--prune-limit", "10%"];
    await check(false, load(words), 3);
    await server.command("DEL", "stale", "others");
    await check(false, load(words));
    await check(true, load(words));
  });
  await t.step("rejects are tried again", async () => {
    await Deno.writeTextFile(file, "id\n1\n2,2\n");
    await check(false, load(), 1);
    await check(false, load(), 1);
  });
});

Deno.test("--if-changed without --state is refused", async () => {
  const run = await runRespipe(
    ["load", "-p", "1", "--if-changed", "--", "SET", "{a}", "1"],
    { stdin: "a\n1\n" },
  );
  assertEquals(run.code, 2);
  assertSentence(run.stderr, /--if-changed needs --state FILE/);
  assertMatch(run.stderr, /loaded last/);
});
