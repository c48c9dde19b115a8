import { UsageError } from "../errors.ts";
import { parseHostPort, parsePort } from "../transport/address.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import type { RedisSentinelOptions } from "../transport/redis_sentinel.ts";
import type { TlsOptions } from "../transport/tls_options.ts";
import { parseUri } from "../transport/uri.ts";
import type { GivenFlags } from "./args.ts";
import type { Environment } from "./environment.ts";
import { countOf, secondsOf } from "./flag_values.ts";
import { splitWords } from "./shell_words.ts";

/** How to reach a server, and what is to be done for it first. */
export interface ServerConfig extends ConnectOptions {
  /** The file to read the password from. */
  readonly passFile?: string | undefined;
  /** Whether to ask for the password. */
  readonly askPass?: boolean;
  /** The command that opens a way to the server, with `{port}` in it. */
  readonly via?: readonly string[] | undefined;
  /** Whether the command line has a password in it, and nobody minds not. */
  readonly warns?: boolean;
}

/** The port that Redis Sentinels listen on by default. */
const SENTINEL_PORT = 26379;

/** The flags that say where the server is. */
const PLACES = ["uri", "host", "port", "socket", "sentinel", "via"] as const;

/** Pairs of flags that contradict each other. */
const EXCLUDING: readonly (readonly [string, string])[] = [
  ["socket", "host"],
  ["socket", "port"],
  ["socket", "tls"],
  ["sentinel", "host"],
  ["sentinel", "port"],
  ["sentinel", "socket"],
  ["sentinel", "via"],
  ["via", "host"],
  ["via", "port"],
  ["via", "socket"],
  ["pass", "pass-file"],
  ["pass", "askpass"],
  ["pass-file", "askpass"],
];

/** Flags that mean nothing without TLS. */
const OF_TLS = ["cacert", "cacertdir", "cert", "key", "sni", "insecure"];

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
): ServerConfig {
  const { values, switches } = flags;
  const has = (name: string): boolean => values.has(name) || switches.has(name);
  for (const [one, other] of EXCLUDING) {
    if (has(one) && has(other)) {
      throw new UsageError(
        `--${one} and --${other} exclude each other`,
        `--${one}`,
      );
    }
  }
  const given = values.get("uri");
  const url = given ??
    (PLACES.some(has) ? undefined : environment("REDIS_URL"));
  const parts = url === undefined
    ? {}
    : parseUri(url, given === undefined ? "REDIS_URL" : "-u");
  const port = values.get("port");
  const path = values.get("socket");
  const elsewhere = has("sentinel") || has("via");
  const isTcp = has("host") || has("port") || elsewhere;
  const byFlag = values.get("pass");
  const comesLater = has("pass-file") || has("askpass");
  return {
    host: path !== undefined || elsewhere
      ? undefined
      : values.get("host") ?? parts.host,
    port: path !== undefined || elsewhere
      ? undefined
      : port === undefined
      ? parts.port
      : parsePort(port),
    path: path ?? (isTcp ? undefined : parts.path),
    user: values.get("user") ?? parts.user,
    password: comesLater
      ? undefined
      : byFlag ?? parts.password ?? environment("REDISCLI_AUTH"),
    passFile: values.get("pass-file"),
    askPass: has("askpass"),
    database: countOf(flags, "db", "-n") ?? parts.database,
    tls: tlsOf(flags, parts.tls === true),
    redisSentinel: redisSentinelOf(flags),
    via: viaOf(flags),
    connectTimeout: secondsOf(flags, "connect-timeout"),
    retry: secondsOf(flags, "retry"),
    allowReplica: has("allow-replica") ? true : undefined,
    warns: !has("no-auth-warning") &&
      (byFlag !== undefined || has("sentinel-pass") ||
        (given !== undefined && parts.password !== undefined)),
  };
}

function tlsOf(flags: GivenFlags, byUri: boolean): TlsOptions | undefined {
  const { values, switches } = flags;
  if (!switches.has("tls") && !byUri) {
    const idle = OF_TLS.find((name) => values.has(name) || switches.has(name));
    if (idle === undefined) return undefined;
    throw new UsageError(
      `--${idle} means nothing without TLS; add --tls, or use a rediss:// URI`,
      `--${idle}`,
    );
  }
  return {
    cacert: values.get("cacert"),
    cacertDir: values.get("cacertdir"),
    cert: values.get("cert"),
    key: values.get("key"),
    sni: values.get("sni"),
    insecure: switches.has("insecure"),
  };
}

function redisSentinelOf(
  { values }: GivenFlags,
): RedisSentinelOptions | undefined {
  const list = values.get("sentinel");
  const service = values.get("service");
  if (list === undefined) {
    for (const name of ["service", "sentinel-user", "sentinel-pass"]) {
      if (!values.has(name)) continue;
      throw new UsageError(
        `--${name} needs the Redis Sentinels too: --sentinel HOST:PORT,...`,
        `--${name}`,
      );
    }
    return undefined;
  }
  if (service === undefined) {
    throw new UsageError(
      "--sentinel needs the name of what they watch too: --service NAME",
      "--sentinel",
    );
  }
  return {
    addresses: list.split(",").map((text) =>
      parseHostPort(text, "--sentinel", SENTINEL_PORT)
    ),
    service,
    user: values.get("sentinel-user"),
    password: values.get("sentinel-pass"),
  };
}

function viaOf({ values }: GivenFlags): readonly string[] | undefined {
  const text = values.get("via");
  if (text === undefined) return undefined;
  const words = splitWords(text, "--via");
  if (!words.some((word) => word.includes("{port}"))) {
    throw new UsageError(
      "--via needs {port} in its command, where the local port goes, as in " +
        "--via 'kubectl port-forward pod/redis-0 {port}:6379'",
      "--via",
    );
  }
  return words;
}
