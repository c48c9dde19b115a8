import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseOptions } from "../../src/cli/options.ts";
import type { ServerOptions } from "../../src/cli/server_options.ts";
import { UsageError } from "../../src/errors.ts";
import { plain } from "../support/plain_reply.ts";
import { startServer } from "../support/redis_server.ts";
import { runRespipe } from "../support/run_respipe.ts";

const ROW = { stdin: "a\n1\n" };
const SET = ["--", "SET", "k:{a}", "v"];

/** What the words of `pipe` say about the server. */
function serverOf(
  words: string[],
  variables: Record<string, string> = {},
): ServerOptions {
  const config = parseOptions("pipe", words, (name) => variables[name]);
  assert(config.command === "pipe");
  return config.server;
}

Deno.test("flags override the parts of a URI, one by one", () => {
  const uri = ["-u", "rediss://u:p@h:1/2"];
  const of = (...words: string[]): unknown[] => {
    const { host, port, path, user, password, database } = serverOf(
      [...uri, ...words],
    );
    return [host, port, path, user, password, database];
  };
  assertEquals(of(), ["h", 1, undefined, "u", "p", 2]);
  assertEquals(of("-h", "x"), ["x", 1, undefined, "u", "p", 2]);
  assertEquals(of("-p", "9"), ["h", 9, undefined, "u", "p", 2]);
  assertEquals(of("-n", "7"), ["h", 1, undefined, "u", "p", 7]);
  assertEquals(of("--user", "x"), ["h", 1, undefined, "x", "p", 2]);
  assertEquals(of("-a", "x"), ["h", 1, undefined, "u", "x", 2]);
  assertEquals(of("-s", "/s"), [undefined, undefined, "/s", "u", "p", 2]);
  assertEquals(serverOf(uri).tls !== undefined, true);
});

Deno.test("REDIS_URL counts where nothing says where the server is", () => {
  const variables = { REDIS_URL: "redis://:p@h:1/2" };
  assertEquals(serverOf([], variables).host, "h");
  assertEquals(serverOf(["-n", "5"], variables).port, 1);
  for (
    const words of [["-h", "x"], ["-p", "1"], ["-s", "/s"], [
      "-u",
      "redis://y",
    ]]
  ) {
    const { host, password } = serverOf(words, variables);
    assert(host !== "h" && password === undefined, words.join(" "));
  }
});

Deno.test("passwords: a flag, then the URI, then REDISCLI_AUTH", () => {
  const variables = { REDISCLI_AUTH: "env" };
  const uri = ["-u", "redis://:uri@h"];
  assertEquals(serverOf([], variables).password, "env");
  assertEquals(serverOf(uri, variables).password, "uri");
  assertEquals(serverOf([...uri, "-a", "a"], variables).password, "a");
  const later = serverOf([...uri, "--askpass"], variables);
  assertEquals([later.password, later.askPass], [undefined, true]);
});

const WRONG: [words: string[], says: RegExp][] = [
  [["-u", "redis://:s3cret@h:x"], /port of -u/],
  [["-s", "/s", "-h", "h"], /--socket and --host exclude/],
  [["-s", "/s", "--tls"], /--socket and --tls exclude/],
  [["-a", "s3cret", "--pass-file", "/f"], /--pass and --pass-file exclude/],
  [["--cacert", "/f"], /--cacert means nothing without TLS/],
  [["--insecure"], /--insecure means nothing without TLS/],
  [["--service", "m"], /--service needs the Redis Sentinels/],
  [["--sentinel", "h"], /--service NAME/],
  [["--sentinel", "h:x", "--service", "m"], /Cannot parse port "x"/],
  [["--sentinel", "::1", "--service", "m"], /IPv6 address in brackets/],
  [["--sentinel", "h", "--service", "m", "-p", "1"], /exclude/],
  [["--via", "ssh -N h"], /\{port\}/],
  [["--via", "ssh {port}", "-h", "h"], /--via and --host exclude/],
  [["--end-marker", "x"], /echo, ping, count/],
  [["--retry", "x"], /--retry "x"/],
  [["redis://:s3cret@h"], /URI is given with -u/],
];

for (const [words, says] of WRONG) {
  Deno.test(`${words.join(" ")} is wrong usage`, () => {
    try {
      serverOf(words);
    } catch (error) {
      assert(error instanceof UsageError);
      assertMatch(error.message, says);
      assert(!error.message.includes("s3cret"), error.message);
      return;
    }
    throw new Error("it was taken");
  });
}

Deno.test("a URI leads to the server, as flag and as REDIS_URL", async () => {
  await using server = await startServer({ args: ["--requirepass", "p@ss"] });
  await server.command("AUTH", "p@ss");
  const uri = `redis://default:p%40ss@127.0.0.1:${server.port}/3`;
  const net = `--allow-net=127.0.0.1:${server.port}`;
  const flag = await runRespipe(
    ["load", "--no-auth-warning", "-u", uri, ...SET],
    { ...ROW, permissions: [net] },
  );
  assertEquals([flag.code, flag.stderr], [0, ""]);
  await server.command("SELECT", "3");
  assertEquals(plain(await server.command("GET", "k:1")), "v");
  await server.command("FLUSHALL");
  const variable = await runRespipe(["load", ...SET], {
    ...ROW,
    permissions: [net, "--allow-env=REDIS_URL"],
    env: { REDIS_URL: uri },
  });
  assertEquals([variable.code, variable.stderr], [0, ""]);
  assertEquals(plain(await server.command("GET", "k:1")), "v");
});

/** What a Unix socket needs: newer Denos want the network's permission too. */
async function socketPermissions(path: string): Promise<string[]> {
  const files = [`--allow-read=${path}`, `--allow-write=${path}`];
  const net = `--allow-net=unix:${path}`;
  const probe = await new Deno.Command(Deno.execPath(), {
    args: ["run", net, "--no-config", "-"],
    stdin: "null",
    stderr: "null",
  }).output();
  return probe.success ? [...files, net] : files;
}

Deno.test({
  name: "a Unix socket leads to the server",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const directory = await Deno.makeTempDir({ prefix: "respipe_test_" });
    const path = `${directory}/r.sock`;
    try {
      await using server = await startServer({ args: ["--unixsocket", path] });
      const permissions = await socketPermissions(path);
      const plainFlag = await runRespipe(["load", "-s", path, ...SET], {
        ...ROW,
        permissions,
      });
      assertEquals([plainFlag.code, plainFlag.stderr], [0, ""]);
      const uri = await runRespipe(
        ["load", "-u", `unix://${path}?db=2`, ...SET],
        { ...ROW, permissions },
      );
      assertEquals([uri.code, uri.stderr], [0, ""]);
      for (const database of ["0", "2"]) {
        await server.command("SELECT", database);
        assertEquals(plain(await server.command("GET", "k:1")), "v");
      }
      if ((Deno.env.get("RESPIPE_BIN") ?? "") === "") {
        const denied = await runRespipe(["load", "-s", path, ...SET], {
          ...ROW,
          permissions: [],
        });
        // What the network's permission would be is said once these are there.
        assertEquals(
          [denied.code, denied.stderr],
          [
            4,
            `respipe: Cannot connect to ${path}: Deno has no permission for ` +
            `it; add --allow-read=${path} --allow-write=${path}\n`,
          ],
        );
        const half = await runRespipe(["load", "-s", path, ...SET], {
          ...ROW,
          permissions: permissions.slice(0, 2),
        });
        assertEquals(
          [half.code, half.stderr.endsWith(`add ${permissions.join(" ")}\n`)],
          permissions.length === 2 ? [0, false] : [4, true],
        );
      }
      const none = await runRespipe(["load", "-s", `${path}x`, ...SET], {
        ...ROW,
        permissions: await socketPermissions(`${path}x`),
      });
      assertEquals(none.code, 4);
      assertMatch(none.stderr, /^respipe: Cannot connect to .*no such file\n$/);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
