import { ConnectionError, UsageError } from "../errors.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import { readTextOf } from "../transport/source.ts";
import { Tunnel } from "../transport/tunnel.ts";
import { mayRead } from "./environment.ts";
import { VERSION } from "./help.ts";
import { Interruption } from "./interruption.ts";
import { type Say, say } from "./output.ts";
import type { ServerOptions } from "./server_options.ts";

/**
 * Works with a server: gets the passwords that the command line leaves open,
 * opens the way that `--via` describes, again where it has closed by itself,
 * and closes it in the end, however that comes. Warns about a password that
 * stands in the open, and where a variable might name another server.
 *
 * @param onNotice Told what is unusual, and what is waited for.
 * @param work What to do; it is told how to connect, and what interrupts it.
 * @throws {UsageError} When a password cannot be had, or the command of `--via`
 * cannot be started.
 * @throws {ConnectionError} When the way does not open.
 * @throws What the work throws; where the connection was lost, with the last
 * words of the command.
 */
export async function withServer<T>(
  options: ServerOptions,
  onNotice: Say,
  work: (server: ConnectOptions, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { via } = options;
  const server = { ...await complete(options), onNotice };
  // Not before the password was asked for: while a terminal is read, only the
  // default action of signals is heard.
  const { signal } = new Interruption();
  if (via === undefined) return await work(server, signal);
  await using tunnel = await Tunnel.open(via, { ...server, signal });
  const { host, port } = tunnel;
  try {
    const beforeConnect = (): Promise<void> => tunnel.reopen();
    return await work({ ...server, host, port, beforeConnect }, signal);
  } catch (error) {
    if (error instanceof ConnectionError && tunnel.lastWords !== "") {
      error.message += `; ${via[0]} said ${JSON.stringify(tunnel.lastWords)}`;
    }
    throw error;
  }
}

async function complete(options: ServerOptions): Promise<ConnectOptions> {
  const { passFile, sentinelPassFile, askPass, warns, ...rest } = options;
  const { via: _, isDefault, redisSentinel, ...server } = rest;
  if (warns) {
    say(
      "warning: a password on the command line can be seen by other users of " +
        "this machine; " +
        (redisSentinel?.password === undefined
          ? "REDISCLI_AUTH, --pass-file and --askpass hide it"
          : "RESPIPE_SENTINEL_AUTH and --sentinel-pass-file hide that of Redis " +
            "Sentinel, REDISCLI_AUTH and --pass-file the server's") +
        " (--no-auth-warning silences this)",
    );
  }
  if (isDefault && !mayRead("REDIS_URL")) {
    say(
      "note: the server is the one on this machine; Deno has no permission to " +
        "see whether REDIS_URL names another: add --allow-env=REDIS_URL, or " +
        "name the server with -h",
    );
  }
  return {
    ...server,
    password: passFile !== undefined
      ? readPassword(passFile, "--pass-file")
      : askPass
      ? await askPassword()
      : server.password,
    redisSentinel: redisSentinel === undefined || sentinelPassFile === undefined
      ? redisSentinel
      : {
        ...redisSentinel,
        password: readPassword(sentinelPassFile, "--sentinel-pass-file"),
      },
    clientVersion: VERSION,
  };
}

/** A whole file but for the line break that editors end files with. */
function readPassword(path: string, flag: string): string {
  const password = readTextOf(flag, path).replace(/\r?\n$/, "");
  if (password !== "") return password;
  throw new UsageError(`Cannot use ${flag} ${path}: it is empty`, flag);
}

async function askPassword(): Promise<string> {
  // The question is written to standard output.
  if (Deno.stdin.isTerminal() && Deno.stdout.isTerminal()) {
    const { promptSecret } = await import("@std/cli/prompt-secret");
    const password = promptSecret("Password:", { mask: "", clear: true });
    if (password !== null) return password;
  }
  throw new UsageError(
    "--askpass needs a terminal to ask on, as standard input and output; " +
      "use --pass-file or REDISCLI_AUTH",
    "--askpass",
  );
}
