import { assert, assertEquals, assertMatch } from "@std/assert";
import { errorIn } from "../../src/protocol/reply.ts";
import { Certificates } from "./certificates.ts";
import { until } from "./outcome.ts";
import { plain } from "./plain_reply.ts";
import { slotOf, startCluster } from "./redis_cluster.ts";
import { testOf7 } from "./server_program.ts";

Deno.test("a cluster takes keys of every slot, and moves slots with their keys", async () => {
  await using cluster = await startCluster();
  for (let i = 0; i < 300; i++) {
    assertEquals(plain(await cluster.command("SET", `k${i}`, `${i}`)), "OK");
  }
  assertEquals(await cluster.size(), 300);
  const slot = slotOf("{tag}");
  for (let i = 0; i < 25; i++) {
    await cluster.command("SET", `{tag}${i}`, `${i}`);
  }
  const from = await cluster.ownerOf(slot);
  const to = (from + 1) % 3;
  const steps: string[] = [];
  await cluster.moveSlot(slot, from, to, {
    onStep: async (step) => {
      steps.push(step);
      const { server } = cluster.nodes[from];
      const direct = errorIn(await server.command("GET", "{tag}none"));
      const kind = step === "done" ? "MOVED" : "ASK";
      assertMatch(String(direct), new RegExp(`^${kind} ${slot} 127.0.0.1:`));
      assertEquals(plain(await cluster.command("GET", "{tag}24")), "24");
      assertEquals(plain(await cluster.command("GET", "{tag}none")), null);
    },
  });
  assertEquals(steps, ["open", "keys", "keys", "keys", "done"]);
  assertEquals(await cluster.ownerOf(slot), to);
  assertEquals(await cluster.size(), 325);
  await cluster.flush();
  assertEquals(await cluster.size(), 0);
});

Deno.test("a cluster with replicas survives the loss of a primary", async () => {
  await using cluster = await startCluster({ replicas: 1, nodeTimeout: 2_000 });
  await cluster.command("SET", "a", "1");
  const owner = await cluster.ownerOf(slotOf("a"));
  assertEquals(
    plain(await cluster.nodes[owner].server.command("WAIT", "1", "5000")),
    1,
  );
  await cluster.kill(owner);
  await until(
    async () => (await cluster.everywhere("PING")).length === 3,
    "the failover",
  );
  await cluster.settled();
  assertEquals(plain(await cluster.command("GET", "a")), "1");
});

Deno.test("a cluster with TLS, a password and users moves slots too", async () => {
  using tls = Certificates.make();
  await using cluster = await startCluster({
    tls,
    password: "secret",
    users: ["bob on >pw ~* +@all"],
    primaries: 2,
  });
  await cluster.command("SET", "a", "1");
  const slot = slotOf("a");
  const from = await cluster.ownerOf(slot);
  await cluster.moveSlot(slot, from, 1 - from);
  assertEquals(plain(await cluster.command("GET", "a")), "1");
  assertEquals(await cluster.ownerOf(slot), 1 - from);
  const [{ server, port }] = cluster.nodes;
  assertEquals(plain(await server.command("AUTH", "bob", "pw")), "OK");
  assert(server.port !== port);
});

// Host names of nodes, and ACL rules of subcommands, are of Redis 7.
testOf7("a cluster may announce other addresses, and lack slots", async () => {
  await using cluster = await startCluster({
    primaries: 2,
    spares: 1,
    without: { from: 3_000, to: 9_000 },
    announce: (index) => ({ host: `node-${index}.invalid`, port: 7000 }),
  });
  assertMatch(
    cluster.nodeMap,
    /^node-0\.invalid:7000=127\.0\.0\.1:\d+,node-1\.invalid:7000=127[^,]+,node-2/,
  );
  const { server } = cluster.nodes[2];
  const replies = new Set<string>();
  for (let i = 0; i < 50; i++) {
    const said = errorIn(await server.command("GET", `k${i}`)) ?? "";
    replies.add(said.replace(/\d+ node/, "SLOT node"));
  }
  assertEquals([...replies].sort(), [
    "CLUSTERDOWN Hash slot not served",
    "MOVED SLOT node-0.invalid:7000",
    "MOVED SLOT node-1.invalid:7000",
  ]);
});

Deno.test("a cluster that is down refuses every key", async () => {
  await using cluster = await startCluster({
    primaries: 2,
    without: { from: 0, to: 0 },
    isDown: true,
  });
  for (const key of ["a", "b", "c"]) {
    assertMatch(errorIn(await cluster.command("GET", key)) ?? "", /^CLUSTERD/);
  }
});
