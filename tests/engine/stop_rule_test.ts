import { assertEquals } from "@std/assert";
import { ErrorLimit } from "../../src/engine/error_limit.ts";
import type { Reject } from "../../src/engine/reject.ts";
import { StopRule } from "../../src/engine/stop_rule.ts";
import { Summary } from "../../src/engine/summary.ts";

function reject(error: string): Reject {
  return {
    source: "users.csv",
    record: 6,
    line: 7,
    offset: 120,
    command: "SET a b",
    error,
    bytes: new Uint8Array(),
    header: new Uint8Array(),
  };
}

function rule(limit?: string, summary = new Summary()): StopRule {
  const parsed = limit === undefined ? undefined : ErrorLimit.parse(limit);
  return new StopRule(summary, parsed, true);
}

Deno.test("an error that hits every record stops a load at once", () => {
  const error = "READONLY You can't write against a read only replica.";
  const stopped = rule().judge(reject(error));
  assertEquals(stopped?.reply, error);
  assertEquals(
    stopped?.message,
    `Stopped at users.csv:7: the server answered "${error}": the server is a ` +
      "read-only replica; load into its primary",
  );
});

Deno.test("a record's own error stops nothing without a limit", () => {
  const summary = new Summary();
  summary.rejected = summary.records = 1e9;
  const lenient = rule(undefined, summary);
  assertEquals(lenient.judge(reject("WRONGTYPE no")), undefined);
  assertEquals(lenient.judgeBatch(1e6, 1e6), undefined);
});

Deno.test("a number of rejects stops a load as soon as it is passed", () => {
  const summary = new Summary();
  const strict = rule("2", summary);
  summary.rejected = 2;
  assertEquals(strict.judge(reject("WRONGTYPE no")), undefined);
  assertEquals(strict.judgeBatch(2, 2), undefined);
  summary.rejected = 3;
  for (
    const stopped of [
      strict.judge(reject("WRONGTYPE no")),
      strict.judgeBatch(1, 1),
    ]
  ) {
    assertEquals(
      stopped?.message,
      "Stopped: rejects so far: 3, more than --max-errors 2 allows",
    );
    assertEquals(stopped?.reply, undefined);
  }
});

Deno.test("a share of rejects is judged by whole batches, from 1,000 on", () => {
  const summary = new Summary();
  summary.rejected = 1e9;
  const strict = rule("1%", summary);
  assertEquals(strict.judge(reject("WRONGTYPE no")), undefined);
  assertEquals(strict.judgeBatch(999, 999), undefined);
  assertEquals(
    strict.judgeBatch(1, 0)?.message,
    "Stopped: 999 of the first 1,000 records were rejected, more than " +
      "--max-errors 1% allows",
  );
  // Later batches may make up for it: only the load as a whole counts.
  assertEquals(strict.judgeBatch(98_900, 0), undefined);
});

Deno.test("a wrong number of arguments stops only where all have as many", () => {
  const error = "ERR wrong number of arguments for 'set' command";
  const summary = new Summary();
  const same = new StopRule(summary, undefined, true);
  const various = new StopRule(summary, undefined, false);
  assertEquals(same.judge(reject(error))?.reply, error);
  assertEquals(various.judge(reject(error)), undefined);
});
