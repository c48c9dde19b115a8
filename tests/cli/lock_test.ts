import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { load, LockedError, StoppedError } from "../../mod.ts";
import { Lock } from "../../src/engine/lock.ts";
import { Wait } from "../../src/engine/wait.ts";
import { assertSentence, bounded, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import {
  endOf,
  type Run,
  runRespipe,
  spawnRespipe,
} from "../support/run_respipe.ts";

const encoder = new TextEncoder();
const TEMPLATE = ["--", "SET", "k:{id}", "v"];

/** A load that runs until its input is closed, and holds the lock. */
class Holder {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly ended: Promise<Run>;

  constructor(readonly server: RedisServer, ...more: string[]) {
    this.#child = spawnRespipe([
      ...["load", "-p", `${server.port}`, "--lock", "nightly", ...more],
      ...TEMPLATE,
    ]);
    this.#writer = this.#child.stdin.getWriter();
    this.ended = endOf(this.#child);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Waits until it holds the lock, and a row of it is in. */
  async begun(): Promise<this> {
    await this.write("id\n1\n");
    await until(
      async () => plain(await this.server.command("GET", "k:1")) === "v",
      "the first row",
    );
    return this;
  }

  async write(text: string): Promise<void> {
    await this.#writer.write(encoder.encode(text));
  }

  async close(): Promise<Run> {
    await this.#writer.close();
    return await this.ended;
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }
}

Deno.test("of two loads with one lock the second says who holds it", async () => {
  await using server = await startServer();
  const holder = await new Holder(server).begun();
  const second = await runRespipe([
    ...["load", "-p", `${server.port}`, "--lock", "nightly", "--quiet"],
    ...TEMPLATE,
  ], { stdin: "id\n2\n" });
  assertEquals([second.code, second.stdout], [75, ""]);
  assertSentence(
    second.stderr,
    new RegExp(
      `Cannot begin: the lock "nightly" is held by process ${holder.pid}, ` +
        "since \\d{4}-\\d\\d-\\d\\dT.*Z; nothing was sent",
    ),
  );
  const other = await runRespipe([
    ...["load", "-p", `${server.port}`, "--lock", "another"],
    ...TEMPLATE,
  ], { stdin: "id\n3\n" });
  assertEquals(other.code, 0, other.stderr);
  assertEquals((await holder.close()).code, 0);
  const keys = plain(await server.command("KEYS", "*")) as string[];
  assertEquals(keys.toSorted(), ["k:1", "k:3"]);
});

Deno.test("the lock names the machine where Deno may know it", async () => {
  await using server = await startServer();
  const child = spawnRespipe(
    ["load", "-p", `${server.port}`, "--lock", "l", ...TEMPLATE],
    {
      permissions: [
        `--allow-net=127.0.0.1:${server.port}`,
        "--allow-sys=hostname",
      ],
    },
  );
  let value: unknown;
  await until(async () => {
    value = plain(await server.command("GET", "l"));
    return value !== null;
  }, "the lock");
  assertEquals(JSON.parse(value as string).host, Deno.hostname());
  assertEquals(JSON.parse(value as string).pid, child.pid);
  child.kill("SIGTERM");
  assertEquals((await child.output()).code, 143);
  await child.stdin.close().catch(() => {});
  assertEquals(plain(await server.command("EXISTS", "l")), 0);
});

Deno.test("with --retry a load waits until the lock is given back", async () => {
  await using server = await startServer();
  const holder = await new Holder(server).begun();
  const second = new Holder(server, "--retry", "60");
  await second.write("id\n2\n");
  // The second one asks with SET NX, and sends nothing.
  await until(async () => {
    const stats = plain(await server.command("INFO", "commandstats")) as string;
    return /cmdstat_set:calls=([3-9]|\d\d)/.test(stats);
  }, "the second load");
  assertEquals(plain(await server.command("EXISTS", "k:2")), 0);
  assertEquals((await holder.close()).code, 0);
  const { code, stderr } = await second.close();
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /the lock "nightly" is held by process .*; waiting for/);
  assertEquals(plain(await server.command("EXISTS", "k:2", "nightly")), 1);
});

Deno.test("a killed holder's lock expires, and then it is free", async () => {
  await using server = await startServer();
  const holder = await new Holder(server).begun();
  holder.kill("SIGKILL");
  await holder.ended;
  const ttl = plain(await server.command("PTTL", "nightly")) as number;
  assert(ttl > 0 && ttl <= 60_000, `${ttl}`);
  const words = ["load", "-p", `${server.port}`, "--lock", "nightly"];
  const early = await runRespipe([...words, ...TEMPLATE], { stdin: "id\n2\n" });
  assertEquals(early.code, 75);
  await server.command("PEXPIRE", "nightly", "50");
  const late = await runRespipe(
    [...words, "--retry", "30", ...TEMPLATE],
    { stdin: "id\n2\n" },
  );
  assertEquals(late.code, 0, late.stderr);
});

/** Takes a lock as a load would. */
async function take(
  { port }: RedisServer,
  wait: Wait,
  ttl?: number,
): Promise<Lock> {
  const lock = new Lock({ server: { port }, wait, key: "nightly", ttl });
  await lock.prepare();
  return lock;
}

Deno.test("a paused holder whose lock has expired stops, and leaves the next one's alone", async () => {
  await using server = await startServer();
  const wait = new Wait();
  const paused = await take(server, wait, 1_200);
  // As if it had slept for so long, and another one had been first, which knows
  // its value again; without a moment in which the lock is nobody's.
  const { port } = server;
  const next = new Lock({ server: { port }, wait: new Wait(), key: "nightly" });
  await server.command("SET", "nightly", next.value);
  await next.prepare();
  const error = await assertRejects(
    () => bounded(wait.until(() => false), "the loss"),
    StoppedError,
  );
  assertMatch(error.message, /the lock "nightly" was lost: it is held by proc/);
  await paused.abandon();
  assertEquals(plain(await server.command("GET", "nightly")), next.value);
  await next.conclude();
  assertEquals(plain(await server.command("EXISTS", "nightly")), 0);
});

Deno.test("a load that was stopped past its lock sends nothing more", async () => {
  await using server = await startServer();
  const holder = await new Holder(server).begun();
  holder.kill("SIGSTOP");
  await server.command("SET", "nightly", "somebody");
  holder.kill("SIGCONT");
  const { code, stderr } = await bounded(holder.ended, "the stop");
  assertEquals(code, 3, stderr);
  assertSentence(
    stderr,
    /Stopped: the lock "nightly" was lost: it is held by "somebody"; loaded so far: 1 record/,
  );
  assertEquals(plain(await server.command("GET", "nightly")), "somebody");
});

Deno.test("a lock is renewed for as long as its load runs", async () => {
  await using server = await startServer();
  const wait = new Wait();
  const lock = await take(server, wait, 4_500);
  // Longer than it would stay: each wait is for a renewal.
  for (let i = 0; i < 14; i++) {
    await server.command("PEXPIRE", "nightly", "4000");
    await until(
      async () =>
        (plain(await server.command("PTTL", "nightly")) as number) > 4_000,
      "a renewal",
    );
  }
  assertEquals(wait.error, undefined);
  await lock.conclude();
  assertEquals(plain(await server.command("EXISTS", "nightly")), 0);
});

Deno.test("a lock whose server is lost for good is lost, too", async () => {
  await using server = await startServer();
  const wait = new Wait();
  const lock = await take(server, wait, 300);
  await server.kill();
  await assertRejects(
    () => bounded(wait.until(() => false), "the loss"),
    StoppedError,
    'the lock "nightly" was lost: Cannot connect',
  );
  await lock.abandon();
});

Deno.test("a lock that the server does not allow stops the load before it begins", async () => {
  const cases: [denied: string, why: RegExp, said: RegExp[]][] = [
    ["-set", /^Cannot take the lock "l": .*NOPERM/, []],
    [
      "-watch",
      /^Cannot keep the lock "l": .*NOPERM/,
      [/^Cannot give back the lock "l": the server answered .* within 60 s$/],
    ],
  ];
  await using server = await startServer();
  for (const [denied, why, said] of cases) {
    await server.command("ACL", "SETUSER", "u", "reset");
    await server.command(
      ...["ACL", "SETUSER", "u", "on", "nopass", "~*", "+@all", denied],
    );
    const notices: string[] = [];
    const error = await assertRejects(() =>
      load({
        sources: [],
        commands: [["SET", "{a}", "1"]],
        server: {
          port: server.port,
          user: "u",
          password: "x",
          onNotice: (sentence) => notices.push(sentence),
        },
        lock: "l",
      }), StoppedError);
    assertMatch(error.message, why);
    assertEquals(notices.length, said.length, notices.join());
    for (const [i, pattern] of said.entries()) assertMatch(notices[i], pattern);
  }
});

Deno.test("the library throws LockedError", async () => {
  await using server = await startServer();
  await server.command("SET", "l", "somebody's");
  const error = await assertRejects(() =>
    load({
      commands: [["SET", "{a}", "1"]],
      server: { port: server.port },
      lock: "l",
    }), LockedError);
  assertEquals(error.key, "l");
  assertMatch(error.message, /is held by "somebody's"/);
});

Deno.test("a lock that may not be renewed any more is said to expire", async () => {
  await using server = await startServer();
  const child = spawnRespipe([
    ...["load", "-p", `${server.port}`, "--lock", "l"],
    ...["--", "SET", "k:{id}", "v"],
  ]);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("id\n1\n"));
  await until(
    async () => plain(await server.command("EXISTS", "k:1")) === 1,
    "the row",
  );
  await server.command("ACL", "SETUSER", "default", "-exec");
  await writer.close();
  const { code, stderr } = await child.output();
  const said = new TextDecoder().decode(stderr);
  assertEquals(code, 3, said);
  assertMatch(said, /Cannot give back the lock "l": .*it expires by itself/);
  assertMatch(said, /Stopped: the lock "l" was lost: Cannot keep the lock "l"/);
});
