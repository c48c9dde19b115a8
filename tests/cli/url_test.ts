import { assert, assertEquals, assertMatch } from "@std/assert";
import { gzipSync } from "node:zlib";
import { type HttpServer, startHttpServer } from "../support/http_server.ts";
import { plain } from "../support/plain_reply.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { type Run, runRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const SET = ["--", "SET", "k:{id}", "{v}"];
const CSV = "id,v\n1,a\n2,b\n";

function rows(count: number): string {
  let text = "id,v\n";
  for (let n = 1; n <= count; n++) text += `${n},${n * 7919 % 100_003}\n`;
  return text;
}

function ok(body: Uint8Array | string, ...head: string[]): {
  head: string[];
  body: Uint8Array | string;
} {
  const bytes = typeof body === "string"
    ? new TextEncoder().encode(body)
    : body;
  return {
    head: ["200 OK", `Content-Length: ${bytes.length}`, ...head],
    body: bytes,
  };
}

function load(
  server: RedisServer,
  http: HttpServer,
  words: string[],
  more: string[] = [],
): Promise<Run> {
  return runRespipe(["load", "-p", `${server.port}`, ...words, ...SET], {
    permissions: [
      `--allow-net=127.0.0.1:${server.port},127.0.0.1:${http.port}`,
      ...more,
    ],
  });
}

async function size(server: RedisServer): Promise<number> {
  return Number(plain(await server.command("DBSIZE")));
}

Deno.test("load: a URL, packed or not, and a file's end before its query", async () => {
  await using server = await startServer();
  await using http = startHttpServer(({ path }) =>
    path.startsWith("/a.jsonl.gz")
      ? ok(gzipSync('\n{"id":3,"v":"c"}\n'))
      : ok(CSV, "Content-Type: text/csv")
  );
  const run = await load(server, http, [
    ...["--json", `${http.origin}/in.csv`],
    `${http.origin}/a.jsonl.gz?sig=SECRET`,
  ]);
  assertEquals([run.code, run.stderr], [0, ""]);
  const summary = JSON.parse(run.stdout);
  assertEquals(summary.loaded, 3);
  assertEquals(summary.formats[1].format, "gzip, JSON Lines");
  assertEquals(summary.sources[1], `${http.origin}/a.jsonl.gz?...`);
  assert(!run.stdout.includes("SECRET"));
  assertEquals(http.seen[1].path, "/a.jsonl.gz?sig=SECRET");
  assertEquals(http.seen[0].headers.get("accept-encoding"), "identity");
});

const REFUSALS: [
  name: string,
  answer: ReturnType<typeof ok>,
  says: RegExp,
][] = [
  [
    "404",
    { head: ["404 Not Found", "Content-Length: 0"], body: "" },
    /^respipe: Cannot read http:\/\/127\.0\.0\.1:\d+\/in\.csv\?\.\.\.: the server answers 404 Not Found\n$/,
  ],
  [
    "401",
    { head: ["401 Unauthorized", "Content-Length: 0"], body: "" },
    /answers 401 Unauthorized; --header-file or --header gives/,
  ],
  [
    "403 for a presigned URL",
    { head: ["403 Forbidden", "Content-Length: 0"], body: "" },
    /answers 403 Forbidden; has the URL expired\?/,
  ],
  [
    "a web page",
    ok("<html>", "Content-Type: text/html; charset=utf-8"),
    /the server gives a web page \(text\/html; charset=utf-8\)/,
  ],
  [
    "a redirect for ever",
    { head: ["302 Found", "Location: /in.csv?x"], body: "" },
    /sends us on more than 10 times/,
  ],
];

for (const [name, answer, says] of REFUSALS) {
  Deno.test(`load: a URL that is refused: ${name}`, async () => {
    await using server = await startServer();
    await using http = startHttpServer(() => answer);
    const run = await load(server, http, [`${http.origin}/in.csv?sig=SECRET`]);
    assertEquals(run.code, 5);
    assertMatch(run.stderr, says);
    assert(!(run.stderr + run.stdout).includes("SECRET"));
  });
}

Deno.test("load: redirects are followed; headers are for the first host alone", async () => {
  await using server = await startServer();
  await using other = startHttpServer(() => ok(CSV));
  await using http = startHttpServer(({ path }) =>
    path === "/moved"
      ? { head: ["301 Moved", `Location: ${other.origin}/in.csv`] }
      : { head: ["307 Moved", "Location: /moved"] }
  );
  using files = new TempFiles();
  const path = files.write("headers", "X-Two: HUSH2\n\n");
  const run = await load(server, http, [
    ...["--header", "Authorization: HUSH1", "--header-file", path],
    `${http.origin}/in.csv`,
  ], [
    `--allow-read=${path}`,
    `--allow-net=127.0.0.1:${server.port},127.0.0.1:${http.port},` +
    `127.0.0.1:${other.port}`,
  ]);
  assertEquals([run.code, run.stderr], [0, ""]);
  assert(!run.stdout.includes("HUSH"));
  for (const { headers } of http.seen) {
    assertEquals(headers.get("authorization"), "HUSH1");
    assertEquals(headers.get("x-two"), "HUSH2");
  }
  assertEquals(http.seen.length, 2);
  assertEquals(other.seen[0].headers.get("authorization"), null);
  assertEquals(other.seen[0].headers.get("x-two"), null);
});

Deno.test("load: user and password of a URL are sent, and not shown", async () => {
  await using server = await startServer();
  await using http = startHttpServer(() => ok("id,v\nwrong\n"));
  const url = `http://me:HUSH%21@127.0.0.1:${http.port}/in.csv`;
  const run = await load(server, http, ["--json", url]);
  assertEquals(run.code, 1);
  assert(!(run.stdout + run.stderr).includes("HUSH"), run.stdout);
  assertMatch(run.stderr, new RegExp(`first ${http.origin}/in.csv:2`));
  assertEquals(
    http.seen[0].headers.get("authorization"),
    `Basic ${btoa("me:HUSH!")}`,
  );
});

Deno.test("load: a read that breaks off is taken up where it was", async () => {
  await using server = await startServer();
  const text = new TextEncoder().encode(rows(20_000));
  await using http = startHttpServer(({ headers }, number) => {
    const from = Number(/^bytes=(\d+)-$/.exec(headers.get("range") ?? "")?.[1]);
    if (number === 1) {
      const { head } = ok(text, 'ETag: "one"');
      return { head, body: text.subarray(0, 50_000) };
    }
    const rest = text.subarray(from);
    return {
      head: [
        "206 Partial Content",
        `Content-Length: ${rest.length}`,
        `Content-Range: bytes ${from}-${text.length - 1}/${text.length}`,
      ],
      // It breaks off once more.
      body: number === 2 ? rest.subarray(0, 70_000) : rest,
    };
  });
  const run = await load(server, http, ["--json", `${http.origin}/in.csv`]);
  assertEquals([run.code, run.stderr], [0, ""]);
  const summary = JSON.parse(run.stdout);
  assertEquals([summary.loaded, summary.bytesIn], [20_000, text.length]);
  assertEquals(await size(server), 20_000);
  assertEquals(
    http.seen.slice(1).map(({ headers }) => headers.get("if-range")),
    ['"one"', '"one"'],
  );
  assertEquals(http.seen[1].headers.get("range"), "bytes=50000-");
});

const GONE: [name: string, head: string[], says: RegExp, requests: number][] = [
  ["without an ETag", [], /no ETag or Last-Modified, to go on by/, 1],
  [
    "that has changed",
    ['ETag: "one"'],
    /the server cannot go on there, or has other content by now/,
    2,
  ],
];

for (const [name, more, says, requests] of GONE) {
  Deno.test(`load: a read that breaks off, of a URL ${name}`, async () => {
    await using server = await startServer();
    const text = new TextEncoder().encode(rows(20_000));
    await using http = startHttpServer(() => {
      const { head } = ok(text, ...more);
      return { head, body: text.subarray(0, 50_000) };
    });
    const run = await load(server, http, ["--json", `${http.origin}/in.csv`]);
    assertEquals(run.code, 5, run.stderr);
    assertMatch(run.stderr, /in\.csv: after 50000 bytes: /);
    assertMatch(run.stderr, says);
    assertEquals(http.seen.length, requests);
    // Every whole record before that is in.
    const whole = new TextDecoder().decode(text.subarray(0, 50_000))
      .split("\n").length - 2;
    const summary = JSON.parse(run.stdout);
    assertEquals([summary.loaded, summary.unknown], [whole, 0]);
    assertEquals(await size(server), whole);
  });
}

Deno.test("load: a URL without permission, or with nobody there", async () => {
  await using server = await startServer();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const url = `http://127.0.0.1:${port}/in.csv?sig=SECRET`;
  const words = ["load", "-p", `${server.port}`, url, ...SET];
  const net = `--allow-net=127.0.0.1:${server.port}`;
  if ((Deno.env.get("RESPIPE_BIN") ?? "") === "") {
    const run = await runRespipe(words, { permissions: [net] });
    assertEquals(run.code, 5);
    assertMatch(run.stderr, new RegExp(`add --allow-net=127.0.0.1:${port}\n`));
    assert(!run.stderr.includes("SECRET"), run.stderr);
  }
  const run = await runRespipe(words, {
    permissions: [`${net},127.0.0.1:${port}`],
  });
  assertEquals(run.code, 5);
  assertMatch(
    run.stderr,
    /^respipe: Cannot read http:.*in\.csv\?\.\.\.: the connection was refused\n$/,
  );
  assert(!run.stderr.includes("SECRET"), run.stderr);
});

for (const line of ["Authorization", "a b: c", "x: y\nz: w", ": x"]) {
  Deno.test(`load: a header that is none: ${JSON.stringify(line)}`, async () => {
    const run = await runRespipe(["load", "--header", line, ...SET]);
    assertEquals(run.code, 2);
    assertMatch(run.stderr, /Cannot use a header of --header: must be/);
  });
}

for (const [command, ...words] of [["load", ...SET], ["pipe"]]) {
  Deno.test(`${command}: --idle-timeout is also for a web server that never answers`, async () => {
    await using server = await startServer();
    // Accepts, and says nothing.
    using mute = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = mute.addr as Deno.NetAddr;
    const run = await runRespipe([
      ...[command, "-p", `${server.port}`, "--idle-timeout", "0.2"],
      ...[`http://127.0.0.1:${port}/in.csv?sig=SECRET`, ...words],
    ], {
      permissions: [`--allow-net=127.0.0.1:${server.port},127.0.0.1:${port}`],
    });
    assertEquals(run.code, 5, run.stderr);
    assertMatch(
      run.stderr,
      /\?\.\.\.: nothing came for 0\.2 s \(--idle-timeout\)/,
    );
    assert(!run.stderr.includes("SECRET"), run.stderr);
  });
}

Deno.test("load: a URL of another scheme is refused, without its password", async () => {
  const run = await runRespipe([
    "load",
    "-h",
    "127.0.0.1",
    "s3://u:SECRET@b/in.csv",
    ...SET,
  ], {
    permissions: ["--allow-read"],
  });
  assertEquals(
    [run.code, run.stderr],
    [5, 'respipe: Cannot read a URL of "s3:": must be http: or https:\n'],
  );
});
