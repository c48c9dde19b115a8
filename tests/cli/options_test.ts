import { assertEquals, assertThrows } from "@std/assert";
import { type Options, parseOptions } from "../../src/cli/options.ts";
import type { CommandName } from "../../src/cli/flags.ts";
import { UsageError } from "../../src/errors.ts";

const none = (): undefined => undefined;

/** Parses for `load`, with a command where the words bring none. */
function load(
  words: string[],
  environment = none as (n: string) => string | undefined,
): Options & { command: "load" } {
  const all = words.includes("--") ? words : [...words, "--", "GET", "{k}"];
  const config = parseOptions("load", all, environment);
  if (config.command !== "load") throw new Error("not for load");
  return config;
}

Deno.test("parseOptions reads standard input where no file is named", () => {
  assertEquals(load([]).files, ["-"]);
  assertEquals(load(["a.csv", "-"]).files, ["a.csv", "-"]);
  assertEquals(parseOptions("pipe", [], none).files, ["-"]);
  // Deno opens neither without every permission.
  for (const path of ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"]) {
    assertEquals(load([path, "/dev/fd/63"]).files, ["-", "/dev/fd/63"]);
    assertThrows(() => load([path, "-"]), UsageError, "only once");
  }
});

Deno.test("parseOptions puts the commands of --then behind the template", () => {
  const words = ["--then", "A 'b c'", "--then=D", "--", "SET", "{k}"];
  assertEquals(load(words).rows.commands, [
    ["SET", "{k}"],
    ["A", "b c"],
    ["D"],
  ]);
});

Deno.test("parseOptions leaves to the engine what nobody said", () => {
  const { rows, server, json, quiet } = load([]);
  assertEquals([json, quiet], [false, false]);
  assertEquals(rows.header, undefined);
  assertEquals(rows.limit, undefined);
  assertEquals(rows.maxRecord, undefined);
  assertEquals(server.host, undefined);
  assertEquals(server.port, undefined);
  assertEquals(server.database, undefined);
  assertEquals(server.password, undefined);
});

Deno.test("parseOptions knows where the server is and who to be there", () => {
  const { server } = load([
    ...["-h", "cache", "-p", "7000", "-n", "3"],
    ...["--user", "u", "-a", "p w"],
  ]);
  assertEquals(server.host, "cache");
  assertEquals(server.port, 7000);
  assertEquals(server.database, 3);
  assertEquals(server.user, "u");
  assertEquals(server.password, "p w");
});

Deno.test("parseOptions takes the password from REDISCLI_AUTH, -a first", () => {
  const environment = (name: string): string | undefined =>
    name === "REDISCLI_AUTH" ? "env" : undefined;
  assertEquals(load([], environment).server.password, "env");
  assertEquals(load(["-a", "flag"], environment).server.password, "flag");
});

const SIZES: [text: string, bytes: number][] = [
  ["1", 1],
  ["65536", 65536],
  ["512k", 512 * 1024],
  ["512K", 512 * 1024],
  ["512kb", 512 * 1024],
  ["64m", 64 * 1024 ** 2],
  ["1g", 1024 ** 3],
];

for (const [text, bytes] of SIZES) {
  Deno.test(`parseOptions reads --max-record ${text}`, () => {
    assertEquals(load(["--max-record", text]).rows.maxRecord, bytes);
  });
}

const BAD: [command: CommandName, words: string[], says: string][] = [
  ["load", [], "There is no command; write it after --"],
  ["load", ["f.csv", "--"], "There is no command"],
  ["encode", ["f.csv"], "There is no command"],
  ["pipe", ["--", "SET", "a", "b"], "takes no command"],
  ["load", ["-", "-", "--", "{x}"], "only once"],
  ["pipe", ["-", "a", "-"], "only once"],
  ["load", ["-p", "0", "--", "{x}"], 'Cannot parse port "0"'],
  ["load", ["-p", "65536", "--", "{x}"], 'Cannot parse port "65536"'],
  ["pipe", ["-p", "x"], 'Cannot parse port "x"'],
  ["load", ["-n", "-1", "--", "{x}"], 'Cannot parse -n "-1"'],
  ["load", ["-n", "one", "--", "{x}"], 'Cannot parse -n "one"'],
  ["load", ["--limit", "5k", "--", "{x}"], 'Cannot parse --limit "5k"'],
  ["load", ["--limit", "-1", "--", "{x}"], 'Cannot parse --limit "-1"'],
  ["load", ["--limit", "1.5", "--", "{x}"], 'Cannot parse --limit "1.5"'],
  ["load", ["--limit=", "--", "{x}"], 'Cannot parse --limit ""'],
  ["load", ["--skip-lines", "x", "--", "{x}"], 'Cannot parse --skip-lines "x"'],
  ["load", ["--max-record", "0", "--", "{x}"], 'Cannot parse --max-record "0"'],
  [
    "load",
    ["--max-record", "2g", "--", "{x}"],
    'Cannot parse --max-record "2g"',
  ],
  [
    "load",
    ["--max-record", "1t", "--", "{x}"],
    'Cannot parse --max-record "1t"',
  ],
  ["load", ["--then", "'a", "--", "{x}"], "a ' is left open"],
  ["load", ["--then", " ", "--", "{x}"], "--then needs a command"],
];

for (const [command, words, says] of BAD) {
  Deno.test(`parseOptions refuses ${command} ${words.join(" ")}`, () => {
    assertThrows(() => parseOptions(command, words, none), UsageError, says);
  });
}

Deno.test("parseOptions shows progress where nobody says otherwise", () => {
  assertEquals(load([]).progress, "auto");
  assertEquals(load(["--progress"]).progress, "log");
  assertEquals(load(["--no-progress"]).progress, "never");
  assertEquals(load(["--quiet"]).progress, "never");
  assertEquals(load(["--quiet", "--no-progress"]).progress, "never");
  assertEquals(parseOptions("pipe", ["--progress"], none).progress, "log");
  for (const other of ["--quiet", "--no-progress"]) {
    assertThrows(
      () => load(["--progress", other]),
      UsageError,
      "exclude each other",
    );
  }
});

Deno.test("parseOptions reads how many rows a dry run shows", () => {
  assertEquals(load([]).dryRun, undefined);
  assertEquals(load(["--dry-run"]).dryRun, 5);
  assertEquals(load(["--dry-run", "20"]).dryRun, 20);
  assertThrows(() => load(["--dry-run="]), UsageError, "whole number");
  assertThrows(() => load(["--dry-run=all"]), UsageError, "whole number");
});
