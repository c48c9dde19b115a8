import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { hashed, hashOf } from "../../src/transport/hashed.ts";
import { openSource, type Source } from "../../src/transport/source.ts";
import type { Validator } from "../../src/transport/url_source.ts";
import { TempFiles } from "../support/temp_files.ts";

const BYTES = new Uint8Array(200_000).map((_, i) => i * 7 % 251);
const HASH: Validator = {
  kind: "SHA-256",
  value: createHash("sha256").update(BYTES).digest("hex"),
};

async function drain(source: Source, size: number): Promise<void> {
  const into = new Uint8Array(size);
  while (await source.read(into) !== null);
  // Whoever reads may ask again.
  assertEquals(await source.read(into), null);
}

Deno.test("a file's hash is told once at its end, however it is read", async () => {
  using files = new TempFiles();
  const path = files.write("a", BYTES);
  assertEquals(await hashOf(path), HASH);
  for (const size of [1_000, 65_536, BYTES.length, 2 * BYTES.length]) {
    const told: Validator[] = [];
    const source = await hashed(await openSource(path), (h) => told.push(h));
    await source.read(new Uint8Array(10));
    assertEquals(told, []);
    await drain(source, size);
    source.close();
    assertEquals(told, [HASH]);
  }
});

Deno.test("no hash is told where a part of the file was passed over", async () => {
  using files = new TempFiles();
  const told: Validator[] = [];
  const source = await hashed(
    await openSource(files.write("a", BYTES)),
    (h) => told.push(h),
  );
  await source.seek!(10);
  await drain(source, 65_536);
  source.close();
  assertEquals(told, []);
});
