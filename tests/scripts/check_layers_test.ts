import { assertEquals } from "@std/assert";
import { findViolations } from "../../scripts/layers.ts";
import { stripProse } from "../../scripts/strip_prose.ts";

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
  ["src/transport/handshake.ts", ["src/protocol/encode.ts", "src/errors.ts"]],
  ["src/codec/row_encoder.ts", ["src/protocol/encode.ts", "src/errors.ts"]],
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

Deno.test("layers: protocol and codec mention no Deno and no waiting", () => {
  const text = "let a;\nDeno.exit();\nasync () => await a;\n";
  for (const layer of ["protocol", "codec"]) {
    assertEquals(violations(`src/${layer}/x.ts`, [], text), [
      `src/${layer}/x.ts:2 mentions Deno: ${layer} must be pure`,
      `src/${layer}/x.ts:3 mentions async: ${layer} must be pure`,
      `src/${layer}/x.ts:3 mentions await: ${layer} must be pure`,
    ]);
  }
  assertEquals(violations("src/transport/x.ts", [], text), []);
});

Deno.test("layers: prose may mention anything", () => {
  const text = [
    "/* Deno.exit */ // await",
    'const a = "Deno.exit" + \'await\' + `async ${"Deno.x"} await`;',
    "const b = /await \"'`/;",
    "const asynchronous = 1;",
  ].join("\n");
  assertEquals(violations("src/codec/x.ts", [], text), []);
});

const STRIPPED: [text: string, lines: string[]][] = [
  ["a; // b\nc", ["a; ", "c"]],
  ["a /* b\nc */ d", ["a  ", " d"]],
  ['f("a//b", \'"\'); g', ["f( ,  ); g"]],
  ['"a\\"b" c', ["  c"]],
  ["`a${b}c` d", [" b  d"]],
  ["`a${f({ b: `c${d}` })}e` g", [" f({ b:  d  })  g"]],
  ["`\\`${a}` b", [" a  b"]],
  ["`$a` b", ["  b"]],
  ["a / b / c", ["a / b / c"]],
  ['x = /["`]/g; y', ["x =  ; y"]],
  ["`never closed", [" "]],
];

for (const [text, lines] of STRIPPED) {
  Deno.test(`stripProse: ${JSON.stringify(text)}`, () => {
    const stripped = stripProse(text).split("\n");
    assertEquals(
      stripped.map((line) => line.replace(/ +/g, " ")),
      lines.map((line) => line.replace(/ +/g, " ")),
    );
  });
}
