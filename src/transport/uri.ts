import { UsageError } from "../errors.ts";
import { parsePort } from "./address.ts";

/** What a URI says about a server; what it leaves out is not there. */
export interface UriParts {
  /** Host name or IP address, without brackets. */
  readonly host?: string;
  /** TCP port. */
  readonly port?: number;
  /** The path of a Unix socket. */
  readonly path?: string;
  /** The ACL user. */
  readonly user?: string;
  /** The password. */
  readonly password?: string;
  /** The database's number. */
  readonly database?: number;
  /** Whether the scheme asks for TLS. */
  readonly tls?: boolean;
}

const SCHEMES: Readonly<Record<string, { tls: boolean; unix: boolean }>> = {
  redis: { tls: false, unix: false },
  rediss: { tls: true, unix: false },
  valkey: { tls: false, unix: false },
  valkeys: { tls: true, unix: false },
  unix: { tls: false, unix: true },
};

/**
 * Reads a server's URI.
 *
 * `redis://user:password@host:port/database`, the same with `rediss`, `valkey`
 * or `valkeys`, and `unix://user:password@/path?db=2`. Parts may be left out
 * and percent-encoded. A user part without a colon is the password, as in
 * redis-cli. Source: the IANA registrations of the schemes redis and rediss.
 *
 * @throws {UsageError} When it is not a URI; the message names the part that
 * is wrong, and quotes nothing that may be secret.
 */
export function parseUri(text: string, flag = "-u"): UriParts {
  const wrong = (part: string, why: string): UsageError =>
    new UsageError(`Cannot parse the ${part} of ${flag}: ${why}`, flag);
  const decode = (part: string, encoded: string): string => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      throw wrong(part, "a % is not followed by two hexadecimal digits");
    }
  };

  const [, name, rest] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text) ?? [];
  const scheme = name === undefined || !Object.hasOwn(SCHEMES, lower(name))
    ? undefined
    : SCHEMES[lower(name)];
  if (scheme === undefined) {
    throw wrong(
      "scheme",
      `must be one of ${Object.keys(SCHEMES).map((s) => `${s}://`).join(", ")}`,
    );
  }
  // A password may have any character but these two, encoded or not.
  const [, userInfo, place, path, query] =
    /^(?:([^/?#]*)@)?([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?(?:#.*)?$/s.exec(rest) ??
      [];
  if (place === undefined) throw wrong("path", "it is not one");

  const parts: { -readonly [K in keyof UriParts]: UriParts[K] } = {};
  if (scheme.tls) parts.tls = true;
  if (userInfo !== undefined && userInfo !== "") {
    const colon = userInfo.indexOf(":");
    const password = decode("password", userInfo.slice(colon + 1));
    if (colon === -1 || password !== "") parts.password = password;
    if (colon > 0) parts.user = decode("user", userInfo.slice(0, colon));
  }
  const database = (digits: string): number => {
    if (!/^[0-9]{1,9}$/.test(digits)) {
      throw wrong("database", "must be a whole number, 0 or more");
    }
    return Number(digits);
  };

  for (const pair of (query ?? "").split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    if (equals === -1 || pair.slice(0, equals) !== "db") {
      throw wrong("query", "only db=NUMBER is known");
    }
    parts.database = database(pair.slice(equals + 1));
  }

  if (scheme.unix) {
    // Two slashes and a relative path are what some people write.
    parts.path = decode("path", place + (path ?? ""));
    if (parts.path === "") throw wrong("path", "it is empty");
    return parts;
  }
  if (path !== undefined && path !== "/") {
    parts.database = database(path.slice(1));
  }
  const [, bracketed, plain, port] =
    /^(?:\[([0-9a-f:.%a-z_-]*)\]|([^\[\]:]*))(?::([^:]*))?$/i.exec(place) ?? [];
  if (bracketed === undefined && plain === undefined) {
    throw wrong("host", "an IPv6 address must stand in brackets");
  }
  const host = decode("host", bracketed ?? plain);
  if (bracketed === "" || /[\s/@]/.test(host)) {
    throw wrong("host", "must be a name or an address");
  }
  if (host !== "") parts.host = host;
  if (port !== undefined && port !== "") {
    try {
      parts.port = parsePort(port, flag);
    } catch {
      // Not quoted: behind a password with an @ too few, it may be a secret.
      throw wrong("port", "must be between 1 and 65535");
    }
  }
  return parts;
}

function lower(text: string): string {
  return text.toLowerCase();
}

/**
 * Fills in from a URI what nothing else says.
 *
 * @param flag Where the URI was given, for messages.
 * @throws {UsageError} When it is not a URI.
 */
export function withUri<
  T extends { url?: string | undefined; path?: string | undefined },
>(
  options:
    & T
    & {
      [K in keyof UriParts]?: unknown;
    },
  flag = "-u",
): Omit<T, "url"> & UriParts {
  const { url, ...said } = options;
  if (url === undefined) return said as Omit<T, "url"> & UriParts;
  const parts: Record<string, unknown> = { ...parseUri(url, flag) };
  // A socket and a port exclude each other, so what was said wins as a whole.
  if (said.path !== undefined) delete parts.host, delete parts.port;
  if (said.host !== undefined || said.port !== undefined) delete parts.path;
  for (const [name, value] of Object.entries(said)) {
    if (value !== undefined) parts[name] = value;
  }
  return parts as unknown as Omit<T, "url"> & UriParts;
}
