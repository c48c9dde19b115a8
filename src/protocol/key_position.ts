/** Commands whose key is not the argument behind the name. */
const ELSEWHERE: Readonly<Record<string, number>> = {
  BITOP: 2,
  EVAL: 3,
  EVALSHA: 3,
  EVALSHA_RO: 3,
  EVAL_RO: 3,
  FCALL: 3,
  FCALL_RO: 3,
  LMPOP: 2,
  MEMORY: 2,
  MIGRATE: 3,
  OBJECT: 2,
  SINTERCARD: 2,
  XGROUP: 2,
  XINFO: 2,
  ZDIFF: 2,
  ZINTER: 2,
  ZINTERCARD: 2,
  ZMPOP: 2,
  ZUNION: 2,
};

/** Commands that take arguments, and no key among them. */
const KEYLESS: ReadonlySet<string> = new Set([
  "ACL",
  "AUTH",
  "CLIENT",
  "CLUSTER",
  "COMMAND",
  "CONFIG",
  "ECHO",
  "FLUSHALL",
  "FLUSHDB",
  "FUNCTION",
  "HELLO",
  "INFO",
  "KEYS",
  "LATENCY",
  "MODULE",
  "PING",
  "PUBLISH",
  "SCAN",
  "SCRIPT",
  "SELECT",
  "SLOWLOG",
  "SWAPDB",
  "WAIT",
  "WAITAOF",
]);

/**
 * Tells where the first key stands in a command.
 *
 * It is the argument behind the command's name, but for the few commands where
 * it is known not to be. Commands that are not known, those of modules among
 * them, are taken to have it there too. Source: the key specifications that
 * `COMMAND` gives.
 *
 * @param words The command's words, the name first, as a template has them.
 * @returns The key's index among the words; 0 where there is no key.
 *
 * @example
 * ```ts
 * import { keyPosition } from "./key_position.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(keyPosition(["SET", "user:{id}", "{name}"]), 1);
 * assertEquals(keyPosition(["bitop", "and", "{to}", "{from}"]), 2);
 * assertEquals(keyPosition(["MULTI"]), 0);
 * ```
 */
export function keyPosition(words: readonly string[]): number {
  const name = words[0].toUpperCase();
  if (KEYLESS.has(name)) return 0;
  const position = Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : 1;
  // Scripts say in front of their keys how many there are.
  if (position === 3 && name !== "MIGRATE" && words[2] === "0") return 0;
  return position < words.length ? position : 0;
}
