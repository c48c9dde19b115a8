import { plain } from "./plain_reply.ts";
import type { Random } from "./random.ts";
import type { RedisServer } from "./redis_server.ts";

/** What is wrong with a row: its key, its score, or its number of fields. */
export type Poison = "key" | "score" | "fields";

/** A row of a table, and what ought to become of it. */
export interface PoisonedRow {
  /** Its number, from 1 on: the record's ordinal, and its value. */
  readonly id: number;
  /** Where it lies in the server: the key, and the member where it has one. */
  readonly slot: string;
  /** Its text with the line break. */
  readonly text: string;
  /** The same without what is wrong. */
  readonly mended: PoisonedRow | undefined;
}

/** A command that rows can share. */
export interface SharedTemplate {
  /** The words of the template. */
  readonly command: readonly string[];
  /** What can be wrong with its rows. */
  readonly poison: readonly Poison[];
  /** Whether a slot keeps the values of all of its rows, or the last one. */
  readonly keepsAll: boolean;
  /** Whether members stand under a key. */
  readonly hasMembers: boolean;
  /** How many rows in a row have the same key, on average. */
  readonly run: number;
  /** Reads one key. */
  readonly read: (key: string) => string[];
}

/** The commands that rows can share, one of each kind. */
export const SHARED_TEMPLATES: Readonly<Record<string, SharedTemplate>> = {
  SET: {
    command: ["SET", "{key}", "{id}"],
    poison: ["key", "fields"],
    keepsAll: false,
    hasMembers: false,
    run: 1,
    read: (key) => ["GET", key],
  },
  ZADD: {
    command: ["ZADD", "{key}", "{score}", "{member}"],
    poison: ["key", "score", "fields"],
    keepsAll: false,
    hasMembers: true,
    run: 20,
    read: (key) => ["ZRANGE", key, "0", "-1", "WITHSCORES"],
  },
  HSET: {
    command: ["HSET", "{key}", "{member}", "{id}"],
    poison: ["key", "fields"],
    keepsAll: false,
    hasMembers: true,
    run: 20,
    read: (key) => ["HGETALL", key],
  },
  RPUSH: {
    command: ["RPUSH", "{key}", "{id}"],
    poison: ["key", "fields"],
    keepsAll: true,
    hasMembers: false,
    run: 20,
    read: (key) => ["LRANGE", key, "0", "-1"],
  },
};

/** The header of every table. */
export const HEADER = "id,key,member,score,note\n";

const BAD_SCORES = ["notanumber", "nan", "", "1e400", "0x", "1 "];

/**
 * Makes rows of which some cannot be loaded.
 *
 * @param random Draws them.
 * @param template What they are for.
 * @param count How many.
 * @param every One of so many is poisoned.
 * @returns The rows, in order.
 */
export function poisonedRows(
  random: Random,
  template: SharedTemplate,
  count: number,
  every = 60,
): PoisonedRow[] {
  const rows: PoisonedRow[] = [];
  let key = "0";
  /** Rows that follow with the key of a wrong type. */
  let wrong = 0;
  for (let id = 1; id <= count; id++) {
    if (random.int(template.run) === 0) key = String(random.int(40));
    const member = `m${random.int(50)}`;
    let poison: Poison | undefined;
    if (wrong > 0) {
      wrong--;
      poison = "key";
    } else if (random.int(every) === 0) {
      poison = random.pick(template.poison);
      if (poison === "key") wrong = random.int(4);
    }
    const make = (poison?: Poison, mended?: PoisonedRow): PoisonedRow => {
      const where = poison === "key" ? "wrong:" + key : "ok:" + key;
      const score = poison === "score" ? BAD_SCORES[id % 6] : `${id}`;
      const more = poison === "fields" ? ",one too many" : "";
      const end = id % 11 === 0 ? "\r\n" : "\n";
      const note = id % 7 === 0 ? `"line\nbreak ""${id}"""` : "";
      return {
        id,
        slot: template.hasMembers ? `${where} ${member}` : where,
        text: `${id},${where},${member},${score},${note}${more}${end}`,
        mended,
      };
    };
    rows.push(poison === undefined ? make() : make(poison, make()));
  }
  return rows;
}

/** What slots hold: the numbers of rows. */
export type Slots = Map<string, string[]>;

/**
 * Says what rows leave in an empty server: the oracle.
 *
 * @param template What they become.
 * @param rows Rows without anything wrong, in the order in which they go in.
 * @returns The slots.
 */
export function slotsOf(
  { keepsAll }: SharedTemplate,
  rows: Iterable<PoisonedRow>,
): Slots {
  const slots: Slots = new Map();
  for (const { slot, id } of rows) {
    const held = slots.get(slot);
    if (held !== undefined && keepsAll) held.push(String(id));
    else slots.set(slot, [String(id)]);
  }
  return slots;
}

/**
 * Makes a server refuse the rows with a poisoned key: SET because the user may
 * not touch it, the others because it holds a string.
 *
 * @param server The server.
 * @param template What is loaded.
 */
export async function refusePoison(
  server: RedisServer,
  { command }: SharedTemplate,
): Promise<void> {
  if (command[0] === "SET") {
    await server.command("ACL", "SETUSER", "default", "resetkeys", "~ok:*");
    return;
  }
  await server.commands(
    Array.from({ length: 40 }, (_, n) => ["SET", `wrong:${n}`, "in the way"]),
  );
}

/**
 * Reads everything that a load has left.
 *
 * @param server The server.
 * @param template What was loaded.
 * @returns The slots.
 */
export async function readSlots(
  server: RedisServer,
  { read, hasMembers }: SharedTemplate,
): Promise<Slots> {
  const keys = plain(await server.command("KEYS", "ok:*")) as string[];
  const replies = await server.commands(keys.map(read));
  const slots: Slots = new Map();
  replies.forEach((reply, i) => {
    const held = [plain(reply)].flat() as string[];
    if (!hasMembers) {
      slots.set(keys[i], held);
      return;
    }
    for (let at = 0; at < held.length; at += 2) {
      slots.set(`${keys[i]} ${held[at]}`, [held[at + 1]]);
    }
  });
  return slots;
}
