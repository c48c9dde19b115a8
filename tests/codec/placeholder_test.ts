import { assertEquals, assertThrows } from "@std/assert";
import { parseArgument } from "../../src/codec/placeholder.ts";
import { UsageError } from "../../src/errors.ts";

/** A reference is in a list of its own here, to tell it from fixed text. */
type Shown = (string | [reference: string])[];

const PIECES: [word: string, ...pieces: Shown][] = [
  ["", ""],
  ["SET", "SET"],
  ["Zürich 🚕", "Zürich 🚕"],
  ["{id}", ["id"]],
  ["{3}", ["3"]],
  ["user:{id}", "user:", ["id"]],
  ["{id}:x", ["id"], ":x"],
  ["{a}{b}", ["a"], ["b"]],
  ["{a}-{b}-{a}", ["a"], "-", ["b"], "-", ["a"]],
  ["{first name}", ["first name"]],
  ["{ id }", [" id "]],
  ["{a*}", ["a*"]],
  ["{-a}", ["-a"]],
  ["*", "*"],
  ["{{", "{"],
  ["}}", "}"],
  ["{{}}", "{}"],
  ["{{id}}", "{id}"],
  ["{{{id}}}", "{", ["id"], "}"],
  ["{{user:{id}}}:profile", "{user:", ["id"], "}:profile"],
  ["{{{{{id}", "{{", ["id"]],
  ["{id}}}}}", ["id"], "}}"],
  ["{{*}}", "{*}"],
];

Deno.test("a word is its fixed bytes and references in order", () => {
  const decoder = new TextDecoder();
  for (const [word, ...pieces] of PIECES) {
    const parsed = parseArgument(word);
    const shown = parsed.kind === "pieces" &&
      parsed.pieces.map((piece) =>
        typeof piece === "string" ? [piece] : decoder.decode(piece)
      );
    assertEquals<unknown>(shown, pieces, word);
  }
});

Deno.test("a star is name and value of every column but those named", () => {
  const rows: [word: string, ...without: string[]][] = [
    ["{*}"],
    ["{*-id}", "id"],
    ["{*-id,lat}", "id", "lat"],
    ["{*-1,a b}", "1", "a b"],
    ["{*--}", "-"],
  ];
  for (const [word, ...without] of rows) {
    assertEquals(parseArgument(word), { kind: "pairs", without }, word);
  }
});

Deno.test("a malformed word is refused with the place where it is wrong", () => {
  const rows: [word: string, message: string][] = [
    ["{", '"{" at character 1 is not closed'],
    ["user:{id", '"{" at character 6 is not closed'],
    ["{{{", '"{" at character 3 is not closed'],
    ["}", '"}" at character 1 closes nothing'],
    ["id}", '"}" at character 3 closes nothing'],
    ["{id}}", '"}" at character 5 closes nothing'],
    ["{}", '"{}" at character 1 names no column'],
    ["a{}b", '"{}" at character 2 names no column'],
    ["{a{b}", '"{" at character 1 is not closed before the next one'],
    ["x{*}", '"{*}" must be an argument of its own'],
    ["{*}x", '"{*}" must be an argument of its own'],
    ["{id}{*}", '"{*}" must be an argument of its own'],
    ["{*-id}{*-id}", '"{*-id}" must be an argument of its own'],
    ["{*-}", "takes column names with commas between"],
    ["{*-id,}", "takes column names with commas between"],
    ["{*-,id}", "takes column names with commas between"],
  ];
  for (const [word, message] of rows) {
    const error = assertThrows(
      () => parseArgument(word),
      UsageError,
      message,
      word,
    );
    const start = `Cannot compile ${JSON.stringify(word)}: `;
    assertEquals(error.message.slice(0, start.length), start);
  }
});
