import { UsageError } from "../errors.ts";
import { printable } from "./output.ts";

/**
 * Splits a text into words as a POSIX shell would, without expanding anything.
 *
 * @param text The text of one flag, such as `EXPIRE "user:{id}" 3600`.
 * @throws {UsageError} When a quote is left open, a backslash ends the text,
 * or there is no word in it.
 */
export function splitWords(text: string, flag: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (quote === "'") {
      if (char === "'") quote = "";
      else word += char;
    } else if (quote === '"') {
      if (char === '"') quote = "";
      else if (char === "\\" && /["\\$`\n]/.test(text[i + 1] ?? "")) {
        i++;
        if (text[i] !== "\n") word += text[i];
      } else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (char === "\\") {
      if (++i === text.length) {
        throw new UsageError(
          `Cannot split ${flag} ${
            JSON.stringify(text)
          }: it ends in a backslash`,
          flag,
        );
      }
      if (text[i] !== "\n") word = (word ?? "") + text[i];
    } else if (/[ \t\n]/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== "") {
    throw new UsageError(
      `Cannot split ${flag} ${JSON.stringify(text)}: a ${quote} is left open`,
      flag,
    );
  }
  if (word !== undefined) words.push(word);
  if (words.length === 0) {
    throw new UsageError(`${flag} needs a command; it is empty`, flag);
  }
  return words;
}

/**
 * Writes a word so that a shell reads it as it is.
 *
 * @returns The word itself, or in quotes; where there are controls in it, in
 * the `$'...'` that bash, zsh and POSIX of 2024 know.
 */
export function quoteWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (printable(word) === word) return `'${word.replaceAll("'", "'\\''")}'`;
  return `$'${printable(word.replace(/[\\']/g, "\\$&"))}'`;
}
