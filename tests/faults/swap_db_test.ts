import { assert, assertEquals, assertMatch } from "@std/assert";
import { MARKER_LOCK } from "../../src/engine/swap_db.ts";
import { readSummary, until } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { runRespipe, spawnRespipe } from "../support/run_respipe.ts";
import { close, copy, TcpProxy, writeAll } from "../support/tcp_proxy.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const NOTHING = new Uint8Array();

/** What happens to the swap. */
type Harm =
  /** The connection is lost before the locks are watched. */
  | "before"
  /** The server gets nothing of it. */
  | "request"
  /** The server swaps; its reply does not come. */
  | "reply"
  /** The same, and the server loses all its data. */
  | "reply, data"
  /** The same, and the server cannot be reached again. */
  | "reply, server"
  /** The server gets it when it is asked what became of it. */
  | "late, while asked"
  /** The server gets it in front of the next attempt. */
  | "late, before the next";

/** Stands between a load and its server, and harms the swap once. */
class SwapProxy extends TcpProxy {
  /** What the server answered to the swap that the client has no answer to. */
  answer = "";
  readonly #harm: Harm;
  readonly #onDone: () => Promise<unknown>;
  readonly #onLost: () => Promise<unknown>;
  #lost: Deno.TcpConn | undefined;
  #held: (() => Promise<unknown>) | undefined;
  readonly #answered = Promise.withResolvers<void>();

  constructor(
    target: number,
    harm: Harm,
    onDone: () => Promise<unknown>,
    onLost: () => Promise<unknown> = () => Promise.resolve(),
  ) {
    super(target);
    this.#harm = harm;
    this.#onDone = onDone;
    this.#onLost = onLost;
  }

  /** Whether the swap was harmed. */
  get hasHarmed(): boolean {
    return this.#lost !== undefined;
  }

  protected override async relay(
    client: Deno.TcpConn,
    server: Deno.TcpConn,
  ): Promise<void> {
    if (this.#harm === "reply, server" && this.#lost !== undefined) return;
    await Promise.all([
      copy(client, server, async (piece) => {
        const text = decoder.decode(piece);
        if (this.#lost === undefined && this.#isTheOne(text)) {
          this.#lost = client;
          return await this.#lose(piece.slice(), client, server);
        }
        const late = this.#held;
        if (late !== undefined && this.#isTimeFor(text)) {
          this.#held = undefined;
          await late();
        }
        return piece;
      }),
      copy(server, client, async (piece) => {
        if (client !== this.#lost) return piece;
        this.answer += decoder.decode(piece);
        // The answer to EXEC.
        if (/\r\n\*-?\d+\r\n/.test(this.answer)) {
          await this.#onDone();
          close(client);
          this.#answered.resolve();
        }
        return NOTHING;
      }),
    ]);
  }

  #isTheOne(text: string): boolean {
    return this.#harm === "before"
      ? text.includes("SELECT") && text.includes("WATCH")
      : text.includes("MULTI") && text.includes("SWAPDB");
  }

  #isTimeFor(text: string): boolean {
    if (!text.includes("MULTI")) return false;
    return this.#harm === "late, while asked"
      ? text.includes("SET") && text.includes(MARKER_LOCK)
      : text.includes("SWAPDB");
  }

  async #lose(
    piece: Uint8Array,
    client: Deno.TcpConn,
    server: Deno.TcpConn,
  ): Promise<Uint8Array> {
    if (this.#harm.startsWith("reply")) return piece;
    await this.#onLost();
    close(client);
    if (this.#harm.startsWith("late")) {
      this.#held = async () => {
        await writeAll(server, piece);
        await this.#answered.promise;
      };
    } else {
      close(server);
    }
    return NOTHING;
  }
}

/** What is in a database, but for the marker and the lock. */
async function keysIn(server: RedisServer, database: number): Promise<unknown> {
  const [, keys] = await server.commands([
    ["SELECT", String(database)],
    ["KEYS", "k:*"],
    ["SELECT", "0"],
  ]);
  return plain(keys);
}

/** How it ends: the code, the keys of database 0, and how many were replaced. */
const CASES: readonly {
  harm: Harm;
  code: number;
  keys: string[];
  replaced?: number | null;
  says?: RegExp;
  answer?: RegExp;
}[] = [
  { harm: "before", code: 0, keys: ["k:2"], replaced: 1 },
  { harm: "request", code: 0, keys: ["k:2"], replaced: 1 },
  { harm: "reply", code: 0, keys: ["k:2"], replaced: null },
  {
    harm: "late, while asked",
    code: 0,
    keys: ["k:2"],
    replaced: null,
    answer: /\r\n\*[5-9]\r\n/,
  },
  {
    harm: "late, before the next",
    code: 0,
    keys: ["k:2"],
    replaced: 1,
    answer: /\r\n\*-1\r\n$/,
  },
  {
    harm: "reply, data",
    code: 3,
    keys: [],
    says: /Cannot tell whether database 5 has taken the place of database 0/,
  },
  {
    harm: "reply, server",
    code: 4,
    keys: ["k:2"],
    says: /whether database 5 has taken the place of database 0 is not known/,
  },
];

for (const { harm, code, keys, replaced, says, answer } of CASES) {
  for (const words of [[], ["--lock", "nightly"]]) {
    Deno.test(`a swap that is lost: ${[harm, ...words].join(" ")}`, async () => {
      await using server = await startServer();
      await server.command("SET", "k:1", "old");
      await using proxy = new SwapProxy(
        server.port,
        harm,
        async () => {
          if (harm === "reply, data") await server.command("FLUSHALL");
        },
      );
      const run = await runRespipe([
        ...["load", "-p", `${proxy.port}`, "--swap-db", "5", "--json"],
        ...["--retry", harm === "reply, server" ? "1" : "30", ...words],
        ...["--", "SET", "k:{id}", "{v}"],
      ], { stdin: "id,v\n2,new\n" });
      assertEquals(run.code, code, run.stderr);
      assertEquals(await keysIn(server, 0), keys);
      assertEquals(await keysIn(server, 5), []);
      assert(proxy.hasHarmed, "the swap was harmed");
      if (says !== undefined) assertMatch(run.stderr, says);
      if (answer !== undefined) assertMatch(proxy.answer, answer);
      const { swapped } = readSummary(run.stdout);
      assertEquals(
        swapped,
        code === 0 ? { database: 0, spare: 5, replaced } : null,
      );
      if (code !== 0) return;
      // Neither lock nor marker is left.
      assertMatch(
        plain(await server.command("INFO", "keyspace")) as string,
        /^# Keyspace\r\ndb0:keys=1,expires=0,\S*\r\n$/,
      );
    });
  }
}

/** How the server keeps less than it has answered: by an old snapshot. */
const SNAPSHOT = ["--save", "3600 1000000", "--appendonly", "no"];

for (const harm of ["before", "request", "reply"] as const) {
  Deno.test(`a server that comes back with a part is not swapped: ${harm}`, async () => {
    await using server = await startServer({ args: SNAPSHOT });
    await server.command("SET", "k:1", "old");
    const { port, directory } = server;
    const restarted = Promise.withResolvers<RedisServer>();
    const restart = async (): Promise<void> => {
      await server.kill();
      const args = [...SNAPSHOT, "--dir", directory];
      restarted.resolve(await startServer({ port, args }));
    };
    await using proxy = new SwapProxy(port, harm, restart, restart);
    const child = spawnRespipe([
      ...["load", "-p", `${proxy.port}`, "--swap-db", "5", "--json"],
      ...["--", "SET", "k:{id}", "{v}"],
    ]);
    const writer = child.stdin.getWriter();
    await writer.write(encoder.encode("id,v\n2,new\n"));
    await until(
      async () => (await keysIn(server, 5) as string[]).length === 1,
      "the row that is kept",
    );
    await server.command("SAVE");
    await writer.write(encoder.encode("3,new\n"));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    await using again = await restarted.promise;
    const said = decoder.decode(stderr);
    assertEquals(code, 3, said);
    assertMatch(said, /2 records may be lost, .*database 0 is as it was\n/);
    assertEquals(readSummary(decoder.decode(stdout)).mayBeLost, 2);
    assertEquals(await keysIn(again, 0), ["k:1"]);
    assertEquals(await keysIn(again, 5), []);
  });
}
