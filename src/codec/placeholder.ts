import { UsageError } from "../errors.ts";

const encoder = new TextEncoder();

/**
 * One word of a template, understood but not resolved: fixed bytes and
 * references to columns, or name and value of every column but some.
 */
export type ParsedArgument =
  | {
    readonly kind: "pieces";
    readonly pieces: readonly (Uint8Array | string)[];
  }
  | { readonly kind: "pairs"; readonly without: readonly string[] };

/**
 * Understands one word of a template.
 *
 * @param word The word, such as `user:{id}`, `{*-id,lat}` or `{{user:{id}}}`.
 * @returns Its fixed bytes and references in order.
 * @throws {UsageError} When a brace is single or a placeholder is malformed.
 */
export function parseArgument(word: string): ParsedArgument {
  const fail = (why: string): never => {
    throw new UsageError(`Cannot compile ${JSON.stringify(word)}: ${why}`);
  };
  const pieces: (Uint8Array | string)[] = [];
  let literal = "";
  let at = 0;
  while (at < word.length) {
    const char = word[at];
    if ((char === "{" || char === "}") && word[at + 1] === char) {
      literal += char;
      at += 2;
    } else if (char === "}") {
      fail(`"}" at character ${at + 1} closes nothing; a literal one is "}}"`);
    } else if (char === "{") {
      const close = word.indexOf("}", at);
      if (close === -1) {
        fail(`"{" at character ${at + 1} is not closed; a literal one is "{{"`);
      }
      const name = word.slice(at + 1, close);
      if (name === "") {
        fail(
          `"{}" at character ${at + 1} names no column; write "{{}}" for ` +
            "literal braces",
        );
      }
      if (name.includes("{")) {
        fail(
          `"{" at character ${at + 1} is not closed before the next one; ` +
            'a literal one is "{{"',
        );
      }
      if (name === "*" || name.startsWith("*-")) {
        if (at !== 0 || close !== word.length - 1) {
          fail(`"{${name}}" must be an argument of its own`);
        }
        const without = name === "*" ? [] : name.slice(2).split(",");
        if (without.includes("")) {
          fail(
            '"{*-...}" takes column names with commas between, as in ' +
              '"{*-id,lat}"',
          );
        }
        return { kind: "pairs", without };
      }
      if (literal !== "") pieces.push(encoder.encode(literal));
      literal = "";
      pieces.push(name);
      at = close + 1;
    } else {
      literal += char;
      at++;
    }
  }
  if (literal !== "" || pieces.length === 0) {
    pieces.push(encoder.encode(literal));
  }
  return { kind: "pieces", pieces };
}
