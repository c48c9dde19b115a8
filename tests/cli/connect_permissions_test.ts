import { assertEquals, assertMatch } from "@std/assert";
import { startServer } from "../support/redis_server.ts";
import { type Run, runRespipe } from "../support/run_respipe.ts";
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
    const both = `${rejects},${rejects}.errors.csv`;
    const pass = files.write("pass", "x");
    const cases: [words: string[], permissions: string[], says?: RegExp][] = [
      [[], [net, read]],
      [[], [net], /Cannot read .*add --allow-read=.*a\.csv\n$/],
      [[], [read], /Cannot connect .*add --allow-net=127\.0\.0\.1:\d+\n$/],
      [
        ["--rejects", rejects],
        [net, read],
        /add --allow-read=.*r\.csv,.*r\.csv\.errors\.csv --allow-write=.*r\.csv,.*r\.csv\.errors\.csv\n$/,
      ],
      [
        ["--rejects", rejects],
        [net, read, `--allow-write=${both}`],
        /add --allow-read=.*r\.csv,.*r\.csv\.errors\.csv\n$/,
      ],
      [
        ["--rejects", rejects],
        [net, `--allow-read=${file},${both}`, `--allow-write=${rejects}`],
        /add --allow-write=.*r\.csv,.*r\.csv\.errors\.csv\n$/,
      ],
      [
        ["--rejects", rejects],
        [net, `--allow-read=${file},${both}`, `--allow-write=${both}`],
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
        // Nothing empty stays behind.
        assertEquals(
          [...Deno.readDirSync(files.path)].map(({ name }) => name).sort(),
          ["a.csv", "pass"],
        );
      });
    }
  },
});

Deno.test({
  name: "the documented permissions are enough for rejects to be written",
  ignore: (Deno.env.get("RESPIPE_BIN") ?? "") !== "",
  fn: async () => {
    await using server = await startServer();
    using files = new TempFiles();
    const file = files.write("a.csv", "a,b\n1\n2,2\n");
    const rejects = files.path + "/r.csv";
    const both = `${rejects},${rejects}.errors.csv`;
    const run = await runRespipe([
      ...["load", "-p", String(server.port), file, "--rejects", rejects],
      ...["--", "SET", "k:{a}", "{b}"],
    ], {
      permissions: [
        `--allow-net=127.0.0.1:${server.port}`,
        `--allow-read=${file},${both}`,
        `--allow-write=${both}`,
      ],
    });
    assertEquals(run.code, 1, run.stderr);
    assertEquals(await Deno.readTextFile(rejects), "a,b\n1\n");
  },
});

Deno.test({
  name: "a note says where REDIS_URL might name another server, and only there",
  ignore: (Deno.env.get("RESPIPE_BIN") ?? "") !== "",
  fn: async (t) => {
    await using server = await startServer();
    const { port } = server;
    const net = `--allow-net=127.0.0.1:${port},127.0.0.1:1`;
    const url = { REDIS_URL: `redis://127.0.0.1:${port}` };
    const cases: [
      name: string,
      words: string[],
      permissions: string[],
      code: number,
      says: RegExp,
    ][] = [
      ["a place by flag", ["-p", `${port}`], [net], 0, /^$/],
      ["a place by URI", ["-u", url.REDIS_URL], [net], 0, /^$/],
      ["a variable", [], [net, "--allow-env=REDIS_URL"], 0, /^$/],
      // That server is not permitted, so that nothing is loaded there.
      [
        "a variable that may not be read",
        [],
        [net],
        4,
        /^respipe: note: the server is the one on this machine; .*REDIS_URL.* or name the server with -h\nrespipe: Cannot connect to 127\.0\.0\.1:6379: .*\n$/,
      ],
    ];
    for (const [name, words, permissions, code, says] of cases) {
      await t.step(name, async () => {
        const run = await runRespipe(
          ["load", "--quiet", ...words, "--", "SET", "k:{a}", "v"],
          { stdin: "a\n1\n", permissions, env: url },
        );
        assertMatch(run.stderr, says);
        assertEquals(run.code, code);
      });
    }
  },
});

Deno.test({
  name: "a server that wants a password tells of a variable out of sight",
  ignore: (Deno.env.get("RESPIPE_BIN") ?? "") !== "",
  fn: async () => {
    await using server = await startServer({ args: ["--requirepass", "x"] });
    const { port } = server;
    const load = (permissions: string[]): Promise<Run> =>
      runRespipe(["load", "-p", `${port}`, "--", "SET", "k:{a}", "v"], {
        stdin: "a\n1\n",
        permissions: [`--allow-net=127.0.0.1:${port}`, ...permissions],
      });
    assertMatch(
      (await load([])).stderr,
      /with --pass-file FILE, or in REDISCLI_AUTH, which Deno has no permission to read: add --allow-env=REDISCLI_AUTH\n$/,
    );
    assertMatch(
      (await load(["--allow-env=REDISCLI_AUTH"])).stderr,
      /with --pass-file FILE, or in REDISCLI_AUTH\n$/,
    );
  },
});
