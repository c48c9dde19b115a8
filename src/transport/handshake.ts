import {
  ConnectionError,
  HungUpError,
  NotReadyError,
  UsageError,
} from "../errors.ts";
import { withoutArguments } from "../protocol/quote.ts";
import { errorIn } from "../protocol/reply.ts";
import { askAll, type Command } from "./ask.ts";
import type { Connection } from "./connection.ts";
import { readServerInfo, readServerMemory } from "./server_info.ts";

/** Who to be and where to be on the server. */
export interface HandshakeOptions {
  /** The ACL user; the server's default user where there is none. */
  user?: string | undefined;
  /** The password. */
  password?: string | undefined;
  /** The database's number. Default: 0. */
  database?: number | undefined;
}

/** Who asks for a password, which decides where it is given. */
type Asker = "server" | "redisSentinel";

/** Where a password can come from without being seen. */
const PASSWORD_OF = {
  server: { flag: "--pass-file FILE", variable: "REDISCLI_AUTH" },
  redisSentinel: {
    flag: "--sentinel-pass-file FILE",
    variable: "RESPIPE_SENTINEL_AUTH",
  },
} as const;

/** Says that the server answers, but nothing else yet. */
const NOT_READY: readonly (readonly [RegExp, string])[] = [
  [/^LOADING/, "it is still reading its data set"],
  [/^BUSY/, "it is busy with a script or a function"],
  [/^MASTERDOWN/, "it is a replica that has lost its primary"],
];

/** How a handshake is made. */
export interface HandshakeWay {
  /**
   * Whether the caller waits for a server that is not ready; otherwise that is
   * left to the replies to the input's commands.
   */
  readonly waits: boolean;
  /** What the other side is. */
  readonly asker: Asker;
  /** What to say of oneself; nothing is said, nor asked, where it is missing. */
  readonly introduction?: Introduction | undefined;
}

/** What a handshake says of who is there. */
interface Introduction {
  /** The name that `CLIENT LIST` shows. */
  readonly name: string;
  /** The version that it shows. */
  readonly version: string | undefined;
}

/**
 * Authenticates, selects the database, says who is there and asks the server
 * what it is, in one round trip: far away a second one can be felt.
 *
 * Of the introduction, whatever the server does not know or allow is passed
 * over; the answers set the connection's `server` and `id`.
 *
 * @throws {ConnectionError} When the server refuses, with its own words.
 * @throws {UsageError} When there can be no such database.
 * @throws {HungUpError} When it closes the connection, as some proxies do on
 * commands that they do not know.
 */
export async function handshake(
  connection: Connection,
  options: HandshakeOptions,
  { waits, asker, introduction }: HandshakeWay,
): Promise<void> {
  const { user, password, database } = options;
  const { address } = connection;
  const commands: Command[] = [];
  const hasAuth = password !== undefined || user !== undefined;
  if (hasAuth) {
    // A user without a password (nopass) may give any.
    commands.push(
      user === undefined
        ? ["AUTH", password ?? ""]
        : ["AUTH", user, password ?? ""],
    );
  }
  if (database !== undefined) commands.push(["SELECT", String(database)]);
  // PING changes nothing, and shows NOAUTH and protected mode before any input
  // is read.
  if (database === undefined || waits) commands.push(["PING"]);
  const more = introduction === undefined ? [] : introductionOf(introduction);
  const asked = performance.now();
  const replies = await askAll(connection, [...commands, ...more]);
  connection.roundTrip = performance.now() - asked;
  const refusals = replies.slice(0, commands.length).map(errorIn);
  for (const [at, refused] of refusals.entries()) {
    if (refused === undefined) continue;
    const question = commands[at][0];
    const common = commonRefusal(address, refused, asker);
    if (common !== undefined) throw common;
    const why = NOT_READY.find(([pattern]) => pattern.test(refused))?.[1];
    if (why !== undefined && waits) {
      throw new NotReadyError(`Cannot use ${address}: ${why}`, address);
    }
    switch (question) {
      case "AUTH":
        throw new ConnectionError(
          `Cannot log in to ${address}` +
            `${user === undefined ? "" : ` as ${JSON.stringify(user)}`}: ` +
            withoutSecret(refused, password),
          address,
        );
      case "SELECT":
        if (/cluster mode/.test(refused)) {
          throw new UsageError(
            `Cannot use database ${database} (-n): ${address} is a node of a ` +
              "cluster, which has database 0 only",
            "-n",
          );
        }
        throw new ConnectionError(
          `Cannot select database ${database} of ${address}: ${refused}`,
          address,
        );
      default:
        // An ACL may forbid PING, and a server that cannot save, is loading,
        // or is busy refuses it like all else: what that means for the
        // input's commands, their own replies say.
        if (
          why === undefined &&
          !/^(NOPERM|ERR unknown command|MISCONF)/.test(refused)
        ) {
          throw new ConnectionError(
            `Cannot use ${address}: ${refused}`,
            address,
          );
        }
    }
  }
  const missing = commands.length + more.length - replies.length;
  if (missing > 0) {
    throw new HungUpError(
      `Lost ${address} while it was to answer ` +
        [...commands, ...more][replies.length][0],
      address,
    );
  }
  if (introduction === undefined) return;
  const [role, info, memory, id] = replies.slice(commands.length);
  if (id?.kind === "integer") connection.id = String(id.value);
  const server = readServerInfo(role, info);
  const known = readServerMemory(memory);
  connection.server = server && known ? { ...server, memory: known } : server;
}

/** What a server may answer to anything. */
function commonRefusal(
  address: string,
  refused: string,
  asker: Asker,
): ConnectionError | undefined {
  if (refused.startsWith("NOAUTH")) {
    const { flag, variable } = PASSWORD_OF[asker];
    const { state } = Deno.permissions.querySync({ name: "env", variable });
    return new ConnectionError(
      `Cannot use ${address}: it wants a password; give it with ${flag}, or ` +
        `in ${variable}` +
        (state === "granted"
          ? ""
          : `, which Deno has no permission to read: add --allow-env=${variable}`),
      address,
    );
  }
  if (refused.startsWith("DENIED")) {
    return new ConnectionError(
      `Cannot use ${address}: it is in protected mode, in which it serves ` +
        "its own machine only; give the server a password, or load from " +
        "that machine",
      address,
    );
  }
  if (refused.startsWith("ERR max number of clients")) {
    return new NotReadyError(`Cannot use ${address}: ${refused}`, address);
  }
  return undefined;
}

/** A server that does not know AUTH quotes what it does not know. */
function withoutSecret(text: string, password: string | undefined): string {
  const short = withoutArguments(text);
  return password === undefined || password === ""
    ? short
    : short.replaceAll(password, "***");
}

/** The commands of an introduction; {@linkcode handshake} reads four answers. */
function introductionOf({ name, version }: Introduction): Command[] {
  const commands: Command[] = [
    ["ROLE"],
    ["INFO", "server"],
    ["INFO", "memory"],
    ["CLIENT", "ID"],
    ["CLIENT", "SETNAME", name],
    ["CLIENT", "SETINFO", "LIB-NAME", name],
  ];
  if (version !== undefined) {
    commands.push(["CLIENT", "SETINFO", "LIB-VER", version]);
  }
  return commands;
}
