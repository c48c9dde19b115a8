/**
 * Real certificates for a test, made by openssl.
 *
 * @module
 */
import { TempFiles } from "./temp_files.ts";

/** An authority and what it has signed, in a directory that goes in the end. */
export class Certificates implements Disposable {
  readonly #files = new TempFiles();

  private constructor() {
    const { path } = this.#files;
    openssl(path, [
      ...["req", "-x509", ...KEY, "-keyout", "ca.key", "-out", "ca.crt"],
      ...["-days", "30", "-subj", "/CN=An authority"],
      ...["-addext", "basicConstraints=critical,CA:TRUE"],
    ]);
    Deno.mkdirSync(`${path}/cas`);
    Deno.copyFileSync(`${path}/ca.crt`, `${path}/cas/one.pem`);
    Deno.writeTextFileSync(`${path}/cas/README`, "no certificate\n");
    const here = "subjectAltName=DNS:localhost,IP:127.0.0.1";
    this.#sign("server", here);
    this.#sign("named", "subjectAltName=DNS:cache.test");
    // It ended a day before it began, which is a day ago too.
    this.#sign("expired", here, "-1");
    this.#sign("nameless", "basicConstraints=CA:FALSE");
    this.#sign("client", "extendedKeyUsage=clientAuth");
    this.#sign("other", "extendedKeyUsage=clientAuth");
    openssl(path, [
      ...["x509", "-req", "-in", "client.csr", "-out", "version1.crt"],
      ...["-CA", "ca.crt", "-CAkey", "ca.key", "-days", "20"],
    ]);
    openssl(path, [
      ...["req", "-x509", ...KEY, "-keyout", "foreign.key"],
      ...["-out", "foreign.crt", "-days", "30", "-subj", "/CN=Another"],
    ]);
    // What `openssl req -x509` makes by itself is an authority's (CA:TRUE).
    for (const [name, ca] of [["self", "TRUE"], ["leaf", "FALSE"]]) {
      openssl(path, [
        ...["req", "-x509", ...KEY, "-keyout", `${name}.key`],
        ...["-out", `${name}.crt`, "-days", "30", "-subj", "/CN=localhost"],
        ...["-addext", here, "-addext", `basicConstraints=critical,CA:${ca}`],
      ]);
    }
  }

  /**
   * Makes them.
   *
   * @returns `ca`, `server`, `named`, `expired`, `nameless` (without a
   * subjectAltName), `client`, `other`, `version1` (without a key), `foreign`,
   * `self` and `leaf` (signed by themselves), each as `.crt` and `.key`.
   */
  static make(): Certificates {
    return new Certificates();
  }

  /**
   * Tells where a file is.
   *
   * @param name Its name.
   * @returns Its absolute path.
   */
  path(name: string): string {
    return `${this.#files.path}/${name}`;
  }

  /**
   * Writes a server's flags.
   *
   * @param name Which certificate it shows.
   * @param clients Whether it wants one of its clients.
   * @returns Arguments for `startServer`, but for the port.
   */
  serverArgs(name: string, clients: "yes" | "no" | "optional"): string[] {
    return [
      ...["--tls-cert-file", this.path(`${name}.crt`)],
      ...["--tls-key-file", this.path(`${name}.key`)],
      ...["--tls-ca-cert-file", this.path("ca.crt")],
      ...["--tls-auth-clients", clients],
    ];
  }

  /** Removes them. */
  [Symbol.dispose](): void {
    this.#files[Symbol.dispose]();
  }

  #sign(name: string, extension: string, days = "20"): void {
    const { path } = this.#files;
    openssl(path, [
      ...["req", "-new", ...KEY, "-keyout", `${name}.key`],
      ...["-out", `${name}.csr`, "-subj", `/CN=${name}`],
    ]);
    this.#files.write(`${name}.ext`, `${extension}\n`);
    openssl(path, [
      ...["x509", "-req", "-in", `${name}.csr`, "-out", `${name}.crt`],
      ...["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"],
      ...["-extfile", `${name}.ext`, "-days", days],
    ]);
  }
}

const KEY = [
  ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
];

function openssl(cwd: string, args: string[]): void {
  const { success, stderr } = new Deno.Command("openssl", { args, cwd })
    .outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
