import { StoppedError } from "../errors.ts";
import { quoteBytes } from "../protocol/quote.ts";
import { errorIn, itemsIn, type Reply } from "../protocol/reply.ts";
import type { Command } from "../transport/ask.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import type { Allowance } from "./allowance.ts";
import { counted, formatCount } from "./counted.ts";
import { KeyHashes } from "./key_hashes.ts";
import type { LoadEnd } from "./load_end.ts";
import { SideConnection } from "./side_connection.ts";
import type { Summary } from "./summary.ts";
import { OF_NO_RECORD, verdictOf } from "./verdict.ts";
import type { Wait } from "./wait.ts";
import type { WrittenKeys } from "./written_keys.ts";

/** Keys that one SCAN looks at. */
const PAGE = "1000";

/** How long a page may take, in ms. */
const PATIENCE = 30_000;

/** Stale keys that are shown where none is deleted. */
const SHOWN = 10;

/** What a node of a cluster says about a key that is not, or half, there. */
const MOVING = /^(MOVED|ASK|TRYAGAIN) /;

/** What came of pruning. */
export interface Pruned {
  /** Which keys were looked at. */
  readonly pattern: string;
  /** How many match it. */
  readonly matching: number;
  /** How many of those the load did not write. */
  readonly stale: number;
  /** How many were deleted. */
  readonly deleted: number;
  /** Some of the stale ones, quoted, where none was to be deleted. */
  readonly examples: readonly string[];
  /** Bytes that it took to remember which keys were written. */
  readonly memory: number;
}

/** What pruning needs. */
interface PruneOptions {
  /** Which keys may be deleted, as MATCH of SCAN takes it. */
  readonly pattern: string;
  /** How many. */
  readonly limit: Allowance;
  /** The servers that have them. */
  readonly servers: () => Promise<readonly ConnectOptions[]>;
  /** Which keys the load has written. */
  readonly written: WrittenKeys;
  /** Whether that is all of the input: no earlier run has loaded a part. */
  readonly isWhole: boolean;
  /** Where it tells what it did. */
  readonly summary: Summary;
  /** What may end it. */
  readonly wait: Wait;
  /** Told in a sentence what was not done. */
  readonly onNotice?: ((sentence: string) => void) | undefined;
}

/**
 * Deletes what an earlier load has written and this one has not.
 *
 * It goes through all keys twice: how many there are to delete must be known
 * before the first one is, and to remember which would take room for all of
 * them.
 */
export class Prune implements LoadEnd {
  readonly #options: PruneOptions;
  #isTried = false;

  /** Looks at nothing yet. */
  constructor(options: PruneOptions) {
    this.#options = options;
  }

  /** Finds out in front of the first batch whether it may prune. */
  beforeBatch(): Promise<void> | undefined {
    if (this.#isTried || !this.#options.isWhole) return undefined;
    this.#isTried = true;
    return this.#try();
  }

  /**
   * Tries what it needs on a key that is not there.
   *
   * @throws {StoppedError} When the server does not allow it.
   */
  async #try(): Promise<void> {
    const { pattern, limit, servers, wait } = this.#options;
    const commands = [["SCAN", "0", "MATCH", pattern, "COUNT", "1"]];
    if (!limit.isNothing) {
      commands.push(["UNLINK", `respipe:${crypto.randomUUID()}`]);
    }
    for (const server of await wait.for(servers())) {
      using side = new SideConnection(server);
      const replies = await wait.for(side.ask(commands));
      for (const [i, reply] of replies.entries()) {
        const refused = errorIn(reply);
        if (refused === undefined) continue;
        // That the user may not touch this key says nothing of others, and what
        // passes, or is another node's, is the load's to deal with.
        const verdict = verdictOf(refused, {
          ...OF_NO_RECORD,
          isCluster: true,
        });
        if (verdict.kind !== "stop") continue;
        throw refusal(refused, commands[i], `: ${verdict.advice}`);
      }
    }
  }

  /**
   * Counts stale keys, and deletes them where they are not too many.
   *
   * @throws {StoppedError} When they are, or the server refuses.
   */
  async conclude(): Promise<void> {
    const { pattern, limit, summary, written, onNotice } = this.#options;
    if (!this.#options.isWhole) {
      onNotice?.(
        "nothing is pruned: this load went on from where an earlier one had " +
          "ended, and which keys that has written is not known",
      );
      return;
    }
    if (summary.rejected > 0) {
      onNotice?.(
        `nothing is pruned: ${counted(summary.rejected, "record")} ` +
          `${summary.rejected === 1 ? "was" : "were"} rejected`,
      );
      return;
    }
    const servers = await this.#options.servers();
    const matching = new KeyHashes();
    const stale = new KeyHashes();
    const examples: string[] = [];
    await this.#each(servers, (keys) => {
      for (const key of keys) {
        matching.add(key);
        if (written.hashes.has(key)) continue;
        stale.add(key);
        if (examples.length < SHOWN) examples.push(quoteBytes(key));
      }
      return [];
    });
    const all = matching.size;
    const found = stale.size;
    const most = limit.of(all);
    const pruned = summary.pruned = {
      pattern,
      matching: all,
      stale: found,
      deleted: 0,
      examples: limit.isNothing ? [...new Set(examples)] : [],
      memory: written.hashes.bytes + matching.bytes + stale.bytes,
    };
    if (limit.isNothing || found === 0) return;
    const of = `${formatCount(found)} of ${counted(all, "key")} that match ` +
      JSON.stringify(pattern);
    if (found > most) {
      throw new StoppedError(
        `Nothing was pruned: ${of} were not written by this load, more than ` +
          `--prune-limit ${limit.text} allows; the load itself is complete`,
      );
    }
    await this.#each(servers, (keys) => {
      const gone = keys.filter((key) => !written.hashes.has(key));
      // Somebody else may write keys like these meanwhile.
      if (pruned.deleted + gone.length > most) {
        throw new StoppedError(
          `Stopped pruning after ${counted(pruned.deleted, "key")}: there ` +
            `are more now than the ${of} that were not written by this load`,
        );
      }
      return gone;
    }, (count) => {
      pruned.deleted += count;
    });
  }

  /**
   * Goes through the keys of all servers.
   *
   * @param choose Takes some keys; gives those to delete.
   */
  async #each(
    servers: readonly ConnectOptions[],
    choose: (keys: Uint8Array[]) => Uint8Array[],
    onDeleted: (count: number) => void = () => {},
  ): Promise<void> {
    const { pattern, wait } = this.#options;
    const scan = (cursor: string | Uint8Array): Command => [
      ...["SCAN"],
      cursor,
      ...["MATCH", pattern, "COUNT", PAGE],
    ];
    for (const server of servers) {
      using side = new SideConnection(server);
      const ask = async (commands: Command[]): Promise<Reply[]> => {
        const replies = await wait.for(side.ask(commands, PATIENCE));
        for (const [i, reply] of replies.entries()) {
          this.#check(reply, commands[i]);
        }
        return replies;
      };
      let [page] = await ask([scan("0")]);
      for (;;) {
        const { cursor, keys } = readPage(page);
        const gone = choose(keys);
        const isLast = cursor.length === 1 && cursor[0] === 0x30;
        // One by one: in a cluster keys of one command have one slot.
        const commands: Command[] = gone.map((key) => ["UNLINK", key]);
        if (!isLast) commands.push(scan(cursor));
        if (commands.length === 0) break;
        const replies = await ask(commands);
        onDeleted(
          replies.filter((it) => it.kind === "integer" && it.value === 1)
            .length,
        );
        if (isLast) break;
        page = replies[replies.length - 1];
      }
    }
  }

  #check(reply: Reply, command: Command): void {
    const refused = errorIn(reply);
    // A key that moves to another node meanwhile stays, and is not counted.
    if (refused === undefined || MOVING.test(refused)) return;
    throw refusal(refused, command, "; the load itself is complete");
  }
}

function refusal(
  refused: string,
  [name]: Command,
  more: string,
): StoppedError {
  return new StoppedError(
    `Cannot prune: the server answered ${JSON.stringify(refused)} to ` +
      `${name}${more}`,
    refused,
  );
}

/** What SCAN has answered; a key too large to be held is passed over. */
function readPage(
  reply: Reply,
): { cursor: Uint8Array; keys: Uint8Array[] } {
  const [cursor, list] = itemsIn(reply) ?? [];
  const found = itemsIn(list);
  if (
    cursor?.kind !== "bulk" || cursor.body === undefined || found === undefined
  ) throw new Error(`Cannot read what SCAN answered: ${JSON.stringify(reply)}`);
  const keys: Uint8Array[] = [];
  for (const key of found) {
    if (key.kind === "bulk" && key.body !== undefined) keys.push(key.body);
  }
  return { cursor: cursor.body, keys };
}
