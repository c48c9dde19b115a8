import { ConnectionError, HungUpError, ProtocolError } from "../errors.ts";
import { encodeCommand } from "../protocol/encode_command.ts";
import { quoteBytes } from "../protocol/quote.ts";
import type { Reply } from "../protocol/reply.ts";
import { ReplyReader } from "../protocol/reply_reader.ts";
import type { Connection } from "./connection.ts";
import { formatSeconds } from "./format_seconds.ts";
import { isLostConnection, reasonOf, tlsReason } from "./reason.ts";

/** One command, argument by argument. */
export type Command = readonly (string | Uint8Array)[];

/** RFC 8446, 5.1: the content type of a TLS alert. */
const TLS_ALERT = 0x15;

/**
 * Sends one command and waits for its reply.
 *
 * For what happens before a load; records go through a lane.
 *
 * @param connection A connection on which nothing is in flight.
 * @param maxItems How many values the reply is held with, at the most.
 * @returns The reply; an error reply is one too.
 * @throws {ConnectionError} When the connection is lost.
 * @throws {ProtocolError} When the answer is not RESP.
 */
export async function ask(
  connection: Connection,
  args: Command,
  maxItems?: number,
): Promise<Reply> {
  return (await askAll(connection, [args], maxItems))[0];
}

/**
 * Sends some commands at once and waits for their replies.
 *
 * @param connection A connection on which nothing is in flight.
 * @param maxItems How many values each reply is held with, at the most.
 * @returns The replies in order. Fewer than there are commands, but one at the
 * least, where the server has closed the connection in between.
 * @throws {ConnectionError} When the connection is lost before any reply.
 * @throws {ProtocolError} When the answer stops being RESP.
 */
export async function askAll(
  connection: Connection,
  commands: readonly Command[],
  maxItems?: number,
): Promise<Reply[]> {
  const { address } = connection;
  const maxBody = 1024 * 1024;
  const reader = new ReplyReader(
    maxItems === undefined ? { maxBody } : { maxBody, maxItems },
  );
  const buffer = new Uint8Array(16 * 1024);
  const replies: Reply[] = [];
  let isFirst = true;
  let cause: unknown;
  try {
    // A server that talks of its own accord may close before it reads: its
    // words are worth more than the failure to write.
    const writing = connection.write(joined(commands));
    writing.catch(() => {});
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) break;
      if (isFirst && buffer[0] === TLS_ALERT) {
        throw new ConnectionError(
          `Cannot use ${address}: it speaks TLS; add --tls`,
          address,
        );
      }
      isFirst = false;
      reader.feed(buffer.subarray(0, count));
      for (let reply; (reply = reader.next()) !== undefined;) {
        if (reply.kind !== "push") replies.push(reply);
        if (replies.length === commands.length) return replies;
      }
    }
    await writing;
  } catch (error) {
    if (error instanceof ProtocolError && error.offset === 0) {
      throw new ConnectionError(
        `Cannot use ${address}: what listens there is no Redis or Valkey ` +
          `server, it answers ${
            quoteBytes(error.bytes)
          }; is it the right port?`,
        address,
        { cause: error },
      );
    }
    if (error instanceof ProtocolError || error instanceof ConnectionError) {
      throw error;
    }
    if (tlsReason(error) !== undefined) {
      throw new ConnectionError(
        `Cannot use ${address}: ${reasonOf(error, `--allow-net=${address}`)}`,
        address,
        { cause: error },
      );
    }
    if (!isLostConnection(error)) throw error;
    cause = error;
  }
  if (replies.length > 0) return replies;
  throw new HungUpError(
    `Lost ${address}: it closed the connection instead of answering ` +
      commands[0][0] +
      // Whoever has answered before speaks what we speak.
      (connection.roundTrip === undefined && isFirst && !connection.isEncrypted
        ? "; is it a TLS port? Then add --tls"
        : ""),
    address,
    { cause },
  );
}

/** Encodes some commands behind each other. */
export function joined(commands: readonly Command[]): Uint8Array {
  const parts = commands.map((command) => encodeCommand(command));
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * Closes a connection on which an exchange takes too long.
 *
 * @param ms How long it may take; 0 is for ever.
 * @param late Makes what to throw when it takes longer.
 */
export async function within<T>(
  connection: Connection,
  ms: number,
  exchange: Promise<T>,
  late: (cause: unknown) => Error,
): Promise<T> {
  let isLate = false;
  const timer = ms > 0
    ? setTimeout(() => {
      isLate = true;
      connection.close();
    }, ms)
    : undefined;
  let cause: unknown;
  try {
    const outcome = await exchange;
    if (!isLate) return outcome;
  } catch (error) {
    if (!isLate) throw error;
    cause = error;
  } finally {
    clearTimeout(timer);
  }
  throw late(cause);
}

/**
 * Sends some commands and reads their replies, for so long at the most.
 *
 * @param ms How long that may take.
 * @param maxItems As for {@linkcode askAll}.
 * @throws {ConnectionError} When it takes longer, or the connection is lost.
 */
export function askWithin(
  connection: Connection,
  commands: readonly Command[],
  ms: number,
  maxItems?: number,
): Promise<Reply[]> {
  const { address } = connection;
  const asking = askAll(connection, commands, maxItems);
  return within(connection, ms, asking, (cause) =>
    new ConnectionError(
      `Lost ${address}: no answer to ${commands[0][0]} for ${
        formatSeconds(ms)
      } s`,
      address,
      { cause },
    ));
}
