/**
 * The quick look at a command's name that tells whether it may break the
 * pairing of commands and replies. What there is to know of commands stands in
 * command_traits.ts.
 *
 * @module
 */
import { commandsThat, traitsOf } from "./command_traits.ts";

/** A command after which commands and replies no longer pair up. */
export interface Hazard {
  /** The command, in upper case. */
  readonly name: string;
  /** What it does to the pairing. */
  readonly why: string;
}

/** Names that are worth a look, by length and first two letters. */
const WORTH_A_LOOK: ReadonlySet<number> = new Set(
  commandsThat(({ hazard, transaction }) =>
    hazard !== undefined || transaction !== undefined
  ).map((name) => lookKey(name.length, name.charCodeAt(0), name.charCodeAt(1))),
);

/** The same by length and first letter alone: one load for most commands. */
const MAY_BE_WORTH_IT = new Uint8Array(16 << 8);
for (const key of WORTH_A_LOOK) MAY_BE_WORTH_IT[key >> 8] = 1;

/**
 * Tells at a glance whether a command may be a hazard, or MULTI or EXEC.
 *
 * @param length How long its name is, in bytes.
 * @returns False for nearly every command; true says nothing yet.
 */
export function isWorthALook(
  length: number,
  first: number,
  second: number,
): boolean {
  return length < 16 &&
    MAY_BE_WORTH_IT[length << 8 | (first & 0xdf)] === 1 &&
    WORTH_A_LOOK.has(lookKey(length, first, second));
}

function lookKey(length: number, first: number, second: number): number {
  return length << 16 | (first & 0xdf) << 8 | (second & 0xdf);
}

/**
 * Judges a command.
 *
 * @param words Its first three arguments in upper case, the name among them;
 * or as many as have come.
 * @returns What it does to the pairing, if it does.
 */
export function hazardOf(words: readonly string[]): Hazard | undefined {
  const why = traitsOf(words).hazard;
  if (why === undefined) return undefined;
  const [name, first, second] = words;
  if (name !== "CLIENT") return { name, why };
  // With anything else behind REPLY the server answers, be it with an error.
  return second === "OFF" || second === "SKIP"
    ? { name: `${name} ${first} ${second}`, why }
    : undefined;
}
