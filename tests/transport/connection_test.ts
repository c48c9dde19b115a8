import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConnectionError } from "../../src/errors.ts";
import { Connection } from "../../src/transport/connection.ts";
import { connect } from "../../src/transport/connect.ts";
import { openConnection } from "../../src/transport/open.ts";
import { ask } from "../../src/transport/ask.ts";
import { plain } from "../support/plain_reply.ts";
import { startServer } from "../support/redis_server.ts";
import { runRespipe } from "../support/run_respipe.ts";

/** A port on which nobody listens. */
function deadPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("a connection names its server, and closes once or more", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const connection = await openConnection({ host: "127.0.0.1", port });
  using peer = await listener.accept();
  assertEquals(connection.address, `127.0.0.1:${port}`);
  connection.close();
  connection.close();
  assertEquals(await peer.read(new Uint8Array(1)), null);
});

Deno.test("a connection knows whether its other end is on this machine", () => {
  const stream = {
    read: () => Promise.resolve(null),
    write: () => Promise.resolve(0),
    closeWrite: () => Promise.resolve(),
    close: () => {},
  };
  const tcp = (hostname: string): Deno.Addr => ({
    transport: "tcp",
    hostname,
    port: 6379,
  });
  const table: [Deno.Addr | undefined, boolean][] = [
    [tcp("127.0.0.1"), true],
    [tcp("127.1.2.3"), true],
    [tcp("::1"), true],
    [tcp("::ffff:127.0.0.1"), true],
    [{ transport: "unix", path: "/run/redis.sock" }, true],
    [tcp("10.127.0.1"), false],
    [tcp("::11"), false],
    [undefined, false],
  ];
  for (const [remoteAddr, isLocal] of table) {
    const conn = remoteAddr === undefined ? stream : { ...stream, remoteAddr };
    using connection = new Connection(conn, "it");
    assertEquals(connection.isLocal, isLocal, JSON.stringify(remoteAddr));
  }
});

Deno.test("a connection writes all, however slowly it is read", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  using connection = await openConnection({ host: "127.0.0.1", port });
  using peer = await listener.accept();
  const bytes = Uint8Array.from({ length: 20_000_000 }, (_, i) => i % 251);
  const writing = connection.write(bytes).then(() => connection.closeWrite());
  const buffer = new Uint8Array(1_000_000);
  let at = 0;
  for (let n; (n = await peer.read(buffer)) !== null; at += n) {
    const same = buffer.subarray(0, n).every((b, i) => b === (at + i) % 251);
    assert(same, `wrong byte behind ${at}`);
  }
  await writing;
  assertEquals(at, bytes.length);
});

Deno.test("a connection that is refused says so", async () => {
  const port = deadPort();
  const error = await assertRejects(
    () => openConnection({ host: "127.0.0.1", port }),
    ConnectionError,
    `Cannot connect to 127.0.0.1:${port}: the connection was refused`,
  );
  assertEquals(error.address, `127.0.0.1:${port}`);
  assert(error.cause instanceof Deno.errors.ConnectionRefused);
});

Deno.test("a server that accepts and hangs up is a sentence", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const accepted = listener.accept().then((peer) => peer.close());
  await assertRejects(() => connect({ port }), ConnectionError, "127.0.0.1");
  await accepted;
});

Deno.test("connect logs in and selects the database", async () => {
  await using server = await startServer({ args: ["--requirepass", "s3cret"] });
  const { port } = server;
  using connection = await connect({ port, password: "s3cret", database: 4 });
  await ask(connection, ["SET", "here", "4"]);
  await server.commands([["AUTH", "s3cret"], ["SELECT", "4"]]);
  assertEquals(plain(await server.command("GET", "here")), "4");
});

const REFUSALS: [
  name: string,
  options: Parameters<typeof connect>[0],
  says: string,
][] = [
  ["a wrong password", { password: "no" }, "Cannot log in"],
  ["a wrong user", { user: "eve", password: "no" }, '"eve"'],
  ["no password", {}, "wants a password"],
  ["no password, with a database", { database: 1 }, "wants a password"],
  [
    "a database that there is not",
    { password: "s3cret", database: 99 },
    "Cannot select database 99",
  ],
];

Deno.test("connect says why the server refuses", async (t) => {
  await using server = await startServer({ args: ["--requirepass", "s3cret"] });
  const { port } = server;
  for (const [name, options, says] of REFUSALS) {
    await t.step(name, async () => {
      const error = await assertRejects(
        () => connect({ port, ...options }),
        ConnectionError,
        says,
      );
      assert(error.message.includes(`127.0.0.1:${port}`), error.message);
      assert(!error.message.includes("s3cret"));
    });
  }
});

Deno.test("connect understands a server that is full", async () => {
  await using server = await startServer({ args: ["--maxclients", "1"] });
  await server.command("PING");
  await assertRejects(
    () => connect({ port: server.port }),
    ConnectionError,
    `127.0.0.1:${server.port}`,
  );
});

Deno.test({
  name: "without Deno's permission the flag to add is named",
  ignore: (Deno.env.get("RESPIPE_BIN") ?? "") !== "",
  fn: async () => {
    const port = deadPort();
    const run = await runRespipe(
      ["load", "-p", String(port), "--", "SET", "{a}", "x"],
      { stdin: "a\n1\n", permissions: [] },
    );
    assertEquals(run.code, 4);
    assertEquals(
      run.stderr,
      `respipe: Cannot connect to 127.0.0.1:${port}: Deno has no permission ` +
        `for it; add --allow-net=127.0.0.1:${port}\n`,
    );
  },
});
