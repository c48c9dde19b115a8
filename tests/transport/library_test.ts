import { assertEquals, assertRejects } from "@std/assert";
import { connect, ConnectionError, load, pipe, UsageError } from "../../mod.ts";
import { byteSource } from "../support/byte_source.ts";
import { Certificates } from "../support/certificates.ts";
import { plain } from "../support/plain_reply.ts";
import { startRedisSentinel } from "../support/redis_sentinel.ts";
import { freePort, startServer } from "../support/redis_server.ts";

const SET = { commands: [["SET", "{k}", "1"]] };

Deno.test("load() takes a Deno.Conn and closes it", async () => {
  await using server = await startServer();
  const connection = await Deno.connect({ port: server.port });
  const summary = await load({
    ...SET,
    sources: [byteSource("in", "k\na\nb\n")],
    connection,
  });
  assertEquals([summary.loaded, summary.toJSON().server], [2, null]);
  await assertRejects(() => connection.read(new Uint8Array(1)));
  assertEquals(plain(await server.command("DBSIZE")), 2);
});

Deno.test("pipe() takes a Deno.Conn", async () => {
  await using server = await startServer();
  const { replies } = await pipe({
    sources: [byteSource("in", "SET a 1\r\n")],
    connection: await Deno.connect({ port: server.port }),
  });
  assertEquals(replies, 1);
});

Deno.test("connect() takes a URI, and options that win over it", async () => {
  await using server = await startServer();
  const url = `redis://127.0.0.1:${server.port}/3`;
  using _three = await connect({ url });
  using _five = await connect({ url, database: 5, clientName: "mine" });
  const list = String(plain(await server.command("CLIENT", "LIST")));
  assertEquals(/ db=3 /.test(list) && / name=mine .* db=5 /.test(list), true);
  await assertRejects(() => connect({ url: "x" }), UsageError, "scheme of url");
});

Deno.test("connect() takes what the flags say as an object", async () => {
  using certificates = Certificates.make();
  const port = freePort();
  await using server = await startServer({
    args: ["--tls-port", `${port}`, ...certificates.serverArgs("named", "yes")],
  });
  using connection = await connect({
    port,
    tls: {
      cacert: certificates.path("ca.crt"),
      cert: certificates.path("client.crt"),
      key: certificates.path("client.key"),
      sni: "cache.test",
    },
  });
  assertEquals(connection.server?.role, "primary");
  assertEquals(connection.isEncrypted, true);
  const path = `${server.directory}/none`;
  await assertRejects(() => connect({ path, tls: true }), UsageError, "Unix");
  await assertRejects(() => connect({ path }), ConnectionError, "no such file");
  await using watcher = await startRedisSentinel({
    primary: server.port,
    service: "m",
  });
  using found = await connect({
    redisSentinel: {
      addresses: [{ host: "127.0.0.1", port: watcher.port }],
      service: "m",
    },
  });
  assertEquals(found.address, `127.0.0.1:${server.port}`);
});

Deno.test("a signal ends the wait of connect()", async () => {
  const controller = new AbortController();
  const told: string[] = [];
  const connecting = connect({
    port: freePort(),
    retry: 60_000,
    signal: controller.signal,
    onNotice: (sentence) => {
      told.push(sentence);
      controller.abort(new RangeError("enough"));
    },
  });
  await assertRejects(() => connecting, RangeError, "enough");
  assertEquals(told.length, 1);
});
