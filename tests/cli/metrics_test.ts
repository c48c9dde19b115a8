import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Summary } from "../../mod.ts";
import { formatMetrics, lastSuccessIn } from "../../src/cli/metrics.ts";
import { type Family, readExposition } from "../support/exposition.ts";
import { assertSentence, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { freePort, startServer } from "../support/redis_server.ts";
import { runRespipe, spawnRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const isBinary = (Deno.env.get("RESPIPE_BIN") ?? "") !== "";

function valueOf(
  families: Map<string, Family>,
  name: string,
): number | undefined {
  return families.get(`respipe_${name}`)?.samples[0].value;
}

/** Runs a load that writes metrics, and reads them. */
class Job {
  readonly files = new TempFiles();
  readonly path = `${this.files.path}/m.prom`;
  readonly permissions: string[];

  constructor(readonly port: number) {
    const both = `${this.path},${this.path}.tmp`;
    this.permissions = [
      `--allow-net=127.0.0.1:${port}`,
      `--allow-read=${both}`,
      `--allow-write=${both}`,
    ];
  }

  words(...more: string[]): string[] {
    const words = more.includes("--") ? more : [
      ...more,
      ...["--", "INCRBY", "k:{id}", "{v}"],
    ];
    return ["load", "-p", `${this.port}`, "--metrics", this.path, ...words];
  }

  async run(stdin: string, ...more: string[]): Promise<number> {
    const { permissions } = this;
    const run = await runRespipe(this.words(...more), { stdin, permissions });
    return run.code;
  }

  async read(): Promise<Map<string, Family>> {
    return readExposition(await Deno.readTextFile(this.path));
  }
}

const ENDINGS: [code: number, what: string, stdin: string, words: string[]][] =
  [
    [0, "every record is in", "id,v\n1,1\n2,2\n", []],
    [1, "a record is rejected", "id,v\n1,1\n2,x\n", []],
    [2, "the template does not fit", "id,v\n1,1\n", ["--", "SET", "{no}", "v"]],
    [3, "too many rejects", "id,v\n1,x\n", ["--max-errors", "0"]],
    [4, "a wrong password", "id,v\n1,1\n", ["-a", "no"]],
    [5, "the input breaks off", 'id,v\n1,1\n2,"', []],
  ];

for (const [code, what, stdin, words] of ENDINGS) {
  Deno.test(`metrics are written when ${what}`, async () => {
    await using server = await startServer();
    const job = new Job(server.port);
    using _files = job.files;
    const before = Date.now() / 1000;
    assertEquals(await job.run(stdin, "--job", "nightly", ...words), code);
    const families = await job.read();
    assertEquals(valueOf(families, "last_exit_code"), code);
    const ended = valueOf(families, "last_end_timestamp_seconds")!;
    const began = valueOf(families, "last_start_timestamp_seconds")!;
    assert(began >= before && ended >= began && ended <= Date.now() / 1000);
    assertEquals(
      valueOf(families, "last_success_timestamp_seconds"),
      code === 0 ? ended : undefined,
    );
    for (const [name, { type, samples }] of families) {
      assertMatch(name, /^respipe_last_\w+$/);
      assertEquals(type, "gauge");
      for (const { labels } of samples) assertEquals(labels.job, "nightly");
    }
    // Nothing else stays behind.
    assertEquals([...Deno.readDirSync(job.files.path)].length, 1);
  });
}

Deno.test("metrics have the counts, and rejects by kind", async () => {
  await using server = await startServer();
  await server.command("SET", "k:9", "text");
  const job = new Job(server.port);
  using _files = job.files;
  const csv = "id,v\n1,1\n2,2\n3,x\n4,y\n5,1,1\n";
  assertEquals(await job.run(csv, "--quiet"), 1);
  const families = await job.read();
  const counts = ["records", "loaded_records", "rejected_records"];
  assertEquals(
    counts.map((name) => valueOf(families, `last_${name}`)),
    [5, 2, 3],
  );
  assertEquals(valueOf(families, "last_read_bytes"), csv.length);
  assertEquals(
    families.get("respipe_last_rejected_records_by_error")?.samples,
    [
      {
        labels: {
          job: "-",
          error: "ERR value is not an integer or out of range",
        },
        value: 2,
      },
      { labels: { job: "-", error: "3 fields instead of 2" }, value: 1 },
    ],
  );
});

Deno.test("the time of the last success outlives a failure, for its job", async () => {
  await using server = await startServer();
  const job = new Job(server.port);
  using _files = job.files;
  const name = "last_success_timestamp_seconds";
  assertEquals(await job.run("id,v\n1,1\n"), 0);
  const success = valueOf(await job.read(), name);
  assert(success !== undefined);
  assertEquals(await job.run("id,v\n1,x\n"), 1);
  assertEquals(valueOf(await job.read(), name), success);
  assertEquals(await job.run("id,v\n1,x\n", "--job", "other"), 1);
  assertEquals(valueOf(await job.read(), name), undefined);
});

Deno.test("metrics are written when nobody listens", async () => {
  const job = new Job(freePort());
  using _files = job.files;
  assertEquals(await job.run("id,v\n1,1\n"), 4);
  assertEquals(valueOf(await job.read(), "last_exit_code"), 4);
});

Deno.test("metrics are written when a load is terminated", async () => {
  await using server = await startServer();
  const job = new Job(server.port);
  using _files = job.files;
  const { permissions } = job;
  const child = spawnRespipe(job.words(), { permissions });
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("id,v\n1,7\n"));
  await until(
    async () => plain(await server.command("GET", "k:1")) === "7",
    "the row",
  );
  child.kill("SIGTERM");
  assertEquals((await child.output()).code, 143);
  await writer.abort().catch(() => {});
  const families = await job.read();
  assertEquals(valueOf(families, "last_exit_code"), 143);
  assertEquals(valueOf(families, "last_loaded_records"), 1);
});

Deno.test("a metrics file that cannot be written is found before the load", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const file = files.write("a.csv", "id,v\n1,1\n");
  const load = (metrics: string, ...permissions: string[]) =>
    runRespipe(
      [
        ...["load", "-p", `${server.port}`, file, "--metrics", metrics],
        ...["--", "INCRBY", "k:{id}", "{v}"],
      ],
      {
        permissions: [
          `--allow-net=127.0.0.1:${server.port}`,
          ...permissions.length > 0
            ? permissions
            : [`--allow-read=${files.path}`, `--allow-write=${files.path}`],
        ],
      },
    );
  const cases: [path: string, says: RegExp, ...permissions: string[]][] = [
    [
      `${files.path}/no/m.prom`,
      /Cannot write .* for --metrics .*: its directory does not exist$/m,
    ],
    [file, /it is an input file/],
    ["/dev/null", /must be the name of a file/],
  ];
  if (!isBinary) {
    cases.push([
      `${files.path}/m.prom`,
      /add --allow-read=.*m\.prom,.*m\.prom\.tmp --allow-write=/,
      `--allow-read=${file}`,
    ]);
  }
  for (const [path, says, ...permissions] of cases) {
    const { code, stderr } = await load(path, ...permissions);
    assertEquals(code, 2, stderr);
    assertSentence(stderr, says);
  }
  assertEquals(await Deno.readTextFile(file), "id,v\n1,1\n");
  assertEquals(plain(await server.command("DBSIZE")), 0);
});

Deno.test("labels keep whatever a name has", () => {
  const job = 'a "b" \\ c\nd, e="f"} 1 \\n';
  const error = 'ERR "x" \\';
  const summary = new Summary();
  summary.errors.add(error, "a.csv:2");
  summary.end();
  const data = summary.toJSON();
  const text = formatMetrics({
    job,
    exitCode: 0,
    data,
    lastSuccess: undefined,
  });
  const families = readExposition(text);
  for (const { samples } of families.values()) {
    assertEquals(samples[0].labels.job, job);
  }
  assertEquals(
    families.get("respipe_last_rejected_records_by_error")?.samples[0].labels,
    { job, error },
  );
  assertEquals(lastSuccessIn(text, job), Date.parse(data.endedAt!) / 1000);
  assertEquals(lastSuccessIn(text, "another"), undefined);
});

Deno.test("the reader of the format finds what is wrong", () => {
  const head = "# HELP a b\n# TYPE a gauge\n";
  assertEquals(readExposition(`${head}a{x="1",} -1e3\n`).size, 1);
  for (
    const wrong of [
      "a 1\n",
      `${head}a 1`,
      `${head}a{x="1} 1\n`,
      `${head}a{x="\\t"} 1\n`,
      `${head}a{x-y="1"} 1\n`,
      `${head}a 1\na 2\n`,
      `${head}a x\n`,
      `${head}${head}a 1\n`,
      `${head}b 1\n`,
      "# TYPE a gauge\na 1\n",
      "# HELP a b\n# TYPE a number\na 1\n",
    ]
  ) assertThrows(() => readExposition(wrong), Error, "", wrong);
});
