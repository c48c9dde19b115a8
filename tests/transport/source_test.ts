import { assert, assertEquals, assertRejects } from "@std/assert";
import { InputError } from "../../src/errors.ts";
import { openSource, type Source } from "../../src/transport/source.ts";
import { runRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

async function readAll(source: Source, at = 0): Promise<Uint8Array> {
  const all: number[] = [];
  const buffer = new Uint8Array(1000);
  for (;;) {
    const count = await source.read(buffer.subarray(at));
    if (count === null) return Uint8Array.from(all);
    all.push(...buffer.subarray(at, at + count));
  }
}

Deno.test("a file is read to its end, and its size is known", async () => {
  using files = new TempFiles();
  const bytes = Uint8Array.from({ length: 12_345 }, (_, i) => i % 256);
  const path = files.write("a.bin", bytes);
  const source = await openSource(path);
  assertEquals([source.name, source.size], [path, bytes.length]);
  assertEquals(await readAll(source), bytes);
  source.close();
});

Deno.test("a read fills only what it is given", async () => {
  using files = new TempFiles();
  const source = await openSource(files.write("a", "0123456789"));
  const buffer = new Uint8Array(6).fill(0x2e);
  assertEquals(await source.read(buffer.subarray(1, 5)), 4);
  assertEquals(new TextDecoder().decode(buffer), ".0123.");
  source.close();
});

Deno.test("an empty file is at its end", async () => {
  using files = new TempFiles();
  const source = await openSource(files.write("empty", ""));
  assertEquals(source.size, 0);
  assertEquals(await source.read(new Uint8Array(10)), null);
  source.close();
});

Deno.test("a device has no size", async () => {
  const source = await openSource("/dev/null");
  assertEquals(source.size, undefined);
  assertEquals(await source.read(new Uint8Array(10)), null);
  source.close();
});

Deno.test("standard input is called -", async () => {
  const source = await openSource("-");
  assertEquals([source.name, source.size], ["-", undefined]);
});

const BAD: [name: string, make: (files: TempFiles) => string, why: string][] = [
  ["missing", ({ path }) => `${path}/no.csv`, "no such file"],
  ["in no directory", ({ path }) => `${path}/no/no.csv`, "no such file"],
  ["a directory", ({ path }) => path, "it is a directory"],
];

for (const [name, make, why] of BAD) {
  Deno.test(`a file that is ${name} cannot be opened`, async () => {
    using files = new TempFiles();
    const path = make(files);
    const error = await assertRejects(() => openSource(path), InputError);
    assertEquals(error.message, `Cannot read ${path}: ${why}`);
    assertEquals(error.position.source, path);
  });
}

Deno.test({
  name: "a file that the system does not let us read cannot be opened",
  // Nothing is denied to root.
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
  fn: async () => {
    using files = new TempFiles();
    const path = files.write("secret.csv", "a\n1\n");
    await Deno.chmod(path, 0);
    const error = await assertRejects(() => openSource(path), InputError);
    assertEquals(
      error.message,
      `Cannot read ${path}: the system denies permission`,
    );
  },
});

Deno.test({
  name: "without Deno's permission the flag to add is named",
  ignore: (Deno.env.get("RESPIPE_BIN") ?? "") !== "",
  fn: async () => {
    using files = new TempFiles();
    const path = files.write("a.csv", "a\n1\n");
    for (const command of ["load", "encode"]) {
      const run = await runRespipe([
        command,
        ...command === "load" ? ["-p", "1"] : [],
        ...[path, "--", "SET", "{a}", "x"],
      ], { permissions: [] });
      assertEquals(run.code, 5);
      assertEquals(
        run.stderr,
        `respipe: Cannot read ${path}: Deno has no permission for it; ` +
          `add --allow-read=${path}\n`,
      );
    }
  },
});

Deno.test("a directory on the command line is one sentence", async () => {
  using files = new TempFiles();
  const run = await runRespipe(["encode", files.path, "--", "SET", "{a}", "b"]);
  assertEquals([run.code, run.stdout], [5, ""]);
  assert(run.stderr.startsWith(`respipe: Cannot read ${files.path}: `));
  assertEquals(run.stderr.split("\n").length, 2);
});
