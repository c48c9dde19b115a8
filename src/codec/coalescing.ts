/**
 * Which commands of several rows may become one command, and how.
 *
 * The rule: the outcome must be the same as that of the rows' own commands, one
 * after the other, for every reader and for every key. So a template is
 * coalesced only where it is one command, without options, that
 * command_traits.ts says rows can share.
 *
 * - `SET k v` becomes `MSET k v k v ...`. Both drop a time to live, both replace
 *   a value of any type, and pairs of one MSET are set in their order.
 * - Consecutive rows with the same key become one command with all their
 *   members: SADD, PFADD, RPUSH, LPUSH, HSET, ZADD, GEOADD. All of them work
 *   through their members in order.
 *
 * Such a command must never fail because of one of its rows. It changes nothing
 * when it fails: the server judges it as a whole (NOPERM, OOM, READONLY,
 * MISCONF, MOVED, CLUSTERDOWN ...) before it begins, and each checks its
 * arguments and the key's type before it writes. For what it is refused:
 *
 * | command | because of the key, for all rows alike | because of one row |
 * |---|---|---|
 * | SADD, RPUSH, LPUSH, HSET | WRONGTYPE; NOPERM for the key or the command | nothing |
 * | PFADD | the same; a string that is no HyperLogLog, or a broken one | nothing |
 * | ZADD | the same | a score that is no number |
 * | GEOADD | the same | coordinates that are no numbers, or out of range |
 * | MSET | OOM and what else is said to the whole command | NOPERM for its key, CROSSSLOT |
 *
 * A row of ZADD or GEOADD whose numbers are not plain (plain_number.ts) goes in
 * a command of its own, which no other joins, so that it is rejected alone. What
 * is left fails for its key, and its rows are rejected together. Only MSET may
 * have to be taken apart: for NOPERM of one key or of MSET itself, CROSSSLOT, or
 * where the server does not know it; that is `sameKey: false`.
 *
 * @module
 */
import { traitsOf } from "../protocol/command_traits.ts";
import { isPlainNumber } from "../protocol/plain_number.ts";
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
  /** Arguments that a member has: a score and its member are two. */
  readonly memberSize: number;
  /**
   * For the first arguments of a member, which must be plain numbers for its
   * row to share a command, how far from 0 they may be.
   */
  readonly numbers: readonly number[];
}

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
 * @returns How; nothing where the outcome might not be the same.
 */
export function planCoalescing(template: Template): Coalescing | undefined {
  if (template.commands.length !== 1) return undefined;
  const [command] = template.commands;
  // Their number varies.
  if (command.some(({ kind }) => kind === "members")) return undefined;
  const name = fixedText(command[0]);
  if (name === undefined || command[1]?.kind !== "pieces") return undefined;
  const { sharing } = traitsOf([name]);
  if (sharing === undefined) return undefined;
  const { as, size: memberSize, numbers = [] } = sharing;
  // Another command's keys are part of what each row adds.
  const headLength = as === undefined ? 2 : 1;
  const tail = command.slice(headLength);
  const tailLength = lengthOf(tail);
  if (tailLength === 0 || tailLength % memberSize !== 0) return undefined;
  if (as !== undefined) {
    // What follows one member may be an option.
    if (tailLength !== memberSize || tail.some(isPairs)) return undefined;
  } else if (numbers.length > 0) {
    // A fixed word that is no number may be an option, a name surely is none.
    if (tail.some(isPairs)) return undefined;
    for (let at = 0; at < tailLength; at++) {
      const text = fixedText(tail[at]);
      const bound = numbers[at % memberSize];
      if (text === undefined || bound === undefined) continue;
      const bytes = encoder.encode(text);
      if (!isPlainNumber(bytes, 0, bytes.length, bound)) return undefined;
    }
  }
  const head = as === undefined
    ? command.slice(0, 2)
    : [{ kind: "pieces", pieces: [encoder.encode(as)] } as const];
  return {
    head,
    tail,
    tailLength,
    sameKey: as === undefined,
    memberSize,
    numbers,
  };
}

function isPairs(argument: Argument): boolean {
  return argument.kind === "pairs";
}
