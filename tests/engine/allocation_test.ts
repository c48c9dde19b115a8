import { assertEquals, assertLess } from "@std/assert";

Deno.test("a record that succeeds costs next to nothing of the heap", async () => {
  const map = Deno.env.get("RESPIPE_IMPORT_MAP") ?? "";
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--no-lock",
      ...(map === "" ? [] : ["--import-map", map]),
      // In MB: no collection happens before that much was allocated.
      "--v8-flags=--min-semi-space-size=512,--max-semi-space-size=512",
      new URL("../support/measure_allocation.ts", import.meta.url).pathname,
    ],
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const perRecord = new TextDecoder().decode(stdout).trim().split("\n");
  assertEquals(perRecord.length, 2);
  // The smallest object takes 16 bytes. What there is, 7 or 8, comes with each
  // chunk, of 1,000 records here: its promises, its batch, its views.
  for (const bytes of perRecord) assertLess(Number(bytes), 12);
  for (const bytes of perRecord) assertLess(0, Number(bytes));
});
