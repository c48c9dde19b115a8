/**
 * Commands whose one key is the argument behind their name, and which write to
 * no other. Of any other command each argument may be a key.
 */
const ONE_KEY = new Set(
  ("APPEND DECR DECRBY EXPIRE EXPIREAT GEOADD GETDEL GETEX GETSET HDEL HINCRBY " +
    "HINCRBYFLOAT HMSET HSET HSETNX INCR INCRBY INCRBYFLOAT JSON.MERGE " +
    "JSON.SET LINSERT LPOP LPUSH LPUSHX LREM LSET LTRIM PERSIST PEXPIRE " +
    "PEXPIREAT PFADD PSETEX RESTORE RPOP RPUSH RPUSHX SADD SET SETBIT SETEX " +
    "SETNX SETRANGE SPOP SREM XACK XADD XDEL XTRIM ZADD ZINCRBY ZREM").split(
      " ",
    ),
);

/**
 * Tells whether a command writes to the key behind its name alone.
 *
 * @returns False where that is not known.
 *
 * @example
 * ```ts
 * import { hasOneKey } from "./one_key.ts";
 * import { assert } from "@std/assert";
 *
 * assert(hasOneKey("hset"));
 * assert(!hasOneKey("MSET"));
 * assert(!hasOneKey("EVAL"));
 * ```
 */
export function hasOneKey(name: string): boolean {
  return ONE_KEY.has(name.toUpperCase());
}
