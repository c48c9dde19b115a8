import { UsageError } from "../errors.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import type { RedisSentinelOptions } from "../transport/redis_sentinel.ts";
import type { TlsOptions } from "../transport/tls_material.ts";
import { parseUri } from "../transport/uri.ts";
import type { Environment } from "./environment.ts";
import type { FlagName, GivenFlags } from "./flags.ts";

/** How to reach a server, and what is to be done for it first. */
export interface ServerOptions extends ConnectOptions {
  /** The file to read the password from. */
  readonly passFile: string | undefined;
  /** The file to read the password at the Redis Sentinels from. */
  readonly sentinelPassFile: string | undefined;
  /** Whether to ask for the password. */
  readonly askPass: boolean;
  /** The command that opens a way to the server, with `{port}` in it. */
  readonly via: readonly string[] | undefined;
  /** Whether the command line has a password in it, and nobody minds not. */
  readonly warns: boolean;
  /** Whether nothing but variables could say where the server is. */
  readonly isDefault: boolean;
}

/** The flags that say where the server is. */
const PLACES: readonly FlagName[] = [
  "uri",
  "host",
  "port",
  "socket",
  "sentinel",
  "via",
];

/** Pairs of flags that contradict each other. */
const EXCLUDING: readonly (readonly [FlagName, FlagName])[] = [
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
  ["sentinel-pass", "sentinel-pass-file"],
];

/** Flags that mean nothing without TLS. */
const OF_TLS: readonly FlagName[] = [
  "cacert",
  "cacertdir",
  "cert",
  "key",
  "sni",
  "insecure",
];

/** Flags that mean nothing without Redis Sentinels. */
const OF_SENTINEL: readonly FlagName[] = [
  "service",
  "sentinel-user",
  "sentinel-pass",
  "sentinel-pass-file",
];

/**
 * Turns the connection's flags into options.
 *
 * @throws {UsageError} When flags contradict each other; it names one.
 */
export function serverOptions(
  flags: GivenFlags,
  environment: Environment,
): ServerOptions {
  const has = (name: FlagName): boolean => flags[name] !== undefined;
  for (const [one, other] of EXCLUDING) {
    if (has(one) && has(other)) {
      throw new UsageError(
        `--${one} and --${other} exclude each other`,
        `--${one}`,
      );
    }
  }
  const isDefault = !PLACES.some(has);
  const url = flags.uri ?? (isDefault ? environment("REDIS_URL") : undefined);
  const parts = url === undefined
    ? {}
    : parseUri(url, has("uri") ? "-u" : "REDIS_URL");
  const elsewhere = has("sentinel") || has("via");
  const isTcp = has("host") || has("port") || elsewhere;
  const isNeither = has("socket") || elsewhere;
  const comesLater = has("pass-file") || has("askpass");
  return {
    host: isNeither ? undefined : flags.host ?? parts.host,
    port: isNeither ? undefined : flags.port ?? parts.port,
    path: flags.socket ?? (isTcp ? undefined : parts.path),
    user: flags.user ?? parts.user,
    password: comesLater
      ? undefined
      : flags.pass ?? parts.password ?? environment("REDISCLI_AUTH"),
    passFile: flags["pass-file"],
    sentinelPassFile: flags["sentinel-pass-file"],
    askPass: has("askpass"),
    database: flags.db ?? parts.database,
    tls: tlsOf(flags, has, parts.tls === true),
    redisSentinel: redisSentinelOf(flags, has, environment),
    via: flags.via,
    connectTimeout: flags["connect-timeout"],
    retry: flags.retry,
    allowReplica: flags["allow-replica"],
    isDefault,
    warns: !has("no-auth-warning") &&
      (has("pass") || has("sentinel-pass") ||
        (has("uri") && parts.password !== undefined)),
  };
}

function tlsOf(
  flags: GivenFlags,
  has: (name: FlagName) => boolean,
  byUri: boolean,
): TlsOptions | undefined {
  if (!has("tls") && !byUri) {
    const idle = OF_TLS.find(has);
    if (idle === undefined) return undefined;
    throw new UsageError(
      `--${idle} means nothing without TLS; add --tls, or use a rediss:// URI`,
      `--${idle}`,
    );
  }
  return {
    cacert: flags.cacert,
    cacertDir: flags.cacertdir,
    cert: flags.cert,
    key: flags.key,
    sni: flags.sni,
    insecure: has("insecure"),
  };
}

function redisSentinelOf(
  flags: GivenFlags,
  has: (name: FlagName) => boolean,
  environment: Environment,
): RedisSentinelOptions | undefined {
  const { sentinel, service } = flags;
  if (sentinel === undefined) {
    const idle = OF_SENTINEL.find(has);
    if (idle === undefined) return undefined;
    throw new UsageError(
      `--${idle} needs the Redis Sentinels too: --sentinel HOST:PORT,...`,
      `--${idle}`,
    );
  }
  if (service === undefined) {
    throw new UsageError(
      "--sentinel needs the name of what they watch too: --service NAME",
      "--sentinel",
    );
  }
  return {
    addresses: sentinel,
    service,
    user: flags["sentinel-user"],
    password: has("sentinel-pass-file")
      ? undefined
      : flags["sentinel-pass"] ?? environment("RESPIPE_SENTINEL_AUTH"),
  };
}
