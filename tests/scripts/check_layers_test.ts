import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { findViolations } from "../../scripts/layers.ts";
import { TempFiles } from "../support/temp_files.ts";

function violations(
  path: string,
  imports: readonly string[],
  text = "",
): string[] {
  return findViolations([{ path, imports, text }]);
}

const ALLOWED: [path: string, imports: string[]][] = [
  ["src/cli/main.ts", [
    "src/cli/args.ts",
    "src/engine/load.ts",
    "src/transport/address.ts",
    "src/codec/dialect.ts",
    "src/protocol/reply.ts",
    "src/errors.ts",
    "package:@std/cli",
    "deno.json",
  ]],
  ["src/engine/lane.ts", [
    "src/engine/batch.ts",
    "src/transport/connection.ts",
    "src/codec/csv_reader.ts",
    "src/protocol/reply_reader.ts",
    "node:process",
  ]],
  ["src/transport/handshake.ts", [
    "src/protocol/encode_command.ts",
    "src/errors.ts",
  ]],
  ["src/codec/row_encoder.ts", [
    "src/protocol/encode_command.ts",
    "src/errors.ts",
  ]],
  ["src/protocol/reply_reader.ts", ["src/protocol/ascii.ts", "src/errors.ts"]],
  ["src/errors.ts", []],
];

for (const [path, imports] of ALLOWED) {
  Deno.test(`layers: ${path} may import what is below it`, () => {
    assertEquals(violations(path, imports), []);
  });
}

const FORBIDDEN: [path: string, target: string, why: string][] = [
  [
    "src/engine/load.ts",
    "src/cli/report.ts",
    "imports src/cli/report.ts: engine must not import cli",
  ],
  [
    "src/transport/source.ts",
    "src/codec/record.ts",
    "imports src/codec/record.ts: transport must not import codec",
  ],
  [
    "src/codec/record.ts",
    "src/transport/source.ts",
    "imports src/transport/source.ts: codec must not import transport",
  ],
  [
    "src/codec/record.ts",
    "src/engine/batch.ts",
    "imports src/engine/batch.ts: codec must not import engine",
  ],
  [
    "src/protocol/reply.ts",
    "src/codec/record.ts",
    "imports src/codec/record.ts: protocol must not import codec",
  ],
  [
    "src/errors.ts",
    "src/protocol/ascii.ts",
    "imports src/protocol/ascii.ts, but must import nothing of ours",
  ],
  [
    "src/cli/main.ts",
    "tests/support/random.ts",
    "imports tests/support/random.ts, which is outside src/",
  ],
  [
    "src/cli/main.ts",
    "scripts/drivers.ts",
    "imports scripts/drivers.ts, which is outside src/",
  ],
  [
    "src/engine/load.ts",
    "deno.json",
    "imports deno.json, which is outside src/",
  ],
  ["src/cli/main.ts", "mod.ts", "imports mod.ts, which is outside src/"],
  [
    "src/cli/main.ts",
    "src/helpers/text.ts",
    "imports src/helpers/text.ts, which is in no layer",
  ],
  [
    "src/helpers/text.ts",
    "src/cli/main.ts",
    "imports src/cli/main.ts, but is in no layer",
  ],
  [
    "src/stray.ts",
    "src/cli/main.ts",
    "imports src/cli/main.ts, but is in no layer",
  ],
];

for (const [path, target, why] of FORBIDDEN) {
  Deno.test(`layers: ${path} must not import ${target}`, () => {
    assertEquals(violations(path, [target]), [`${path} ${why}`]);
  });
}

Deno.test("layers: protocol and codec do not wait", () => {
  const text = "let a;\n  async () => 1;\na = await a;\n";
  for (const layer of ["protocol", "codec"]) {
    assertEquals(violations(`src/${layer}/x.ts`, [], text), [
      `src/${layer}/x.ts:2 has async: ${layer} must not wait`,
      `src/${layer}/x.ts:3 has await: ${layer} must not wait`,
    ]);
  }
  assertEquals(violations("src/transport/x.ts", [], text), []);
});

Deno.test("layers: comments may speak of waiting", () => {
  const text = [
    "/** No async here,",
    " * and no await. */",
    "  // await",
    "const asynchronous = 1;",
  ].join("\n");
  assertEquals(violations("src/codec/x.ts", [], text), []);
});

Deno.test("layers: protocol and codec import no packages", () => {
  assertEquals(violations("src/codec/x.ts", ["node:fs"]), [
    "src/codec/x.ts imports node:fs: codec must be pure",
  ]);
});

const CHECKED: [code: string, isPure: boolean][] = [
  ["export const a: Uint8Array = new TextEncoder().encode('a');", true],
  ["export const a: string = Deno.args[0];", false],
  ["export const a: number = setTimeout(() => {}, 1);", false],
  ["export const a: number = performance.now();", false],
  ["export const a: unknown = fetch('a');", false],
];

for (const [code, isPure] of CHECKED) {
  Deno.test(`pure.json ${isPure ? "takes" : "refuses"} ${code}`, async () => {
    using files = new TempFiles();
    const config = new URL("../../scripts/pure.json", import.meta.url);
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["check", "--no-lock", "--config", fileURLToPath(config)],
        files.write("a.ts", `${code}\n`),
      ],
      stdout: "null",
      stderr: "null",
    }).output();
    assertEquals(success, isPure);
  });
}
