/**
 * Takes the README apart, for tests that do what it says.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** A fenced block. */
export interface ReadmeBlock {
  /** The word behind the fence: `sh`, `console`, `crontab` ... */
  language: string;
  /** What is in it. */
  text: string;
}

/** A row of a table. */
export interface ReadmeRow {
  /** The heading above the table, without its number signs. */
  heading: string;
  /** The cells; `\|` is a bar again. */
  cells: string[];
}

/** The whole text. */
export const README: string = Deno.readTextFileSync(
  fileURLToPath(new URL("../../README.md", import.meta.url)),
);

/**
 * Finds the fenced blocks.
 *
 * @param languages Those that are wanted.
 * @returns The blocks in order.
 */
export function readmeBlocks(...languages: string[]): ReadmeBlock[] {
  return [...README.matchAll(/^```([\w-]+)[^\n]*\n([^]*?)^```$/gm)]
    .map(([, language, text]) => ({ language, text }))
    .filter(({ language }) => languages.includes(language));
}

/**
 * Finds the rows of tables, without the line under their titles.
 *
 * @returns The rows in order.
 */
export function readmeRows(): ReadmeRow[] {
  const rows: ReadmeRow[] = [];
  let heading = "";
  let fenced = false;
  for (const line of README.split("\n")) {
    if (line.startsWith("```")) fenced = !fenced;
    else if (fenced) continue;
    else if (line.startsWith("#")) heading = line.replace(/^#+\s*/, "");
    else if (line.startsWith("| ") && !line.startsWith("| -")) {
      const cells = line.split(/(?<!\\)\|/).slice(1, -1);
      rows.push({
        heading,
        cells: cells.map((cell) => cell.trim().replaceAll("\\|", "|")),
      });
    }
  }
  return rows;
}

/**
 * Finds the commands of a block: in `console` what follows a `$`, elsewhere
 * every line, those that a backslash continues joined.
 *
 * @param block The block.
 * @returns The commands, without comments and empty lines.
 */
export function blockCommands({ language, text }: ReadmeBlock): string[] {
  const lines = text.replace(/\\\n\s*/g, "").split("\n");
  return lines
    .map((line) => {
      if (language !== "console") return line.trim();
      return line.startsWith("$ ") ? line.slice(2).trim() : "";
    })
    .filter((line) => line !== "" && !line.startsWith("#"));
}
