import { assertEquals, assertMatch } from "@std/assert";
import { Certificates } from "../support/certificates.ts";
import { plain } from "../support/plain_reply.ts";
import {
  freePort,
  type RedisServer,
  startServer,
} from "../support/redis_server.ts";
import { type Run, runRespipe } from "../support/run_respipe.ts";

/** A server whose plain port is for the test and whose other port is TLS. */
async function startTls(
  certificates: Certificates,
  name: string,
  clients: "yes" | "no" | "optional" = "no",
): Promise<{ server: RedisServer; port: number }> {
  const port = freePort();
  const server = await startServer({
    args: ["--tls-port", `${port}`, ...certificates.serverArgs(name, clients)],
  });
  return { server, port };
}

function load(
  certificates: Certificates,
  port: number,
  words: readonly string[],
): Promise<Run> {
  const mine = words.map((word) =>
    word.replace(/^@(.+)/, (_, name) => certificates.path(name))
  );
  return runRespipe(
    ["load", "-p", String(port), ...mine, "--", "SET", "k:{a}", "v"],
    {
      stdin: "a\n1\n2\n",
      permissions: [
        `--allow-net=127.0.0.1:${port}`,
        `--allow-read=${certificates.path("")}`,
      ],
    },
  );
}

const CA = ["--tls", "--cacert", "@ca.crt"];
const CLIENT = ["--cert", "@client.crt", "--key", "@client.key"];

type Case = [
  name: string,
  words: string[],
  says?: RegExp | undefined,
  code?: number,
];

async function runCases(
  t: Deno.TestContext,
  certificates: Certificates,
  { server, port }: { server: RedisServer; port: number },
  cases: Case[],
): Promise<void> {
  for (const [name, words, says, code = 4] of cases) {
    await t.step(name, async () => {
      await server.command("FLUSHALL");
      const run = await load(certificates, port, words);
      assertEquals(run.code, says === undefined ? 0 : code, run.stderr);
      if (says === undefined) assertEquals(run.stderr, "");
      else {
        assertMatch(run.stderr, /^respipe: [^\n]+\n$/);
        assertMatch(run.stderr, says);
      }
      const there = plain(await server.command("DBSIZE"));
      assertEquals(there, says === undefined ? 2 : 0);
    });
  }
}

Deno.test("TLS", async (t) => {
  using certificates = Certificates.make();
  const tls = await startTls(certificates, "server");
  await using _server = tls.server;
  await runCases(t, certificates, tls, [
    ["--cacert", CA],
    ["--cacertdir", ["--tls", "--cacertdir", "@cas"]],
    ["a rediss URI", [
      "-u",
      `rediss://127.0.0.1:${tls.port}`,
      "--cacert",
      "@ca.crt",
    ]],
    ["--insecure", ["--tls", "--insecure"]],
    ["nobody to trust", ["--tls"], /not signed by an authority .* --cacert/],
    [
      "another authority",
      ["--tls", "--cacert", "@foreign.crt"],
      /not signed by an authority/,
    ],
    ["no --tls", [], /closed the connection .*is it a TLS port\? .*--tls/],
    [
      "a file that is no certificate",
      ["--tls", "--cacert", "@ca.key"],
      /--cacert .*no certificate in PEM/,
      2,
    ],
    ["no file", ["--tls", "--cacert", "@none"], /--cacert .*no such file/, 2],
    [
      "a certificate without its key",
      [...CA, "--cert", "@client.crt"],
      /--cert needs the private key too/,
      2,
    ],
  ]);
  await t.step("a plain-text port", async () => {
    const words = [...CA, "--connect-timeout", "1"];
    for (const more of [[], ["--insecure"]]) {
      const run = await load(certificates, tls.server.port, [
        ...words,
        ...more,
      ]);
      assertEquals(run.code, 4);
      assertMatch(run.stderr, /no TLS handshake within 1 s; is it a plain-tex/);
    }
  });
});

Deno.test("TLS with an expired certificate", async (t) => {
  using certificates = Certificates.make();
  const tls = await startTls(certificates, "expired");
  await using _server = tls.server;
  await runCases(t, certificates, tls, [
    ["is refused", CA, /its certificate has expired/],
    ["is taken with --insecure", ["--tls", "--insecure"]],
  ]);
});

Deno.test("TLS with a certificate for another name", async (t) => {
  using certificates = Certificates.make();
  const tls = await startTls(certificates, "named", "optional");
  await using _server = tls.server;
  await runCases(t, certificates, tls, [
    ["is refused", CA, /not for 127\.0\.0\.1, only for cache\.test; .*--sni/],
    ["is taken by that name", [...CA, "--sni", "cache.test"]],
    [
      "is taken by that name with a client's certificate",
      [...CA, ...CLIENT, "--sni", "cache.test"],
    ],
    [
      "is refused by a third name",
      [...CA, ...CLIENT, "--sni", "third.test"],
      /not for (third\.test|this name)/,
    ],
  ]);
});

/** Ways to connect, each through other code: Deno's TLS, and that of node. */
const WAYS: [name: string, words: string[]][] = [
  ["plainly", []],
  ["with --sni", ["--sni", "localhost"]],
  ["with --cert", CLIENT],
  ["with --cert and --sni", [...CLIENT, "--sni", "localhost"]],
];

for (
  const [name, trusted, says] of [
    [
      "nameless",
      "@ca.crt",
      /names no host: it has no subjectAltName, and a CN/,
    ],
    ["self", "@self.crt", /is an authority's own \(CA:TRUE\).*CA:FALSE/],
    ["leaf", "@leaf.crt", undefined],
  ] as const
) {
  Deno.test(`TLS has one rule for the certificate "${name}"`, async (t) => {
    using certificates = Certificates.make();
    const tls = await startTls(certificates, name, "optional");
    await using _server = tls.server;
    const words = ["--tls", "--cacert", trusted];
    await runCases(t, certificates, tls, [
      ...WAYS.map(([way, more]): Case => [way, [...words, ...more], says]),
      ["with --insecure", ["--tls", "--insecure"]],
    ]);
  });
}

Deno.test("mutual TLS", async (t) => {
  using certificates = Certificates.make();
  const tls = await startTls(certificates, "server", "yes");
  await using _server = tls.server;
  await runCases(t, certificates, tls, [
    ["--cert and --key", [...CA, ...CLIENT]],
    ["the same with --insecure", ["--tls", "--insecure", ...CLIENT]],
    ["no certificate", CA, /wants a certificate .* --cert and --key/],
    [
      "no certificate with --insecure",
      ["--tls", "--insecure"],
      /wants a certificate/,
    ],
    [
      "somebody else's key",
      [...CA, "--cert", "@client.crt", "--key", "@other.key"],
      /--key .* does not belong to the certificate/,
      2,
    ],
    [
      "a certificate of version 1",
      [...CA, "--cert", "@version1.crt", "--key", "@client.key"],
      /--cert .* of version 1/,
      2,
    ],
    [
      "a key that is none",
      [...CA, "--cert", "@client.crt", "--key", "@client.crt"],
      /--key .* no private key/,
      2,
    ],
  ]);
});
