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
