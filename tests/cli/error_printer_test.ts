import { assertEquals } from "@std/assert";
import { ErrorPrinter } from "../../src/cli/run_pipe.ts";
import type { PipeError } from "../../src/engine/pipe_ledger.ts";

function print(errors: readonly PipeError[]): string[] {
  const lines: string[] = [];
  const printer = new ErrorPrinter((line) => lines.push(line));
  for (const error of errors) printer.add(error);
  printer.end();
  return lines;
}

const WRONGTYPE = "WRONGTYPE Operation against a key";

Deno.test("an error is printed with its place and its command", () => {
  assertEquals(
    print([{
      error: WRONGTYPE,
      command: 7,
      source: "a.resp",
      offset: 120,
      text: 'LPUSH k "b c"',
    }]),
    [`${WRONGTYPE} (command 7, a.resp byte 120: LPUSH k "b c")\n`],
  );
});

Deno.test("an error whose command is not known has its ordinal", () => {
  assertEquals(print([{ error: "ERR no", command: 3 }]), [
    "ERR no (command 3)\n",
  ]);
});

Deno.test("no errors are no lines", () => {
  assertEquals(print([]), []);
});

const COUNTS: [number, number, string[]][] = [
  [10, 10, []],
  [11, 11, [`${WRONGTYPE}: 1 more like this\n`]],
  [2_000_000, 11, [`${WRONGTYPE}: 1,999,990 more like this\n`]],
];

for (const [count, lines, more] of COUNTS) {
  Deno.test(`${count} errors of one kind are ${lines} lines`, () => {
    const printed: string[] = [];
    const printer = new ErrorPrinter((line) => printed.push(line));
    for (let command = 1; command <= count; command++) {
      printer.add({ error: WRONGTYPE, command });
    }
    printer.end();
    assertEquals(printed.length, lines);
    assertEquals(printed.slice(0, 10), [
      ...Array.from(
        { length: 10 },
        (_, i) => `${WRONGTYPE} (command ${i + 1})\n`,
      ),
    ]);
    assertEquals(printed.slice(10), more);
  });
}

Deno.test("kinds are counted apart, whatever is quoted in them", () => {
  const errors: PipeError[] = [];
  for (let command = 1; command <= 24; command += 2) {
    errors.push({ error: `ERR no '${command}'`, command });
    errors.push({ error: "OOM full", command: command + 1 });
  }
  const lines = print(errors);
  assertEquals(lines.length, 22);
  assertEquals(lines.slice(18), [
    "ERR no '19' (command 19)\n",
    "OOM full (command 20)\n",
    "ERR no '1': 2 more like this\n",
    "OOM full: 2 more like this\n",
  ]);
});
