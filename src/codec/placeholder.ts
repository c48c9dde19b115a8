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

/** Whether a word has a placeholder, or what is about to be refused as one. */
export function hasPlaceholder(word: string): boolean {
  return word.replaceAll("{{", "").includes("{");
}

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

/** What a placeholder stands for that is no field of the record. */
export type Derived =
  /** `{#}`: the record's ordinal in its source. */
  | { readonly kind: "number" }
  /** `{3600..4200}`: a whole number, always the same for the same row. */
  | { readonly kind: "spread"; readonly from: number; readonly to: number }
  /** `{*json}`: the record as a JSON object. */
  | { readonly kind: "document" };

/**
 * Understands a placeholder's name that is no field's.
 *
 * @returns What it stands for; nothing where it is a name like any other.
 * @throws {UsageError} When it is a range that has no numbers in it.
 */
export function derivedOf(name: string): Derived | undefined {
  if (name === "#") return { kind: "number" };
  if (name === "*json") return { kind: "document" };
  const range = /^(-?[0-9]+)\.\.(-?[0-9]+)$/.exec(name);
  if (range === null) return undefined;
  const [from, to] = [Number(range[1]), Number(range[2])];
  // A hash of 32 bits spreads over no more.
  if (
    !Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from > to ||
    to - from >= 2 ** 32
  ) {
    throw new UsageError(
      `Cannot use {${name}}: a range goes from a whole number to one that is ` +
        "not smaller, over 4294967296 numbers at the most",
    );
  }
  return { kind: "spread", from, to };
}
