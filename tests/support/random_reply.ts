import type { Reply } from "../../src/protocol/reply.ts";
import { latin1Text } from "./latin1.ts";
import type { Random } from "./random.ts";

const encoder = new TextEncoder();

/** A reply and one of the ways to write it. */
export interface EncodedReply {
  /** What a reader that holds everything makes of it. */
  reply: Reply;
  /** The bytes, one character each. */
  wire: string;
}

/**
 * Makes a reply of any type, with its RESP.
 *
 * Written apart from the reader on purpose, straight from the specification,
 * so that both have to agree.
 *
 * @param random Where the choices come from.
 * @param depth How many aggregates may be inside each other.
 * @returns The reply, and its bytes as a string of Latin-1 characters.
 */
export function randomReply(random: Random, depth = 4): EncodedReply {
  const attributes = random.int(20) === 0 && depth > 0
    ? pairs(random, "|", depth).wire
    : "";
  const { reply, wire } = random.int(3) > 0 || depth === 0
    ? randomScalar(random)
    : randomAggregate(random, depth);
  return { reply, wire: attributes + wire };
}

function randomScalar(random: Random): EncodedReply {
  const text = random.pick(["OK", "QUEUED", "", "ERR no such key", "Zürich"]);
  const line = latin1Text(encoder.encode(text));
  switch (random.int(12)) {
    case 0:
    case 1:
      return { reply: { kind: "simple", text }, wire: `+${line}\r\n` };
    case 2:
      return { reply: { kind: "error", text }, wire: `-${line}\r\n` };
    case 3: {
      const value = random.int(10 ** random.int(10)) - random.int(10);
      return { reply: { kind: "integer", value }, wire: `:${value}\r\n` };
    }
    case 4: {
      const value = 9223372036854775807n - BigInt(random.int(1000));
      return { reply: { kind: "integer", value }, wire: `:${value}\r\n` };
    }
    case 5:
    case 6:
      return randomBulk(random);
    case 7: {
      const wire = random.pick(["_\r\n", "$-1\r\n", "*-1\r\n"]);
      return { reply: { kind: "null" }, wire };
    }
    case 8: {
      const value = random.int(2) === 0;
      return {
        reply: { kind: "boolean", value },
        wire: value ? "#t\r\n" : "#f\r\n",
      };
    }
    case 9: {
      const value = random.pick([1.5, -2e-9, 3, Infinity, -Infinity, NaN]);
      const written = Number.isFinite(value)
        ? String(value)
        : String(value).toLowerCase().replace("inity", "");
      return { reply: { kind: "double", value }, wire: `,${written}\r\n` };
    }
    case 10: {
      const value = 10n ** BigInt(random.int(60)) * (random.int(2) ? 1n : -1n);
      return { reply: { kind: "bignumber", value }, wire: `(${value}\r\n` };
    }
    default: {
      const body = random.bytes(random.int(30));
      if (random.int(2) === 0) {
        return {
          reply: { kind: "error", text: new TextDecoder().decode(body) },
          wire: `!${body.length}\r\n${latin1Text(body)}\r\n`,
        };
      }
      const { length } = body;
      return {
        reply: { kind: "verbatim", format: "txt", length, body },
        wire: `=${length + 4}\r\ntxt:${latin1Text(body)}\r\n`,
      };
    }
  }
}

function randomBulk(random: Random): EncodedReply {
  const body = random.bytes(random.pick([0, 1, 7, 20, 300]));
  const reply: Reply = { kind: "bulk", length: body.length, body };
  return { reply, wire: `$${body.length}\r\n${latin1Text(body)}\r\n` };
}

function randomAggregate(random: Random, depth: number): EncodedReply {
  const type = random.pick("*~>%");
  if (type === "%") return pairs(random, type, depth);
  const values = randomReplies(random, random.int(5), depth);
  const items = values.map(({ reply }) => reply);
  const kind = type === "*" ? "array" : type === "~" ? "set" : "push";
  return {
    reply: { kind, length: items.length, items, ...firstError(items) },
    wire: frame(type, items.length, values),
  };
}

function pairs(random: Random, type: string, depth: number): EncodedReply {
  const values = randomReplies(random, 2 * random.int(4), depth);
  const replies = values.map(({ reply }) => reply);
  const entries: [Reply, Reply][] = [];
  for (let i = 0; i < replies.length; i += 2) {
    entries.push([replies[i], replies[i + 1]]);
  }
  const { length } = entries;
  return {
    reply: { kind: "map", length, entries, ...firstError(replies) },
    wire: frame(type, length, values),
  };
}

function randomReplies(
  random: Random,
  count: number,
  depth: number,
): EncodedReply[] {
  return Array.from({ length: count }, () => randomReply(random, depth - 1));
}

function frame(type: string, length: number, values: EncodedReply[]): string {
  return `${type}${length}\r\n${values.map(({ wire }) => wire).join("")}`;
}

function firstError(replies: Reply[]): { error?: string } {
  for (const reply of replies) {
    const error = reply.kind === "error"
      ? reply.text
      : "error" in reply
      ? reply.error
      : undefined;
    if (error !== undefined) return { error };
  }
  return {};
}
