import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseArguments } from "../../src/cli/args.ts";
import { checkTemplate } from "../../src/cli/check_template.ts";
import { UsageError } from "../../src/errors.ts";
import { TempFiles } from "../support/temp_files.ts";

function check(words: string[]): readonly (readonly string[])[] {
  return checkTemplate(parseArguments("load", words));
}

const FINE: [words: string[], commands: string[][]][] = [
  [["--", "SET", "{k}", "-5"], [["SET", "{k}", "-5"]]],
  [["--", "HSET", "d:{id}", "{*}"], [["HSET", "d:{id}", "{*}"]]],
  [["--", "XADD", "s", "*", "{*-id}"], [["XADD", "s", "*", "{*-id}"]]],
  [["--", "LPUSH", "{1}", "-", "--", "-x", "--word"], [
    ["LPUSH", "{1}", "-", "--", "-x", "--word"],
  ]],
  [["--", "SET", "{{{k}}}", "50%", "$5"], [["SET", "{{{k}}}", "50%", "$5"]]],
  // Of several commands one with a column is enough.
  [["--then", "SET {k} 1", "--then", "EXEC", "--", "MULTI"], [
    ["MULTI"],
    ["SET", "{k}", "1"],
    ["EXEC"],
  ]],
  // What is malformed is the template's to refuse.
  [["--", "SET", "k{", "v"], [["SET", "k{", "v"]]],
  // Meant as it stands.
  [["--", "--", "INCR", "rows"], [["INCR", "rows"]]],
  [["--", "--", "SADD", "s", "{id}", "--dry-run"], [
    ["SADD", "s", "{id}", "--dry-run"],
  ]],
  [["--", "--", "SADD", "s", "*-id", "-p"], [["SADD", "s", "*-id", "-p"]]],
];

for (const [words, commands] of FINE) {
  Deno.test(`checkTemplate takes ${words.join(" ")}`, () => {
    assertEquals(check(words), commands);
  });
}

const REFUSED: [words: string[], says: string][] = [
  [[], "There is no command; write it after --"],
  [["--"], "There is no command"],
  [["--", "--"], "There is no command"],
  [
    ["--", "HSET", "d:{id}", "{*}", "--rejects", "bad.csv"],
    "--rejects stands behind --, where it is part of the command; put flags " +
    "in front of --, or, where that is meant, begin the command with -- --",
  ],
  [["--", "SADD", "s", "{id}", "--dry-run"], "--dry-run stands behind --"],
  [["--", "SADD", "s", "{id}", "--rejects=x"], "--rejects stands behind --"],
  [["--", "SADD", "s", "{id}", "-h", "cache"], "-h stands behind --"],
  [["--", "SADD", "s", "{id}", "--help"], "--help stands behind --"],
  [
    ["--", "FLUSHALL"],
    "no column in it, so it would be the same for every row",
  ],
  [["--", "INCR", "{{rows}}"], "write {id} for the field of column id"],
  [["--", "SET", "user:%id%", "1"], "want \"user:%id%\" to be 'user:{id}'"],
  [["--", "SET", "user:$id", "1"], "want \"user:$id\" to be 'user:{id}'"],
  [["--", "SET", "user::id:", "1"], "want \"user::id:\" to be 'user:{id}'"],
  [["--", "SET", "<k>", "[v]"], "\"<k>\" to be '{k}' and \"[v]\" to be '{v}'"],
  [["--", "HSET", "u:{id}", "*-id", "lat"], "quote it, '{*-id,lat}', or"],
  [["--", "HSET user:{id} {*}"], "-- HSET 'user:{id}' '{*}'"],
];

for (const [words, says] of REFUSED) {
  Deno.test(`checkTemplate refuses ${words.join(" ")}`, () => {
    const error = assertThrows(() => check(words), UsageError, says);
    assert(!error.message.includes("\n"));
  });
}

Deno.test("checkTemplate does not show a secret behind the template", () => {
  const words = ["--", "SADD", "s", "{id}", "--pass=hush"];
  const error = assertThrows(() => check(words), UsageError, "--pass stands");
  assert(!error.message.includes("hush"));
});

const NAMED: [words: string[], says: string][] = [
  [
    ["SET", "user:id", "name"],
    "\"user:id\" to be 'user:{id}' and \"name\" to be '{name}'",
  ],
  [["SET", "id:a", "$&"], "\"id:a\" to be '{id}:a', or"],
  [["SET", "k", "a (b)"], "\"a (b)\" to be '{a (b)}'"],
  // A word that only begins like one.
  [["SET", "ids", "names"], "write {id} for the field of column id"],
  [["id", "ids"], "write {id} for the field of column id"],
];

for (const [words, says] of NAMED) {
  Deno.test(`checkTemplate knows the columns that ${words} names`, () => {
    using files = new TempFiles();
    const file = files.write("a.csv", '\ufeffid,"name",a (b)\r\n1,2,3\r\n');
    assertThrows(() => check([file, "--", ...words]), UsageError, says);
  });
}
