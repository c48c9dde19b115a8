import { assertEquals, assertThrows } from "@std/assert";
import { splitWords } from "../../src/cli/shell_words.ts";
import { UsageError } from "../../src/errors.ts";

const GOOD: [text: string, words: string[]][] = [
  ["SET a b", ["SET", "a", "b"]],
  ["  SET\ta \n b  ", ["SET", "a", "b"]],
  ["SET 'a b' c", ["SET", "a b", "c"]],
  ['SET "a b" c', ["SET", "a b", "c"]],
  ["SET a'b'\"c\"d", ["SET", "abcd"]],
  ["SET '' \"\"", ["SET", "", ""]],
  ["SET '\"' \"'\"", ["SET", '"', "'"]],
  ["SET '\\n' 'a\\'", ["SET", "\\n", "a\\"]],
  ['SET "\\"" "\\\\" "\\$" "\\`"', ["SET", '"', "\\", "$", "`"]],
  ['SET "\\n" "\\a"', ["SET", "\\n", "\\a"]],
  ["SET a\\ b \\'c \\\\", ["SET", "a b", "'c", "\\"]],
  ["SET a\\\nb", ["SET", "ab"]],
  ["SET \\\n b", ["SET", "b"]],
  ["SET 'a\\\nb' \"c\\\nd\"", ["SET", "a\\\nb", "cd"]],
  ["SET $HOME * ~ #x `id` | ;", [
    ...["SET", "$HOME", "*", "~", "#x", "`id`", "|", ";"],
  ]],
  ["SET {a} '{b} {c}'", ["SET", "{a}", "{b} {c}"]],
  ["SET Zürich '東 京'", ["SET", "Zürich", "東 京"]],
];

for (const [text, words] of GOOD) {
  Deno.test(`splitWords reads ${JSON.stringify(text)}`, () => {
    assertEquals(splitWords(text, "--then"), words);
  });
}

const BAD: [text: string, says: string][] = [
  ["", "it is empty"],
  [" \t\n", "it is empty"],
  ["SET 'a", "a ' is left open"],
  ['SET "a', 'a " is left open'],
  ["SET \"a'", 'a " is left open'],
  ['SET "a\\"', 'a " is left open'],
  ["SET a\\", "it ends in a backslash"],
];

for (const [text, says] of BAD) {
  Deno.test(`splitWords refuses ${JSON.stringify(text)}`, () => {
    const error = assertThrows(
      () => splitWords(text, "--then"),
      UsageError,
      says,
    );
    assertEquals(error.flag, "--then");
  });
}
