import { assertThrows } from "@std/assert";
import { refuseCommand } from "../../src/codec/refuse_command.ts";
import { UsageError } from "../../src/errors.ts";

const REFUSED: [commands: string[][], message: string][] = [
  [[["SUBSCRIBE", "c"]], "Cannot use SUBSCRIBE in a template: "],
  [[["psubscribe", "c"]], "Cannot use PSUBSCRIBE in a template: "],
  [[["SSubscribe", "c"]], "Cannot use SSUBSCRIBE in a template: "],
  [[["UNSUBSCRIBE"]], "Cannot use UNSUBSCRIBE"],
  [[["PUNSUBSCRIBE"]], "Cannot use PUNSUBSCRIBE"],
  [[["SUNSUBSCRIBE"]], "Cannot use SUNSUBSCRIBE"],
  [[["MONITOR"]], "it never stops replying"],
  [[["SYNC"]], "replication stream"],
  [[["PSYNC", "?", "-1"]], "replication stream"],
  [[["REPLCONF", "ACK", "1"]], "never answered"],
  [[["QUIT"]], "closes the connection"],
  [[["SHUTDOWN"]], "stops the server"],
  [[["RESET"]], "ends the session"],
  [[["HELLO", "3"]], "changes the protocol"],
  [[["AUTH", "{password}"]], "--user"],
  [[["CLIENT", "REPLY", "OFF"]], "Cannot use CLIENT REPLY in a template: "],
  [[["client", "reply", "skip"]], "Cannot use CLIENT REPLY in a template: "],
  [[["CLIENT", "{what}", "OFF"]], 'Cannot use "CLIENT {what}" as a command'],
  [[["SET", "k", "v"], ["MONITOR"]], "Cannot use MONITOR"],
  [[["", "{k}"]], 'Cannot use "" as a command: its name is empty'],
  [[["SET", "{k}", "v"], [""]], 'Cannot use "" as a command'],
  [[["{command}", "k"]], 'Cannot use "{command}" as a command'],
  [[["{1}"]], 'Cannot use "{1}" as a command'],
  [[["{*}"]], 'Cannot use "{*}" as a command'],
  [[["MON{x}"]], 'Cannot use "MON{x}" as a command'],
  [[["{{{x}}}"]], 'Cannot use "{{{x}}}" as a command'],
  [[["x{{{x}"]], 'Cannot use "x{{{x}" as a command'],
  [[["MULTI"], ["SET", "k", "v"]], "Cannot leave MULTI open"],
  [[["MULTI"], ["MULTI"], ["EXEC"]], "Cannot use MULTI within MULTI"],
  [[["EXEC"]], "Cannot use EXEC without MULTI before it"],
  [[["MULTI"], ["EXEC"], ["discard"]], "Cannot use DISCARD without MULTI"],
];

const FINE: string[][][] = [
  [["SET", "{k}", "{v}"]],
  [["set", "SUBSCRIBE", "MONITOR"]],
  [["CLIENT", "SETNAME", "{name}"]],
  [["CLIENT", "NO-EVICT", "on"]],
  [["CLIENT"]],
  [["my.command{{x}}", "{k}"]],
  [["MULTI"], ["SET", "{k}", "{v}"], ["EXEC"]],
  [["multi"], ["SET", "{k}", "{v}"], ["discard"], ["MULTI"], ["EXEC"]],
  [["PUBLISH", "{channel}", "{message}"]],
  [["SELECT", "3"]],
];

Deno.test("a command whose replies could not be paired with it is refused", () => {
  for (const [commands, message] of REFUSED) {
    assertThrows(
      () => refuseCommand(commands),
      UsageError,
      message,
      JSON.stringify(commands),
    );
  }
});

Deno.test("a command that is answered once is not refused", () => {
  for (const commands of FINE) refuseCommand(commands);
});
