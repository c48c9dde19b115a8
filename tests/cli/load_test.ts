import { assert, assertEquals, assertMatch } from "@std/assert";
import { bounded } from "../support/outcome.ts";
import { ask } from "../support/plain_reply.ts";
import {
  endOf,
  type Run,
  type RunOptions,
  runRespipe,
  spawnRespipe,
} from "../support/run_respipe.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { TempFiles } from "../support/temp_files.ts";
import { tryKill } from "../support/try_kill.ts";

const USERS = "id,name\n1,Ann\n2,Ben\n3,Cleo\n";
const HSET = ["--", "HSET", "u:{id}", "{*}"];

function load(
  server: { port: number },
  words: string[],
  options?: RunOptions,
): Promise<Run> {
  return runRespipe(["load", "-p", String(server.port), ...words], options);
}

/** What a connection begins and ends with. */
const FRAME = [
  ...["ping", "role", "client|id", "client|setname", "client|setinfo", "echo"],
  // As Redis 6.2 counts those.
  "client",
];

/** Every command that the server has executed since CONFIG RESETSTAT. */
async function commandsSeen(server: RedisServer): Promise<string[]> {
  const text = String(await ask(server, "INFO", "commandstats"));
  return [...text.matchAll(/^cmdstat_([a-z|]+):/gm)].map((match) => match[1])
    .filter((name) => !name.startsWith("config") && name !== "info");
}

/** A load that goes well: what it is given and what the server then has. */
interface GoodLoad {
  name: string;
  input: string | Uint8Array;
  words: string[];
  /** Records that are in. */
  loaded: number;
  /** Commands, with spaces between the words, and their replies. */
  then: Record<string, unknown>;
}

const bytes = (...codes: number[]): string => String.fromCharCode(...codes);

const GOOD: GoodLoad[] = [
  {
    name: "three rows become three hashes",
    input: USERS,
    words: HSET,
    loaded: 3,
    then: {
      "DBSIZE": 3,
      "HGETALL u:1": ["id", "1", "name", "Ann"],
      "HGETALL u:3": ["id", "3", "name", "Cleo"],
    },
  },
  {
    name: "a last line without a line break counts",
    input: "id,name\n1,Ann\n2,Ben",
    words: HSET,
    loaded: 2,
    then: { "HGET u:2 name": "Ben" },
  },
  {
    name: "a header without rows is no error",
    input: "id,name\n",
    words: HSET,
    loaded: 0,
    then: { "DBSIZE": 0 },
  },
  {
    name: "a header without even a line break is no error",
    input: "id,name",
    words: HSET,
    loaded: 0,
    then: { "DBSIZE": 0 },
  },
  {
    name: "--no-header makes the first line a record",
    input: "1,Ann\n2,Ben\n",
    words: ["--no-header", "--", "SET", "u:{1}", "{2}"],
    loaded: 2,
    then: { "GET u:1": "Ann", "GET u:2": "Ben" },
  },
  {
    name: "--no-header with an empty input is no error",
    input: "",
    words: ["--no-header", "--", "SET", "u:{1}", "{2}"],
    loaded: 0,
    then: { "DBSIZE": 0 },
  },
  {
    name: "--columns names them where there is no header",
    input: "1,Ann\n2,Ben\n",
    words: ["--columns", "id,name", ...HSET],
    loaded: 2,
    then: { "HGETALL u:1": ["id", "1", "name", "Ann"] },
  },
  {
    name: "--delimiter tab leaves commas alone",
    input: "id\tname\n1\tAnn, the first\n",
    words: ["--delimiter", "tab", ...HSET],
    loaded: 1,
    then: { "HGET u:1 name": "Ann, the first" },
  },
  {
    name: "--delimiter takes any ASCII character",
    input: 'id|name\n1|"A|n"\n',
    words: ["--delimiter=|", ...HSET],
    loaded: 1,
    then: { "HGET u:1 name": "A|n" },
  },
  {
    name: "--quote none makes quotes data",
    input: 'id,name\n1,"Ann"\n2,5" disk\n',
    words: ["--quote", "none", ...HSET],
    loaded: 2,
    then: { "HGET u:1 name": '"Ann"', "HGET u:2 name": '5" disk' },
  },
  {
    name: "--quote takes another character",
    input: "id,name\n1,'It''s, \"Ann\"'\n",
    words: ["--quote", "'", ...HSET],
    loaded: 1,
    then: { "HGET u:1 name": `It's, "Ann"` },
  },
  {
    name: "--quote with nothing is no quote",
    input: 'id,name\n1,"Ann"\n',
    words: ["--quote", "", ...HSET],
    loaded: 1,
    then: { "HGET u:1 name": '"Ann"' },
  },
  {
    name: "--skip-lines passes over what stands above the header",
    input: "# export\n\nid,name\n1,Ann\n",
    words: ["--skip-lines", "2", ...HSET],
    loaded: 1,
    then: { "HGET u:1 name": "Ann" },
  },
  {
    name: "--skip-lines with --columns replaces a header",
    input: "ID,NAME\n1,Ann\n",
    words: ["--skip-lines", "1", "--columns", "id,name", ...HSET],
    loaded: 1,
    then: { "DBSIZE": 1, "HGET u:1 name": "Ann" },
  },
  {
    name: "--limit ends early",
    input: USERS,
    words: ["--limit", "2", ...HSET],
    loaded: 2,
    then: { "DBSIZE": 2, "EXISTS u:3": 0 },
  },
  {
    name: "--limit 0 sends nothing",
    input: USERS,
    words: ["--limit", "0", ...HSET],
    loaded: 0,
    then: { "DBSIZE": 0 },
  },
  {
    name: "--skip-empty leaves empty fields out of {*}",
    input: 'id,name,city\n1,,Rome\n2,Ben,""\n',
    words: ["--skip-empty", ...HSET],
    loaded: 2,
    then: {
      "HGETALL u:1": ["id", "1", "city", "Rome"],
      "HGETALL u:2": ["id", "2", "name", "Ben"],
    },
  },
  {
    name: "empty fields are empty values without it",
    input: "id,name,city\n1,,Rome\n",
    words: HSET,
    loaded: 1,
    then: { "HGETALL u:1": ["id", "1", "name", "", "city", "Rome"] },
  },
  {
    name: "{*-a,b} leaves columns out",
    input: "id,name,city,zip\n1,Ann,Rome,9\n",
    words: ["--", "HSET", "u:{id}", "{*-id,city}"],
    loaded: 1,
    then: { "HGETALL u:1": ["name", "Ann", "zip", "9"] },
  },
  {
    name: "numbers and several columns in one argument",
    input: "id,name\n1,Ann\n",
    words: ["--", "SET", "{2}:{id}:{name}-{1}", "<{2}>"],
    loaded: 1,
    then: { "GET Ann:1:Ann-1": "<Ann>" },
  },
  {
    name: "doubled braces make a hash tag",
    input: "id,name\n42,Ann\n",
    words: ["--", "SET", "{{user:{id}}}:profile", "{name} {{}}"],
    loaded: 1,
    then: { "GET {user:42}:profile": "Ann {}" },
  },
  {
    name: "--then adds commands, with a shell's quotes",
    input: "id,name\n1,Ann\n2,Ben\n",
    words: [
      ...["--then", "EXPIRE u:{id} 3600", "--then=SADD 'all users' \"{name}\""],
      ...HSET,
    ],
    loaded: 2,
    then: { "SCARD all_users": 2, "TTL u:1": 3600, "HGET u:2 name": "Ben" },
  },
  {
    name: "MULTI and EXEC around each record",
    input: "id,name\n1,Ann\n2,Ben\n",
    words: [
      ...["--then", "SET a:{id} {name}", "--then", "EXEC", "--", "MULTI"],
    ],
    loaded: 2,
    then: { "GET a:1": "Ann", "GET a:2": "Ben" },
  },
  {
    name: "a byte order mark is dropped",
    input: new TextEncoder().encode("\ufeffid,name\n1,Ann\n"),
    words: HSET,
    loaded: 1,
    then: { "HGETALL u:1": ["id", "1", "name", "Ann"] },
  },
  {
    name: "CRLF ends a line, and is kept within quotes",
    input: 'id,name\r\n1,"A\r\nB"\r\n2,Ben\r\n',
    words: HSET,
    loaded: 2,
    then: { "HGET u:1 name": "A\r\nB", "HGET u:2 name": "Ben" },
  },
  {
    name: "blank lines are passed over",
    input: "\n\r\nid,name\n\n1,Ann\n\r\n\n2,Ben\n\n",
    words: HSET,
    loaded: 2,
    then: { "DBSIZE": 2 },
  },
  {
    name: "an empty argument is an argument",
    input: "id,name\n1,Ann\n",
    words: ["--", "SET", "u:{id}", ""],
    loaded: 1,
    then: { "STRLEN u:1": 0, "EXISTS u:1": 1 },
  },
  {
    name: "words after -- -- that are flags belong to the command",
    input: "id,name\n1,Ann\n",
    words: ["--", "--", "LPUSH", "{name}", "--quiet", "-p", "-"],
    loaded: 1,
    then: { "LRANGE Ann 0 -1": ["-", "-p", "--quiet"] },
  },
  {
    name: "a name outside ASCII finds its column",
    input: "id,città\n1,Roma\n",
    words: ["--", "SET", "u:{id}", "{città}"],
    loaded: 1,
    then: { "GET u:1": "Roma" },
  },
  {
    name: "a NUL in a field gets through",
    input: `id,name\n1,a${bytes(0)}b\n`,
    words: HSET,
    loaded: 1,
    then: { "HGET u:1 name": `a${bytes(0)}b` },
  },
];

for (const { name, input, words, loaded, then } of GOOD) {
  Deno.test(`load: ${name}`, async () => {
    await using server = await startServer();
    const run = await load(server, ["--json", ...words], { stdin: input });
    assertEquals(run.stderr, "");
    assertEquals(run.code, 0);
    const summary = JSON.parse(run.stdout);
    assertEquals([summary.records, summary.loaded], [loaded, loaded]);
    for (const [command, reply] of Object.entries(then)) {
      const words = command.split(" ")
        .map((word) => word.replace("all_users", "all users"));
      assertEquals(await ask(server, ...words), reply, command);
    }
  });
}

/** A load that does not go well. */
interface BadLoad {
  name: string;
  input: string;
  words: string[];
  code: number;
  /** What standard error must say. */
  says: (string | RegExp)[];
  /** Keys afterwards. */
  keys: string[];
}

const BAD: BadLoad[] = [
  {
    name: "an empty input without a header",
    input: "",
    words: HSET,
    code: 5,
    says: ["empty"],
    keys: [],
  },
  {
    name: "a column that is not there lists those that are",
    input: USERS,
    words: ["--", "SET", "u:{uid}", "x"],
    code: 2,
    says: ["{uid}", "id, name"],
    keys: [],
  },
  {
    name: "a column that is there in other letters is suggested",
    input: USERS,
    words: ["--", "SET", "u:{ID}", "x"],
    code: 2,
    says: ["{ID}", "did you mean {id}?"],
    keys: [],
  },
  {
    name: "a column that stands twice",
    input: "id,id\n1,2\n",
    words: HSET,
    code: 2,
    says: ["twice"],
    keys: [],
  },
  {
    name: "a column without a name, where it is used",
    input: "id,\n1,2\n",
    words: HSET,
    code: 2,
    says: ["column 2", "empty"],
    keys: [],
  },
  {
    name: "{*} without names",
    input: USERS,
    words: ["--no-header", "--", "HSET", "u:{1}", "{*}"],
    code: 2,
    says: ["{*}", "--columns"],
    keys: [],
  },
  {
    name: "a command that would break the pairing",
    input: USERS,
    words: ["--", "SUBSCRIBE", "{id}"],
    code: 2,
    says: ["SUBSCRIBE"],
    keys: [],
  },
  {
    name: "rows with other numbers of fields are rejected alone",
    input: "id,name\n1,Ann\n2\n3,Cleo,x\n4,Dee\n",
    words: HSET,
    code: 1,
    says: [
      "rejected 2 records",
      /1 field instead of 2 .*-:3/,
      // Kinds are told apart by their words, numbers aside.
      /-:4/,
    ],
    keys: ["u:1", "u:4"],
  },
  {
    name: "a quote that begins no field is data",
    input: 'id,name\n1,A"nn\n2,Ben\n',
    words: HSET,
    code: 0,
    says: [],
    keys: ["u:1", "u:2"],
  },
  {
    name: "text after a closing quote is rejected alone",
    input: 'id,name\n1,"A"nn\n2,Ben\n',
    words: HSET,
    code: 1,
    says: [/text after a closing quote.*-:2/],
    keys: ["u:2"],
  },
  {
    name: "a quote left open says where it opened",
    input: 'id,name\n1,Ann\n2,"Ben\n3,Cleo\n',
    words: HSET,
    code: 5,
    says: ["opened on line 3"],
    keys: ["u:1"],
  },
  {
    name: "an input that ends within a record",
    input: "id,name\n1,Ann\n2",
    words: HSET,
    code: 5,
    says: ["cut off"],
    keys: ["u:1"],
  },
  {
    name: "a record larger than --max-record",
    input: `id,name\n1,Ann\n2,${"x".repeat(2000)}\n3,Cleo\n`,
    words: ["--max-record", "1k", ...HSET],
    code: 5,
    says: ["1024 bytes", "--max-record"],
    keys: ["u:1"],
  },
  {
    name: "an error of the server is traced to its line",
    input: 'id,n\n1,1\n2,"x\ny"\n3,3\n4,no\n5,5\n',
    words: ["--then", "SET done:{id} 1", "--", "INCRBY", "c:{id}", "{n}"],
    code: 1,
    says: [/rejected 2 records/, /not an integer.* x 2, first -:3, -:6/],
    keys: ["c:1", "c:3", "c:5", ...[1, 2, 3, 4, 5].map((id) => `done:${id}`)],
  },
  {
    name: "errors behind skipped lines are traced to their lines",
    input: "junk\njunk\nid,n\n1,1\n2,no\n3,3\n4,no\n",
    words: ["--skip-lines", "2", "--", "INCRBY", "c:{id}", "{n}"],
    code: 1,
    says: [/x 2, first -:5, -:7/],
    keys: ["c:1", "c:3"],
  },
  {
    name: "errors behind a byte order mark without a header are traced",
    input: '\ufeff"1","no"\n"2","2"\n"3","no"\n',
    words: ["--columns", "id,n", "--", "INCRBY", "c:{id}", "{n}"],
    code: 1,
    says: [/x 2, first -:1, -:3/],
    keys: ["c:2"],
  },
  {
    name: "errors behind blank lines and malformed rows are traced",
    input: "\nid,n\n\n1\n\n2,no\n3,3\n4,4,4\n5,no\n",
    words: ["--", "INCRBY", "c:{id}", "{n}"],
    code: 1,
    says: [/rejected 4 records/, /not an integer.* x 2, first -:6, -:9/],
    keys: ["c:3"],
  },
];

for (const { name, input, words, code, says, keys } of BAD) {
  Deno.test(`load, exit ${code}: ${name}`, async () => {
    await using server = await startServer();
    await server.command("CONFIG", "RESETSTAT");
    const run = await load(server, words, { stdin: input });
    assertEquals(run.code, code, run.stderr);
    for (const part of says) {
      if (part instanceof RegExp) assertMatch(run.stderr, part);
      else assert(run.stderr.includes(part), run.stderr);
    }
    assert(!run.stderr.includes("    at "), run.stderr);
    if (code === 2) {
      // The first and the last of a connection; no record was sent.
      const seen = (await commandsSeen(server))
        .filter((it) => !FRAME.includes(it));
      assertEquals(seen, []);
    }
    const there = await ask(server, "KEYS", "*") as string[];
    assertEquals(there.sort(), keys);
  });
}

Deno.test("load: a template that does not fit a file sends not a byte", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const good = files.write("good.csv", USERS);
  const bad = files.write("bad.csv", "uid,name\n1,Ann\n");
  await server.command("CONFIG", "RESETSTAT");
  const run = await load(server, [good, bad, ...HSET]);
  assertEquals(run.code, 2);
  assert(run.stderr.includes(bad), run.stderr);
  assert(run.stderr.includes("uid, name"), run.stderr);
  assertEquals(run.stdout, "");
  assertEquals(await commandsSeen(server), []);
});

Deno.test("load: a file that is not there stops all before a byte is sent", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const good = files.write("good.csv", USERS);
  const run = await load(server, [good, `${files.path}/no.csv`, ...HSET]);
  assertEquals(run.code, 5);
  assertMatch(run.stderr, /^respipe: Cannot read \S+no\.csv: no such file\n$/);
  assertEquals(await ask(server, "DBSIZE"), 0);
});

Deno.test("load: files go in order, each with its own header", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const run = await load(server, [
    files.write("a.csv", "id,name\n1,Ann\n2,Ben"),
    "-",
    files.write("b.csv", "name,extra,id\r\nEve,x,2\r\n"),
    ...["--then", "RPUSH order {id}", "--", "HSET", "u:{id}", "{*}"],
  ], { stdin: "name,id\nCleo,3\n" });
  assertEquals([run.code, run.stderr], [0, ""]);
  assertEquals(await ask(server, "LRANGE", "order", "0", "-1"), [
    ...["1", "2", "3", "2"],
  ]);
  assertEquals(await ask(server, "HGETALL", "u:2"), [
    ...["id", "2", "name", "Eve", "extra", "x"],
  ]);
  assertEquals(await ask(server, "HGETALL", "u:3"), [
    ...["name", "Cleo", "id", "3"],
  ]);
});

Deno.test("load: --limit counts the records of all files together", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const run = await load(server, [
    files.write("a.csv", "id\n1\n2\n"),
    files.write("b.csv", "id\n3\n4\n"),
    ...["--limit", "3", "--", "RPUSH", "order", "{id}"],
  ]);
  assertEquals(run.code, 0);
  assertEquals(await ask(server, "LRANGE", "order", "0", "-1"), [
    ...["1", "2", "3"],
  ]);
});

Deno.test("load: errors name the file that they are in", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const a = files.write("a.csv", "id,n\n1,1\n2,x\n");
  const b = files.write("b.csv", "n,id\n3,3\ny,4\n");
  const run = await load(server, [a, b, "--", "INCRBY", "c:{id}", "{n}"]);
  assertEquals(run.code, 1);
  assert(run.stderr.includes(`first ${a}:3, ${b}:3`), run.stderr);
});

Deno.test("load: --json prints the counts as one object", async () => {
  await using server = await startServer();
  const input = "id,n\n1,1\n\n2,x\n3\n4,4\n";
  const run = await load(
    server,
    ["--json", "--then", "SET k:{id} 1", "--", "INCRBY", "c:{id}", "{n}"],
    { stdin: input },
  );
  assertEquals(run.code, 1);
  assertEquals(run.stdout.split("\n").length, 2);
  const summary = JSON.parse(run.stdout);
  const counts = {
    records: 4,
    loaded: 2,
    rejected: 2,
    unknown: 0,
    blankLines: 1,
    commands: 6,
    replies: 6,
    bytesIn: input.length,
  };
  assertEquals({ ...summary, ...counts }, summary);
  const { seconds, recordsPerSecond, bytesOut, errors } = summary;
  assert(seconds >= 0 && recordsPerSecond >= 0 && bytesOut > 0);
  const byPlace = (errors as { count: number; first: string[] }[])
    .map(({ count, first }) => [count, first.join()]);
  assertEquals(byPlace.sort(), [[1, "-:4"], [1, "-:5"]]);
});

Deno.test("load: the summary goes to standard output", async () => {
  await using server = await startServer();
  const run = await load(server, HSET, { stdin: USERS });
  assertEquals([run.code, run.stderr], [0, ""]);
  assertMatch(run.stdout, /^3 of 3 records loaded, in [\d.]+ s/);
  assertMatch(run.stdout, /\n3 commands, 3 replies, 27 B read, 172 B sent\n$/);
});

Deno.test("load: --quiet prints nothing when all is well", async () => {
  await using server = await startServer();
  const run = await load(server, ["--quiet", ...HSET], { stdin: USERS });
  assertEquals([run.code, run.stdout, run.stderr], [0, "", ""]);
  assertEquals(await ask(server, "DBSIZE"), 3);
});

Deno.test("load: --quiet does not hide rejects", async () => {
  await using server = await startServer();
  const run = await load(server, ["--quiet", ...HSET], {
    stdin: "a,id\n1\n2,2\n",
  });
  assertEquals(run.code, 1);
  assertMatch(run.stderr, /rejected 1 record/);
  assertMatch(run.stdout, /^1 of 2 records loaded, 1 rejected/);
});

Deno.test("load: nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const run = await load({ port }, HSET, { stdin: USERS });
  assertEquals(run.code, 4);
  assertMatch(
    run.stderr,
    /^respipe: Cannot connect to 127\.0\.0\.1:\d+: [^\n]*refused[^\n]*\n$/,
  );
});

Deno.test("load: logging in, or not", async (t) => {
  await using server = await startServer({ args: ["--requirepass", "s3cret"] });
  await server.command("AUTH", "s3cret");
  await server.command(
    ...["ACL", "SETUSER", "loader", "on", ">pw", "~u:*"],
    ...["+hset", "+echo", "+ping", "+select"],
  );
  const attempts: [
    name: string,
    words: string[],
    options: RunOptions,
    code: number,
    says: RegExp,
  ][] = [
    ["the right password", ["-a", "s3cret"], {}, 0, /^$/],
    ["--pass is the same", ["--pass=s3cret"], {}, 0, /^$/],
    [
      "a wrong password",
      ["-a", "wrong"],
      {},
      4,
      /^respipe: Cannot log in to [^\n]*WRONGPASS[^\n]*\n$/,
    ],
    ["no password", [], {}, 4, /^respipe: [^\n]*wants a password[^\n]*\n$/],
    ["an ACL user", ["--user", "loader", "-a", "pw"], {}, 0, /^$/],
    [
      "an ACL user with a wrong password",
      ["--user", "loader", "-a", "no"],
      {},
      4,
      /^respipe: [^\n]*"loader"[^\n]*WRONGPASS[^\n]*\n$/,
    ],
    ["database 3", ["-a", "s3cret", "-n", "3"], {}, 0, /^$/],
    [
      "a database that there is not",
      ["-a", "s3cret", "-n", "99"],
      {},
      4,
      /^respipe: Cannot select database 99 [^\n]*\n$/,
    ],
    [
      "REDISCLI_AUTH where reading it is allowed",
      [],
      {
        env: { REDISCLI_AUTH: "s3cret" },
        permissions: [
          `--allow-net=127.0.0.1:${server.port}`,
          "--allow-env=REDISCLI_AUTH",
        ],
      },
      0,
      /^$/,
    ],
    [
      "-a wins over REDISCLI_AUTH",
      ["-a", "s3cret"],
      {
        env: { REDISCLI_AUTH: "wrong" },
        permissions: [
          `--allow-net=127.0.0.1:${server.port}`,
          "--allow-env=REDISCLI_AUTH",
        ],
      },
      0,
      /^$/,
    ],
  ];
  for (const [name, words, options, code, says] of attempts) {
    await t.step(name, async () => {
      await server.command("FLUSHALL");
      const all = ["--no-auth-warning", ...words, ...HSET];
      const run = await load(server, all, { stdin: USERS, ...options });
      assertEquals(run.code, code, run.stderr);
      assertMatch(run.stderr, says);
      assert(!/s3cret|wrong/.test(run.stderr), "no password is printed");
      await server.command("SELECT", words.includes("3") ? "3" : "0");
      assertEquals(await ask(server, "DBSIZE"), code === 0 ? 3 : 0);
    });
  }
  await t.step({
    name: "REDISCLI_AUTH where reading it is not allowed is not asked for",
    // A binary has its permissions built in.
    ignore: (Deno.env.get("RESPIPE_BIN") ?? "") !== "",
    fn: async () => {
      const run = await load(server, HSET, {
        stdin: USERS,
        env: { REDISCLI_AUTH: "s3cret" },
      });
      assertEquals(run.code, 4);
      assertMatch(run.stderr, /^respipe: [^\n]*wants a password[^\n]*\n$/);
    },
  });
});

Deno.test("load: a user who may do nothing but the template's command", async () => {
  await using server = await startServer();
  await server.command(
    ...["ACL", "SETUSER", "loader", "on", ">pw", "~u:*", "+hset"],
  );
  const run = await load(server, ["--user", "loader", "-a", "pw", ...HSET], {
    stdin: USERS,
  });
  assertEquals(await ask(server, "DBSIZE"), 3);
  assert(!run.stderr.includes("    at "), run.stderr);
  assert(!run.stderr.includes("Cannot pair"), run.stderr);
});

Deno.test("load: an input of many chunks, records larger than one", async () => {
  await using server = await startServer();
  const large = [300_000, 5, 262_143, 262_144, 262_145, 1_500_000, 0, 131_072];
  const body = large.map((size, i) => `${i},${"x".repeat(size)}|${i}\n`);
  const small = Array.from({ length: 20_000 }, (_, i) => `s${i},row ${i}\n`);
  const run = await load(server, ["--json", "--", "SET", "{id}", "{v}"], {
    stdin: `id,v\n${body.join("")}${small.join("")}`,
  });
  assertEquals([run.code, run.stderr], [0, ""]);
  assertEquals(JSON.parse(run.stdout).loaded, 20_008);
  for (const [i, size] of large.entries()) {
    const value = await ask(server, "GET", String(i));
    assert(value === "x".repeat(size) + `|${i}`, `record ${i}`);
  }
  assertEquals(await ask(server, "GET", "s19999"), "row 19999");
});

Deno.test("load: errors in many batches are each traced to their line", async () => {
  await using server = await startServer();
  const bad = new Set([7, 20_001, 20_002, 59_999]);
  let csv = "id,n,pad\n";
  for (let i = 1; i <= 60_000; i++) {
    csv += `${i},${bad.has(i) ? "x" : i},"${"p\n".repeat(i % 3)}"\n`;
  }
  const lines = [...bad].map((id) =>
    csv.slice(0, csv.indexOf(`\n${id},x,`) + 1).split("\n").length
  );
  const run = await load(
    server,
    ["--json", "--then", "INCR n", "--", "INCRBY", "sum", "{n}"],
    { stdin: csv },
  );
  assertEquals(run.code, 1);
  const { loaded, rejected, errors } = JSON.parse(run.stdout);
  assertEquals([loaded, rejected], [59_996, 4]);
  assertEquals(errors[0].first, lines.slice(0, 3).map((line) => `-:${line}`));
  assertEquals(await ask(server, "GET", "n"), "60000");
});

Deno.test("load: a slow producer's rows are in before the next one comes", async () => {
  await using server = await startServer();
  const child = spawnRespipe(
    ["load", "-p", String(server.port), "--json", ...HSET],
  );
  const writer = child.stdin.getWriter();
  const ended = endOf(child);
  await writer.write(new TextEncoder().encode("id,name\n"));
  for (let id = 1; id <= 3; id++) {
    await writer.write(new TextEncoder().encode(`${id},row ${id}\n4,un`));
    await until(async () => await ask(server, "EXISTS", `u:${id}`) === 1);
    await writer.write(new TextEncoder().encode(`finished\n`));
    await until(async () => {
      return await ask(server, "HGET", "u:4", "name") === "unfinished";
    });
    await server.command("DEL", "u:4");
  }
  await writer.close();
  const { code, stdout } = await ended;
  assertEquals(code, 0);
  assertEquals(JSON.parse(stdout).loaded, 6);
});

Deno.test("load: a named pipe is read once, from its start", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const path = `${files.path}/fifo`;
  await new Deno.Command("mkfifo", { args: [path] }).output();
  const producer = new Deno.Command("sh", {
    args: ["-c", 'printf "id,name\\n1,Ann\\n2,Ben\\n" > "$0"', path],
  }).spawn();
  const child = spawnRespipe(["load", "-p", `${server.port}`, path, ...HSET]);
  await child.stdin.close();
  const { code, stderr } = await bounded(endOf(child), "respipe")
    .finally(async () => {
      // They have ended, as they should, or wait for each other.
      for (const process of [child, producer]) tryKill(process, "SIGKILL");
      await producer.status;
    });
  assertEquals(stderr, "");
  assertEquals(code, 0);
  assertEquals(await ask(server, "DBSIZE"), 2);
});

/** Waits until something is so; the test runner's patience is the limit. */
async function until(check: () => Promise<boolean>): Promise<void> {
  while (!await check()) await new Promise((wake) => setTimeout(wake, 5));
}

Deno.test("rows of which neither MSET nor SET is permitted are not unknown", async () => {
  await using server = await startServer();
  await server.command(..."ACL SETUSER w on >pw ~* +get".split(" "));
  const ids = Array.from({ length: 20_000 }, (_, id) => `${id}\n`).join("");
  const run = await runRespipe(
    [
      ...["load", "-p", String(server.port), "--user", "w", "--json"],
      ...["--no-auth-warning", "-a", "pw", "--", "SET", "{k}", "v"],
    ],
    { stdin: `k\n${ids}` },
  );
  assertEquals(run.code, 3, run.stderr);
  const { records, loaded, rejected, unknown, next } = JSON.parse(run.stdout);
  assertEquals([records, loaded, rejected, unknown], [0, 0, 0, 0]);
  assertEquals(next.line, 2);
});

Deno.test("load says that rows cannot share commands here", async () => {
  await using server = await startServer();
  await server.command(..."ACL SETUSER w on >pw ~* +set".split(" "));
  const { code, stderr } = await runRespipe(
    [
      ...["load", "-", "-p", String(server.port), "--user", "w"],
      ...["--no-auth-warning", "-a", "pw", "--end-marker", "count"],
      ...["--", "SET", "{k}", "{v}"],
    ],
    { stdin: "k,v\na,1\nb,2\n" },
  );
  assertEquals(code, 0);
  assertEquals(
    stderr.replace(/\(NOPERM [^)]*\)/, "(NOPERM ...)"),
    "respipe: rows cannot share commands here (NOPERM ...); later rows got " +
      "their own, as with --no-coalesce\n",
  );
  assertEquals(await server.command("DBSIZE"), {
    kind: "integer",
    value: 2,
  });
  // Cron mails what is printed each night.
  const quiet = await runRespipe([
    ...["load", "-", "-p", String(server.port), "--user", "w", "--quiet"],
    ...["--no-auth-warning", "-a", "pw", "--", "SET", "{k}", "{v}"],
  ], { stdin: "k,v\na,1\nb,2\n" });
  assertEquals([quiet.code, quiet.stdout, quiet.stderr], [0, "", ""]);
});
