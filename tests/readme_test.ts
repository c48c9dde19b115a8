/**
 * Runs every respipe command of the README against a real server, in a folder
 * with files of the names that the README uses.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { findProgram } from "../scripts/find_program.ts";
import { plain } from "./support/plain_reply.ts";
import {
  blockCommands,
  README,
  readmeBlocks,
  readmeRows,
} from "./support/readme.ts";
import { type RedisServer, startServer } from "./support/redis_server.ts";
import { writeProgram, writeRespipeScript } from "./support/respipe_script.ts";
import { TempFiles } from "./support/temp_files.ts";

/** A line of the README that is not run starts like one of these. */
const NOT_RUN: readonly [start: string, reason: string][] = [
  ["sh scripts/demo.sh", "loads a million rows; it is run by hand"],
  ["sh scripts/test.sh", "is what runs this"],
  ["deno ", "fetches, installs or names permissions; run_respipe.ts does that"],
  ["sha256sum ", "checks a download"],
  ["gh ", "checks a download"],
  ["tar ", "follows a download"],
  ["sudo ", "installs for all users"],
  ["respipe load --header-file", "needs a server of somebody's"],
];

/** Commands that do not end with 0: what they contain, and the exit code. */
const OTHER_ENDINGS: readonly [part: string, code: number][] = [
  // One of the visits in users.csv is no number, as the block shows.
  ["HINCRBY", 1],
];

/** What kind of key a command makes. */
const TYPES: Readonly<Record<string, string>> = {
  SET: "string",
  HSET: "hash",
  HINCRBY: "hash",
  RPUSH: "list",
  SADD: "set",
  ZADD: "zset",
  XADD: "stream",
  GEOADD: "zset",
  PFADD: "string",
  SETBIT: "string",
};

const DRIVERS = "id,name,city,lat,lng,status\n" +
  "1,Ann,Hue,16.46,107.59,online\n" +
  '2,"Ng\u00f4, Lan","Ho Chi Minh, City",10.77,106.70,busy\n' +
  "3,Zo\u00eb,Z\u00fcrich,47.37,8.54,\n";

const SAMPLES: Readonly<Record<string, string>> = {
  "users.csv": "id,name,visits\n1,Ann,3\n2,Bob,many\n3,Zo\u00eb,5\n",
  "drivers.csv": DRIVERS,
  "kv.csv": "k,v\na,1\nb,2\n",
  "users.jsonl": '{"id":1,"name":"Ann","tags":["a"]}\n{"id":2,"name":null}\n',
  "t.tsv": 'k\tv\na\tsay "hi"\nb\t2\n',
  "commands.resp": "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\nINCR a\r\n",
};

const ignore = Deno.build.os === "windows";
const redisCli = await findProgram("redis-cli", "valkey-cli");
const decoder = new TextDecoder();

interface Command {
  line: string;
  /** What a recipe is for; nothing elsewhere. */
  goal?: string;
}

function recipes(): Command[] {
  return readmeRows().flatMap(({ cells }) => {
    const [goal] = cells;
    return cells.slice(1)
      .map((cell) => /^`([^`]+)`$/.exec(cell)?.[1] ?? "")
      .filter((line) => /(?:^|\| )respipe \S/.test(line))
      .map((line) => ({ line, goal }));
  });
}

function commands(): Command[] {
  const lines = readmeBlocks("sh", "console").flatMap(blockCommands);
  return [...lines.map((line) => ({ line })), ...recipes()];
}

function isRun({ line }: Command): boolean {
  return !NOT_RUN.some(([start]) => line.startsWith(start)) &&
    !(redisCli === undefined && line.includes("redis-cli"));
}

/** A folder with the samples, and the programs on its PATH. */
async function setUp(server: RedisServer, files: TempFiles): Promise<void> {
  for (const [name, text] of Object.entries(SAMPLES)) files.write(name, text);
  const zipped = new Blob([DRIVERS]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  files.write("drivers.csv.gz", await new Response(zipped).bytes());
  await Deno.mkdir(`${files.path}/bin`);
  await writeRespipeScript(`${files.path}/bin`);
  await writeProgram(
    `${files.path}/bin`,
    "redis-cli",
    `PATH='${Deno.env.get("PATH")}'\n` +
      `exec ${redisCli} -p ${server.port} "$@"\n`,
  );
  // There is no PostgreSQL here; this answers COPY as it would.
  await writeProgram(
    `${files.path}/bin`,
    "psql",
    'case "$2" in COPY*) exec cat drivers.csv ;; *) exit 2 ;; esac\n',
  );
}

async function run(
  line: string,
  server: RedisServer,
  files: TempFiles,
): Promise<{ code: number; said: string }> {
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", line],
    clearEnv: true,
    env: {
      PATH: `${files.path}/bin:${Deno.env.get("PATH")}`,
      REDIS_URL: `redis://127.0.0.1:${server.port}`,
      NO_COLOR: "1",
    },
    cwd: files.path,
    stdin: "null",
  }).output();
  return { code, said: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Checks that there are keys, all of the type that the command makes. */
async function assertKeys(
  { line }: Command,
  server: RedisServer,
): Promise<void> {
  const keys = plain(await server.command("KEYS", "*")) as string[];
  assert(keys.length > 0, `${line}: there is nothing in the server`);
  const name = / -- (\w+)/.exec(line)?.[1];
  if (name === undefined || name === "MULTI") return;
  for (const key of keys) {
    const type = plain(await server.command("TYPE", key));
    assertEquals(type, TYPES[name], `${line}: ${key}`);
    if (!/\bEX(?:PIRE)?\b/.test(line)) continue;
    const left = Number(plain(await server.command("TTL", key)));
    assert(left > 0, `${line}: ${key} does not expire`);
  }
}

for (const command of commands().filter(isRun)) {
  const { line, goal } = command;
  Deno.test({
    name: `README: ${goal === undefined ? "" : `${goal}: `}${line}`,
    ignore,
    fn: async () => {
      await using server = await startServer();
      using files = new TempFiles();
      await setUp(server, files);
      const { code, said } = await run(line, server, files);
      const [, expected] = OTHER_ENDINGS.find(([part]) =>
        line.includes(part)
      ) ?? ["", 0];
      assertEquals(code, expected, `${line}\n${said}`);
      const output = / > (\S+)$/.exec(line)?.[1];
      if (output !== undefined) {
        const { size } = await Deno.stat(`${files.path}/${output}`);
        assert(size > 0, `${line}: ${output} is empty`);
      } else if (/\brespipe (?:load|pipe) |\| redis-cli --pipe/.test(line)) {
        if (!/--help|--dry-run/.test(line)) await assertKeys(command, server);
      }
    },
  });
}

Deno.test("README: there are recipes, and every command in it is known", () => {
  assert(recipes().length > 15);
  for (const { line } of commands()) {
    const isKnown = /(?:^|\| )respipe /.test(line) ||
      NOT_RUN.some(([start]) => line.startsWith(start));
    assert(isKnown, `neither run nor listed with a reason: ${line}`);
  }
});

Deno.test("README: what it links to in the repository is there", async () => {
  const links = [...README.matchAll(/\]\((?!https?:)([^)#]+)(?:#([^)]+))?\)/g)];
  assert(links.length > 5);
  for (const [, path, anchor] of links) {
    const text = await Deno.readTextFile(
      new URL(`../${path}`, import.meta.url),
    );
    const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading.toLowerCase().replaceAll(" ", "-")
    );
    assert(
      anchor === undefined || headings.includes(anchor),
      `${path}#${anchor}`,
    );
  }
});
