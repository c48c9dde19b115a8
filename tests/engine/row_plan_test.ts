import { assert, assertStrictEquals, assertThrows } from "@std/assert";
import { Header } from "../../src/codec/header.ts";
import { type RowOptions, RowPlan } from "../../src/engine/row_plan.ts";
import { UsageError } from "../../src/errors.ts";

Deno.test("sources with the same header share what their rows are encoded with", () => {
  const plan = new RowPlan({ commands: [["SET", "{id}", "{v}"]] });
  const coding = plan.codingFor(Header.named(["id", "v"]));
  assertStrictEquals(plan.codingFor(Header.named(["id", "v"])), coding);
  const other = plan.codingFor(Header.named(["v", "id"]));
  assert(other !== coding);
  assertThrows(
    () => plan.codingFor(Header.named(["id"])),
    UsageError,
    "no such column",
  );
  // One that does not fit changes nothing for the next.
  assertStrictEquals(plan.codingFor(Header.named(["v", "id"])), other);
});

Deno.test("what says how CSV is read is refused where JSON Lines are asked for", () => {
  const commands = [["SET", "{id}", "{v}"]];
  const rows: [options: Partial<RowOptions>, flag: string][] = [
    [{ delimiter: ";" }, "--delimiter"],
    [{ quote: "none" }, "--quote"],
    [{ columns: ["id", "v"] }, "--columns"],
    [{ header: false }, "--no-header"],
  ];
  for (const [options, flag] of rows) {
    const error = assertThrows(
      () => new RowPlan({ commands, format: "jsonl", ...options }),
      UsageError,
      `--format jsonl and ${flag} exclude each other`,
    );
    assertStrictEquals(error.flag, flag);
  }
  new RowPlan({ commands, format: "jsonl", header: true, skipLines: 1 });
});
