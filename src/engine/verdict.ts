/**
 * What an error reply asks for: the one table of verdicts.
 *
 * Most errors are one record's own. Some would hit every record after it, so
 * going on is pointless. And a command that respipe made out of several rows
 * may be refused where the user's own would not be.
 *
 * @module
 */

/** What is to be done about an error reply. */
export type Verdict =
  /** The record did not make it; the load goes on. */
  | { readonly kind: "reject" }
  /** The record did not make it, and no other one would. */
  | {
    readonly kind: "stop";
    /** What it means, and what to do: one sentence. */
    readonly advice: string;
  }
  /**
   * The server cannot take it now, but may soon, or another one may: connect
   * anew and go on from here. Where that is not wanted, stop.
   */
  | {
    readonly kind: "wait";
    /** What it means, and what to do: one sentence. */
    readonly advice: string;
  }
  /** The key is another node's now: this command goes there. */
  | { readonly kind: "redirect" }
  /** Rows cannot share this command: everything from here on goes again. */
  | { readonly kind: "unshare" };

const REJECT: Verdict = { kind: "reject" };
const UNSHARE: Verdict = { kind: "unshare" };
const REDIRECT: Verdict = { kind: "redirect" };

/** What a node of a cluster says of a key that is not, or not only, its own. */
const ELSEWHERE = /^(MOVED|ASK|TRYAGAIN)\b/;

/** What passes, if only because another server takes this one's place. */
const PASSING = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|BUSY) /;

const STOPPING: readonly (readonly [RegExp, string])[] = [
  [
    /^OOM /,
    "the server is full (maxmemory) and may evict nothing; give it more " +
    "memory or a maxmemory-policy that evicts",
  ],
  [
    /^READONLY /,
    "the server is a read-only replica; load into its primary",
  ],
  [
    /^NOAUTH /,
    "the server wants a password; give it with -a, or in REDISCLI_AUTH",
  ],
  [
    // Where it is about one key, other records' keys may be allowed.
    /^NOPERM .* run the '/,
    "the user may not run this command; allow it with ACL SETUSER, or use " +
    "another --user",
  ],
  [
    /^MISCONF /,
    "the server cannot save to its disk and refuses writes until it can; " +
    "see its log",
  ],
  [
    /^LOADING /,
    "the server is still reading its data set; try again when it is done",
  ],
  [
    /^MASTERDOWN /,
    "the server is a replica that has lost its primary; load into the primary",
  ],
  [
    /^NOREPLICAS /,
    "the server has too few good replicas to accept writes " +
    "(min-replicas-to-write)",
  ],
  [
    /^CLUSTERDOWN /,
    "the cluster is down; see CLUSTER INFO",
  ],
  [
    /^(MOVED|ASK) /,
    "the key belongs to another node of a cluster that does not say that it " +
    "is one; connect to a node, not to a proxy",
  ],
  [
    /^NOSCRIPT /,
    "the server does not have this script; load it with SCRIPT LOAD",
  ],
  [
    /^ERR Function not found/,
    "the server does not have this function; load it with FUNCTION LOAD",
  ],
  [
    /^BUSY /,
    "the server is busy with a script or a function; try again when it is done",
  ],
  [
    /^ERR Command not allowed inside a transaction/,
    "this command cannot stand in a transaction, which --exactly-once puts " +
    "it into",
  ],
  [
    /^ERR unknown (command|subcommand)/i,
    "the server does not know this command; see its version and its modules",
  ],
  [
    /^ERR wrong number of arguments/,
    "the template has too few or too many arguments for this command",
  ],
];

/** What is said about a command itself, which the user may never have given. */
const ABOUT_THE_COMMAND = /^(NOPERM|ERR unknown command)/;

/** What a verdict depends on but the error. */
interface VerdictContext {
  /**
   * Whether respipe made the command, as MSET of rows of SET, and the rows'
   * own might be accepted.
   */
  readonly isMade: boolean;
  /**
   * Whether every record makes commands with as many arguments, so that a
   * wrong number of them is every record's error.
   */
  readonly sameShape: boolean;
  /** Whether commands are routed to the nodes of a cluster. */
  readonly isCluster: boolean;
}

/** The context of an error that is about no record, on one server. */
export const OF_NO_RECORD: VerdictContext = {
  isMade: false,
  sameShape: true,
  isCluster: false,
};

/** Judges an error reply. */
export function verdictOf(error: string, context: VerdictContext): Verdict {
  if (context.isMade && ABOUT_THE_COMMAND.test(error)) return UNSHARE;
  // What EXEC refused a transaction for is named behind this.
  const reason = error.replace(/^EXECABORT [^:]*because of: /, "");
  if (context.isCluster && ELSEWHERE.test(reason)) return REDIRECT;
  for (const [pattern, advice] of STOPPING) {
    if (!pattern.test(reason)) continue;
    if (!context.sameShape && error.startsWith("ERR wrong number")) break;
    return { kind: PASSING.test(reason) ? "wait" : "stop", advice };
  }
  return context.isMade ? UNSHARE : REJECT;
}
