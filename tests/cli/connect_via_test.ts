import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { bounded, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { runRespipe, spawnRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";
import { tryKill } from "../support/try_kill.ts";

const FORWARD = fileURLToPath(
  new URL("../support/forward_port.ts", import.meta.url),
);
const SET = ["--", "SET", "k:{a}", "v"];
const PERMISSIONS = [
  "--allow-net=127.0.0.1",
  `--allow-run=${Deno.execPath()},sh,/no/such`,
];
const ignore = Deno.build.os === "windows";

/** The stand-in for a port-forward; the mark finds its process again. */
function forward(server: RedisServer, how: string, mark: string): string {
  return `'${Deno.execPath()}' run --quiet --no-lock --no-check -A ` +
    `'${FORWARD}' {port} ${server.port} ${how} ${mark}`;
}

/** Processes whose command line has a word. */
function running(mark: string): number {
  const { stdout } = new Deno.Command("ps", { args: ["-A", "-o", "args"] })
    .outputSync();
  return new TextDecoder().decode(stdout).split("\n")
    .filter((line) => line.includes(mark) && line.includes("forward_port"))
    .length;
}

const mark = (): string => `mark${crypto.randomUUID()}`;

for (const how of ["plain", "stubborn"]) {
  Deno.test({
    name: `--via opens the way and closes it: ${how}`,
    ignore,
    fn: async () => {
      await using server = await startServer();
      const id = mark();
      const run = await bounded(
        runRespipe(["load", "--via", forward(server, how, id), ...SET], {
          stdin: "a\n1\n2\n",
          permissions: PERMISSIONS,
        }),
        "respipe",
      );
      assertEquals([run.code, run.stderr], [0, ""]);
      assertEquals(plain(await server.command("DBSIZE")), 2);
      assertEquals(running(id), 0);
    },
  });
}

Deno.test({
  name: "--via ends what the command has started, too",
  ignore,
  fn: async () => {
    await using server = await startServer();
    const id = mark();
    const inner = forward(server, "plain", id).replaceAll("'", "");
    const run = await runRespipe(
      ["load", "--via", `sh -c "${inner} & wait"`, ...SET],
      {
        stdin: "a\n1\n",
        // A group of processes is ended only where any may be run.
        permissions: ["--allow-net=127.0.0.1", "--allow-run"],
      },
    );
    assertEquals([run.code, run.stderr], [0, ""]);
    await until(() => running(id) === 0, "the end of all");
  },
});

Deno.test({
  name: "--via closes the way when the load fails",
  ignore,
  fn: async () => {
    await using server = await startServer({ args: ["--requirepass", "x"] });
    const id = mark();
    const run = await runRespipe(
      ["load", "--via", forward(server, "plain", id), ...SET],
      { stdin: "a\n1\n", permissions: PERMISSIONS },
    );
    assertEquals(run.code, 4);
    assertMatch(run.stderr, /wants a password/);
    assertEquals(running(id), 0);
  },
});

Deno.test({
  name: "--via shows the last words of a command that ends",
  ignore,
  fn: async () => {
    await using server = await startServer();
    const broken = await runRespipe(
      ["load", "--via", forward(server, "broken", mark()), ...SET],
      { stdin: "a\n1\n", permissions: PERMISSIONS },
    );
    assertEquals(broken.code, 4);
    assertMatch(
      broken.stderr,
      /^respipe: Cannot go through --via [^\n]*: it ended with code 7; it said [^\n]*redis-0[^\n]* not found/,
    );
    const rows = Array.from({ length: 20_000 }, (_, i) => `${i}\n`).join("");
    const cut = await runRespipe(
      [
        ...["load", "--retry", "0", "--via"],
        ...[forward(server, "cut", mark()), ...SET],
      ],
      { stdin: `a\n${rows}`, permissions: PERMISSIONS },
    );
    assertEquals(cut.code, 4, cut.stderr);
    assertMatch(cut.stderr, /Lost 127.*said "error: lost connection to pod"/);
  },
});

Deno.test({
  name: "--via is started anew after a lost connection",
  ignore,
  fn: async () => {
    await using server = await startServer();
    using files = new TempFiles();
    const id = files.write("count", "");
    const rows = Array.from({ length: 20_000 }, (_, i) => `${i}\n`).join("");
    const run = await runRespipe([
      ...["load", "--retry", "30", "--json"],
      ...["--via", forward(server, "shaky", id), ...SET],
    ], { stdin: `a\n${rows}`, permissions: PERMISSIONS });
    assertEquals(run.code, 0, run.stderr);
    assertMatch(
      run.stderr,
      /^respipe: Lost 127[^\n]*; trying again for up to 30 s[^\n]*\nrespipe: Going on after [^\n]*\n$/,
    );
    assertEquals(JSON.parse(run.stdout).reconnections, 1);
    assertEquals(plain(await server.command("DBSIZE")), 20_000);
    assertEquals(Deno.readTextFileSync(id), "xxx");
    assertEquals(running(id), 0);
  },
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test({
    name: `--via closes the way on ${signal}, and on a second one`,
    ignore,
    fn: async () => {
      for (const twice of [false, true]) {
        await using server = await startServer();
        const id = mark();
        const how = twice ? "stubborn" : "plain";
        const child = spawnRespipe(
          ["load", "--via", forward(server, how, id), ...SET],
          { permissions: PERMISSIONS },
        );
        const writer = child.stdin.getWriter();
        await writer.write(new TextEncoder().encode("a\n1\n"));
        await until(() => running(id) > 0, "the command");
        await until(
          async () =>
            String(plain(await server.command("CLIENT", "LIST")))
              .includes("name=respipe"),
          "the connection",
        );
        child.kill(signal);
        if (twice) {
          await new Promise((wake) => setTimeout(wake, 500));
          tryKill(child, signal);
        }
        const { code } = await bounded(child.status, "respipe");
        assertEquals(code, signal === "SIGINT" ? 130 : 143);
        await until(() => running(id) === 0, "the end of the command");
        await writer.close().catch(() => {});
        await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
      }
    },
  });
}

Deno.test({
  name: "--via needs a program, and the permission to run it",
  ignore: ignore || (Deno.env.get("RESPIPE_BIN") ?? "") !== "",
  fn: async () => {
    const attempts: [permissions: string[], says: RegExp][] = [
      [PERMISSIONS, /Cannot start --via \/no\/such: there is no such program/],
      [["--allow-net=127.0.0.1"], /no permission for it; add --allow-run=\/no/],
      [["--allow-run=/no/such"], /no permission for it; add --allow-net=127/],
    ];
    for (const [permissions, says] of attempts) {
      const run = await runRespipe(
        ["load", "--via", "/no/such {port}", ...SET],
        { stdin: "a\n1\n", permissions },
      );
      assertEquals(run.code, 2, run.stderr);
      assertMatch(run.stderr, says);
      assert(!run.stderr.includes("    at "));
    }
  },
});
