import type { EndMarker } from "../engine/lane.ts";

/** The commands of respipe. */
export type CommandName = "load" | "encode" | "pipe";

/** One flag: what it is called, what it takes, where it belongs. */
export interface Flag {
  /** The long name, without dashes. */
  readonly name: string;
  /** The one-letter name, where there is one: redis-cli's. */
  readonly letter?: string;
  /** What the value is called in the help; a flag without one is a switch. */
  readonly value?: string;
  /**
   * What it means without its value: that may be left out then, and a word
   * behind the flag is the value only where it is a whole number.
   */
  readonly otherwise?: string;
  /** The values there are, where they are few. */
  readonly choices?: readonly string[];
  /** Whether it may be given more than once. */
  readonly many?: boolean;
  /** The commands that know it. */
  readonly commands: readonly CommandName[];
  /** The heading that it stands under in the help. */
  readonly group: "Rows" | "Connection" | "Rejects" | "Output";
  /** Whether its value may be or hold a password, which nothing shows. */
  readonly secret?: boolean;
  /** What it does, and its default. */
  readonly help: string;
}

const ROWS: readonly CommandName[] = ["load", "encode"];
const SERVER: readonly CommandName[] = ["load", "pipe"];
const ALL: readonly CommandName[] = ["load", "encode", "pipe"];

/** The ways to know the end. */
export const END_MARKERS: readonly EndMarker[] = ["echo", "ping", "count"];

/** Every flag, in the order of the help: the one place that declares them. */
export const FLAGS: readonly Flag[] = [
  {
    name: "then",
    value: "COMMAND",
    many: true,
    commands: ROWS,
    group: "Rows",
    help: "one more command for each row, as one word; may be repeated",
  },
  {
    name: "delimiter",
    value: "CHAR",
    commands: ROWS,
    group: "Rows",
    help: "between fields: one ASCII character, or tab (default: ,)",
  },
  {
    name: "quote",
    value: "CHAR",
    commands: ROWS,
    group: "Rows",
    help: 'around fields: one ASCII character, or none (default: ")',
  },
  {
    name: "no-header",
    commands: ROWS,
    group: "Rows",
    help: "the first line is a record; columns are {1}, {2} ...",
  },
  {
    name: "columns",
    value: "A,B,C",
    commands: ROWS,
    group: "Rows",
    help: "there is no header; these are the columns' names",
  },
  {
    name: "skip-lines",
    value: "N",
    commands: ROWS,
    group: "Rows",
    help: "lines to pass over at the start of each file (default: 0)",
  },
  {
    name: "limit",
    value: "N",
    commands: ROWS,
    group: "Rows",
    help: "records to read at the most, of all files (default: all)",
  },
  {
    name: "skip-empty",
    commands: ROWS,
    group: "Rows",
    help: "leave empty fields out of {*}",
  },
  {
    name: "coalesce",
    commands: ROWS,
    group: "Rows",
    help: "let rows share commands where that cannot change the outcome, as " +
      "rows of SET can share an MSET (default for load)",
  },
  {
    name: "no-coalesce",
    commands: ["load"],
    group: "Rows",
    help: "give every row commands of its own",
  },
  {
    name: "max-record",
    value: "BYTES",
    commands: ROWS,
    group: "Rows",
    help: "the largest record: 65536, 512k, 64m (default: 64m)",
  },
  {
    name: "host",
    letter: "h",
    value: "HOST",
    commands: SERVER,
    group: "Connection",
    help: "the server's host (default: 127.0.0.1)",
  },
  {
    name: "port",
    letter: "p",
    value: "PORT",
    commands: SERVER,
    group: "Connection",
    help: "the server's port (default: 6379)",
  },
  {
    name: "socket",
    letter: "s",
    value: "PATH",
    commands: SERVER,
    group: "Connection",
    help: "the server's Unix socket, instead of host and port",
  },
  {
    name: "uri",
    letter: "u",
    value: "URI",
    secret: true,
    commands: SERVER,
    group: "Connection",
    help: "redis://user:password@host:port/db, rediss://, valkey://, " +
      "valkeys:// or unix:///path?db=2; flags win over its parts (default: " +
      "$REDIS_URL, where nothing else says where the server is)",
  },
  {
    name: "pass",
    letter: "a",
    value: "PASSWORD",
    secret: true,
    commands: SERVER,
    group: "Connection",
    help: "the password (default: $REDISCLI_AUTH); other users of this " +
      "machine can see it in the list of processes",
  },
  {
    name: "pass-file",
    value: "FILE",
    commands: SERVER,
    group: "Connection",
    help: "read the password from FILE",
  },
  {
    name: "askpass",
    commands: SERVER,
    group: "Connection",
    help: "ask for the password on the terminal",
  },
  {
    name: "no-auth-warning",
    commands: SERVER,
    group: "Connection",
    help: "do not warn about a password on the command line",
  },
  {
    name: "user",
    value: "NAME",
    commands: SERVER,
    group: "Connection",
    help: "the ACL user (default: the server's)",
  },
  {
    name: "db",
    letter: "n",
    value: "N",
    commands: SERVER,
    group: "Connection",
    help: "the database's number (default: 0)",
  },
  {
    name: "tls",
    commands: SERVER,
    group: "Connection",
    help: "speak TLS",
  },
  {
    name: "cacert",
    value: "FILE",
    commands: SERVER,
    group: "Connection",
    help: "certificates to trust besides the system's, in PEM",
  },
  {
    name: "cacertdir",
    value: "DIR",
    commands: SERVER,
    group: "Connection",
    help: "the same from every file in DIR",
  },
  {
    name: "cert",
    value: "FILE",
    commands: SERVER,
    group: "Connection",
    help: "the client's certificate, in PEM",
  },
  {
    name: "key",
    value: "FILE",
    commands: SERVER,
    group: "Connection",
    help: "the private key of --cert, in PEM",
  },
  {
    name: "sni",
    value: "NAME",
    commands: SERVER,
    group: "Connection",
    help: "the name to ask for and to verify (default: the host)",
  },
  {
    name: "insecure",
    commands: SERVER,
    group: "Connection",
    help: "take whatever certificate the server shows",
  },
  {
    name: "sentinel",
    value: "HOST:PORT,...",
    commands: SERVER,
    group: "Connection",
    help: "find the primary through these Redis Sentinels",
  },
  {
    name: "service",
    value: "NAME",
    commands: SERVER,
    group: "Connection",
    help: "the name under which they watch it",
  },
  {
    name: "sentinel-user",
    value: "NAME",
    commands: SERVER,
    group: "Connection",
    help: "the ACL user at the Redis Sentinels (default: theirs)",
  },
  {
    name: "sentinel-pass",
    value: "PASSWORD",
    secret: true,
    commands: SERVER,
    group: "Connection",
    help: "the password at the Redis Sentinels (default: none)",
  },
  {
    name: "allow-replica",
    commands: ["load"],
    group: "Connection",
    help: "load into a replica, which is refused otherwise",
  },
  {
    name: "via",
    value: "COMMAND",
    commands: SERVER,
    group: "Connection",
    help: "run COMMAND, such as a port-forward, as long as it takes, and " +
      "connect to the local port that is put for {port} in it",
  },
  {
    name: "retry",
    value: "SECONDS",
    commands: SERVER,
    group: "Connection",
    help: "try again for so long where the server is not ready: refused " +
      "connections, loading, busy, failover (default: 0)",
  },
  {
    name: "end-marker",
    value: "KIND",
    choices: END_MARKERS,
    commands: SERVER,
    group: "Connection",
    help: "how the end is known: echo or ping sends that behind the last " +
      "command, count counts the replies (default: echo)",
  },
  {
    name: "connect-timeout",
    value: "SECONDS",
    commands: SERVER,
    group: "Connection",
    help: "how long connecting may take; 0 is for ever (default: 10)",
  },
  {
    name: "stall-timeout",
    value: "SECONDS",
    commands: SERVER,
    group: "Connection",
    help: "give up when commands stay unanswered for so long without a " +
      "sign of life; 0 is never (default: 30)",
  },
  {
    name: "idle-timeout",
    value: "SECONDS",
    commands: ALL,
    group: "Rows",
    help: "give up when the input gives nothing for so long; 0 is never " +
      "(default: 0)",
  },
  {
    name: "rejects",
    value: "FILE",
    commands: ROWS,
    group: "Rejects",
    help: "write rejected records to FILE, as they are, and what was wrong " +
      "with each to FILE.errors.csv",
  },
  {
    name: "max-errors",
    value: "N",
    commands: ["load"],
    group: "Rejects",
    help: "stop when there are more rejects than N, or than N% of the " +
      "records so far (default: never)",
  },
  {
    name: "json",
    commands: ["load"],
    group: "Output",
    help: "print the summary as one JSON object",
  },
  {
    name: "quiet",
    commands: ["load"],
    group: "Output",
    help: "print nothing when all is well",
  },
  {
    name: "dry-run",
    value: "N",
    otherwise: "5",
    commands: ["load"],
    group: "Output",
    help: "connect to nothing: show the first N rows as commands (default: " +
      "5), then what the whole input comes to",
  },
  {
    name: "progress",
    commands: ALL,
    group: "Output",
    help: "show how far it is every 10 s, a line each, for logs (default: " +
      "one line that is redrawn, on a terminal only)",
  },
  {
    name: "no-progress",
    commands: ALL,
    group: "Output",
    help: "do not show how far it is",
  },
];

/**
 * Shows a flag as a user would write it.
 *
 * @param flag The flag.
 * @returns `-h`, where there is a letter, else `--columns`.
 */
export function flagName(flag: Flag): string {
  return flag.letter === undefined ? `--${flag.name}` : `-${flag.letter}`;
}
