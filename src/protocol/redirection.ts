import { SLOTS } from "./key_slot.ts";

/** Where a node of a cluster sends a command to. */
export interface Redirection {
  /**
   * `moved`: the slot belongs to that node from now on. `ask`: that node takes
   * this one command, behind `ASKING`.
   */
  readonly kind: "moved" | "ask";
  /** The hash slot of the command's keys. */
  readonly slot: number;
  /** The node's host; none where it is the host of the node that answered. */
  readonly host: string | undefined;
  /** The node's TCP port. */
  readonly port: number;
}

/**
 * Reads a redirection out of an error reply.
 *
 * By the Redis Cluster specification a node that does not know the host of the
 * other leaves it empty (`MOVED 3999 :6381`), and the client uses the host that
 * it has asked. Where host names are preferred and the other node has none, it
 * writes `?`. IPv6 addresses stand without brackets.
 *
 * @param text The error, such as `MOVED 3999 127.0.0.1:6381`.
 * @returns The redirection; none where the error is another one.
 */
export function parseRedirection(text: string): Redirection | undefined {
  const match = /^(MOVED|ASK) (\d{1,5}) (\S*):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const slot = Number(match[2]);
  const port = Number(match[4]);
  if (slot >= SLOTS || port < 1 || port > 65535) return undefined;
  const host = match[3].replace(/^\[(.*)\]$/, "$1");
  return {
    kind: match[1] === "ASK" ? "ask" : "moved",
    slot,
    host: host === "" || host === "?" ? undefined : host,
    port,
  };
}
