import { assertEquals, assertMatch } from "@std/assert";
import type { SourceComparison } from "../../mod.ts";
import { gzipSync } from "node:zlib";
import { startHttpServer } from "../support/http_server.ts";
import { assertSentence, readSummary } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
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
      [
        0,
        "skipped: the sources are those of the last complete load " +
        "(size and time)\n",
      ],
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
  await t.step("a part is not the whole", async () => {
    await Deno.writeTextFile(file, "id\n1\n2\n4\n");
    await check(false, load(["--limit", "1"]));
    await check(false, load());
    await check(true, load());
  });
  await t.step("what has failed in the end is loaded again", async () => {
    await Deno.writeTextFile(file, "id\n1\n2\n5\n");
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

/** Files for a load that compares, and the server that it goes to. */
class Loads implements AsyncDisposable {
  readonly files = new TempFiles();
  readonly #server: RedisServer;

  private constructor(server: RedisServer) {
    this.#server = server;
  }

  static async start(): Promise<Loads> {
    return new Loads(await startServer());
  }

  run(words: string[], stdin = "", ports: number[] = []): Promise<Run> {
    const { path } = this.files;
    const port = this.#server.port;
    const nets = [port, ...ports].map((port) => `127.0.0.1:${port}`);
    return runRespipe([
      ...["load", "-p", `${port}`, "--json", "--state", `${path}/state`],
      ...["--if-changed", ...words, "--", "SADD", "ids", "{id}"],
    ], {
      stdin,
      permissions: [
        `--allow-net=${nets}`,
        `--allow-read=${path}`,
        `--allow-write=${path}`,
      ],
    });
  }

  /** Loads once more; says of each source what was found, and by what. */
  async compare(
    words: string[],
    stdin?: string,
    ports?: number[],
  ): Promise<string[]> {
    const run = await this.run(words, stdin, ports);
    assertEquals(run.code, 0, run.stderr);
    const { skipped, records, ...others } = readSummary(run.stdout);
    const compared = others.compared as SourceComparison[];
    const last = compared.at(-1)!;
    assertEquals(skipped, last.result === "same");
    assertEquals(skipped, records === 0);
    assertEquals(
      run.stderr.includes(`(--if-changed): ${last.by}`),
      !skipped,
      run.stderr,
    );
    return compared.map(({ result, by }) => `${result}: ${by}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.files[Symbol.dispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}

const TIME = 1_700_000_000;
const FIRST = "unknown: no load of it has gone through yet";

Deno.test("a file is compared by size and time, else by its hash", async (t) => {
  await using loads = await Loads.start();
  const rows = Array.from({ length: 40_000 }, (_, i) => `${100_000 + i}\n`);
  const text = `id\n${rows.join("")}`;
  const other = text.replace("120000", "x20000");
  const packed = gzipSync(text);
  for (
    const [name, before, after] of [
      ["a.csv", text, other],
      ["a.csv.gz", packed, gzipSync(other)],
    ] as const
  ) {
    await t.step(name, async () => {
      const file = loads.files.write(name, before);
      const set = async (content: typeof before, time: number) => {
        loads.files.write(name, content);
        await Deno.utime(file, time, time);
      };
      const compare = (): Promise<string[]> => loads.compare([file]);
      await set(before, TIME);
      await Deno.remove(`${loads.files.path}/state`).catch(() => {});
      assertEquals(await compare(), [FIRST]);
      assertEquals(await compare(), ["same: size and time"]);
      await Deno.utime(file, TIME + 1, TIME + 1);
      assertEquals(await compare(), ["same: SHA-256"], "touched");
      await Deno.remove(file);
      await set(before, TIME + 2);
      assertEquals(await compare(), ["same: SHA-256"], "copied anew");
      await set(after, TIME + 3);
      const isSized = before.length === after.length;
      assertEquals(
        await compare(),
        [`changed: ${isSized ? "SHA-256" : "size"}`],
        "changed in the middle",
      );
      assertEquals(await compare(), ["same: size and time"]);
      if (!isSized) return;
      // What make and rsync do not see either.
      await set(before, TIME + 3);
      assertEquals(await compare(), ["same: size and time"], "time kept");
    });
  }
});

Deno.test("of several sources the first that is not the same decides", async () => {
  await using loads = await Loads.start();
  const one = loads.files.write("one.csv", "id\n1\n");
  const two = loads.files.write("two.csv", "id\n2\n");
  assertEquals(await loads.compare([one, two]), [FIRST]);
  await Deno.utime(two, TIME, TIME);
  assertEquals(await loads.compare([one, two]), [
    "same: size and time",
    "same: SHA-256",
  ]);
  loads.files.write("two.csv", "id\n3\n");
  assertEquals(await loads.compare([one, two]), [
    "same: size and time",
    "changed: SHA-256",
  ]);
  assertEquals(await loads.compare([two, one]), [
    `changed: the input was ${one} ${two}`,
  ]);
});

Deno.test("standard input is loaded each time, and that is said", async () => {
  await using loads = await Loads.start();
  for (let times = 0; times < 2; times++) {
    assertEquals(await loads.compare(["-"], "id\n1\n"), [
      "unknown: standard input cannot be compared",
    ]);
  }
});

Deno.test("what was loaded without a hash is loaded again when its time differs", async () => {
  await using loads = await Loads.start();
  const file = loads.files.write("a.csv", "id\n1\n");
  await using server = await startServer();
  const plain = await runRespipe([
    ...["load", "-p", `${server.port}`, file, "--json"],
    ...["--state", `${loads.files.path}/state`, "--", "SADD", "ids", "{id}"],
  ], {
    permissions: [
      `--allow-net=127.0.0.1:${server.port}`,
      `--allow-read=${loads.files.path}`,
      `--allow-write=${loads.files.path}`,
    ],
  });
  assertEquals(plain.code, 0, plain.stderr);
  assertEquals(readSummary(plain.stdout).compared, null);
  assertEquals(await loads.compare([file]), ["same: size and time"]);
  await Deno.utime(file, TIME, TIME);
  assertEquals(await loads.compare([file]), [
    "changed: time, and no hash of it was kept",
  ]);
  await Deno.utime(file, TIME + 1, TIME + 1);
  assertEquals(await loads.compare([file]), ["same: SHA-256"]);
});

const OLD = "Mon, 02 Nov 2026 03:00:00 GMT";
const NEW = "Tue, 03 Nov 2026 03:00:00 GMT";
/** The heads of the first content and of the second, and what decides. */
const SERVERS: readonly {
  name: string;
  first: string[];
  second: string[];
  by: string;
  query?: string;
  /** It sends the content whatever it is asked. */
  isDeaf?: boolean;
}[] = [
  { name: "an ETag", first: ['ETag: "a"'], second: ['ETag: "b"'], by: "ETag" },
  {
    name: "a weak ETag",
    first: ['ETag: W/"a"', `Last-Modified: ${OLD}`],
    second: ['ETag: W/"b"', `Last-Modified: ${OLD}`],
    by: "ETag",
  },
  {
    name: "an ETag, with a query",
    first: ['ETag: "a"'],
    second: ['ETag: "b"'],
    by: "ETag",
    query: "?day=1",
  },
  {
    name: "Last-Modified",
    first: [`Last-Modified: ${OLD}`],
    second: [`Last-Modified: ${NEW}`],
    by: "Last-Modified",
  },
  {
    name: "Last-Modified that went back",
    first: [`Last-Modified: ${NEW}`],
    second: [`Last-Modified: ${OLD}`],
    by: "Last-Modified",
  },
  {
    name: "an ETag, and no ear for conditions",
    first: ['ETag: "a"'],
    second: ['ETag: "b"'],
    by: "ETag",
    isDeaf: true,
  },
];

Deno.test("a URL is compared by one conditional request", async (t) => {
  await using loads = await Loads.start();
  for (const { name, first, second, by, query = "", isDeaf } of SERVERS) {
    await t.step(name, async () => {
      let now = first;
      await using http = startHttpServer(({ headers }) => {
        const tag = headers.get("if-none-match");
        const time = headers.get("if-modified-since");
        const isSame = tag !== null
          ? now.includes(`ETag: ${tag}`)
          : time !== null && now.some((line) =>
            line.startsWith("Last-Modified: ") &&
            new Date(line.slice("Last-Modified: ".length)) <= new Date(time)
          );
        return isSame && !isDeaf
          ? { head: ["304 Not Modified", ...now] }
          : { head: ["200 OK", "Content-Length: 5", ...now], body: "id\n1\n" };
      });
      const url = `${http.origin}/a.csv${query}`;
      const compare = (): Promise<string[]> =>
        loads.compare([url], "", [http.port]);
      await Deno.remove(`${loads.files.path}/state`).catch(() => {});
      assertEquals(await compare(), [FIRST]);
      assertEquals(http.seen.length, 1);
      assertEquals(await compare(), [`same: ${by}`]);
      assertEquals(http.seen.length, 2);
      now = second;
      assertEquals(await compare(), [`changed: ${by}`]);
      assertEquals(http.seen.length, 4);
      assertEquals(await compare(), [`same: ${by}`]);
    });
  }
});

Deno.test("a URL of which nothing tells is loaded each time, and that is said", async () => {
  await using loads = await Loads.start();
  await using http = startHttpServer(({ path }) => ({
    head: [
      "200 OK",
      "Content-Length: 5",
      ...(path.includes("?") ? [`Last-Modified: ${OLD}`] : []),
    ],
    body: "id\n1\n",
  }));
  for (
    const [url, by] of [
      ["/a.csv", "the server gave no ETag or Last-Modified"],
      ["/a.csv?day=1", "the server gave no ETag, and there is a query"],
    ]
  ) {
    const words = [`${http.origin}${url}`];
    await loads.compare(words, "", [http.port]);
    assertEquals(await loads.compare(words, "", [http.port]), [
      `unknown: ${by}`,
    ]);
  }
});

Deno.test("a URL that is gone is no URL that has not changed", async () => {
  await using loads = await Loads.start();
  await using http = startHttpServer((_, number) =>
    number === 1
      ? {
        head: ["200 OK", "Content-Length: 5", 'ETag: "a"'],
        body: "id\n1\n",
      }
      : { head: ["404 Not Found", "Content-Length: 0", 'ETag: "a"'] }
  );
  const words = [`${http.origin}/a.csv`];
  await loads.compare(words, "", [http.port]);
  const run = await loads.run(words, "", [http.port]);
  assertEquals(run.code, 5, run.stderr);
  assertMatch(run.stderr, /the server answers 404 Not Found/);
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
