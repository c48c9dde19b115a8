/** A command after which commands and replies no longer pair up. */
export interface Hazard {
  /** The command, in upper case. */
  readonly name: string;
  /** What it does to the pairing. */
  readonly why: string;
}

const PUSHES = "its replies are pushes, one for each channel";
const ATTACK = "the server takes it for an attack and closes the connection";
const STREAM = "it turns the connection into a replication stream";

const HAZARDS: ReadonlyMap<string, string> = new Map([
  ["SUBSCRIBE", PUSHES],
  ["PSUBSCRIBE", PUSHES],
  ["SSUBSCRIBE", PUSHES],
  ["UNSUBSCRIBE", PUSHES],
  ["PUNSUBSCRIBE", PUSHES],
  ["SUNSUBSCRIBE", PUSHES],
  ["MONITOR", "it never stops replying"],
  ["SYNC", STREAM],
  ["PSYNC", STREAM],
  ["REPLCONF", "it may get no reply"],
  ["POST", ATTACK],
  ["HOST:", ATTACK],
  ["QUIT", "it closes the connection before the last reply"],
  ["SHUTDOWN", "it stops the server"],
]);

/** Names that are worth a look, by length and first two letters. */
const WORTH_A_LOOK: ReadonlySet<number> = new Set(
  [...HAZARDS.keys(), "CLIENT", "MULTI", "EXEC", "DISCARD", "RESET"].map((
    name,
  ) => lookKey(name.length, name.charCodeAt(0), name.charCodeAt(1))),
);

/** The same by length and first letter alone: one load for most commands. */
const MAY_BE_WORTH_IT = new Uint8Array(16 << 8);
for (const key of WORTH_A_LOOK) MAY_BE_WORTH_IT[key >> 8] = 1;

/**
 * Tells at a glance whether a command may be a hazard, or MULTI or EXEC.
 *
 * @param length How long its name is, in bytes.
 * @param first The name's first letter.
 * @param second The name's second letter.
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
 *
 * @example
 * ```ts
 * import { hazardOf } from "./hazard.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(hazardOf(["CLIENT", "REPLY", "OFF"])?.name, "CLIENT REPLY OFF");
 * assertEquals(hazardOf(["SET", "A", "B"]), undefined);
 * ```
 */
export function hazardOf(words: readonly string[]): Hazard | undefined {
  const [name, first, second] = words;
  // With anything else the server answers, be it with an error.
  const isOff = second === "OFF" || second === "SKIP";
  if (name === "CLIENT" && first === "REPLY" && isOff) {
    return { name: `CLIENT REPLY ${second}`, why: "it turns replies off" };
  }
  const why = HAZARDS.get(name);
  return why === undefined ? undefined : { name, why };
}
