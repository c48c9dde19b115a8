import { ConnectionError } from "../errors.ts";
import { encodeCommand } from "../protocol/encode.ts";
import { errorIn, type Reply } from "../protocol/reply.ts";
import { ReplyReader } from "../protocol/reply_reader.ts";
import type { Connection } from "./connection.ts";

/** Who to be and where to be on the server. */
export interface HandshakeOptions {
  /** The ACL user; the server's default user where there is none. */
  user?: string | undefined;
  /** The password. */
  password?: string | undefined;
  /** The database's number. Default: 0. */
  database?: number | undefined;
}

/**
 * Sends one command and waits for its reply.
 *
 * For what happens before a load; records go through a lane.
 *
 * @param connection A connection on which nothing is in flight.
 * @param args The command.
 * @returns The reply; an error reply is one too.
 * @throws {ConnectionError} When the connection is lost.
 * @throws {ProtocolError} When the answer is not RESP.
 */
export async function ask(
  connection: Connection,
  args: readonly (string | Uint8Array)[],
): Promise<Reply> {
  const reader = new ReplyReader({ maxBody: 1024 * 1024 });
  const buffer = new Uint8Array(16 * 1024);
  try {
    await connection.write(encodeCommand(args));
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) break;
      reader.feed(buffer.subarray(0, count));
      for (let reply; (reply = reader.next()) !== undefined;) {
        if (reply.kind !== "push") return reply;
      }
    }
  } catch (error) {
    if (
      !(error instanceof Deno.errors.ConnectionReset) &&
      !(error instanceof Deno.errors.BrokenPipe)
    ) throw error;
  }
  throw new ConnectionError(
    `Lost ${connection.address} while it was to answer ${args[0]}`,
    connection.address,
  );
}

/**
 * Authenticates and selects the database.
 *
 * @param connection A fresh connection.
 * @param options Who and where to be.
 * @throws {ConnectionError} When the server refuses, with its own words.
 */
export async function handshake(
  connection: Connection,
  options: HandshakeOptions,
): Promise<void> {
  const { user, password, database } = options;
  const { address } = connection;
  if (password !== undefined || user !== undefined) {
    // A user without a password (nopass) may give any.
    const auth = user === undefined
      ? ["AUTH", password ?? ""]
      : ["AUTH", user, password ?? ""];
    const refused = errorIn(await ask(connection, auth));
    if (refused !== undefined) {
      throw new ConnectionError(
        `Cannot log in to ${address}` +
          `${user === undefined ? "" : ` as ${JSON.stringify(user)}`}: ` +
          refused,
        address,
      );
    }
  }
  // PING changes nothing, and shows NOAUTH and protected mode before any input
  // is read. Proxies that lack SELECT have it.
  const question = database === undefined
    ? ["PING"]
    : ["SELECT", String(database)];
  const refused = errorIn(await ask(connection, question));
  if (refused === undefined) return;
  if (refused.startsWith("NOAUTH")) {
    throw new ConnectionError(
      `Cannot use ${address}: it wants a password; give it with -a, or in ` +
        "REDISCLI_AUTH",
      address,
    );
  }
  if (database !== undefined) {
    throw new ConnectionError(
      `Cannot select database ${database} of ${address}: ${refused}`,
      address,
    );
  }
  // An ACL may forbid PING; that says nothing about the load.
  if (/^(NOPERM|ERR unknown command)/.test(refused)) return;
  throw new ConnectionError(`Cannot use ${address}: ${refused}`, address);
}
