import { parsePort } from "../transport/address.ts";
import {
  besides,
  host,
  names,
  oneOf,
  patience,
  seconds,
  sentinels,
  size,
  tunnelWords,
  whole,
} from "./flag_values.ts";
import { splitWords } from "./shell_words.ts";

/** The commands of respipe. */
export type CommandName = "load" | "encode" | "pipe";

/** What the table says of one flag. */
interface FlagData {
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
  /** Makes an option of the value's text, or throws; by default the text. */
  readonly read?: (text: string, flag: string) => unknown;
  /** Whether it may be given more than once. */
  readonly many?: true;
  /** The commands that know it. */
  readonly commands: readonly CommandName[];
  /** The heading that it stands under in the help. */
  readonly group: "Rows" | "Connection" | "Rejects" | "Every night" | "Output";
  /** Whether its value may be or hold a password, which nothing shows. */
  readonly secret?: boolean;
  /** What it does, and its default. */
  readonly help: string;
}

const ROWS: readonly CommandName[] = ["load", "encode"];
const SERVER: readonly CommandName[] = ["load", "pipe"];
const ALL: readonly CommandName[] = ["load", "encode", "pipe"];

/** The formats of sources. */
const FORMATS = ["csv", "jsonl"] as const;

/** The ways to know the end. */
const END_MARKERS = ["echo", "ping", "count"] as const;

/**
 * Every flag under its long name, in the order of the help: the one place that
 * declares them. Help, completions, suggestions and the types of the options
 * follow from it.
 */
const TABLE = {
  then: {
    value: "COMMAND",
    read: splitWords,
    many: true,
    commands: ROWS,
    group: "Rows",
    help: "one more command for each row, as one word; may be repeated",
  },
  format: {
    value: "FORMAT",
    choices: FORMATS,
    read: oneOf(FORMATS),
    commands: ROWS,
    group: "Rows",
    help: "csv or jsonl (default: what a file's name ends in, or its first " +
      "line, tells)",
  },
  header: {
    value: "HEADER",
    secret: true,
    many: true,
    commands: ROWS,
    group: "Rows",
    help: "send a header with the request for a URL, as in 'Name: value'; " +
      "other users of this machine can see it in the list of processes",
  },
  "header-file": {
    value: "FILE",
    commands: ROWS,
    group: "Rows",
    help: "send the headers in FILE, one on each line",
  },
  delimiter: {
    value: "CHAR",
    commands: ROWS,
    group: "Rows",
    help: "between fields: one ASCII character, or tab (default: what the " +
      "header tells, or ,)",
  },
  quote: {
    value: "CHAR",
    commands: ROWS,
    group: "Rows",
    help: 'around fields: one ASCII character, or none (default: ")',
  },
  "no-header": {
    commands: ROWS,
    group: "Rows",
    help: "the first line is a record; columns are {1}, {2} ...",
  },
  columns: {
    value: "A,B,C",
    read: names,
    commands: ROWS,
    group: "Rows",
    help: "the columns' names, where the input has no header",
  },
  "skip-lines": {
    value: "N",
    read: whole,
    commands: ROWS,
    group: "Rows",
    help: "skip N lines at the start of each file (default: 0)",
  },
  limit: {
    value: "N",
    read: whole,
    commands: ROWS,
    group: "Rows",
    help: "read at most N records, of all files together (default: all)",
  },
  "from-line": {
    value: "N",
    read: whole,
    commands: ROWS,
    group: "Rows",
    help: "begin at the record on line N of the first file; its header is " +
      "read all the same",
  },
  "skip-empty": {
    commands: ROWS,
    group: "Rows",
    help: "leave empty fields out of {*}",
  },
  "no-coalesce": {
    commands: ["load"],
    group: "Rows",
    help: "give each row commands of its own, even where rows could share one",
  },
  "max-record": {
    value: "BYTES",
    read: size,
    commands: ROWS,
    group: "Rows",
    help: "the largest record: 65536, 512k, 64m (default: 64m)",
  },
  host: {
    letter: "h",
    value: "HOST",
    read: host,
    commands: SERVER,
    group: "Connection",
    help: "the server's host (default: 127.0.0.1)",
  },
  port: {
    letter: "p",
    value: "PORT",
    read: parsePort,
    commands: SERVER,
    group: "Connection",
    help: "the server's port (default: 6379)",
  },
  socket: {
    letter: "s",
    value: "PATH",
    commands: SERVER,
    group: "Connection",
    help: "the server's Unix socket, instead of host and port",
  },
  uri: {
    letter: "u",
    value: "URI",
    secret: true,
    commands: SERVER,
    group: "Connection",
    help: "redis://user:password@host:port/db, rediss://, valkey://, " +
      "valkeys:// or unix:///path?db=2; flags win over its parts (default: " +
      "$REDIS_URL, where no flag names the server)",
  },
  pass: {
    letter: "a",
    value: "PASSWORD",
    secret: true,
    commands: SERVER,
    group: "Connection",
    help: "the password (default: $REDISCLI_AUTH); other users of this " +
      "machine can see it in the list of processes",
  },
  "pass-file": {
    value: "FILE",
    commands: SERVER,
    group: "Connection",
    help: "read the password from FILE",
  },
  askpass: {
    commands: SERVER,
    group: "Connection",
    help: "ask for the password on the terminal",
  },
  "no-auth-warning": {
    commands: SERVER,
    group: "Connection",
    help: "do not warn about a password on the command line",
  },
  user: {
    value: "NAME",
    commands: SERVER,
    group: "Connection",
    help: "the ACL user (default: the server's)",
  },
  db: {
    letter: "n",
    value: "N",
    read: whole,
    commands: SERVER,
    group: "Connection",
    help: "the database's number (default: 0)",
  },
  tls: {
    commands: SERVER,
    group: "Connection",
    help: "connect with TLS",
  },
  cacert: {
    value: "FILE",
    commands: SERVER,
    group: "Connection",
    help: "certificates to trust besides the system's, in PEM",
  },
  cacertdir: {
    value: "DIR",
    commands: SERVER,
    group: "Connection",
    help: "a directory of such files",
  },
  cert: {
    value: "FILE",
    commands: SERVER,
    group: "Connection",
    help: "the client's certificate, in PEM",
  },
  key: {
    value: "FILE",
    commands: SERVER,
    group: "Connection",
    help: "the private key of --cert, in PEM",
  },
  sni: {
    value: "NAME",
    commands: SERVER,
    group: "Connection",
    help: "the name to ask for and to verify (default: the host)",
  },
  insecure: {
    commands: SERVER,
    group: "Connection",
    help: "accept any certificate from the server",
  },
  sentinel: {
    value: "HOST:PORT,...",
    read: sentinels,
    commands: SERVER,
    group: "Connection",
    help: "find the primary through these Redis Sentinels",
  },
  service: {
    value: "NAME",
    commands: SERVER,
    group: "Connection",
    help: "the name of the primary at the Redis Sentinels",
  },
  "sentinel-user": {
    value: "NAME",
    commands: SERVER,
    group: "Connection",
    help: "the ACL user at the Redis Sentinels (default: theirs)",
  },
  "sentinel-pass": {
    value: "PASSWORD",
    secret: true,
    commands: SERVER,
    group: "Connection",
    help: "the password at the Redis Sentinels (default: " +
      "$RESPIPE_SENTINEL_AUTH)",
  },
  "sentinel-pass-file": {
    value: "FILE",
    commands: SERVER,
    group: "Connection",
    help: "read the password at the Redis Sentinels from FILE",
  },
  "allow-replica": {
    commands: ["load"],
    group: "Connection",
    help: "allow a load into a replica",
  },
  via: {
    value: "COMMAND",
    read: tunnelWords,
    commands: SERVER,
    group: "Connection",
    help: "run COMMAND, such as a port-forward, until the load ends, and " +
      "connect to the local port that replaces {port} in it",
  },
  retry: {
    value: "SECONDS",
    read: patience,
    commands: SERVER,
    group: "Connection",
    help: "wait for so long for a server that is away or not ready: refused " +
      "or lost connections, loading, busy, failover (default: 0 at the " +
      "start, 30 when a load, or a pipe into a cluster, is under way)",
  },
  "at-least-once": {
    commands: ["load"],
    group: "Connection",
    help: "after a lost connection send again what may be in already, though " +
      "the command is not the same twice, as RPUSH or INCRBY",
  },
  "exactly-once": {
    value: "KEY",
    commands: ["load"],
    group: "Connection",
    help: "have each row in exactly once, on one server: transactions also " +
      "write KEY, which says how far the load got; the same command goes on " +
      "from there, after any ending",
  },
  "end-marker": {
    value: "KIND",
    choices: END_MARKERS,
    read: oneOf(END_MARKERS),
    commands: SERVER,
    group: "Connection",
    help: "how to find the last reply: send ECHO or PING behind the last " +
      "command, or count the replies (default: echo)",
  },
  "connect-timeout": {
    value: "SECONDS",
    read: seconds,
    commands: SERVER,
    group: "Connection",
    help: "how long connecting may take; 0 is no limit (default: 10)",
  },
  "node-map": {
    value: "A=B,...",
    commands: SERVER,
    group: "Connection",
    help: "where a cluster's announced addresses can be reached from here, " +
      "each a HOST or a HOST:PORT",
  },
  "stall-timeout": {
    value: "SECONDS",
    read: seconds,
    commands: SERVER,
    group: "Connection",
    help: "give up when the server leaves commands without any reply for " +
      "so long; 0 is never (default: 30)",
  },
  "idle-timeout": {
    value: "SECONDS",
    read: seconds,
    commands: ALL,
    group: "Rows",
    help: "give up when no input arrives for so long; 0 is never " +
      "(default: 0)",
  },
  rejects: {
    value: "FILE",
    read: besides(".errors.csv"),
    commands: ROWS,
    group: "Rejects",
    help: "write rejected records to FILE, byte for byte, and the error of " +
      "each to FILE.errors.csv",
  },
  state: {
    value: "FILE",
    read: besides(".tmp"),
    commands: ["load"],
    group: "Rows",
    help: "keep in FILE how far it got: the same command goes on from there, " +
      "after any ending; a complete load begins anew",
  },
  "max-errors": {
    value: "N",
    commands: ["load"],
    group: "Rejects",
    help: "stop when there are more rejects than N, or than N% of the " +
      "records so far (default: never)",
  },
  lock: {
    value: "KEY",
    commands: ["load"],
    group: "Every night",
    help: "hold KEY on the server while loading: no other load with it runs, " +
      "on whatever machine (where --retry is given, it is waited for)",
  },
  "if-changed": {
    commands: ["load"],
    group: "Every night",
    help: "with --state: do nothing where every source is that of the last " +
      "complete load: a file by its size and time, else its hash; a URL by " +
      "its ETag, else Last-Modified",
  },
  "swap-db": {
    value: "N",
    read: whole,
    commands: ["load"],
    group: "Every night",
    help: "load into the empty database N; when every record is in, swap it " +
      "with the one of -n, and throw the old data away (--max-errors is 0 by " +
      "default then)",
  },
  prune: {
    value: "PATTERN",
    commands: ["load"],
    group: "Every night",
    help: "when every record is in, delete the keys that match PATTERN and " +
      "that the load has not written",
  },
  "prune-limit": {
    value: "N",
    commands: ["load"],
    group: "Every night",
    help: "delete nothing when that were more than N keys, or than N% of " +
      "those that match; 0 shows what would be deleted (default: 20%)",
  },
  rate: {
    value: "N",
    read: whole,
    commands: ["load"],
    group: "Every night",
    help: "load N records a second at the most, evenly",
  },
  wait: {
    value: "N",
    read: whole,
    commands: ["load"],
    group: "Every night",
    help:
      "have N replicas acknowledge what was sent, every few MB and in the " +
      "end, each time within --stall-timeout",
  },
  metrics: {
    value: "FILE",
    read: besides(".tmp"),
    commands: ["load"],
    group: "Every night",
    help: "replace FILE by how the load ended, in Prometheus' text format, " +
      "whatever the ending",
  },
  job: {
    value: "NAME",
    commands: ["load"],
    group: "Every night",
    help: "the label job in FILE of --metrics (default: the first source)",
  },
  json: {
    commands: SERVER,
    group: "Output",
    help: "print the summary as one JSON object",
  },
  quiet: {
    commands: SERVER,
    group: "Output",
    help: "print nothing when all is well",
  },
  "dry-run": {
    value: "N",
    read: whole,
    otherwise: "5",
    commands: ["load"],
    group: "Output",
    help: "send nothing: show the first N rows as commands (default: 5), " +
      "then the totals of the whole input",
  },
  progress: {
    commands: ALL,
    group: "Output",
    help: "report progress every 10 s, a line each, for logs (default: " +
      "one line that is redrawn, on a terminal only)",
  },
  "no-progress": {
    commands: ALL,
    group: "Output",
    help: "report no progress",
  },
} as const satisfies Record<string, FlagData>;

type Table = typeof TABLE;

/** The flags' long names, without dashes. */
export type FlagName = keyof Table;

/** One flag: what it is called, what it takes, where it belongs. */
export interface Flag extends FlagData {
  /** The long name, without dashes. */
  readonly name: FlagName;
}

type ValueOf<F> = F extends { read: (text: string, flag: string) => infer T }
  ? T
  : F extends { value: string } ? string
  : true;

/** The flags that were given, by long name, with their values as options. */
export type GivenFlags = {
  readonly [N in FlagName]?: Table[N] extends { many: true }
    ? readonly ValueOf<Table[N]>[]
    : ValueOf<Table[N]>;
};

/** Every flag, in the order of the help. */
export const FLAGS: readonly Flag[] = Object.entries<FlagData>(TABLE)
  .map(([name, data]) => ({ name: name as FlagName, ...data }));

/** Tells the flags of a command. */
export function flagsOf(command: CommandName): Flag[] {
  return FLAGS.filter((flag) => flag.commands.includes(command));
}

/**
 * Shows a flag as a user would write it.
 *
 * @returns `-h`, where there is a letter, else `--columns`.
 */
export function flagName(flag: Flag): string {
  return flag.letter === undefined ? `--${flag.name}` : `-${flag.letter}`;
}

/** The flag of a word without its value, which may be secret. */
export function withoutValue(word: string): string {
  return word.startsWith("--") ? word.replace(/=.*$/s, "") : word;
}

/**
 * Finds the flag that a word names.
 *
 * @param word Such as `-p`, `--port` or `--port=7000`.
 * @returns The flag; nothing where it names none of them.
 */
export function flagNamed(
  word: string,
  flags: readonly Flag[] = FLAGS,
): Flag | undefined {
  const name = withoutValue(word);
  return flags.find((flag) =>
    name === `--${flag.name}` ||
    (flag.letter !== undefined && name === `-${flag.letter}`)
  );
}
