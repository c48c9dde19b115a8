/**
 * What is still held of a lost connection, by the server, the network or a
 * proxy, must not be executed behind what was sent again.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type LoadOptions, Summary } from "../../mod.ts";
import { keySlot } from "../../src/protocol/key_slot.ts";
import { bounded, tryLoad } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { startCluster } from "../support/redis_cluster.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { rowSource } from "../support/row_source.ts";
import { close, quietly, TcpProxy, writeAll } from "../support/tcp_proxy.ts";

const ROWS = 5_000;
/** Bytes of commands after which a connection is lost. */
const PASSED = 2_000;
/** Bytes of commands that come late. */
const HELD = 20_000;

/** Loses the first connection with many commands, and keeps some of them. */
class LateProxy extends TcpProxy {
  #hasLost = false;
  readonly #released = Promise.withResolvers<void>();
  readonly #done = Promise.withResolvers<void>();

  /** Whether a connection was lost. */
  get hasLost(): boolean {
    return this.#hasLost;
  }

  /** Hands on what was kept, and waits until the server is done with it. */
  async release(): Promise<void> {
    this.#released.resolve();
    await this.#done.promise;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.#released.resolve();
    await super[Symbol.asyncDispose]();
  }

  protected override async relay(
    client: Deno.TcpConn,
    server: Deno.TcpConn,
  ): Promise<void> {
    let isLost = false;
    const requests = async (): Promise<void> => {
      const buffer = new Uint8Array(4 * 1024);
      const late: Uint8Array[] = [];
      for (let passed = 0;;) {
        const count = await client.read(buffer);
        if (count === null) return await server.closeWrite();
        passed += count;
        if (passed > PASSED && !this.#hasLost) {
          this.#hasLost = isLost = true;
          late.push(buffer.slice(0, count));
          break;
        }
        await writeAll(server, buffer.subarray(0, count));
      }
      for (let held = 0; held < HELD; held += buffer.length) {
        const more = new Uint8Array(4 * 1024);
        const count = await client.read(more);
        if (count === null) break;
        late.push(more.subarray(0, count));
      }
      close(client);
      await this.#released.promise;
      for (const piece of late) await writeAll(server, piece);
      await server.closeWrite();
    };
    const replies = async (): Promise<void> => {
      const buffer = new Uint8Array(16 * 1024);
      for (let count; (count = await server.read(buffer)) !== null;) {
        const said = buffer.subarray(0, count);
        await quietly(() =>
          isLost ? Promise.resolve() : writeAll(client, said)
        );
      }
      await quietly(() => client.closeWrite());
    };
    await Promise.all([quietly(requests), quietly(replies)]);
    if (isLost) this.#done.resolve();
  }
}

async function assertLast(
  server: Pick<RedisServer, "command">,
  proxy: LateProxy,
  to: Partial<LoadOptions>,
): Promise<void> {
  const summary = new Summary();
  const { error } = await bounded(
    tryLoad({
      sources: [rowSource(String, { header: "id", count: ROWS })],
      commands: [["SET", "k", "{id}"]],
      coalesce: false,
      summary,
      ...to,
    }),
    "a load",
  );
  assertEquals([error, summary.loaded], [undefined, ROWS]);
  assert(proxy.hasLost);
  const last = plain(await server.command("GET", "k"));
  await bounded(proxy.release(), "what comes late");
  assertEquals(plain(await server.command("GET", "k")), last);
}

Deno.test("late writes of a lost connection are not executed", async () => {
  await using server = await startServer();
  await using proxy = new LateProxy(server.port);
  await assertLast(server, proxy, {
    server: { port: proxy.port, retry: 10_000 },
  });
});

Deno.test("it is said where a lost connection may not be closed", async () => {
  await using server = await startServer();
  await server.command(
    "ACL",
    "SETUSER",
    "loader",
    "on",
    "nopass",
    "~*",
    "+@all",
    "-client|kill",
  );
  await using proxy = new LateProxy(server.port);
  const notices: string[] = [];
  const { error } = await bounded(
    tryLoad({
      sources: [rowSource(String, { header: "id", count: ROWS })],
      commands: [["SET", "{id}", "v"]],
      coalesce: false,
      server: {
        ...{ port: proxy.port, user: "loader", retry: 10_000 },
        onNotice: (sentence) => notices.push(sentence),
      },
    }),
    "a load",
  );
  assertEquals(error, undefined);
  assert(proxy.hasLost);
  const said = notices.filter((one) => one.includes("CLIENT KILL"));
  assertEquals(said.length, 1, notices.join("\n"));
});

Deno.test("late writes of a lost connection are not executed, in a cluster", async () => {
  await using cluster = await startCluster();
  const owner = await cluster.ownerOf(keySlot(new TextEncoder().encode("k")));
  const { announced: { host, port }, server } = cluster.nodes[owner];
  await using proxy = new LateProxy(port);
  await assertLast(server, proxy, {
    server: { port: cluster.port, retry: 10_000 },
    nodeMap: `${host}:${port}=127.0.0.1:${proxy.port}`,
  });
});
