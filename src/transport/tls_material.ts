/**
 * Reads the files that TLS needs, and finds what is wrong with them before
 * anything is connected.
 *
 * All checks that are not about the server are made here: Deno ends the whole
 * process, without a word of ours, where a client's key does not belong to its
 * certificate or where that certificate is of X.509 version 1.
 *
 * @module
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { UsageError } from "../errors.ts";
import { reasonOf } from "./reason.ts";
import { readTextOf } from "./source.ts";

/** How to speak TLS. Files are in PEM. */
export interface TlsOptions {
  /** A file of certificates to trust besides the system's. */
  cacert?: string | undefined;
  /** A directory of such files. */
  cacertDir?: string | undefined;
  /** A file with the client's certificate, and its chain. */
  cert?: string | undefined;
  /** The file with its private key. */
  key?: string | undefined;
  /** The name to ask for and to verify. Default: the host. */
  sni?: string | undefined;
  /** Whether to take whatever certificate the server shows. Default: no. */
  insecure?: boolean | undefined;
}

/** What {@linkcode TlsOptions} say, read and checked. */
export interface TlsMaterial {
  /** Certificates to trust besides those of the system, as PEM. */
  readonly caCerts: readonly string[];
  /** The client's certificate with its chain, as PEM. */
  readonly cert: string | undefined;
  /** The client's private key, as PEM; there is one where there is `cert`. */
  readonly key: string | undefined;
  /** The name to ask for and to verify; the host where there is none. */
  readonly sni: string | undefined;
  /** Whether the server's certificate goes unchecked. */
  readonly insecure: boolean;
}

const CERTIFICATE =
  /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]*-----END (?:TRUSTED )?CERTIFICATE-----/g;

/**
 * Reads and checks what TLS needs.
 *
 * @throws {UsageError} When a file cannot be read, is not what it should be,
 * or does not belong to its counterpart; it names the flag.
 */
export function readTlsMaterial(options: TlsOptions): TlsMaterial {
  const { cacert, cacertDir, cert, key } = options;
  if (cert === undefined && key !== undefined) {
    throw new UsageError("--key needs the certificate too: --cert", "--key");
  }
  if (cert !== undefined && key === undefined) {
    throw new UsageError("--cert needs the private key too: --key", "--cert");
  }
  const caCerts = [
    ...(cacert === undefined ? [] : trusted(cacert)),
    ...(cacertDir === undefined ? [] : trustedIn(cacertDir)),
  ];
  const pair = cert === undefined ? undefined : clientPair(cert, key!);
  return {
    caCerts,
    cert: pair?.cert,
    key: pair?.key,
    sni: options.sni,
    insecure: options.insecure ?? false,
  };
}

function trusted(path: string): string[] {
  const blocks = readTextOf("--cacert", path).match(CERTIFICATE);
  if (blocks === null) throw noCertificate(path, "--cacert");
  for (const block of blocks) parse(block, path, "--cacert");
  return blocks;
}

/** The certificates of every file in a directory; others are passed over. */
function trustedIn(directory: string): string[] {
  const found = new Set<string>();
  try {
    for (const { name, isDirectory } of Deno.readDirSync(directory)) {
      if (isDirectory) continue;
      const path = `${directory}/${name}`;
      if (!Deno.statSync(path).isFile) continue;
      const text = new TextDecoder().decode(Deno.readFileSync(path));
      for (const block of text.match(CERTIFICATE) ?? []) {
        parse(block, path, "--cacertdir");
        found.add(block);
      }
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(
      `Cannot read --cacertdir ${directory}: ` +
        reasonOf(error, `--allow-read=${directory}`),
      "--cacertdir",
    );
  }
  if (found.size === 0) {
    throw new UsageError(
      `Cannot use --cacertdir ${directory}: no file in it has a certificate ` +
        "in PEM",
      "--cacertdir",
    );
  }
  return [...found];
}

function clientPair(
  certPath: string,
  keyPath: string,
): { cert: string; key: string } {
  const cert = readTextOf("--cert", certPath);
  const [first] = cert.match(CERTIFICATE) ?? [];
  if (first === undefined) throw noCertificate(certPath, "--cert");
  const certificate = parse(first, certPath, "--cert");
  if (isVersion1(certificate.raw)) {
    throw new UsageError(
      `Cannot use --cert ${certPath}: it is an X.509 certificate of version ` +
        "1, and TLS here takes version 3 only; have it issued again with " +
        "extensions (such as extendedKeyUsage=clientAuth)",
      "--cert",
    );
  }
  const pem = readTextOf("--key", keyPath);
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new UsageError(
      `Cannot use --key ${keyPath}: it is no private key in PEM, or needs a ` +
        "passphrase, which cannot be given",
      "--key",
    );
  }
  if (!certificate.checkPrivateKey(key)) {
    throw new UsageError(
      `Cannot use --key ${keyPath}: it does not belong to the certificate ` +
        certPath,
      "--key",
    );
  }
  return { cert, key: pem };
}

function parse(pem: string, path: string, flag: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new UsageError(
      `Cannot use ${flag} ${path}: its certificate is broken`,
      flag,
    );
  }
}

/**
 * RFC 5280, 4.1: a certificate is SEQUENCE { tbsCertificate SEQUENCE { [0]
 * version DEFAULT v1, ...; version 1 has no [0], whose tag is 0xA0.
 */
function isVersion1(der: Uint8Array): boolean {
  const inside = (at: number): number => {
    const length = der[at + 1];
    return at + 2 + (length < 0x80 ? 0 : length & 0x7f);
  };
  return der[inside(inside(0))] !== 0xa0;
}

function noCertificate(path: string, flag: string): UsageError {
  return new UsageError(
    `Cannot use ${flag} ${path}: there is no certificate in PEM in it`,
    flag,
  );
}
