/**
 * What stands in `examples`, as it stands there, where cron and others would
 * run it: hardly any environment, no HOME, no TERM, no terminal.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Lock } from "../../src/engine/lock.ts";
import { Wait } from "../../src/engine/wait.ts";
import { readExposition } from "../support/exposition.ts";
import { assertSentence, readSummary } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { writeRespipeScript } from "../support/respipe_script.ts";
import { TempFiles } from "../support/temp_files.ts";

const EXAMPLES = new URL("../../examples/", import.meta.url);
const PASSWORD = "correct horse";
const FOLDERS = [
  "/srv/data",
  "/etc/respipe",
  "/var/log/respipe",
  "/var/lib/respipe",
  "/usr/local/bin",
];

const decoder = new TextDecoder();
const hasShell = Deno.build.os !== "windows";
const why = hasShell ? "" : " (there is no cron here)";

/** What became of a line, as cron sees it. */
interface Ending {
  code: number;
  /** What cron would mail: all that is printed. */
  mail: string;
  /** What of that is standard output. */
  stdout: string;
}

/** A machine with the folders, files and program that the examples name. */
class Machine implements AsyncDisposable {
  readonly #files = new TempFiles();

  private constructor(readonly server: RedisServer) {}

  static async start(): Promise<Machine> {
    const server = await startServer({ args: ["--requirepass", PASSWORD] });
    const machine = new Machine(server);
    for (const folder of FOLDERS) {
      await Deno.mkdir(machine.#files.path + folder, { recursive: true });
    }
    await server.command("AUTH", PASSWORD);
    await writeRespipeScript(machine.path("/usr/local/bin"));
    const rows = Array.from({ length: 200 }, (_, i) => `${i},n ${i},Hue\n`);
    for (const name of ["users", "drivers"]) {
      const csv = `id,name,city\n${rows.join("")}`;
      await Deno.writeTextFile(machine.path(`/srv/data/${name}.csv`), csv);
    }
    const file = machine.path("/etc/respipe/password");
    await Deno.writeTextFile(file, `${PASSWORD}\n`);
    return machine;
  }

  /** Where a path of the examples is. */
  path(path: string): string {
    return this.#files.path + path;
  }

  /** Puts paths of this machine in place of those that the examples name. */
  adapted(text: string): string {
    return FOLDERS.reduce(
      (line, folder) => line.replaceAll(folder, this.path(folder)),
      text,
    ).replaceAll("127.0.0.1:6379", `127.0.0.1:${this.server.port}`);
  }

  /** Runs a line of a crontab. */
  cron(command: string, env = crontab.env): Promise<Ending> {
    // In a crontab a bare % ends the command, and \% is one.
    assert(!/(?<!\\)%/.test(command), command);
    const line = this.adapted(command.replaceAll("\\%", "%"));
    return this.run(["/bin/sh", "-c", line], env);
  }

  /** Runs a program without terminal, HOME and the like. */
  async run(
    [program, ...args]: string[],
    env: Record<string, string>,
  ): Promise<Ending> {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args,
      clearEnv: true,
      env: Object.fromEntries(
        Object.entries(env).map(([name, text]) => [name, this.adapted(text)]),
      ),
      cwd: "/",
      stdin: "null",
      // Without this the terminal could still be asked for a password.
      detached: true,
    }).output();
    const [out, err] = [decoder.decode(stdout), decoder.decode(stderr)];
    return { code, mail: out + err, stdout: out };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    this.#files[Symbol.dispose]();
  }
}

/** The crontab: its variables, and the commands without their times. */
function readCrontab(
  text: string,
): { env: Record<string, string>; commands: string[] } {
  const env: Record<string, string> = {};
  const commands: string[] = [];
  for (const line of text.split("\n")) {
    const variable = /^(\w+)=(.*)$/.exec(line);
    const entry = /^(?:[\d*\/,-]+\s+){5}(.*)$/.exec(line);
    if (variable !== null) env[variable[1]] = variable[2];
    else if (entry !== null) commands.push(entry[1]);
    else assert(line === "" || line.startsWith("#"), `no crontab: ${line}`);
  }
  return { env, commands };
}

function example(name: string): string {
  return Deno.readTextFileSync(new URL(name, EXAMPLES));
}

const crontab = readCrontab(example("crontab"));
const [quiet, logged] = crontab.commands;
const LOG = "/var/log/respipe/loads.jsonl";

function test(name: string, fn: (machine: Machine) => Promise<void>): void {
  Deno.test({
    name: `cron: ${name}${why}`,
    ignore: !hasShell,
    fn: async () => {
      await using machine = await Machine.start();
      await fn(machine);
    },
  });
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

test("a load that goes well mails nothing", async (machine) => {
  assertEquals(crontab.commands.length, 2);
  for (const command of crontab.commands) {
    assertEquals(await machine.cron(command), {
      code: 0,
      mail: "",
      stdout: "",
    });
  }
  assertEquals(plain(await machine.server.command("DBSIZE")), 400);
  const { exitCode, loaded } = readSummary(
    await Deno.readTextFile(machine.path(LOG)),
  );
  assertEquals([exitCode, loaded], [0, 200]);
  assert(!await exists(machine.path("/srv/data/users.rejects.csv")));
});

test("rejects are mailed, written and counted", async (machine) => {
  await machine.server.command("SET", "user:7", "no hash");
  await machine.server.command("SET", "driver:9", "no hash");
  const plainly = await machine.cron(quiet);
  assertEquals(plainly.code, 1);
  assertMatch(plainly.mail, /199 of 200 records loaded, 1 rejected/);
  assertMatch(plainly.mail, /WRONGTYPE .*users\.csv:9/);
  assertEquals(
    await Deno.readTextFile(machine.path("/srv/data/users.rejects.csv")),
    "id,name,city\n7,n 7,Hue\n",
  );
  const withLog = await machine.cron(logged);
  assertEquals(withLog.code, 1);
  assertMatch(withLog.mail, /WRONGTYPE .*drivers\.csv:11/);
  const { exitCode, rejected } = readSummary(
    await Deno.readTextFile(machine.path(LOG)),
  );
  assertEquals([exitCode, rejected], [1, 1]);
});

test("the log grows by a line each night", async (machine) => {
  await machine.cron(logged);
  await machine.cron(logged);
  const lines = (await Deno.readTextFile(machine.path(LOG))).trim().split("\n");
  assertEquals(lines.map((line) => JSON.parse(line).loaded), [200, 200]);
});

test("a server that is gone is one sentence and code 4", async (machine) => {
  await machine.server.kill();
  const { code, mail } = await machine.cron(quiet);
  assertEquals(code, 4);
  assertSentence(mail, /127\.0\.0\.1/);
});

test("a wrong password is one sentence, without the password", async (machine) => {
  const file = machine.path("/etc/respipe/password");
  await Deno.writeTextFile(file, "battery staple\n");
  const { code, mail } = await machine.cron(quiet);
  assert(code !== 0);
  assertSentence(mail, /password|WRONGPASS/i);
  assert(!mail.includes("battery staple"), mail);
});

test("the password may be a variable of the crontab", async (machine) => {
  const command = quiet.replace("--pass-file /etc/respipe/password ", "");
  assert(command !== quiet);
  const env = { ...crontab.env, REDISCLI_AUTH: PASSWORD };
  const { code, mail } = await machine.cron(command, env);
  assertEquals([code, mail], [0, ""]);
});

test("a load that still runs keeps the next one out", async (machine) => {
  const holder = new Lock({
    key: "load:users",
    server: { port: machine.server.port, password: PASSWORD },
    wait: new Wait(),
  });
  await holder.prepare();
  const { code, mail } = await machine.cron(quiet);
  assertEquals(code, 75);
  assertSentence(
    mail,
    new RegExp(`"load:users" is held by process ${Deno.pid}`),
  );
  assertEquals(plain(await machine.server.command("DBSIZE")), 1);
  await holder.conclude();
  assertEquals((await machine.cron(quiet)).code, 0);
});

test("users that are gone go, and the metrics say so", async (machine) => {
  await machine.server.command("HSET", "user:200", "name", "gone");
  await machine.server.command("HSET", "client:1", "name", "stays");
  assertEquals((await machine.cron(quiet)).code, 0);
  assertEquals(plain(await machine.server.command("DBSIZE")), 201);
  const text = await Deno.readTextFile(
    machine.path("/var/lib/respipe/users.prom"),
  );
  const families = readExposition(text);
  const value = (name: string): unknown => families.get(name)?.samples[0];
  const labels = { job: "users" };
  assertEquals(value("respipe_last_pruned_keys"), { labels, value: 1 });
  assertEquals(value("respipe_last_exit_code"), { labels, value: 0 });
});

test("the alerts ask for metrics that there are", async (machine) => {
  await machine.cron(quiet);
  const text = await Deno.readTextFile(
    machine.path("/var/lib/respipe/users.prom"),
  );
  const families = readExposition(text);
  const names = example("alerts.yaml").match(/\brespipe_\w+/g) ?? [];
  assert(names.length >= 4);
  for (const name of names) assert(families.has(name), name);
});

test("the arguments of the CronJob load as well", async (machine) => {
  const text = example("cronjob.yaml");
  const list = /args:\s*(\[[^\]]*\])/.exec(text)![1];
  const args: string[] = JSON.parse(list.replace(/,\s*\]$/, "]"));
  const url = /value: (redis:.*)/.exec(text)![1];
  const words = ["/usr/local/bin/respipe", ...args].map((word) =>
    machine.adapted(word)
  );
  const { code, mail } = await machine.run(words, {
    PATH: "/usr/bin:/bin",
    REDIS_URL: url,
  });
  assertEquals([code, mail], [0, ""]);
  assertEquals(plain(await machine.server.command("DBSIZE")), 200);
});

test("systemd's line loads as well", async (machine) => {
  const unit = example("load-users.service");
  const value = (name: string): string =>
    new RegExp(`^${name}=(.*)$`, "m").exec(unit)![1];
  const [name, url] = value("Environment").split(/=(.*)/);
  const words = value("ExecStart").split(" ").map((word) =>
    machine.adapted(word.replace("${CREDENTIALS_DIRECTORY}", "/etc/respipe"))
  );
  // systemd splits at spaces, as done above, and has no patterns to expand.
  assert(words.every((word) => !/['"\\%$]/.test(word)), words.join(" "));
  const { code, stdout } = await machine.run(words, {
    PATH: "/usr/bin:/bin",
    [name]: url,
  });
  assertEquals(code, 0);
  assertEquals(readSummary(stdout).loaded, 200);
  assertEquals(
    plain(await machine.server.command("HGET", "user:3", "name")),
    "n 3",
  );
});
