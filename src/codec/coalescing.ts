/**
 * Which commands of several rows may become one command, and how.
 *
 * The rule: the outcome must be the same as that of the rows' own commands, one
 * after the other, for every reader and for every key. So a template is
 * coalesced only where it is one command, without options, of those below.
 *
 * - `SET k v` becomes `MSET k v k v ...`. Both drop a time to live, both replace
 *   a value of any type, and pairs of one MSET are set in their order.
 * - Consecutive rows with the same key become one command with all their
 *   members: SADD, PFADD, RPUSH, LPUSH, HSET, ZADD, GEOADD. All of them work
 *   through their members in order.
 *
 * When such a command fails it has changed nothing: each of them checks its
 * arguments and the key's type before it writes, and what the server refuses as
 * a whole (OOM, NOPERM, READONLY ...) it refuses before it begins. So the rows
 * of a failed command can be sent again, one by one, without being applied
 * twice: RPUSH and LPUSH too, which are not idempotent.
 *
 * But rows sent again come after rows that followed them. Where that could
 * change what is left in the end (`replay: "rest"`), all rows from the first
 * failed one on are sent again, in order: SET, ZADD and GEOADD may be repeated
 * at will, the last one wins. Elsewhere (`replay: "failed"`) a command fails
 * only for its key's type, and so for all rows of that key alike, or the order
 * does not matter.
 *
 * @module
 */
import type { Argument, Template } from "./template.ts";

/** How the commands of several rows become one. */
export interface Coalescing {
  /** The arguments that stand once, in front. */
  readonly head: readonly Argument[];
  /** The arguments that each row adds. */
  readonly tail: readonly Argument[];
  /** How many arguments each row adds. */
  readonly tailLength: number;
  /** Whether rows share a command only where their heads are the same. */
  readonly sameKey: boolean;
  /** Whether the first argument that a row adds must look like a number. */
  readonly numeric: boolean;
  /** Which rows are sent again after a failure. */
  readonly replay: "failed" | "rest";
}

/** Commands of one key and members: arguments a member has, how to replay. */
const OF_ONE_KEY: ReadonlyMap<
  string,
  { size: number; numeric: boolean; replay: "failed" | "rest" }
> = new Map([
  ["SADD", { size: 1, numeric: false, replay: "failed" }],
  ["PFADD", { size: 1, numeric: false, replay: "failed" }],
  ["RPUSH", { size: 1, numeric: false, replay: "failed" }],
  ["LPUSH", { size: 1, numeric: false, replay: "failed" }],
  ["HSET", { size: 2, numeric: false, replay: "failed" }],
  ["ZADD", { size: 2, numeric: true, replay: "rest" }],
  ["GEOADD", { size: 3, numeric: true, replay: "rest" }],
]);

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The text of an argument that is the same for every row. */
function fixedText(argument: Argument): string | undefined {
  if (argument.kind !== "pieces") return undefined;
  const [piece, ...others] = argument.pieces;
  if (others.length > 0 || typeof piece === "number") return undefined;
  return decoder.decode(piece);
}

/** How many arguments the server sees. */
function lengthOf(words: readonly Argument[]): number {
  return words.reduce(
    (sum, word) => sum + (word.kind === "pairs" ? 2 * word.columns.length : 1),
    0,
  );
}

/**
 * Finds out whether a template's commands can share one.
 *
 * @param template The template.
 * @returns How; nothing where the outcome might not be the same.
 */
export function planCoalescing(template: Template): Coalescing | undefined {
  if (template.commands.length !== 1) return undefined;
  const [command] = template.commands;
  const name = fixedText(command[0])?.toUpperCase();
  if (name === undefined || command[1]?.kind !== "pieces") return undefined;
  if (name === "SET") {
    if (command.length !== 3 || command[2].kind !== "pieces") return undefined;
    return {
      head: [{ kind: "pieces", pieces: [encoder.encode("MSET")] }],
      tail: command.slice(1),
      tailLength: 2,
      sameKey: false,
      numeric: false,
      replay: "rest",
    };
  }
  const known = OF_ONE_KEY.get(name);
  if (known === undefined) return undefined;
  const tail = command.slice(2);
  const tailLength = lengthOf(tail);
  if (tailLength === 0 || tailLength % known.size !== 0) return undefined;
  // A fixed word in front may be an option: NX, XX, CH ...
  if (known.numeric && fixedText(tail[0]) !== undefined) return undefined;
  if (known.numeric && tail[0].kind !== "pieces") return undefined;
  const { numeric, replay } = known;
  return {
    head: command.slice(0, 2),
    tail,
    tailLength,
    sameKey: true,
    numeric,
    replay,
  };
}
