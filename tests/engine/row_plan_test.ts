import { assert, assertStrictEquals, assertThrows } from "@std/assert";
import { Header } from "../../src/codec/header.ts";
import { RowPlan } from "../../src/engine/row_plan.ts";
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
