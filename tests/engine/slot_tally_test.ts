import { assertEquals } from "@std/assert";
import { SlotTally } from "../../src/engine/slot_tally.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { keySlot } from "../../src/protocol/key_slot.ts";

const slotOf = (key: string): number => keySlot(new TextEncoder().encode(key));

function resp(...commands: string[][]): Uint8Array {
  return Uint8Array.from(
    commands.flatMap((words) => [...encodeCommand(words)]),
  );
}

Deno.test("SlotTally counts each command of a record by its own key", () => {
  const tally = new SlotTally([
    ["MULTI"],
    ["SET", "{k}", "x"],
    ["BITOP", "AND", "{k}", "other"],
    ["EXEC"],
  ]);
  for (const key of ["a", "b"]) {
    tally.add(resp(
      ["MULTI"],
      ["SET", key, "x"],
      ["BITOP", "AND", key, "other"],
      ["EXEC"],
    ));
  }
  tally.add(new Uint8Array());
  const { touched, commands, withoutKey, largest } = tally.toJSON();
  assertEquals([touched, commands, withoutKey], [2, 4, 4]);
  assertEquals(largest, {
    slot: Math.min(slotOf("a"), slotOf("b")),
    commands: 2,
    share: 0.5,
  });
});

Deno.test("SlotTally sees a hash tag that puts all into one slot", () => {
  const tally = new SlotTally([["SET", "{{app}}:{id}", "v"]]);
  const commands = Array.from({ length: 100 }, (_, i) => [
    ...["SET", `{app}:${i}`, "x".repeat(i)],
  ]);
  tally.add(resp(...commands));
  assertEquals(tally.toJSON(), {
    touched: 1,
    commands: 100,
    withoutKey: 0,
    largest: { slot: slotOf("app"), commands: 100, share: 1 },
  });
});

Deno.test("SlotTally has no largest slot where there is no key", () => {
  const tally = new SlotTally([["PUBLISH", "{c}", "{m}"]]);
  tally.add(resp(["PUBLISH", "c", "m"]));
  assertEquals(tally.toJSON(), {
    touched: 0,
    commands: 0,
    withoutKey: 1,
    largest: null,
  });
});

Deno.test("SlotTally counts a command that a row left without its key", () => {
  const tally = new SlotTally([["MSET", "{*}"]]);
  tally.add(resp(["MSET"], ["MSET", "a", "1"]));
  const { commands, withoutKey } = tally.toJSON();
  assertEquals([commands, withoutKey], [1, 1]);
});
