import { hasPlaceholder } from "../codec/placeholder.ts";
import { UsageError } from "../errors.ts";
import { readStart, STANDARD_INPUT } from "../transport/source.ts";
import type { Arguments } from "./args.ts";
import { flagNamed, withoutValue } from "./flags.ts";

/** How to say that a command is meant as it stands. */
const MEANT = "or, where that is meant, begin the command with -- --";

/** What other tools write where respipe writes `{id}`. */
const TYPOS: readonly RegExp[] = [
  /%(\w+)%/,
  /\$\{?(\w+)\}?/,
  /(?<=^|:):(\w+):/,
  /<(\w+)>/,
  /\[(\w+)\]/,
];

/**
 * Refuses commands that would be valid, and hardly ever are what was meant: with
 * a flag of respipe's among their words, or the same for every row.
 *
 * What begins with `-- --` is meant as it stands.
 *
 * @throws {UsageError} When there is no command, or it looks like a mistake.
 */
export function checkTemplate(
  { template, flags, files, isMeant }: Arguments,
): readonly (readonly string[])[] {
  if (template === undefined || template.length === 0) {
    throw new UsageError(
      "There is no command; write it after --, as in: " +
        "respipe load users.csv -- HSET 'user:{id}' '{*}'",
    );
  }
  const commands = [template, ...flags.then ?? []];
  if (isMeant) return commands;
  for (const word of template) refuseFlag(word);
  refuseOneWord(template);
  refuseExpanded(template);
  if (!commands.some((words) => words.some(hasPlaceholder))) {
    // The name of a command is none of a column.
    const words = commands.flatMap(([, ...rest]) => rest);
    throw withoutColumn(words, columnsOf(files[0]));
  }
  return commands;
}

function refuseFlag(word: string): void {
  const flag = flagNamed(word);
  if (flag === undefined && word !== "--help" && word !== "--version") return;
  const name = withoutValue(word);
  throw new UsageError(
    `${name} stands behind --, where it is part of the command; put flags in ` +
      `front of --, ${MEANT}`,
    name,
  );
}

function refuseOneWord(template: readonly string[]): void {
  const [name] = template;
  const [first, ...rest] = name.trim().split(/\s+/);
  if (template.length > 1 || rest.length === 0) return;
  const words = [first, ...rest.map((it) => `'${it}'`)].join(" ");
  throw new UsageError(
    `Cannot use ${JSON.stringify(name)} as the name of a command; behind -- ` +
      `each argument is a word of its own: -- ${words}`,
  );
}

/** A shell makes two words of `{*-id,lat}` without quotes: `*-id` and `lat`. */
function refuseExpanded(template: readonly string[]): void {
  const at = template.findIndex((word) => /^\*-./.test(word));
  if (at === -1) return;
  const words = [template[at], ...template.slice(at + 1)];
  throw new UsageError(
    `${JSON.stringify(template[at])} looks like what a shell makes of ` +
      `{${words.join(",")}}; quote it, '{${words.join(",")}}', ${MEANT}`,
  );
}

function withoutColumn(
  words: readonly string[],
  columns: readonly string[],
): UsageError {
  const typos = words.flatMap((word) => {
    const mended = mend(word, columns);
    return mended === word ? [] : [`${JSON.stringify(word)} to be '${mended}'`];
  });
  const hint = typos.length === 0
    ? "write {id} for the field of column id, in single quotes"
    : `perhaps you want ${typos.join(" and ")}`;
  return new UsageError(
    "The command has no column in it, so it would be the same for every row; " +
      `${hint}, ${MEANT}`,
  );
}

/** Writes as a placeholder what looks like one in another language. */
function mend(word: string, columns: readonly string[]): string {
  const typo = TYPOS.find((pattern) => pattern.test(word));
  return typo === undefined
    ? word.split(":")
      .map((part) => columns.includes(part) ? `{${part}}` : part).join(":")
    : word.replace(typo, "{$1}");
}

/** The columns that a file seems to have: good enough for a hint. */
function columnsOf(path = STANDARD_INPUT): string[] {
  if (path === STANDARD_INPUT) return [];
  const { state } = Deno.permissions.querySync({ name: "read", path });
  if (state !== "granted") return [];
  try {
    // A pipe's data would be gone.
    if (!Deno.statSync(path).isFile) return [];
    const start = readStart(path, 64 * 1024);
    const [line] = new TextDecoder().decode(start).split(/\r?\n/);
    return line.split(/[,;\t|]/).map((name) => name.replace(/^"(.*)"$/, "$1"))
      .filter((name) => name !== "");
  } catch {
    // Whoever reads it will say what is wrong with it.
    return [];
  }
}
