import { parsePort } from "../transport/address.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import type { GivenFlags } from "./args.ts";
import type { Environment } from "./environment.ts";
import { countOf, secondsOf } from "./flag_values.ts";

/**
 * Turns the connection's flags into options.
 *
 * @param flags The flags that were given.
 * @param environment Where variables are read.
 * @returns How to reach the server.
 * @throws {UsageError} When a flag is wrong; it names the flag.
 */
export function serverConfig(
  flags: GivenFlags,
  environment: Environment,
): ConnectOptions {
  const { values } = flags;
  const port = values.get("port");
  return {
    host: values.get("host"),
    port: port === undefined ? undefined : parsePort(port),
    user: values.get("user"),
    password: values.get("pass") ?? environment("REDISCLI_AUTH"),
    database: countOf(flags, "db", "-n"),
    connectTimeout: secondsOf(flags, "connect-timeout"),
  };
}
