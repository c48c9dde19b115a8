/**
 * The chains that people use to get kv.csv into a server: small programs as
 * one writes them, each with its language's own CSV reader where it has one.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./checkout.ts";
import { findProgram } from "./find_program.ts";
import { shellLine } from "./respipe_command.ts";

/** Where the clients are fetched to. */
const FETCHED = join(ROOT, ".deno", "bench");

/** How many commands the clients send at once. */
const PIPELINE = 1000;

const RUBY = `require "csv"
CSV.foreach(ARGV[0]) do |key, value|
  print "*3\\r\\n$3\\r\\nSET\\r\\n$", key.bytesize, "\\r\\n", key, "\\r\\n$",
    value.bytesize, "\\r\\n", value, "\\r\\n"
end
`;

const MAWK = `BEGIN { FS = "," }
{
  printf "*3\\r\\n$3\\r\\nSET\\r\\n$%d\\r\\n%s\\r\\n$%d\\r\\n%s\\r\\n",
    length($1), $1, length($2), $2
}
`;

const PYTHON = `import csv, sys
out = sys.stdout.buffer
with open(sys.argv[1], newline="") as file:
    for row in csv.reader(file):
        parts = [b"*%d\\r\\n" % (len(row) + 1), b"$3\\r\\nSET\\r\\n"]
        for field in row:
            data = field.encode()
            parts.append(b"$%d\\r\\n%s\\r\\n" % (len(data), data))
        out.write(b"".join(parts))
`;

const REDIS_PY = `import csv, sys, redis
client = redis.Redis(port=int(sys.argv[2]))
pipeline = client.pipeline(transaction=False)
with open(sys.argv[1], newline="") as file:
    for number, (key, value) in enumerate(csv.reader(file), 1):
        pipeline.set(key, value)
        if number % ${PIPELINE} == 0:
            pipeline.execute()
pipeline.execute()
`;

const IOREDIS = `const { Redis } = require("ioredis");
const { createReadStream } = require("node:fs");
const { createInterface } = require("node:readline");
(async () => {
  const client = new Redis(Number(process.argv[3]));
  let pipeline = client.pipeline();
  const lines = createInterface({ input: createReadStream(process.argv[2]) });
  for await (const line of lines) {
    pipeline.set(...line.split(","));
    if (pipeline.length < ${PIPELINE}) continue;
    await pipeline.exec();
    pipeline = client.pipeline();
  }
  await pipeline.exec();
  await client.quit();
})();
`;

/** A way to load kv.csv without respipe. */
export interface Chain {
  /** What it is, for the table. */
  name: string;
  /** The shell line. */
  line: string;
  /** Variables that it needs. */
  env?: Record<string, string>;
}

/** What the chains work with. */
export interface ChainOptions {
  /** A folder for the programs. */
  folder: string;
  /** The path of kv.csv. */
  csv: string;
  /** The server's port. */
  port: number;
  /** What loads RESP: `redis-cli` or `valkey-cli`. */
  cli: string;
  /** Whether to fetch the clients, ioredis and redis-py, where they are not. */
  fetch: boolean;
}

/**
 * Writes the programs and finds out which of them can run.
 *
 * @param options What they work with
 * @returns The chains that can run here
 */
export async function findChains(options: ChainOptions): Promise<Chain[]> {
  const { folder, csv, port, cli } = options;
  const chains: Chain[] = [];
  const scripts: [program: string, file: string, text: string][] = [
    ["ruby", "kv.rb", RUBY],
    ["mawk", "kv.awk", MAWK],
    ["python3", "kv.py", PYTHON],
  ];
  for (const [program, file, text] of scripts) {
    const path = `${folder}/${file}`;
    await Deno.writeTextFile(path, text);
    const words = program === "mawk" ? ["-f", path, csv] : [path, csv];
    if (
      !await runs(program, program === "mawk" ? ["BEGIN {}"] : ["--version"])
    ) {
      continue;
    }
    const line = shellLine([program, ...words]);
    chains.push({
      name: `${program} script | ${cli} --pipe`,
      line: `${line} | ${cli} -p ${port} --pipe`,
    });
  }
  return [...chains, ...await findClients(options)];
}

/** The client libraries, those that are installed or may be fetched. */
async function findClients(
  { folder, csv, port, fetch }: ChainOptions,
): Promise<Chain[]> {
  const chains: Chain[] = [];
  const python = join(FETCHED, "python");
  if (fetch && !existsSync(python)) {
    await runs("python3", [
      ...["-m", "pip", "install", "--quiet", "--target", python, "redis"],
    ]);
  }
  const pythonEnv = { PYTHONPATH: python };
  if (await runs("python3", ["-c", "import redis"], pythonEnv)) {
    await Deno.writeTextFile(`${folder}/redis_py.py`, REDIS_PY);
    const words = ["python3", `${folder}/redis_py.py`, csv, `${port}`];
    chains.push({
      name: `redis-py, pipelines of ${PIPELINE}`,
      line: `exec ${shellLine(words)}`,
      env: pythonEnv,
    });
  }
  const modules = join(FETCHED, "node_modules");
  if (fetch && !existsSync(modules)) {
    await Deno.mkdir(FETCHED, { recursive: true });
    await Deno.writeTextFile(join(FETCHED, "package.json"), "{}\n");
    await runs("npm", [
      ...["install", "--prefix", FETCHED, "--silent", "--no-audit"],
      "ioredis",
    ]);
  }
  const nodeEnv = { NODE_PATH: modules };
  if (await runs("node", ["-e", 'require("ioredis")'], nodeEnv)) {
    await Deno.writeTextFile(`${folder}/ioredis.cjs`, IOREDIS);
    const words = ["node", `${folder}/ioredis.cjs`, csv, `${port}`];
    chains.push({
      name: `ioredis, pipelines of ${PIPELINE}`,
      line: `exec ${shellLine(words)}`,
      env: nodeEnv,
    });
  }
  return chains;
}

/** Tells whether a program is there and does what it is asked. */
async function runs(
  program: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<boolean> {
  if (args[0] === "--version") return await findProgram(program) !== undefined;
  try {
    const { success } = await new Deno.Command(program, {
      args,
      env,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
