import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";

const DEMO = fileURLToPath(new URL("../../scripts/demo.ts", import.meta.url));

const REFUSED: [words: string[], code: number, says: string][] = [
  [
    ["no/such.csv", "--limit", "5", "--", "SET", "{k}", "v"],
    5,
    "demo: Cannot read no/such.csv: there is no such file\n",
  ],
  [
    ["a.csv"],
    2,
    "Usage: sh scripts/demo.sh [FILE... [OPTIONS] -- COMMAND ARG...]\n",
  ],
];

for (const [words, code, says] of REFUSED) {
  Deno.test(`the demo starts no server for ${words.join(" ")}`, async () => {
    const map = Deno.env.get("RESPIPE_IMPORT_MAP") ?? "";
    const run = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--quiet", "--no-lock"],
        ...(map === "" ? [] : ["--import-map", map]),
        ...[DEMO, ...words],
      ],
      // Without a PATH there is no server to be found.
      env: { PATH: "" },
    }).output();
    assertEquals(
      [run.code, new TextDecoder().decode(run.stderr)],
      [code, says],
    );
  });
}
