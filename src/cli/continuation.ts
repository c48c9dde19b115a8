import { counted } from "../engine/counted.ts";
import type { Summary } from "../engine/summary.ts";
import { InputError } from "../errors.ts";
import { areRepeatable } from "../protocol/command_traits.ts";
import { STANDARD_INPUT } from "../transport/source.ts";
import { sourceName } from "../transport/url_source.ts";
import type { WrittenFlag } from "./args.ts";
import type { LoadOptions } from "./options.ts";
import { quoteWord } from "./shell_words.ts";

/** Flags that do not go into the command for the rest. */
const NOT_AGAIN: readonly string[] = ["from-line", "prune", "prune-limit"];

/** How a load that ended early can go on. */
export interface Continuation {
  /** The command line, for a POSIX shell, without secrets. */
  readonly command: string;
  /** The same in a sentence, with what else it needs. */
  readonly sentence: string;
}

/**
 * Writes the command that goes on where a load left off.
 *
 * @returns The command; nothing where there is nothing to go on with.
 */
export function continuationOf(
  options: LoadOptions,
  { next, loaded, rejected, unknown, formats }: Pick<
    Summary,
    "next" | "loaded" | "rejected" | "unknown" | "formats"
  >,
  failure?: unknown,
): Continuation | undefined {
  const { rows, args } = options;
  // A spare database is emptied when its load ends early.
  if (next === undefined || options.ends.swapDb !== undefined) return undefined;
  const { state, exactlyOnce } = options;
  if (exactlyOnce !== undefined) {
    return sameAgain(options, `the key ${exactlyOnce}`, failure);
  }
  if (state !== undefined) return sameAgain(options, state, failure);
  const files = options.files.map(sourceName);
  const at = files.indexOf(next.source);
  // A file that is given twice has two such places.
  if (at === -1 || files.lastIndexOf(next.source) !== at) return undefined;
  const left = (rows.limit ?? Infinity) - loaded - rejected;
  // Of what is unpacked on the way the offset is none of the file's.
  const isUnpacked = formats.some(({ source, format }) =>
    source === next.source && format.includes(", ")
  );
  const isRead = !isUnpacked && isReadUpTo(next.source, next.offset);
  const rest = files.slice(isRead ? at + 1 : at);
  if (left <= 0 || rest.length === 0) return undefined;
  const words = ["respipe", "load"];
  let hasSecret = false;
  for (const { flag, words: given } of args.written) {
    // What the first part has written would be pruned.
    if (NOT_AGAIN.includes(flag.name)) continue;
    if (flag.name === "limit") words.push("--limit", String(left));
    else if (flag.name === "rejects" && rejected > 0) {
      // Each load makes these files anew.
      words.push("--rejects", `${options.rejects}.${next.line}`);
    } else {
      const shown = withoutSecret({ flag, words: given });
      hasSecret ||= shown !== given;
      words.push(...shown);
    }
  }
  if (!isRead) words.push("--from-line", String(next.line));
  words.push(...rest, "--", ...args.isMeant ? ["--"] : []);
  words.push(...args.template ?? []);
  const command = words.map(quoteWord).join(" ");
  const needs: string[] = [];
  if (rest.includes(STANDARD_INPUT)) {
    needs.push("the same standard input again, which cannot be sought");
  }
  if (rest.some((name) => !options.files.includes(name))) {
    needs.push("what is not shown of the URLs");
  }
  if (hasSecret) needs.push("the password, which is not shown");
  const more = needs.length === 0 ? "" : `, with ${needs.join(" and ")}`;
  const twice = unknown > 0 && !areRepeatable(rows.commands)
    ? ` (${counted(unknown, "record")} may be in already, and twice then)`
    : "";
  return { command, sentence: `to go on${more}${twice}: ${command}` };
}

/** The same command, where something keeps from where it goes on. */
function sameAgain(
  { args, files }: LoadOptions,
  keeper: string,
  failure: unknown,
): Continuation {
  const words = ["respipe", "load"];
  for (const flag of args.written) words.push(...withoutSecret(flag));
  words.push(...files.map(sourceName), "--", ...args.isMeant ? ["--"] : []);
  words.push(...args.template ?? []);
  const again = "give the same command again";
  return {
    command: words.map(quoteWord).join(" "),
    sentence: failure instanceof InputError
      ? `to go on with the same input, ${again}: ${keeper} says from where; ` +
        `a mended one is loaded anew, without ${keeper}`
      : `to go on, ${again}: ${keeper} says from where`,
  };
}

/** A flag without its secret; of a URI that is the password alone. */
function withoutSecret({ flag, words }: WrittenFlag): readonly string[] {
  if (flag.secret !== true) return words;
  if (flag.name !== "uri") return [];
  const uri = words.at(-1)!;
  const userInfo = /:\/\/([^/?#]*@)/.exec(uri)?.[1];
  if (userInfo === undefined) return words;
  // Without a colon it is a password alone.
  const user = userInfo.slice(0, Math.max(0, userInfo.indexOf(":")));
  const shown = uri.replace(userInfo, () => user === "" ? "" : `${user}@`);
  return [...words.slice(0, -1), shown];
}

/** Whether a file has nothing at or behind a byte. */
function isReadUpTo(path: string, offset: number): boolean {
  if (path === STANDARD_INPUT) return false;
  try {
    const { isFile, size } = Deno.statSync(path);
    return isFile && size <= offset;
  } catch {
    // Whoever reads it will say what is wrong.
    return false;
  }
}
