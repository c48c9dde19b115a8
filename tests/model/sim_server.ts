/**
 * A server without sockets: it executes RESP in the order in which it comes,
 * refuses what a scenario has it refuse, and remembers what it did.
 *
 * Several lanes may share one, as nodes of a cluster share a keyspace of which
 * each key is one node's.
 */

/** What makes a server refuse commands. */
export interface Refusals {
  /** Keys that hold another type. */
  readonly wrongType: ReadonlySet<string>;
  /** Keys that the user may not touch. */
  readonly forbidden: ReadonlySet<string>;
  /** MSET answers with this; none: it is as good as any. */
  readonly mset: string | undefined;
  /** After so many commands it is full. */
  readonly fullAfter: number;
}

/** A value: a string, a list, a set, a hash or a sorted set. */
type Value = string | string[] | Map<string, string>;

const WRONGTYPE = "WRONGTYPE Operation against a key holding the wrong kind";
const NOPERM = "NOPERM No permissions to access a key";
const NO_FLOAT = "ERR value is not a valid float";

/** A reply, as a flight wants it: none is an error. */
export type SimReply = { readonly error: string | undefined };

/** A server's data, its key of `--exactly-once` included. */
export interface SimCopy {
  readonly data: ReadonlyMap<string, Value>;
  readonly writes: ReadonlyMap<string, number>;
  readonly once: string | undefined;
}

/** Executes commands. */
export class SimServer {
  /** The data. */
  readonly data = new Map<string, Value>();
  /** Commands executed or refused. */
  commands = 0;
  /** How often each member or value was written, by its text. */
  readonly writes = new Map<string, number>();
  /** What it says to everything for now. */
  trouble: string | undefined;
  /** Whether it was full when it mattered. */
  wasFull = false;
  /** The key that says how far a load got, with how often it was written. */
  readonly once = { value: undefined as string | undefined, writes: 0 };
  /** How often it has passed a command on. */
  redirections = 0;
  #refusals: Refusals;
  /** The nodes of keys that have moved. */
  readonly #moved = new Map<string, number>();

  constructor(refusals: Refusals) {
    this.#refusals = refusals;
  }

  /** Gives it room again. */
  heal(): void {
    this.#refusals = { ...this.#refusals, fullAfter: Infinity };
    this.trouble = undefined;
  }

  /** What a replica has that follows no further from now on. */
  copy(): SimCopy {
    return structuredClone({
      data: this.data,
      writes: this.writes,
      once: this.once.value,
    });
  }

  /**
   * Has such a replica take its place.
   *
   * @returns Whether anything is lost by that.
   */
  failOver(copy: SimCopy): boolean {
    const { data, writes, once } = structuredClone(copy);
    const isLossy = once !== this.once.value;
    refill(this.data, data);
    refill(this.writes, writes);
    this.once.value = once;
    this.once.writes++;
    return isLossy;
  }

  /** Why a command would not be queued, after so many others that are. */
  refusalOf(words: readonly string[], queued = 0): string | undefined {
    const { forbidden, mset, fullAfter } = this.#refusals;
    if (this.trouble !== undefined) return this.trouble;
    const isMset = words[0] === "MSET";
    if (isMset && mset !== undefined) return mset;
    const keys = isMset ? words.slice(1).filter((_, i) => i % 2 === 0) : [
      words[1],
    ];
    if (keys.some((one) => forbidden.has(one))) return NOPERM;
    if (this.commands + queued <= fullAfter) return undefined;
    this.wasFull = true;
    return "OOM command not allowed when used memory > 'maxmemory'.";
  }

  /** Moves a key to another node; it never comes back. */
  move(key: string, node: number, nodes: number): void {
    if (node > this.nodeOf(key, nodes)) this.#moved.set(key, node);
  }

  /** Which of some nodes has a key. */
  nodeOf(key: string, nodes: number): number {
    const moved = this.#moved.get(key);
    if (moved !== undefined) return moved;
    let hash = 0;
    for (const character of key) hash = hash * 31 + character.charCodeAt(0) | 0;
    return Math.abs(hash) % nodes;
  }

  /** Executes one command on a node; gives the error, if it is one. */
  executeOn(
    node: number,
    nodes: number,
    words: readonly string[],
  ): string | undefined {
    if (this.trouble !== undefined) return this.trouble;
    const owner = this.nodeOf(words[1], nodes);
    if (nodes === 1 || owner === node) return this.execute(words);
    this.redirections++;
    return `MOVED 1 sim:${owner}`;
  }

  /** Executes one command; gives the error, if it is one. */
  execute(words: readonly string[]): string | undefined {
    const { wrongType, forbidden, mset, fullAfter } = this.#refusals;
    const [name, key, ...rest] = words;
    this.commands++;
    const isMset = name === "MSET";
    if (isMset && mset !== undefined) return mset;
    const keys = isMset ? words.slice(1).filter((_, i) => i % 2 === 0) : [key];
    if (keys.some((one) => forbidden.has(one))) return NOPERM;
    if (this.commands > fullAfter) {
      return "OOM command not allowed when used memory > 'maxmemory'.";
    }
    // SET replaces a value of any type.
    const isSet = isMset || name === "SET";
    if (!isSet && wrongType.has(key)) return WRONGTYPE;
    switch (name) {
      case "SET":
      case "MSET":
        for (let i = 1; i < words.length; i += 2) {
          this.data.set(words[i], words[i + 1]);
          this.#wrote(words[i + 1]);
        }
        return undefined;
      case "RPUSH":
        for (const item of rest) {
          this.#at<string[]>(key, []).push(item);
          this.#wrote(item);
        }
        return undefined;
      case "HSET":
        for (let i = 0; i < rest.length; i += 2) {
          this.#at(key, new Map<string, string>()).set(rest[i], rest[i + 1]);
          this.#wrote(rest[i + 1]);
        }
        return undefined;
      case "ZADD": {
        const scores = rest.filter((_, i) => i % 2 === 0);
        if (scores.some((score) => !/^-?\d+$/.test(score))) return NO_FLOAT;
        for (let i = 0; i < rest.length; i += 2) {
          this.#at(key, new Map<string, string>()).set(rest[i + 1], rest[i]);
          this.#wrote(rest[i]);
        }
        return undefined;
      }
    }
    throw new Error(`Cannot simulate ${name}`);
  }

  /** The data as text, in an order of its own. */
  dump(): string {
    const entries = [...this.data].sort(([a], [b]) => a < b ? -1 : 1);
    return entries.map(([key, value]) =>
      `${key}=${value instanceof Map ? [...value].sort().join(";") : value}`
    ).join("\n");
  }

  #at<T extends Value>(key: string, empty: T): T {
    const value = this.data.get(key) as T | undefined ?? empty;
    this.data.set(key, value);
    return value;
  }

  #wrote(text: string): void {
    this.writes.set(text, (this.writes.get(text) ?? 0) + 1);
  }
}

function refill<V>(map: Map<string, V>, from: ReadonlyMap<string, V>): void {
  map.clear();
  for (const [key, value] of from) map.set(key, value);
}

const decoder = new TextDecoder("latin1");

/**
 * Cuts the whole commands off the front of some RESP.
 *
 * @returns The commands' words, and how many bytes they take.
 */
export function takeCommands(
  bytes: Uint8Array,
): { commands: string[][]; taken: number } {
  const text = decoder.decode(bytes);
  const commands: string[][] = [];
  let taken = 0;
  let at = 0;
  const number = (): number => {
    const end = text.indexOf("\r\n", at);
    if (end === -1) return NaN;
    const value = Number(text.slice(at + 1, end));
    at = end + 2;
    return value;
  };
  for (;;) {
    const count = number();
    const words: string[] = [];
    while (words.length < count) {
      const size = number();
      if (Number.isNaN(size) || at + size + 2 > text.length) break;
      words.push(text.slice(at, at + size));
      at += size + 2;
    }
    if (Number.isNaN(count) || words.length < count) return { commands, taken };
    commands.push(words);
    taken = at;
  }
}
