/**
 * Says in plain words why the system or Deno refused something.
 *
 * @param flags The flags that grant what it takes, where Deno's own permissions
 * may be the reason.
 * @returns A reason to be read after "Cannot ...:".
 *
 * @example
 * ```ts
 * import { reasonOf } from "./reason.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new Deno.errors.NotFound("No such file (os error 2)");
 * assertEquals(reasonOf(error, "--allow-read=a.csv"), "no such file");
 * ```
 */
export function reasonOf(
  error: unknown,
  flags: string,
): string {
  if (error instanceof Deno.errors.NotCapable) {
    return `Deno has no permission for it; add ${flags}`;
  }
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied) {
    return "the system denies permission";
  }
  if (error instanceof Deno.errors.ConnectionRefused) {
    return "the connection was refused (is the server running there?)";
  }
  if (error instanceof Deno.errors.ConnectionReset) {
    return "the connection was reset";
  }
  if (error instanceof Deno.errors.BrokenPipe) {
    return "the server closed the connection";
  }
  const tls = tlsReason(error);
  if (tls !== undefined) return tls;
  const text = error instanceof Error ? error.message : String(error);
  if (/failed to lookup address|ENOTFOUND|EAI_/.test(text)) {
    return "the name of the host is not known";
  }
  if (/no space left/i.test(text)) return "no space is left there";
  if (/is a directory/i.test(text)) return "it is a directory";
  if (/read-only file system/i.test(text)) {
    return "its file system is read-only";
  }
  // Deno says again what it was to do, as in: open 'a.csv'.
  return text.replace(/ \(os error \d+\)/, "").replace(/: \w+ '.*'$/, "");
}

/**
 * Says the same of a file that was to be created: it is its directory that is
 * not there.
 */
export function reasonToCreate(error: unknown, flags: string): string {
  return error instanceof Deno.errors.NotFound
    ? "its directory does not exist"
    : reasonOf(error, flags);
}

const LOST = [
  Deno.errors.BrokenPipe,
  Deno.errors.ConnectionAborted,
  Deno.errors.ConnectionReset,
  Deno.errors.NotConnected,
  Deno.errors.TimedOut,
  Deno.errors.UnexpectedEof,
];

/**
 * Tells a lost connection from a mistake.
 *
 * @returns Whether the other side, or the way to it, has gone.
 */
export function isLostConnection(error: unknown): boolean {
  // The system's other words for it (no route, network down) have no class.
  return LOST.some((kind) => error instanceof kind) ||
    (error instanceof Error && /os error/.test(error.message));
}

/**
 * Tells what will not go away by waiting.
 *
 * @returns Whether trying again is pointless: a missing permission, or TLS
 * that does not fit.
 */
export function isUsersMistake(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable ||
    error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.InvalidData ||
    tlsReason(error) !== undefined;
}

const TLS_REASONS: readonly (readonly [RegExp, string])[] = [
  [
    /UnknownIssuer|unable to get (local )?issuer|self.signed/i,
    "its certificate is not signed by an authority that is trusted here; " +
    "name the authority's certificate with --cacert",
  ],
  [
    /CaUsedAsEndEntity/i,
    "its certificate is an authority's own (CA:TRUE), which TLS here does not " +
    "take for a server's; have it issued with basicConstraints=CA:FALSE",
  ],
  [
    /not valid for any names/i,
    "its certificate names no host: it has no subjectAltName, and a CN does " +
    "not count; have it issued with one, as in " +
    "subjectAltName=DNS:cache,IP:10.0.0.7",
  ],
  [
    /CertExpired|certificate expired|certificate has expired/i,
    "its certificate has expired",
  ],
  [
    /CertNotValidYet|not valid yet/i,
    "its certificate is not valid yet; compare the clocks",
  ],
  [
    /UnsupportedCertVersion/i,
    "its certificate is of X.509 version 1, and TLS here takes version 3 only",
  ],
  [
    /CertificateRequired|alert number 116|certificate required/i,
    "it wants a certificate from its clients; give one with --cert and --key",
  ],
  [
    /fatal alert: (UnknownCA|BadCertificate|CertificateUnknown|DecryptError|CertificateExpired|CertificateRevoked|UnsupportedCertificate|AccessDenied)/,
    "it does not accept the certificate of --cert",
  ],
  [
    /fatal alert: UnrecognisedName|fatal alert: UnrecognizedName/,
    "it does not serve this name; choose another with --sni",
  ],
  [
    /InvalidContentType|wrong version number|InvalidMessage/,
    "its answer is not TLS: it is a plain-text port; leave --tls out",
  ],
];

/**
 * Says in plain words why TLS failed.
 *
 * @param error What was thrown: Deno's texts and those of `node:tls` are known.
 * @returns A reason to be read after "Cannot ...:"; nothing where the error is
 * not about TLS.
 *
 * @example
 * ```ts
 * import { tlsReason } from "./reason.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new Error("invalid peer certificate: Expired");
 * assertEquals(tlsReason(error), "its certificate has expired");
 * assertEquals(tlsReason(new Error("no route")), undefined);
 * ```
 */
export function tlsReason(error: unknown): string | undefined {
  const text = error instanceof Error ? error.message : String(error);
  if (/invalid peer certificate: \(?Expired/.test(text)) {
    return "its certificate has expired";
  }
  for (const [pattern, reason] of TLS_REASONS) {
    if (pattern.test(text)) return reason;
  }
  const names =
    /not valid for name "?([^";]+)"?(?:; certificate is only valid for (.*))?/i
      .exec(text);
  if (names !== null || /NotValidForName|altnames/i.test(text)) {
    return `its certificate is not for ${names?.[1] ?? "this name"}` +
      (names?.[2] === undefined ? "" : `, only for ${shortNames(names[2])}`) +
      "; connect by a name it is for, or give that with --sni";
  }
  const alert = /received fatal alert: (\w+)/.exec(text);
  if (alert !== null) return `it refused TLS with the alert ${alert[1]}`;
  return undefined;
}

function shortNames(text: string): string {
  return text.replace(/DnsName\("([^"]+)"\)/g, "$1");
}
