import { UsageError } from "../errors.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import { reasonOf } from "../transport/reason.ts";
import { VERSION } from "./help.ts";
import { printError } from "./output.ts";
import type { ServerConfig } from "./server_config.ts";

/**
 * Gets what the command line leaves open about a server: the password from its
 * file or from the user. Warns about one that stands in the open.
 *
 * Signals must not be listened to yet: while a terminal is read, only their
 * default action is heard.
 *
 * @param config What was said about the server.
 * @returns How to connect.
 * @throws {UsageError} When the password cannot be had.
 */
export async function serverOptions(
  config: ServerConfig,
): Promise<ConnectOptions> {
  const { passFile, askPass, via: _, warns, ...options } = config;
  if (warns === true) {
    printError(
      "respipe: warning: a password on the command line can be seen by other " +
        "users of this machine; REDISCLI_AUTH, --pass-file and --askpass " +
        "hide it (--no-auth-warning silences this)\n",
    );
  }
  const server: ConnectOptions = {
    ...options,
    clientVersion: VERSION,
    onNotice: (sentence) => printError(`respipe: ${sentence}\n`),
  };
  if (passFile !== undefined) server.password = readPassword(passFile);
  if (askPass === true) server.password = await askPassword();
  return server;
}

/** A whole file but for the line break that editors end files with. */
function readPassword(path: string): string {
  let password: string;
  try {
    password = Deno.readTextFileSync(path).replace(/\r?\n$/, "");
  } catch (error) {
    throw new UsageError(
      `Cannot read --pass-file ${path}: ` +
        reasonOf(error, `--allow-read=${path}`),
      "--pass-file",
    );
  }
  if (password !== "") return password;
  throw new UsageError(
    `Cannot use --pass-file ${path}: it is empty`,
    "--pass-file",
  );
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
