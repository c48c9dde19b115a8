import { assertEquals, assertMatch } from "@std/assert";
import { startServer } from "../support/redis_server.ts";
import { runRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

Deno.test({
  name: "a load runs with its documented permissions and nothing else",
  // A binary has its permissions built in.
  ignore: (Deno.env.get("RESPIPE_BIN") ?? "") !== "",
  fn: async (t) => {
    await using server = await startServer();
    using files = new TempFiles();
    const file = files.write("a.csv", "a\n1\n");
    const net = `--allow-net=127.0.0.1:${server.port}`;
    const read = `--allow-read=${file}`;
    const rejects = files.path + "/r.csv";
    const pass = files.write("pass", "x");
    const cases: [words: string[], permissions: string[], says?: RegExp][] = [
      [[], [net, read]],
      [[], [net], /Cannot read .*add --allow-read=.*a\.csv\n$/],
      [[], [read], /Cannot connect .*add --allow-net=127\.0\.0\.1:\d+\n$/],
      [
        ["--rejects", rejects],
        [net, read],
        /add --allow-write=.*r\.csv/,
      ],
      [["--pass-file", pass], [net, read], /add --allow-read=.*pass\n$/],
      [["--tls", "--cacert", pass], [net, read], /add --allow-read=.*pass\n$/],
      [
        ["--tls", "--cacertdir", files.path],
        [net, read],
        /add --allow-read=.*\n$/,
      ],
    ];
    for (const [words, permissions, says] of cases) {
      await t.step(`${words[0] ?? "plain"} ${permissions.length}`, async () => {
        const run = await runRespipe([
          ...["load", "-p", String(server.port), file, ...words],
          ...["--", "SET", "k:{a}", "v"],
        ], { permissions });
        if (says === undefined) assertEquals([run.code, run.stderr], [0, ""]);
        else assertMatch(run.stderr, says);
      });
    }
  },
});
