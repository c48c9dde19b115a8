/**
 * Loads with sharing, without it, and the rows' own commands sent over a plain
 * connection leave the same data, the same counts and the same rejects.
 *
 * `RESPIPE_ROUNDS` says how many random rounds there are, `RESPIPE_SEED` where
 * they begin: round N of seed S is round 0 of seed S + N.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { encodeCommand, ReplyReader } from "../../mod.ts";
import { bounded, readSummary, tryLoad } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { Random } from "../support/random.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { rowSource } from "../support/row_source.ts";
import { endOf, spawnRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const ROUNDS = Number(Deno.env.get("RESPIPE_ROUNDS") ?? 12);
const HEADER = "k,v,w,x";
const decoder = new TextDecoder();

/** Scores, and what only looks like one. */
const SCORES = [
  ..."0 -0 +5 .5 5. 1.5 -3e2 1e308 -1e-300 inf -inf +inf Infinity".split(" "),
  ..."0x10 0x1p3 00012 123456789012345678901234567890 1e-320".split(" "),
  ..."1e400 -1e400 1e-400 nan -nan NaN nan(1) no NX XX GT CH INCR".split(" "),
  ..."1e 1e999x 0x -- +-1 1..2 1_0 ٣ infinit".split(" "),
  ...["", " 1", "1 ", "1,5", '"', "\n", "1\0"],
];

/** Coordinates within their ranges, on the edge, and beyond it. */
const COORDINATES = [
  ..."0 -0 12.5 85.05112878 -85.05112878 1e1 0x10 +4 5. .5".split(" "),
  ..."85.05112879 -86 90 179.9999 180 -180 180.00001 999 1e400".split(" "),
  ..."nan inf -inf no CH XX 1e-400".split(" "),
  ...["", " 1", "1 "],
];

/** A template, and what its rows are. */
interface Shape {
  command: string[];
  /** A value of `v` or `x` that the server may refuse. */
  odd?: string[];
  /** Makes a key that the command cannot use. */
  wrong?: string[];
}

const SHAPES: Shape[] = [
  { command: ["SET", "{k}", "{v}"] },
  { command: ["set", "{k}:{v}", "{w}{x}"] },
  { command: ["SADD", "{k}", "{v}", "{w}"], wrong: ["SET"] },
  { command: ["PFADD", "{k}", "{w}"], wrong: ["RPUSH"] },
  { command: ["PFADD", "{k}", "{w}", "{x}"], wrong: ["SET"] },
  { command: ["RPUSH", "{k}", "{v}"], wrong: ["SET"] },
  { command: ["LPUSH", "{k}", "{v}", "{w}-{x}"], wrong: ["SADD"] },
  { command: ["rpush", "ok-all", "{v}"] },
  { command: ["HSET", "{k}", "{w}", "{v}"], wrong: ["SET"] },
  { command: ["HSET", "{k}", "{*-k}"], wrong: ["RPUSH"] },
  { command: ["ZADD", "{k}", "{v}", "{w}"], odd: SCORES, wrong: ["SET"] },
  {
    command: ["ZADD", "{k}", "{v}", "{w}", "{x}", "{x}"],
    odd: SCORES,
    wrong: ["SADD"],
  },
  { command: ["ZADD", "{k}", "GT", "{v}", "{w}"], odd: SCORES },
  { command: ["ZADD", "{k}", "1{v}", "{w}"], odd: SCORES },
  {
    command: ["GEOADD", "{k}", "{v}", "{x}", "{w}"],
    odd: COORDINATES,
    wrong: ["SET"],
  },
];

/** What the user may do, besides everything. */
const RULES: string[][] = [
  ["~*", "+@all"],
  ["~*", "+@all"],
  ["~*", "+@all"],
  ["~ok*", "+@all"],
  ["~*", "+@all", "-mset"],
  ["~ok*", "+@all", "-mset"],
];

/** A row: its fields, its line, and whether it has as many as it should. */
interface Row {
  fields: string[];
  line: string;
  isWhole: boolean;
}

/** A field as CSV, in quotes where it must be, and sometimes otherwise. */
function fieldText(value: string, random: Random): string {
  const must = /[",\r\n]/.test(value);
  return must || random.int(40) === 0
    ? `"${value.replaceAll('"', '""')}"`
    : value;
}

function randomRows(random: Random, { odd = [] }: Shape): Row[] {
  const rows: Row[] = [];
  const count = random.pick([5, 300, 3_000, 3_000, random.int(9_000)]);
  const keys = 1 + random.int(random.pick([2, 20, 400]));
  const longest = random.pick([1, 5, 90, 1_000]);
  const rare = random.pick([3, 40, 400, Infinity]);
  const isOdd = (): boolean => rare < Infinity && random.int(rare) === 0;
  while (rows.length < count) {
    const key = random.int(9) === 0
      ? `no${random.int(3)}`
      : `ok${random.int(keys)}`;
    for (let run = 1 + random.int(longest); run > 0; run--) {
      const number = (): string =>
        isOdd() && odd.length > 0 ? random.pick(odd) : `${random.int(80)}`;
      const member = isOdd()
        ? random.pick(["", "a b", "l\nb", 'q"q', "é", "ok,no"])
        : `m${random.int(30)}`;
      const fields = [key, number(), member, number()];
      const isWhole = !isOdd() || random.int(4) > 0;
      const texts = fields.map((field) => fieldText(field, random));
      if (!isWhole) texts.push("one too many");
      rows.push({ fields, line: texts.join(","), isWhole });
    }
  }
  return rows;
}

/** A row's command, worked out the obvious way. */
function commandOf({ command }: Shape, { fields }: Row): string[] {
  const names = HEADER.split(",");
  return command.flatMap((word) => {
    if (word === "{*-k}") {
      return names.slice(1).flatMap((name, i) => [name, fields[i + 1]]);
    }
    return word.replace(
      /\{(\w)\}/g,
      (_, name) => fields[names.indexOf(name)],
    );
  });
}

/** Sends commands over a plain connection; gives the error of each. */
async function sendPlainly(
  { port }: RedisServer,
  commands: string[][],
): Promise<(string | undefined)[]> {
  using conn = await Deno.connect({ port });
  const all = [["AUTH", "u", "pw"], ...commands].map((it) => encodeCommand(it));
  const bytes = new Uint8Array(await new Blob(all as BlobPart[]).arrayBuffer());
  const write = async (): Promise<void> => {
    for (let at = 0; at < bytes.length;) {
      at += await conn.write(bytes.subarray(at));
    }
  };
  const errors: (string | undefined)[] = [];
  const read = async (): Promise<void> => {
    const reader = new ReplyReader();
    const buffer = new Uint8Array(64 * 1024);
    while (errors.length < all.length) {
      const count = await conn.read(buffer);
      if (count === null) throw new Error("the server closed the connection");
      reader.feed(buffer.subarray(0, count));
      for (let reply; (reply = reader.next()) !== undefined;) {
        errors.push(reply.kind === "error" ? reply.text : undefined);
      }
    }
  };
  await Promise.all([write(), read()]);
  return errors.slice(1);
}

/** Empties the server, and puts keys of another type in the way. */
async function prepare(
  server: RedisServer,
  { wrong }: Shape,
  keys: readonly string[],
): Promise<void> {
  await server.command("FLUSHALL");
  if (wrong === undefined) return;
  await server.commands(keys.map((key) => [...wrong, key, "in the way"]));
}

/**
 * Says what is in the server. How PFADD stores its registers depends on the
 * order in which a command sets them, so these are compared and not the bytes.
 */
async function contentOf(
  server: RedisServer,
  { command }: Shape,
): Promise<string> {
  if (command[0] !== "PFADD") {
    const digest = String(plain(await server.command("DEBUG", "DIGEST")));
    assertMatch(digest, /^[0-9a-f]{40}$/);
    return digest;
  }
  const keys = (plain(await server.command("KEYS", "*")) as string[]).sort();
  await server.commands(keys.map((key) => ["PFDEBUG", "TODENSE", key]));
  const script = "if redis.call('TYPE', KEYS[1]).ok ~= 'string' then " +
    "return 'another type' end " +
    "return redis.sha1hex(redis.call('GETRANGE', KEYS[1], 16, -1))";
  const sums = await server.commands(
    keys.map((key) => ["EVAL", script, "1", key]),
  );
  return keys.map((key, i) => `${key}: ${plain(sums[i])}`).join("\n");
}

/** What a load, or the oracle, has come to. */
interface Outcome {
  content: string;
  loaded: number;
  rejected: number;
  /** Each reject: its place, its bytes, and what was wrong. */
  rejects: unknown[];
}

async function loadRows(
  server: RedisServer,
  shape: Shape,
  rows: readonly Row[],
  perRead: number,
  coalesce: boolean,
): Promise<Outcome> {
  const { summary, error, rejects } = await tryLoad({
    sources: [rowSource((n) => rows[n - 1].line, {
      header: HEADER,
      count: rows.length,
      perRead,
    })],
    commands: [shape.command],
    coalesce,
    server: { port: server.port, user: "u", password: "pw" },
  });
  assertEquals(error, undefined);
  return {
    content: await contentOf(server, shape),
    loaded: summary.loaded,
    rejected: summary.rejected,
    rejects: rejects.map(({ bytes, header, ...rest }) => ({
      ...rest,
      text: decoder.decode(bytes),
      header: decoder.decode(header),
    })),
  };
}

/** One template, one table, three ways. */
async function compare(
  server: RedisServer,
  random: Random,
  shape: Shape,
  what: string,
): Promise<void> {
  const rows = randomRows(random, shape);
  const present = [...new Set(rows.map(({ fields }) => fields[0]))];
  const wrong = random.int(2) === 0
    ? []
    : [random.pick(present), random.pick(present)];
  const rule = random.pick(RULES);
  const perRead = 1 + random.int(random.pick([10, 500, 5_000]));
  await server.command(
    ...["ACL", "SETUSER", "u", "reset", "on", ">pw", ...rule],
  );
  const why = `${what}: ${rows.length} rows, ${perRead} a read, ${rule}, ` +
    `${wrong} of a wrong type`;

  await prepare(server, shape, wrong);
  const whole = rows.filter(({ isWhole }) => isWhole);
  const errors = await sendPlainly(
    server,
    whole.map((row) => commandOf(shape, row)),
  );
  const content = await contentOf(server, shape);
  let sent = 0;
  /** Ordinal, text and error of each; nobody but the reader words its own. */
  const expected: [number, string, string | undefined][] = [];
  rows.forEach((row, i) => {
    const error = row.isWhole ? errors[sent++] : undefined;
    if (row.isWhole && error === undefined) return;
    expected.push([i + 1, `${row.line}\n`, error]);
  });

  await prepare(server, shape, wrong);
  const alone = await loadRows(server, shape, rows, perRead, false);
  await prepare(server, shape, wrong);
  const shared = await loadRows(server, shape, rows, perRead, true);
  for (const [how, outcome] of Object.entries({ alone, shared })) {
    const rejects = outcome.rejects as Record<string, unknown>[];
    const found = rejects.map(({ record, text, error, command }) => [
      ...[record, text],
      command === undefined ? undefined : error,
    ]);
    const at = expected.findIndex((it, i) => it.join() !== found[i]?.join());
    const first = at === -1 ? expected.length : at;
    assertEquals(found[first], expected[first], `${why}: reject ${at}, ${how}`);
    assertEquals(
      [outcome.rejected, outcome.loaded],
      [expected.length, rows.length - expected.length],
      `${why}: ${how}`,
    );
    assertEquals(outcome.content, content, `${why}: ${how}, data`);
  }
  const at = alone.rejects.findIndex((it, i) =>
    JSON.stringify(it) !== JSON.stringify(shared.rejects[i])
  );
  assertEquals(shared.rejects[at], alone.rejects[at], `${why}: shared, alone`);
}

Deno.test("rows that share commands, that do not, and an oracle", async (t) => {
  await using server = await startServer({ mayDebug: true });
  const first = Random.seed();
  for (let seed = first; seed < first + ROUNDS; seed++) {
    for (const shape of SHAPES) {
      const what = `${shape.command.join(" ")}, RESPIPE_SEED=${seed}`;
      await t.step(what, async () => {
        const random = new Random(seed);
        await bounded(compare(server, random, shape, what), what);
      });
    }
  }
});

/** Runs the program; gives what it has written, and what is in the server. */
async function runFiles(
  server: RedisServer,
  { command }: Shape,
  csv: string,
  flags: string[],
): Promise<{ files: string[]; counts: number[]; code: number }> {
  using files = new TempFiles();
  const path = `${files.path}/out.csv`;
  const child = spawnRespipe([
    ...["load", "-p", `${server.port}`, "--json", "--rejects", path],
    ...["--user", "u", "--pass", "pw", "--no-auth-warning", ...flags],
    ...[files.write("in.csv", csv), "--", ...command],
  ], {
    permissions: [
      `--allow-net=127.0.0.1:${server.port}`,
      `--allow-read=${files.path}`,
      `--allow-write=${files.path}`,
    ],
  });
  await child.stdin.close();
  const { code, stdout } = await endOf(child);
  const { loaded, rejected } = readSummary(stdout);
  const read = (name: string): string =>
    Deno.readTextFileSync(`${files.path}/${name}`)
      .replaceAll(files.path, "FOLDER");
  return {
    code,
    counts: [loaded, rejected],
    files: code === 1 ? [read("out.csv"), read("out.csv.errors.csv")] : [],
  };
}

for (const at of [0, 5, 8, 10, 14]) {
  const shape = SHAPES[at];
  const seed = Random.seed();
  const what = `${shape.command.join(" ")}, RESPIPE_SEED=${seed}`;
  Deno.test(`the program's reject files: ${what}`, async () => {
    await using server = await startServer({ mayDebug: true });
    await server.command(..."ACL SETUSER u on >pw ~ok* +@all".split(" "));
    const random = new Random(seed);
    const rows = randomRows(random, shape);
    // One that is rejected for certain.
    rows.push({ fields: ["", "", "", ""], line: "no1,1,2,3", isWhole: true });
    const csv = [HEADER, ...rows.map(({ line }) => line)].join("\n");
    const wrong = [rows[0].fields[0]];
    await prepare(server, shape, wrong);
    const alone = await runFiles(server, shape, csv, ["--no-coalesce"]);
    const content = await contentOf(server, shape);
    await prepare(server, shape, wrong);
    const shared = await runFiles(server, shape, csv, []);
    assertEquals([shared.code, alone.code], [1, 1], what);
    assertEquals(shared.counts, alone.counts, what);
    assertEquals(await contentOf(server, shape), content, what);
    alone.files.forEach((text, i) => {
      const lines = shared.files[i].split("\n");
      const line = text.split("\n").findIndex((it, n) => it !== lines[n]);
      assertEquals(lines[line], text.split("\n")[line], `${what}: ${line}`);
      assertEquals(shared.files[i].length, text.length, what);
    });
  });
}
