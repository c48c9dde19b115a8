/**
 * What a server can answer, in RESP2 and RESP3.
 *
 * One tagged union; `kind` tells which. Source: the RESP specification at
 * redis.io, "Redis serialization protocol specification". Attributes are not
 * in it: the reader drops them.
 *
 * @module
 */

/** One whole reply, or one value inside a reply. */
export type Reply =
  | SimpleReply
  | ErrorReply
  | IntegerReply
  | BulkReply
  | NullReply
  | AggregateReply
  | MapReply
  | BooleanReply
  | DoubleReply
  | BigNumberReply
  | VerbatimReply;

/** `+`: a short text such as `OK`. */
export interface SimpleReply {
  /** The tag. */
  kind: "simple";
  /** The text, decoded as UTF-8; what is not UTF-8 shows as U+FFFD. */
  text: string;
  /** The true length in bytes, where the text is cut to what is held. */
  length?: number;
}

/** `-` or `!`: the command failed. A value, never an exception. */
export interface ErrorReply {
  /** The tag. */
  kind: "error";
  /** The text with its code, such as `WRONGTYPE Operation against ...`. */
  text: string;
  /** The true length in bytes, where the text is cut to what is held. */
  length?: number;
}

/** `:`: a signed integer of 64 bits. */
export interface IntegerReply {
  /** The tag. */
  kind: "integer";
  /** A number where a number is exact, else a bigint. */
  value: number | bigint;
}

/** `$`: a string of bytes. */
export interface BulkReply {
  /** The tag. */
  kind: "bulk";
  /** The true length in bytes. */
  length: number;
  /** The bytes; none where there were more than the reader holds. */
  body: Uint8Array | undefined;
}

/** `_`, `$-1` or `*-1`: nothing. */
export interface NullReply {
  /** The tag. */
  kind: "null";
}

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

/** `#`: true or false. */
export interface BooleanReply {
  /** The tag. */
  kind: "boolean";
  /** Which of the two. */
  value: boolean;
}

/** `,`: a floating point number; `inf`, `-inf` and `nan` among them. */
export interface DoubleReply {
  /** The tag. */
  kind: "double";
  /** The number. */
  value: number;
}

/** `(`: an integer of any size. */
export interface BigNumberReply {
  /** The tag. */
  kind: "bignumber";
  /** The integer. */
  value: bigint;
}

/** `=`: a text and its format. */
export interface VerbatimReply {
  /** The tag. */
  kind: "verbatim";
  /** Three characters: `txt`, `mkd`. */
  format: string;
  /** The true length of the text in bytes, without the format. */
  length: number;
  /** The bytes; none where there were more than the reader holds. */
  body: Uint8Array | undefined;
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
