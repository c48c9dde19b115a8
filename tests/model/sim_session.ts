import type { SimServer } from "./sim_server.ts";

/** A reply, as far as it matters. */
export type SimReply =
  | { readonly kind: "ok" }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "nil" }
  | { readonly kind: "error"; readonly text: string }
  | { readonly kind: "items"; readonly items: readonly SimReply[] };

const OK: SimReply = { kind: "ok" };

/** The key of `--exactly-once`. */
export const ONCE = "once";

/** A connection as the server sees it: with what it queues and watches. */
export class SimSession {
  readonly #server: SimServer;
  readonly #node: number;
  readonly #nodes: number;
  #queue: (readonly string[])[] | undefined;
  #isBroken = false;
  /** How often the key had been written when it was watched. */
  #watched: number | undefined;

  constructor(server: SimServer, node = 0, nodes = 1) {
    this.#server = server;
    this.#node = node;
    this.#nodes = nodes;
  }

  /** Executes one command, or queues it. */
  execute(words: readonly string[]): SimReply {
    switch (words[0]) {
      case "WATCH":
        this.#watched = this.#server.once.writes;
        return OK;
      case "MULTI":
        this.#queue = [];
        return OK;
      case "DISCARD":
        this.#leave();
        return OK;
      case "EXEC":
        return this.#exec();
    }
    const queue = this.#queue;
    if (queue === undefined) return this.#run(words);
    const error = isKept(words) ? undefined : this.#server.refusalOf(words);
    if (error !== undefined) {
      this.#isBroken = true;
      return { kind: "error", text: error };
    }
    queue.push(words);
    return OK;
  }

  #exec(): SimReply {
    const server = this.#server;
    const queue = this.#queue!;
    const isBroken = this.#isBroken;
    const isChanged = this.#watched !== undefined &&
      this.#watched !== server.once.writes;
    this.#leave();
    const abort = (why: string): SimReply => ({
      kind: "error",
      text: `EXECABORT Transaction discarded because of${why}`,
    });
    if (isBroken) return abort(" previous errors.");
    const first = queue.find((words) => !isKept(words));
    const error = first && server.refusalOf(first, queue.length);
    if (error !== undefined) return abort(`: ${error}`);
    if (isChanged) return { kind: "nil" };
    return { kind: "items", items: queue.map((words) => this.#run(words)) };
  }

  #leave(): void {
    this.#queue = undefined;
    this.#isBroken = false;
    this.#watched = undefined;
  }

  #run(words: readonly string[]): SimReply {
    const [name, key, value] = words;
    const { once } = this.#server;
    if (key === ONCE) {
      if (name === "GET") {
        return once.value === undefined
          ? { kind: "nil" }
          : { kind: "text", text: once.value };
      }
      once.writes++;
      once.value = name === "DEL"
        ? undefined
        : name === "APPEND"
        ? (once.value ?? "") + value
        : value;
      return OK;
    }
    const error = this.#server.executeOn(this.#node, this.#nodes, words);
    return error === undefined ? OK : { kind: "error", text: error };
  }
}

/** Whether a command is one that always has room. */
function isKept([name, key]: readonly string[]): boolean {
  return key === ONCE && name !== "SET";
}
