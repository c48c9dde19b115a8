import type { Random } from "./random.ts";

/** A CSV and what is in it, one character for each byte in both. */
export interface RandomCsv {
  /** The document. */
  text: string;
  /** The values of each record. */
  rows: string[][];
}

/** What random documents are made of. */
export interface RandomCsvOptions {
  /** The character between two fields. Default: `,`. */
  delimiter?: string;
  /** The character around a quoted field. Default: `"`. */
  quote?: string;
  /** Fields of each record. Default: drawn, up to 6. */
  columns?: number;
  /** Draws a value. Default: {@linkcode randomValue}. */
  value?: (random: Random) => string;
}

/**
 * Draws a field's value from what is hard to get right.
 *
 * @param random Where the choices come from.
 * @returns Any bytes, one character each; often none, seldom many.
 */
export function randomValue(random: Random): string {
  switch (random.int(8)) {
    case 0:
      return "";
    case 1:
      return randomText(random, '",\r\n\0\xff', random.int(6));
    case 2:
      return String.fromCharCode(...random.bytes(random.int(20)));
    case 3:
      return 'say "hi", she said\r\n'.slice(random.int(10), random.int(20));
    case 4:
      return "x".repeat(random.pick([3, 4, 5, 99, 100, 127, 128, 129, 300]));
    default:
      return String(random.int(10 ** random.int(9)));
  }
}

/**
 * Draws characters.
 *
 * @param random Where the choices come from.
 * @param alphabet The characters to choose from.
 * @param length How many to draw.
 * @returns The text.
 */
export function randomText(
  random: Random,
  alphabet: string,
  length: number,
): string {
  return Array.from({ length }, () => random.pick(alphabet)).join("");
}

/**
 * Makes a well-formed CSV with all that a writer may choose: quotes where none
 * are needed, either line break, blank lines, a byte order mark, no last line
 * break.
 *
 * @param random Where the choices come from.
 * @param options What the document is made of.
 * @returns The document and its values.
 */
export function randomCsv(
  random: Random,
  options: RandomCsvOptions = {},
): RandomCsv {
  const { delimiter = ",", quote = '"', value = randomValue } = options;
  const columns = options.columns ?? 1 + random.int(6);
  const lineBreaks = random.pick([["\n"], ["\r\n"], ["\n", "\r\n"]]);
  const special = [delimiter, quote, "\r", "\n", "\xef", "\xfe", "\xff"];
  const write = (field: string, alone: boolean): string => {
    const quoted = alone && field === "" || random.int(5) === 0 ||
      special.some((character) => field.includes(character));
    return quoted
      ? quote + field.replaceAll(quote, quote + quote) + quote
      : field;
  };
  const rows: string[][] = [];
  let text = random.int(10) === 0 ? "\xef\xbb\xbf" : "";
  for (let left = random.int(12); left > 0; left--) {
    const row = Array.from({ length: columns }, () => value(random));
    rows.push(row);
    text += row.map((field) => write(field, columns === 1)).join(delimiter);
    if (left > 1 || random.int(3) > 0) text += random.pick(lineBreaks);
    while (left > 1 && random.int(8) === 0) text += random.pick(lineBreaks);
  }
  return { text, rows };
}

/**
 * Changes, drops, doubles or adds a few characters.
 *
 * @param random Where the choices come from.
 * @param text What to damage.
 * @param alphabet Where most of the new characters come from.
 * @returns The damaged text.
 */
export function damageText(
  random: Random,
  text: string,
  alphabet: string,
): string {
  for (let i = 1 + random.int(3); i > 0; i--) {
    const at = random.int(text.length + 1);
    const character = random.int(4) === 0
      ? String.fromCharCode(random.int(256))
      : random.pick(alphabet);
    const put = random.pick(["", character, character + character]);
    text = text.slice(0, at) + put + text.slice(at + random.int(2));
  }
  return random.int(6) === 0 ? text.slice(0, random.int(text.length)) : text;
}
