/**
 * What a server can answer, in RESP2 and RESP3.
 *
 * One tagged union; `kind` tells which. Source: the RESP specification at
 * redis.io, "Redis serialization protocol specification". Attributes are not
 * in it: the reader drops them.
 *
 * @module
 */

/**
 * One whole reply, or one value inside a reply.
 *
 * A `length` is the true one in bytes: of a text that is longer than the reader
 * holds the rest is cut, and a body is left out.
 */
export type Reply =
  /** `+`: a short text such as `OK`; what is not UTF-8 shows as U+FFFD. */
  | { kind: "simple"; text: string; length?: number }
  /** `-` or `!`: the command failed, with its code in front. No exception. */
  | { kind: "error"; text: string; length?: number }
  /** `:`: a signed integer of 64 bits: a number where a number is exact. */
  | { kind: "integer"; value: number | bigint }
  /** `$`: a string of bytes. */
  | { kind: "bulk"; length: number; body: Uint8Array | undefined }
  /** `_`, `$-1` or `*-1`: nothing. */
  | { kind: "null" }
  | AggregateReply
  | MapReply
  /** `#`: true or false. */
  | { kind: "boolean"; value: boolean }
  /** `,`: a floating point number; `inf`, `-inf` and `nan` among them. */
  | { kind: "double"; value: number }
  /** `(`: an integer of any size. */
  | { kind: "bignumber"; value: bigint }
  /** `=`: a text and its format, three characters such as `txt`. */
  | {
    kind: "verbatim";
    format: string;
    length: number;
    body: Uint8Array | undefined;
  };

/** `*`, `~` or `>`: a run of values. */
export interface AggregateReply {
  /** The tag. A push answers no command: the server sends it on its own. */
  kind: "array" | "set" | "push";
  /** The true count of values. */
  length: number;
  /** The first values, as many as the reader holds. */
  items: Reply[];
  /** The text of the first error anywhere inside. */
  error?: string;
}

/** `%`: pairs of a key and a value. */
export interface MapReply {
  /** The tag. */
  kind: "map";
  /** The true count of pairs. */
  length: number;
  /** The first pairs, as many as the reader holds. */
  entries: [key: Reply, value: Reply][];
  /** The text of the first error anywhere inside. */
  error?: string;
}

/**
 * Finds the error in a reply, whether the reply is one or has one inside, as
 * the answer to `EXEC` or to a script may.
 *
 * @returns The text of the first error; none where all went well.
 */
export function errorIn(reply: Reply): string | undefined {
  switch (reply.kind) {
    case "error":
      return reply.text;
    case "array":
    case "set":
    case "push":
    case "map":
      return reply.error;
    default:
      return undefined;
  }
}

const decoder = new TextDecoder();

/** Finds the text of a reply that is one; nothing where it is another thing. */
export function textIn(reply: Reply | undefined): string | undefined {
  switch (reply?.kind) {
    case "bulk":
    case "verbatim":
      return reply.body === undefined ? undefined : decoder.decode(reply.body);
    case "simple":
      return reply.text;
    default:
      return undefined;
  }
}

/** Finds the items of a reply that has some, and was held with all of them. */
export function itemsIn(reply: Reply | undefined): Reply[] | undefined {
  if (reply?.kind !== "array" && reply?.kind !== "set") return undefined;
  return reply.items.length === reply.length ? reply.items : undefined;
}

/** Finds the number that a reply is, as near as a number can be. */
export function numberIn(reply: Reply | undefined): number | undefined {
  return reply?.kind === "integer" ? Number(reply.value) : undefined;
}
