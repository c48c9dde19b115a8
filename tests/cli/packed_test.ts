import { assert, assertEquals, assertMatch } from "@std/assert";
import { gzipSync } from "node:zlib";
import { findProgram } from "../../scripts/find_program.ts";
import { readSummary } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { type RedisServer, startServer } from "../support/redis_server.ts";
import { type Run, runRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const SET = ["--", "SET", "k:{id}", "{v}"];

const zstd = await findProgram("zstd");

function rows(count: number): string {
  let text = "id,v\n";
  for (let n = 1; n <= count; n++) text += `${n},${n * 7919 % 100_003}\n`;
  return text;
}

async function zstdOf(text: string, files: TempFiles): Promise<Uint8Array> {
  const { stdout } = await new Deno.Command(zstd!, {
    args: ["-q", "-c", files.write("plain", text)],
  }).output();
  return stdout;
}

async function size(server: RedisServer): Promise<number> {
  return Number(plain(await server.command("DBSIZE")));
}

const PACKERS: [
  name: string,
  pack: (text: string, files: TempFiles) => Promise<Uint8Array>,
  ignore: boolean,
][] = [
  ["gzip", (text) => Promise.resolve(gzipSync(text)), false],
  ["zstd", zstdOf, zstd === undefined],
];

for (const [name, pack, ignore] of PACKERS) {
  Deno.test({
    name: `load: a file of ${name}, with no more permissions than a plain one`,
    ignore,
    fn: async () => {
      await using server = await startServer();
      using files = new TempFiles();
      const packed = await pack(rows(5000), files);
      const path = files.write("rows.csv", packed);
      const run = await runRespipe(
        ["load", path, "-p", `${server.port}`, "--json", ...SET],
      );
      assertEquals([run.code, run.stderr], [0, ""]);
      const summary = JSON.parse(run.stdout);
      assertEquals(summary.loaded, 5000);
      assertEquals(summary.bytesIn, packed.length);
      assertEquals(summary.formats, [{ source: path, format: `${name}, CSV` }]);
      assertEquals(await size(server), 5000);
    },
  });

  Deno.test({
    name: `load: ${name} of standard input, twice over, and a plain file`,
    ignore,
    fn: async () => {
      await using server = await startServer();
      using files = new TempFiles();
      const one = await pack("id,v\n1,a\n", files);
      const other = await pack("2,b\n3,c\n", files);
      const path = files.write("rows.csv", "id,v\n4,d\n");
      const run = await runRespipe(
        ["load", "-", path, "-p", `${server.port}`, ...SET],
        { stdin: Uint8Array.from([...one, ...other]) },
      );
      assertEquals([run.code, run.stderr], [0, ""]);
      assertMatch(run.stdout, new RegExp(`\\n-: read as ${name}, CSV\\n$`));
      assertEquals(await size(server), 4);
    },
  });

  Deno.test({
    name: `load: ${name} that breaks off`,
    ignore,
    fn: async () => {
      await using server = await startServer();
      using files = new TempFiles();
      const text = rows(50_000);
      const packed = await pack(text, files);
      const cut = packed.subarray(0, Math.floor(packed.length / 2));
      const path = files.write("rows.csv.packed", cut);
      const run = await runRespipe(
        ["load", path, "-p", `${server.port}`, "--json", ...SET],
      );
      assertEquals(run.code, 5, run.stderr);
      const sentence = new RegExp(
        `^respipe: Cannot unpack ${path} \\(${name}\\) beyond byte (\\d+) of ` +
          `its text, ${cut.length} packed bytes in: they break off `,
      );
      const far = Number(sentence.exec(run.stderr)?.[1]);
      assert(far > 0, run.stderr);
      // Every whole record of the text in front of that byte is in.
      const whole = text.slice(0, far).split("\n").length - 2;
      const summary = JSON.parse(run.stdout);
      assertEquals([summary.loaded, summary.unknown], [whole, 0]);
      assertEquals(await size(server), whole);
    },
  });

  Deno.test({
    name: `encode and --dry-run: a file of ${name} is as its text`,
    ignore,
    fn: async () => {
      using files = new TempFiles();
      const text = rows(5000);
      const packed = files.write("packed", await pack(text, files));
      const plain = files.write("rows.csv", text);
      const [one, other] = await Promise.all(
        [packed, plain].map((path) => runRespipe(["encode", path, ...SET])),
      );
      assertEquals([one.code, one.stderr], [0, ""]);
      assert(one.stdout === other.stdout);
      const dry = await runRespipe(["load", packed, "--dry-run", "1", ...SET]);
      assertMatch(dry.stdout, /^SET k:1 7919\ndry run: 5,000 of 5,000 records/);
      assertMatch(dry.stdout, new RegExp(`packed: read as ${name}, CSV\n`));
    },
  });
}

Deno.test("load: gzip with something else behind it", async () => {
  await using server = await startServer();
  using files = new TempFiles();
  const packed = gzipSync(new TextEncoder().encode(rows(50_000)));
  const rest = new TextEncoder().encode("something else\n");
  const path = files.write("rows.gz", Uint8Array.from([...packed, ...rest]));
  const load = (file: string, stdin = new Uint8Array()): Promise<Run> =>
    runRespipe(["load", file, "-p", `${server.port}`, "--json", ...SET], {
      stdin,
    });
  const run = await load(path);
  assertEquals(run.code, 5, run.stderr);
  assertMatch(
    run.stderr,
    /: what stands behind its end is no gzip; where that /,
  );
  assertEquals(await size(server), readSummary(run.stdout).loaded);
  // Zeros that a tape or a disk has padded it with are passed over.
  const padded = await load("-", Uint8Array.from([...packed, 0, 0, 0]));
  assertEquals([padded.code, padded.stderr], [0, ""]);
  assertEquals(await size(server), 50_000);
});

Deno.test("load: a spreadsheet's UTF-16, with its byte order mark and CRLF", async () => {
  await using server = await startServer();
  const text = "\ufeffid,v\r\n1,Zo\u00eb\r\n2,\u{1f600}\r\n";
  const view = new DataView(new ArrayBuffer(2 * text.length));
  for (let i = 0; i < text.length; i++) {
    view.setUint16(2 * i, text.charCodeAt(i), true);
  }
  const run = await runRespipe(["load", "-p", `${server.port}`, ...SET], {
    stdin: new Uint8Array(view.buffer),
  });
  assertEquals([run.code, run.stderr], [0, ""]);
  assertMatch(run.stdout, /\n-: read as UTF-16LE, CSV\n$/);
  assertEquals(plain(await server.command("GET", "k:2")), "\u{1f600}");
});
