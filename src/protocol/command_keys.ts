/**
 * Where the key of any command stands that may come: what the server tells of
 * all its commands, and where it does not, what is known of them here.
 *
 * The first key is enough. Where the others are in other slots, the node that
 * has the first one's says so.
 *
 * @module
 */
import type { ArgumentWalker } from "./argument_walker.ts";
import { NINE, ZERO } from "./ascii.ts";
import {
  commandsThat,
  isKnown,
  repeatsAlways,
  traitsOf,
} from "./command_traits.ts";
import { keySlot, NO_SLOT } from "./key_slot.ts";
import { numberIn, type Reply, textIn } from "./reply.ts";

/** Where one command's first key stands. */
interface KeyRule {
  /** The command's name, in upper case. */
  readonly name: string;
  /** Index of the key among the arguments, the name's being 0; 0: none. */
  readonly position: number;
  /** Whether that is known to be the only key. */
  readonly isOnly?: boolean;
  /** Whether the argument in front of it says how many keys there are. */
  readonly counted?: boolean;
  /** The word that the key stands behind, where no index says it. */
  readonly word?: string;
  /** Index of the first argument that may be that word. */
  readonly from?: number;
  /** Whether it can be sent again without harm, with any arguments. */
  readonly repeats?: boolean;
  /** Why the command cannot be sent to a cluster. */
  readonly refusal?: string;
}

const UNTOLD = "the server does not say where its keys are";

/** Of a command that nobody knows, which some node will refuse. */
const UNKNOWN: KeyRule = { name: "", position: 1 };

/**
 * Finds the hash slot of commands.
 *
 * @example
 * ```ts
 * import { CommandKeys } from "./command_keys.ts";
 * import { ArgumentWalker } from "./argument_walker.ts";
 * import { encodeCommand } from "./encode_command.ts";
 * import { keySlot } from "./key_slot.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const keys = new CommandKeys();
 * const walker = new ArgumentWalker();
 * walker.begin(encodeCommand(["eval", "return 1", "1", "key", "argument"]));
 * walker.nextCommand();
 * assertEquals(keys.slotOf(walker), keySlot(new TextEncoder().encode("key")));
 * ```
 */
export class CommandKeys {
  /** Index of the last key that was found, in the walker's bytes. */
  start = 0;
  /** That key's length. */
  length = 0;
  /** Whether it is known to be the only one of its command. */
  isOnly = false;
  readonly #rules = new Map<number, KeyRule[]>();
  /** The one that was found last: a run of one command is the rule. */
  #last: KeyRule = UNKNOWN;

  /**
   * Learns where keys stand.
   *
   * @param told What the server answers to COMMAND, where it may be asked.
   */
  constructor(told?: Reply) {
    for (const name of commandsThat(() => true)) this.#add(knownRule(name));
    for (const item of itemsOf(told)) {
      const rule = toldRule(itemsOf(item));
      if (rule !== undefined) this.#add(rule);
    }
  }

  /**
   * Finds the rule for a command.
   *
   * @param start Index of the first byte of its name.
   * @param length How long the name is.
   * @returns The rule; that of an unknown command where there is none.
   */
  ruleOf(bytes: Uint8Array, start: number, length: number): KeyRule {
    if (isNamed(this.#last.name, bytes, start, length)) return this.#last;
    const rules = this.#rules.get(hashOf(bytes, start, start + length));
    if (rules === undefined) return UNKNOWN;
    for (const rule of rules) {
      if (isNamed(rule.name, bytes, start, length)) return this.#last = rule;
    }
    return UNKNOWN;
  }

  /**
   * Walks over a command to its end.
   *
   * @param walker It stands in front of the command's name.
   * @returns The hash slot of the first key; {@linkcode NO_SLOT} without keys.
   */
  slotOf(walker: ArgumentWalker): number {
    if (!walker.nextArgument()) return NO_SLOT;
    const { bytes } = walker;
    const rule = this.ruleOf(bytes, walker.start, walker.length);
    const { counted = false, word, from = 1 } = rule;
    let { position } = rule;
    let slot = NO_SLOT;
    let isNone = false;
    for (let i = 1; walker.nextArgument(); i++) {
      const { start, length } = walker;
      if (i === position) {
        if (isNone) continue;
        slot = keySlot(bytes, start, start + length);
        this.start = start;
        this.length = length;
        this.isOnly = rule.isOnly === true;
      } else if (counted && i === position - 1) {
        isNone = length === 1 && bytes[start] === ZERO;
      } else if (word !== undefined && position === 0 && i >= from) {
        if (isNamed(word, bytes, start, length)) position = i + 1;
      }
    }
    return slot;
  }

  /**
   * Tells whether a command can be sent again without harm; of those where that
   * depends on the arguments, only the plainest can.
   *
   * @param rule Its rule.
   * @param walker It stands behind the command's name.
   * @returns False where that is not known.
   */
  repeats({ name, repeats = false }: KeyRule, walker: ArgumentWalker): boolean {
    const { count } = walker;
    switch (name) {
      case "SET":
        if (count === 3) return true;
        // SET key value EX 60
        for (let i = 0; i < 3; i++) walker.nextArgument();
        return count === 5 &&
          isNamed("EX", walker.bytes, walker.start, walker.length);
      case "ZADD":
        // Options stand in front of the first score.
        for (let i = 0; i < 2; i++) walker.nextArgument();
        return count % 2 === 0 && isDigit(walker.bytes[walker.start]);
      default:
        return repeats;
    }
  }

  #add(rule: KeyRule): void {
    const bytes = encoder.encode(rule.name);
    const hash = hashOf(bytes, 0, bytes.length);
    const others = this.#rules.get(hash) ?? [];
    const rest = others.filter(({ name }) => name !== rule.name);
    this.#rules.set(hash, [...rest, rule]);
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

/** Whether bytes are a name, in any letter case. */
function isNamed(
  name: string,
  bytes: Uint8Array,
  start: number,
  length: number,
): boolean {
  if (length !== name.length || length === 0) return false;
  for (let i = 0; i < length; i++) {
    let byte = bytes[start + i];
    if (byte >= 0x61 && byte <= 0x7a) byte -= 0x20;
    if (byte !== name.charCodeAt(i)) return false;
  }
  return true;
}

function knownRule(name: string): KeyRule {
  const traits = traitsOf([name]);
  const { key = 1, counted = false } = traits;
  const refusal = traits.session ?? traits.single;
  return {
    name,
    ...typeof key === "number"
      ? { position: key, counted, isOnly: traits.writesOneKey === true }
      : { position: 0, word: key },
    repeats: repeatsAlways(name),
    ...refusal === undefined ? {} : { refusal },
  };
}

/**
 * What COMMAND says of one command: name, arity, flags, first key, last key,
 * step, categories, tips, key specifications, subcommands; before Redis 7 the
 * first six or seven of them.
 */
function toldRule(told: readonly Reply[]): KeyRule | undefined {
  const name = textOf(told[0]).toUpperCase();
  if (name === "") return undefined;
  const known = knownRule(name);
  if (known.refusal !== undefined) return known;
  const first = numberOf(told[3]);
  const subcommands = itemsOf(told[9]);
  if (subcommands.length > 0 && first === 0) {
    const positions = subcommands.map((one) => numberOf(itemsOf(one)[3]));
    return isKnown([name]) ? known : { name, position: Math.max(...positions) };
  }
  const flags = itemsOf(told[2]).map(textOf);
  const isMovable = flags.includes("movablekeys");
  const repeats = known.repeats === true || flags.includes("readonly");
  const isOnly = first > 0 && first === numberOf(told[4]) && !isMovable;
  const spec = specRule(itemsOf(told[8])[0]);
  if (spec !== undefined) return { name, repeats, isOnly, ...spec };
  if (first > 0 || !isMovable) {
    return { name, repeats, position: first, isOnly };
  }
  return isKnown([name]) ? known : { name, position: 0, refusal: UNTOLD };
}

/** What a key specification says of the first key, where it does. */
function specRule(spec: Reply | undefined): Omit<KeyRule, "name"> | undefined {
  const search = entryOf(spec, "begin_search");
  const found = entryOf(spec, "find_keys");
  const where = entryOf(search, "spec");
  const how = entryOf(found, "spec");
  const isCounted = textOf(entryOf(found, "type")) === "keynum";
  switch (textOf(entryOf(search, "type"))) {
    case "index": {
      const index = numberOf(entryOf(where, "index"));
      if (!isCounted) return { position: index };
      const key = numberOf(entryOf(how, "firstkey"));
      const count = numberOf(entryOf(how, "keynumidx"));
      return key === count + 1
        ? { position: index + key, counted: true }
        : undefined;
    }
    case "keyword": {
      const from = numberOf(entryOf(where, "startfrom"));
      const word = textOf(entryOf(where, "keyword")).toUpperCase();
      return isCounted || from < 1 ? undefined : { position: 0, word, from };
    }
    default:
      return undefined;
  }
}

/** The value behind a name; RESP2 has the two one after the other. */
function entryOf(reply: Reply | undefined, name: string): Reply | undefined {
  if (reply?.kind === "map") {
    return reply.entries.find(([key]) => textOf(key) === name)?.[1];
  }
  const items = itemsOf(reply);
  return items[
    items.findIndex((item) => textOf(item) === name) + 1 || Infinity
  ];
}

function itemsOf(reply: Reply | undefined): readonly Reply[] {
  return reply?.kind === "array" || reply?.kind === "set" ? reply.items : [];
}

function textOf(reply: Reply | undefined): string {
  return textIn(reply) ?? "";
}

const encoder = new TextEncoder();

/** A number of a command's name, whatever its case. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let i = start; i < end; i++) hash = hash * 31 + (bytes[i] & 0xdf) | 0;
  return hash;
}

function numberOf(reply: Reply | undefined): number {
  return numberIn(reply) ?? 0;
}
