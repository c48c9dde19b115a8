import { assert, assertEquals } from "@std/assert";
import { DelayRelay } from "./delay_relay.ts";
import { Random } from "./random.ts";
import { plain } from "./plain_reply.ts";
import { startServer } from "./redis_server.ts";
import { runRespipe } from "./run_respipe.ts";

/** Sends everything back that it gets. */
async function echoOnce(listener: Deno.TcpListener): Promise<void> {
  const conn = await listener.accept();
  await conn.readable.pipeTo(conn.writable);
}

Deno.test("a relay hands on all bytes in order, and the end", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const echoing = echoOnce(listener);
  await using relay = await DelayRelay.start(listener.addr.port, 5);
  const bytes = new Random(1).bytes(3_000_000);
  using conn = await Deno.connect({ port: relay.port });
  const write = async (): Promise<void> => {
    for (const piece of new Random(2).cut(bytes, 100_000)) {
      for (let at = 0; at < piece.length;) {
        at += await conn.write(piece.subarray(at));
      }
    }
    await conn.closeWrite();
  };
  const found: number[] = [];
  const read = async (): Promise<void> => {
    const buffer = new Uint8Array(64 * 1024);
    for (let count; (count = await conn.read(buffer)) !== null;) {
      for (const byte of buffer.subarray(0, count)) found.push(byte);
    }
  };
  await Promise.all([write(), read()]);
  assertEquals(found.length, bytes.length);
  assert(found.every((byte, i) => byte === bytes[i]), "the same bytes");
  await echoing;
});

Deno.test("a load goes through a relay", async () => {
  await using server = await startServer();
  await using relay = await DelayRelay.start(server.port, 20);
  const csv = "id\n" +
    Array.from({ length: 5_000 }, (_, i) => `${i}\n`).join("");
  const run = await runRespipe(
    ["load", "-p", `${relay.port}`, "--", "SET", "{id}", "v"],
    { stdin: csv },
  );
  assertEquals([run.code, run.stderr], [0, ""]);
  assertEquals(plain(await server.command("DBSIZE")), 5_000);
});
