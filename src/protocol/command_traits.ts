/**
 * What is known of commands: where their key is, whether rows can share one,
 * whether repeating one leaves the same data, and whether it breaks the pairing
 * of commands and replies.
 *
 * Repeatable is a command that assigns: what it leaves at the places that it
 * writes to does not depend on what was there. After a lost connection nobody
 * knows how many of the commands in flight were carried out, but they were a
 * run from the first one on. When all of them are sent again, in order, the
 * last assignment to each place wins, as it would have without the loss. So
 * these are not repeatable:
 *
 * - what adds to what is there: RPUSH, INCRBY, APPEND, XADD with `*`;
 * - what depends on what is there (NX, XX), because a later command of the run
 *   may have put it there. GT and LT of ZADD only clamp, and doing the same
 *   clamping again changes nothing;
 * - what reads other keys, for the same reason: COPY, RENAME, SUNIONSTORE;
 * - what is answered with the old value (GET), or with an error when it comes
 *   again although all is well: XADD with an ID of its own, RESTORE without
 *   REPLACE, XGROUP CREATE;
 * - what others see (PUBLISH), and what sets the connection up (SELECT), as a
 *   new connection begins in the middle of the input;
 * - what is not known, commands of modules among it.
 *
 * A time to live that counts from now is taken as the same when it begins anew.
 *
 * Sources: the key specifications that `COMMAND` gives, the commands' pages at
 * redis.io and valkey.io, the server's server.c and networking.c.
 *
 * @module
 */

/** Decides over a command by its words, the name first. */
type Decision = (words: readonly string[]) => boolean;

/** How rows share one command. */
interface Sharing {
  /**
   * The command that they share, where it is not their own: it takes any keys,
   * and may be refused where their own are not. Else it has one key, and fails
   * for that key's sake alone.
   */
  readonly as?: string;
  /** Arguments of one member: a field and its value are two. */
  readonly size: number;
  /**
   * The first arguments of a member that are numbers: how far from 0 every
   * server takes them.
   */
  readonly numbers?: readonly number[];
}

/** What is known of one command. */
interface CommandTraits {
  /** Index of its first key among its words, or the word in front; 0: none. */
  readonly key?: number | string;
  /** The word in front of the key says how many keys there are. */
  readonly counted?: boolean;
  /** It writes to that key and to no other. */
  readonly writesOneKey?: boolean;
  /** How rows share it; none where they cannot. */
  readonly sharing?: Sharing;
  /** Whether repeating it, in order, leaves the same data. */
  readonly repeatable?: Decision;
  /** Its key is there when it is done. */
  readonly makesKey?: boolean;
  /** It may take the last member, and its key with it. */
  readonly mayEmptyKey?: boolean;
  /** It changes nothing unless its key is there. */
  readonly needsKey?: boolean;
  /** How it breaks the pairing of commands and replies. */
  readonly hazard?: string;
  /** How it breaks the connection that a load has set up. */
  readonly session?: string;
  /** What comes behind it on the connection is about another database. */
  readonly changesDatabase?: boolean;
  /** Why it means nothing where there is a connection for each node. */
  readonly single?: string;
  /** What it does to a transaction. */
  readonly transaction?: "opens" | "closes";
  /** Those of its subcommands about which there is more to know. */
  readonly subcommands?: ReadonlyMap<string, CommandTraits>;
}

const repeatable: Decision = () => true;
const writesOneKey = true;
const makes = { repeatable, makesKey: true };

/**
 * Repeatable with no other options than these from an index on; `=` marks those
 * with an argument.
 */
function withOptions(from: number, options: string): Decision {
  const known = new Set(options.split(" "));
  return (words) => {
    for (let at = from; at < words.length; at++) {
      const option = words[at].toUpperCase();
      if (known.has(`${option}=`)) at++;
      else if (!known.has(option)) return false;
    }
    return words.length >= from && !words.slice(1, from).some(isSeveral);
  };
}

/** Repeatable with no other options than these in front of the members. */
function inFront(size: number, options: string): Decision {
  const known = new Set(options.split(" "));
  return (words) => {
    let at = 2;
    while (at < words.length && known.has(words[at].toUpperCase())) at++;
    const rest = words.slice(at);
    return rest.length > 0 && rest.length % size === 0 &&
      !/^(NX|XX|INCR)$/i.test(rest[0]) && !rest.some(isSeveral);
  };
}

/** Whether a template's word becomes several, which may be options. */
function isSeveral(word: string): boolean {
  return word.startsWith("{*");
}

const PUSHES = "its replies are pushes, one for each channel";
const ATTACK = "the server takes it for an attack and closes the connection";
const ONE_CONNECTION =
  "it is about one connection, and each node has one of its own";
const STREAM = "it turns the connection into a replication stream";

/** Names, and what is known of each of them. */
const TABLE: readonly (readonly [names: string, traits: CommandTraits])[] = [
  ["SET", {
    writesOneKey,
    repeatable: withOptions(3, "EX= PX= EXAT= PXAT= KEEPTTL"),
    makesKey: true,
    sharing: { as: "MSET", size: 2 },
  }],
  ["HSET", { ...makes, writesOneKey, sharing: { size: 2 } }],
  ["SADD PFADD", { ...makes, writesOneKey, sharing: { size: 1 } }],
  ["RPUSH LPUSH", { writesOneKey, sharing: { size: 1 } }],
  ["ZADD", {
    writesOneKey,
    repeatable: inFront(2, "GT LT CH"),
    makesKey: true,
    sharing: { size: 2, numbers: [Infinity] },
  }],
  ["GEOADD", {
    writesOneKey,
    repeatable: inFront(3, "CH"),
    makesKey: true,
    // The server takes up to 85.05112878; whole numbers are compared exactly.
    sharing: { size: 3, numbers: [180, 85] },
  }],
  ["MSET", makes],
  ["HMSET SETEX PSETEX SETRANGE SETBIT", { ...makes, writesOneKey }],
  ["RESTORE", {
    writesOneKey,
    repeatable: (words) =>
      words.slice(4).some((word) => word.toUpperCase() === "REPLACE") &&
      withOptions(4, "REPLACE ABSTTL IDLETIME= FREQ=")(words),
    makesKey: true,
  }],
  // With another path it needs a document that is there.
  ["JSON.SET", {
    writesOneKey,
    repeatable: ({ length, 2: path }) =>
      length === 4 && (path === "$" || path === "."),
    makesKey: true,
  }],
  ["DEL UNLINK", { repeatable }],
  ["XDEL XACK PERSIST", { repeatable, writesOneKey }],
  ["HDEL SREM ZREM", { repeatable, writesOneKey, mayEmptyKey: true }],
  // NX, XX, GT and LT depend on the time to live that is there.
  ["EXPIRE PEXPIRE EXPIREAT PEXPIREAT", {
    writesOneKey,
    repeatable: (words) => words.length === 3 && !words.some(isSeveral),
    needsKey: true,
  }],
  [
    "APPEND DECR DECRBY GETDEL GETEX GETSET HINCRBY HINCRBYFLOAT HSETNX INCR " +
    "INCRBY INCRBYFLOAT JSON.MERGE LINSERT LPOP LPUSHX LREM LSET LTRIM RPOP " +
    "RPUSHX SETNX SPOP XADD XTRIM ZINCRBY",
    { writesOneKey },
  ],

  ["BITOP MEMORY OBJECT PFDEBUG XGROUP XINFO", { key: 2 }],
  ["MIGRATE", { key: 3 }],
  ["LMPOP SINTERCARD ZDIFF ZINTER ZINTERCARD ZMPOP ZUNION", {
    key: 2,
    counted: true,
  }],
  ["BLMPOP BZMPOP EVAL EVALSHA EVALSHA_RO EVAL_RO FCALL FCALL_RO", {
    key: 3,
    counted: true,
  }],
  ["XREAD XREADGROUP", { key: "STREAMS" }],

  ["ECHO PING WAIT WAITAOF", { key: 0, repeatable }],
  ["MULTI", { key: 0, repeatable, transaction: "opens" }],
  ["EXEC DISCARD", { key: 0, repeatable, transaction: "closes" }],
  [
    "ACL BGREWRITEAOF BGSAVE CLUSTER COMMAND CONFIG DBSIZE " +
    "DEBUG FAILOVER FLUSHALL FLUSHDB FUNCTION INFO KEYS LASTSAVE LATENCY " +
    "LOLWUT MODULE PFSELFTEST PUBLISH PUBSUB RANDOMKEY READONLY READWRITE " +
    "REPLICAOF ROLE SAVE SCAN SCRIPT SLAVEOF SLOWLOG TIME",
    { key: 0 },
  ],
  ["SELECT SWAPDB", { key: 0, changesDatabase: true }],
  ["ASKING UNWATCH", { key: 0, single: ONE_CONNECTION }],
  ["WATCH", { single: ONE_CONNECTION }],
  ["AUTH", {
    key: 0,
    session: "the connection's user is set by --user and -a",
  }],
  ["HELLO", { key: 0, session: "it changes the protocol under way" }],
  ["RESET", {
    key: 0,
    session: "it ends the session that the load needs",
    transaction: "closes",
  }],

  ["SUBSCRIBE PSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE", { key: 0, hazard: PUSHES }],
  // Cluster nodes hash a shard channel as they hash a key.
  ["SSUBSCRIBE SUNSUBSCRIBE", { hazard: PUSHES }],
  ["MONITOR", { key: 0, hazard: "it never stops replying" }],
  ["SYNC PSYNC", { key: 0, hazard: STREAM }],
  ["REPLCONF", { key: 0, hazard: "some of its forms are never answered" }],
  ["POST HOST:", { key: 0, hazard: ATTACK }],
  ["QUIT", {
    key: 0,
    hazard: "it closes the connection before the last reply",
  }],
  ["SHUTDOWN", { key: 0, hazard: "it stops the server" }],
  ["CLIENT", {
    key: 0,
    subcommands: new Map([["REPLY", {
      key: 0,
      hazard: "it turns replies off",
    }]]),
  }],
];

const TRAITS: ReadonlyMap<string, CommandTraits> = new Map(
  TABLE.flatMap(([names, traits]) =>
    names.split(" ").map((name) => [name, traits] as const)
  ),
);

const UNKNOWN: CommandTraits = {};

/**
 * Looks a command up.
 *
 * @param words Its words, the name first, in any letter case.
 * @returns What is known of it; nothing where it is not in the table.
 */
export function traitsOf(words: readonly string[]): CommandTraits {
  if (words.length === 0) return UNKNOWN;
  const traits = TRAITS.get(words[0].toUpperCase());
  if (traits === undefined) return UNKNOWN;
  if (traits.subcommands === undefined || words.length === 1) return traits;
  return traits.subcommands.get(words[1].toUpperCase()) ?? traits;
}

/** Tells whether anything is known of a command. */
export function isKnown(words: readonly string[]): boolean {
  return traitsOf(words) !== UNKNOWN;
}

/** Lists the commands that have a trait, or a subcommand that has it. */
export function commandsThat(
  has: (traits: CommandTraits) => boolean,
): string[] {
  return [...TRAITS].flatMap(([name, traits]) =>
    has(traits) || [...traits.subcommands?.values() ?? []].some(has)
      ? [name]
      : []
  );
}

/**
 * Tells where the first key stands in a command.
 *
 * It is the argument behind the command's name, but for the commands where it
 * is known not to be; those that are not known are taken to have it there too.
 *
 * @param words The command's words, the name first, as a template has them.
 * @returns The key's index among the words; 0 where there is no key.
 */
export function keyPosition(words: readonly string[]): number {
  const { key = 1, counted } = traitsOf(words);
  const position = typeof key === "number"
    ? key
    : words.findIndex((word) => word.toUpperCase() === key) + 1;
  if (counted && words[position - 1] === "0") return 0;
  return position < words.length ? position : 0;
}

/**
 * Tells whether a command can be sent again without harm.
 *
 * @param words Its words, the name first, as a template has them.
 * @returns Whether repeating it, in the order of the input, leaves the same
 * data; false where that is not known.
 */
export function isRepeatable(words: readonly string[]): boolean {
  return traitsOf(words).repeatable?.(words) === true;
}

/**
 * Tells whether a command can be sent again without harm whatever its arguments
 * and the commands around it.
 *
 * @param name Its name.
 * @returns False where that depends, or is not known.
 *
 * @example
 * ```ts
 * import { repeatsAlways } from "./command_traits.ts";
 * import { assert } from "@std/assert";
 *
 * assert(repeatsAlways("hset"));
 * assert(!repeatsAlways("SET")); // with NX it depends
 * assert(!repeatsAlways("RPUSH"));
 * ```
 */
export function repeatsAlways(name: string): boolean {
  return traitsOf([name]).repeatable === repeatable;
}

/**
 * Tells whether all commands of a row can be sent again without harm.
 *
 * Each must be repeatable. And where one of them makes keys, EXPIRE must stand
 * behind what makes its own, and no key may be emptied member by member: else a
 * key that was not there the first time may be there the second time, and have
 * a time to live.
 *
 * @param commands For each command its words, as a template has them.
 * @returns Whether repeating them, in the order of the input, leaves the same
 * data.
 */
export function areRepeatable(
  commands: readonly (readonly string[])[],
): boolean {
  const traits = commands.map(traitsOf);
  const makeSome = traits.some(({ makesKey }) => makesKey);
  const emptySome = traits.some(({ mayEmptyKey }) => mayEmptyKey);
  const made = new Set<string>();
  return commands.every((words, i) => {
    const key = words[keyPosition(words) || Infinity];
    if (traits[i].needsKey && makeSome && (emptySome || !made.has(key))) {
      return false;
    }
    if (traits[i].makesKey) made.add(key);
    else if (!traits[i].needsKey) made.delete(key);
    return isRepeatable(words);
  });
}
