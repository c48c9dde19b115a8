import { assert, assertEquals, assertMatch } from "@std/assert";
import { plain } from "../support/plain_reply.ts";
import { freePort, startServer } from "../support/redis_server.ts";
import { type RunOptions, runRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";
import { isServerBefore } from "../support/server_program.ts";

const SET = ["--", "SET", "k:{a}", "v"];
const ROW = { stdin: "a\n1\n" };
const WARNING = /^respipe: warning: a password on the command line [^\n]*\n$/;

Deno.test("a password comes from where it is not seen", async (t) => {
  await using server = await startServer({
    args: ["--requirepass", "s3 cret"],
  });
  using files = new TempFiles();
  const port = ["-p", String(server.port)];
  const net = `--allow-net=127.0.0.1:${server.port}`;
  const file = files.write("pass", "s3 cret\n");
  const read = `--allow-read=${file}`;
  const good: [name: string, words: string[], options: RunOptions][] = [
    ["--pass-file", ["--pass-file", file], { permissions: [net, read] }],
    ["REDISCLI_AUTH", [], {
      permissions: [net, "--allow-env=REDISCLI_AUTH"],
      env: { REDISCLI_AUTH: "s3 cret" },
    }],
  ];
  for (const [name, words, options] of good) {
    await t.step(name, async () => {
      const run = await runRespipe(["load", ...port, ...words, ...SET], {
        ...ROW,
        ...options,
      });
      assertEquals([run.code, run.stderr], [0, ""]);
    });
  }
  for (
    const words of [
      ["-a", "s3 cret"],
      ["--pass=s3 cret"],
      ["-u", "redis://:s3%20cret@127.0.0.1"],
    ]
  ) {
    await t.step(
      `${words[0].slice(0, 6)} warns, unless told not to`,
      async () => {
        const all = ["load", ...port, ...words, ...SET];
        const warned = await runRespipe(all, ROW);
        assertEquals(warned.code, 0);
        assertMatch(warned.stderr, WARNING);
        all.splice(1, 0, "--no-auth-warning");
        const silent = await runRespipe(all, ROW);
        assertEquals([silent.code, silent.stderr], [0, ""]);
      },
    );
  }
  const wrong: [name: string, words: string[], says: RegExp][] = [
    [
      "a file that is not there",
      ["--pass-file", `${file}x`],
      /^respipe: Cannot read --pass-file .*: no such file\n$/,
    ],
    [
      "an empty file",
      ["--pass-file", files.write("empty", "\n")],
      /^respipe: Cannot use --pass-file .*: it is empty\n$/,
    ],
    ["no terminal", ["--askpass"], /^respipe: --askpass needs a terminal/],
  ];
  for (const [name, words, says] of wrong) {
    await t.step(name, async () => {
      const run = await runRespipe(["load", ...port, ...words, ...SET], {
        ...ROW,
        permissions: [net, `--allow-read=${files.path}`],
      });
      assertEquals([run.code, run.stdout], [2, ""]);
      assertMatch(run.stderr, says);
    });
  }
});

Deno.test("no secret is ever printed", async (t) => {
  const SECRET = "S3CRET";
  await using server = await startServer({ args: ["--requirepass", "other"] });
  await using open = await startServer();
  await using strange = await startServer({
    args: ["--rename-command", "AUTH", ""],
  });
  const dead = String(freePort());
  using files = new TempFiles();
  const file = files.write("pass", SECRET);
  const port = (it: { port: number }): string[] => ["-p", String(it.port)];
  const uri = (rest: string): string[] => ["-u", `redis://:${SECRET}@${rest}`];
  const failing: [words: string[], options?: RunOptions][] = [
    [[...port(server), "-a", SECRET]],
    [[...port(server), `--pass=${SECRET}`, "--json"]],
    [[...port(server), "--user", "u", "--pass", SECRET]],
    [[...port(server), "--pass-file", file]],
    [uri(`127.0.0.1:${server.port}`)],
    [[...uri(`127.0.0.1:${server.port}/0`), "--json"]],
    // It quotes the arguments of a command that it does not know.
    [[...port(strange), "-a", SECRET, "--json"]],
    [[...port(strange), "-a", SECRET.repeat(50)]],
    [[...port(open), "--user", "nobody", "-a", SECRET]],
    [[...port(open), "-a", SECRET]],
    [["-p", dead, "-a", SECRET, "--json"]],
    [["-p", dead, "-a", SECRET, "--retry", "0.2"]],
    [["-p", dead, "--tls", "-a", SECRET]],
    [["-p", dead, "-n", "x", "-a", SECRET]],
    [["-a", SECRET, "-a", SECRET]],
    [["--pass", SECRET, "--pass-file", file]],
    [[`-a${SECRET}`]],
    [[`-a=${SECRET}`]],
    [[`-uredis://:${SECRET}@h`]],
    [[`--password=${SECRET}`]],
    [[`redis://:${SECRET}@h`]],
    [uri("127.0.0.1:x")],
    [uri("127.0.0.1/x")],
    [uri("[::1")],
    [uri("h%zz")],
    [["-u", `http://:${SECRET}@h`]],
    [["-u", `redis://u:${SECRET}/x@h`]],
    [["-u", SECRET]],
    [[], { env: { REDIS_URL: `redis://:${SECRET}@h:x` } }],
    [[...port(server)], { env: { REDISCLI_AUTH: SECRET } }],
    [[
      ...["--sentinel", `127.0.0.1:${dead}`, "--service", "m"],
      ...["--sentinel-pass", SECRET, "-a", SECRET],
    ]],
    [[
      ...["--sentinel", `127.0.0.1:${server.port}`, "--service", "m"],
      ...["--sentinel-pass", SECRET],
    ]],
    [["--service", "m", "--sentinel-pass", SECRET]],
  ];
  const permissions = [
    ...["--allow-net=127.0.0.1", "--allow-env=REDIS_URL,REDISCLI_AUTH"],
    `--allow-read=${files.path}`,
  ];
  for (const command of ["load", "pipe"]) {
    for (const [words, options] of failing) {
      const mine = command === "load"
        ? words
        : words.filter((word) => word !== "--json");
      const shown = mine.join(" ").slice(0, 60);
      await t.step(`${command} ${shown}`, async () => {
        const all = [command, ...mine, ...(command === "load" ? SET : [])];
        const run = await runRespipe(all, { ...ROW, permissions, ...options });
        assert([2, 4].includes(run.code), `${run.code}: ${run.stderr}`);
        assert(!run.stdout.includes("S3CRET"), run.stdout);
        assert(!run.stderr.includes("S3CRET"), run.stderr);
        assert(!run.stderr.includes("    at "), run.stderr);
      });
    }
  }
  await t.step("in front of the command", async () => {
    for (const words of [[`--pass=${SECRET}`, "load"], [`-a${SECRET}`]]) {
      const run = await runRespipe(words, ROW);
      assertEquals(run.code, 2);
      assert(!run.stderr.includes(SECRET), run.stderr);
    }
  });
});

// It lets in who comes from this machine's loopback addresses.
const outside = Deno.networkInterfaces().find(({ family, address }) =>
  family === "IPv4" && !address.startsWith("127.")
)?.address;

Deno.test({
  name: "protected mode is a sentence" +
    (outside === undefined ? " (there is no other address here)" : ""),
  // Redis 6.2 takes an address to listen at for consent.
  ignore: outside === undefined || isServerBefore(7),
  fn: async () => {
    await using server = await startServer({
      args: ["--bind", "0.0.0.0", "--protected-mode", "yes"],
    });
    const { port } = server;
    for (const more of [[], ["--no-auth-warning", "-a", "x"]]) {
      const run = await runRespipe(
        ["load", "-h", outside!, "-p", String(port), ...more, ...SET],
        { ...ROW, permissions: [`--allow-net=${outside}:${port}`] },
      );
      assertEquals(run.code, 4);
      assertMatch(run.stderr, /^respipe: Cannot use .*protected mode[^\n]*\n$/);
    }
  },
});

Deno.test("CLIENT LIST shows who it is", async () => {
  await using server = await startServer();
  const { connect } = await import("../../mod.ts");
  using _connection = await connect({ port: server.port });
  const list = plain(await server.command("CLIENT", "LIST"));
  assertMatch(String(list), / name=respipe /);
});
