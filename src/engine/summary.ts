import { isSameProcess, type ServerInfo } from "../transport/server_info.ts";
import type { Connection } from "../transport/connection.ts";
import type { EndMarker } from "./lane.ts";
import type { RecordPlace } from "./ledger.ts";
import type { Pruned } from "./prune.ts";
import type { Replicated } from "./wait_replicas.ts";
import type { MemoryForecast } from "./memory_forecast.ts";
import type { SourceComparison } from "./source_mark.ts";
import type { Swapped } from "./swap_db.ts";
import { type ErrorKind, ErrorTally } from "./error_tally.ts";

/** A summary as plain data, with the names that `--json` prints. */
export interface SummaryData extends
  Pick<
    Summary,
    | "records"
    | "loaded"
    | "rejected"
    | "partly"
    | "unknown"
    | "blankLines"
    | "commands"
    | "replies"
    | "bytesIn"
    | "bytesOut"
    | "seconds"
    | "secondsWaiting"
    | "rewinds"
    | "redirections"
    | "reconnections"
    | "repeated"
    | "transactions"
    | "repliesLost"
    | "mayBeLost"
    | "resumedAt"
    | "formats"
    | "state"
  > {
  /** When it began: ISO 8601, in UTC. */
  startedAt: string;
  /** When it ended; none while it runs. */
  endedAt: string | null;
  /** Records read per second of loading. */
  recordsPerSecond: number;
  /** The server's text that made rows share commands no more. */
  coalescingStopped: string | null;
  /** What was rejected, by kind of error, in the order of first appearance. */
  errors: ErrorKind[];
  /**
   * Where a load that ended early left off: every record before it is loaded or
   * rejected, none from it on is counted. None after a load that went through.
   */
  next: RecordPlace | null;
  /** What an input looks like that may not have been read as it was meant. */
  hint: string | null;
  /**
   * The server, where it was asked and has told what it is; after a failover
   * the new one.
   */
  server: ServerData | null;
  /** Whether nothing was to be done, as the sources had not changed. */
  skipped: boolean;
  /**
   * How the sources were compared with those of the last complete load, up to
   * the first that is not the same; none where that was not asked for.
   */
  compared: SourceComparison[] | null;
  /** What replicas have acknowledged, where they were waited for. */
  replicated: Replicated | null;
  /** What the first records told about memory, where that could be told. */
  memoryForecast: MemoryForecast | null;
  /** What came of pruning, where that was done. */
  pruned: Pruned | null;
  /** The databases that were swapped, where they were. */
  swapped: Swapped | null;
  /** How the end was known; none where the load ended early. */
  endMarker: EndMarker | null;
  /** The nodes of a cluster that were loaded into; none for one server. */
  nodes: NodeData[] | null;
}

/** What a source was found to be. */
export interface SourceFormat {
  /** The file's path, or `-` for standard input. */
  readonly source: string;
  /** From the outside in, such as `CSV` or `gzip, JSON Lines`. */
  readonly format: string;
}

/** What a summary tells about a node of a cluster. */
export interface NodeData {
  /** The address that the cluster announces. */
  address: string;
  /** Hash slots that it serves. */
  slots: number;
  /** Commands handed to it. */
  commands: number;
  /** Replies that have come from it. */
  replies: number;
  /** Bytes of the commands. */
  bytes: number;
  /** Error replies among the replies, redirections too. */
  errors: number;
}

/** How far a load got. */
export type SummaryState = "running" | "complete" | "stopped" | "nothing read";

/** What a summary tells about the server. */
export interface ServerData {
  /** Such as Redis or Valkey. */
  name: string | null;
  /** Its version. */
  version: string | null;
  /** Its address. */
  address: string;
}

/**
 * The counts of a load: live while it runs, final when it has ended.
 *
 * At any time `loaded + rejected + unknown` is `records`. Records are counted as
 * loaded or rejected in the order of the input, when all before them are; so
 * the counts tell a place, too.
 *
 * @example
 * ```ts
 * import { Summary } from "@respipe/respipe";
 * import { assertEquals } from "@std/assert";
 *
 * const summary = new Summary();
 * summary.records = 3;
 * summary.loaded = 2;
 * assertEquals(summary.unknown, 1);
 * ```
 */
export class Summary {
  /** Records read, malformed ones among them. */
  records = 0;
  /**
   * Records whose every command the server has acknowledged, and those of
   * {@linkcode repliesLost}.
   */
  loaded = 0;
  /** Records of which a command was refused, or that are malformed. */
  rejected = 0;
  /** Those of them of which other commands may have been executed. */
  partly = 0;
  /** Lines with nothing on them that were passed over. */
  blankLines = 0;
  /** Commands handed to the server, those that were sent again included. */
  commands = 0;
  /** Replies that have come, the sentinel's not among them. */
  replies = 0;
  /** Bytes of input read. */
  bytesIn = 0;
  /** Bytes of those commands. */
  bytesOut = 0;
  /** How often what was refused or never answered was sent again. */
  rewinds = 0;
  /** Commands that were passed on to another node of a cluster. */
  redirections = 0;
  /** How often a lost connection was made again. */
  reconnections = 0;
  /**
   * Records that may be in twice: they were sent again though they may have
   * been executed, and repeating their commands is not without effect.
   */
  repeated = 0;
  /** Transactions that were executed, with `--exactly-once`. */
  transactions = 0;
  /**
   * Records of transactions that were executed though the replies were lost:
   * what the server may have refused of them is not known, and they count as
   * loaded.
   */
  repliesLost = 0;
  /**
   * Records that were loaded before the server was started anew, or another one
   * took its place: what that had not kept of them is lost. In a cluster those
   * of every node, and what was on its way.
   */
  mayBeLost = 0;
  /** Where a load went on that an earlier run had begun. */
  resumedAt: Pick<RecordPlace, "source" | "record" | "line"> | null = null;
  /** The rejects by kind. */
  readonly errors: ErrorTally = new ErrorTally();
  /**
   * The server's text, where it has no ECHO: the end of the load was told by
   * counting replies then.
   */
  sentinelRefusal: string | undefined;
  /** Whether nothing was to be done, as the sources had not changed. */
  isSkipped = false;
  /** How the sources were compared with those of the last complete load. */
  compared: SourceComparison[] | undefined;
  /** What replicas have acknowledged. */
  replicated: Replicated | undefined;
  /** What the first records told about the server's memory. */
  memoryForecast: MemoryForecast | undefined;
  /** What came of pruning. */
  pruned: Pruned | undefined;
  /** The databases that were swapped. */
  swapped: Swapped | undefined;
  /** How the end was known. */
  endMarker: EndMarker | undefined;
  /** The nodes of a cluster that were loaded into. */
  nodes: NodeData[] | undefined;
  /** What the server says that it is. */
  server: (ServerInfo & { readonly address: string }) | undefined;
  /**
   * The server's text that made rows share commands no more; none where they
   * did to the end, or never did.
   */
  coalescingStopped: string | undefined;
  /** Where a load that ended early left off. */
  next: RecordPlace | undefined;
  /** What each source was found to be, in the order of reading. */
  readonly formats: SourceFormat[] = [];
  /** Whether all of the input was read and settled. */
  isComplete = false;
  /** What an input looks like that may not have been read as it was meant. */
  hint: string | undefined;
  /** The source that is being read, or was last. */
  source: string | undefined;
  /** Bytes that the sources have in all, where every size is known. */
  bytesExpected: number | undefined;

  /** When the load began. */
  readonly startedAt: Date = new Date();
  /** When it ended. */
  endedAt: Date | undefined;
  /** Seconds that were spent waiting for a connection, at first or again. */
  secondsWaiting = 0;
  /**
   * Since when a server is waited for that was lost, or would not serve, as
   * `performance.now()`; none while it serves.
   */
  waitingSince: number | undefined;

  readonly #started = performance.now();
  #ended: number | undefined;

  /**
   * Records that are not settled.
   *
   * @returns Records sent, or to be sent again, or behind one that is or a
   * reject that could not be kept; after an early end, those that may or may not
   * have been executed.
   */
  get unknown(): number {
    return this.records - this.loaded - this.rejected;
  }

  /**
   * How long the load has taken, without the wait for the connection.
   *
   * @returns Seconds until now, or until {@linkcode end}.
   */
  get seconds(): number {
    const ended = this.#ended ?? performance.now();
    return (ended - this.#started) / 1000 - this.secondsWaiting;
  }

  /**
   * How far the load got: whether all of the input was read and settled; whether
   * it ended early, and {@linkcode next} says where; or whether it ended before a
   * record was read.
   *
   * @returns Its state; it is final when the load has ended.
   */
  get state(): SummaryState {
    if (this.isComplete) return "complete";
    if (this.endedAt === undefined) return "running";
    return this.next === undefined ? "nothing read" : "stopped";
  }

  /** Counts the time until a promise is settled as waiting. */
  async waitFor<T>(promise: Promise<T>): Promise<T> {
    const asked = performance.now();
    try {
      return await promise;
    } finally {
      this.secondsWaiting += (performance.now() - asked) / 1000;
    }
  }

  /** Notes whom the load talks to now. */
  met({ server, address }: Connection): void {
    this.server = server && { ...server, address };
  }

  /**
   * Notes that a lost connection was made again.
   *
   * @param before The server, as it was.
   * @param now The same now: another process may lack what was loaded.
   * @param answered Records that are in, and not committed.
   */
  reconnected(
    before: ServerInfo | undefined,
    now: ServerInfo | undefined,
    answered: number,
  ): void {
    this.reconnections++;
    if (isSameProcess(before, now) === false) {
      this.mayBeLost = this.loaded + answered;
    }
  }

  /**
   * Notes whom the end of a load that has read everything talks to: another
   * process than took the last record may lack what was loaded.
   */
  concludesOn({ server }: Connection): void {
    if (isSameProcess(this.server, server) === false) {
      this.mayBeLost = this.loaded;
    }
  }

  /** Notes how the end was known, if it was. */
  parted(
    { isFinished, sentinelRefusal }: {
      readonly isFinished: boolean;
      readonly sentinelRefusal: string | undefined;
    },
    endMarker: EndMarker = "echo",
  ): void {
    if (!isFinished) return;
    this.sentinelRefusal = sentinelRefusal;
    this.endMarker = sentinelRefusal === undefined ? endMarker : "count";
  }

  /** Stops the clock. */
  end(): void {
    this.#ended ??= performance.now();
    this.endedAt ??= new Date();
  }

  /**
   * Takes the counts as plain data.
   *
   * @returns The counts under stable names.
   */
  toJSON(): SummaryData {
    const { seconds } = this;
    return {
      records: this.records,
      loaded: this.loaded,
      rejected: this.rejected,
      partly: this.partly,
      unknown: this.unknown,
      blankLines: this.blankLines,
      commands: this.commands,
      replies: this.replies,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      startedAt: this.startedAt.toISOString(),
      endedAt: this.endedAt?.toISOString() ?? null,
      seconds: Math.round(seconds * 1000) / 1000,
      secondsWaiting: Math.round(this.secondsWaiting * 1000) / 1000,
      recordsPerSecond: seconds > 0 ? Math.round(this.records / seconds) : 0,
      rewinds: this.rewinds,
      redirections: this.redirections,
      reconnections: this.reconnections,
      repeated: this.repeated,
      transactions: this.transactions,
      repliesLost: this.repliesLost,
      mayBeLost: this.mayBeLost,
      resumedAt: this.resumedAt,
      coalescingStopped: this.coalescingStopped ?? null,
      errors: this.errors.kinds(),
      next: this.next ?? null,
      formats: this.formats,
      state: this.state,
      hint: this.hint ?? null,
      server: this.server === undefined ? null : {
        name: this.server.name ?? null,
        version: this.server.version ?? null,
        address: this.server.address,
      },
      skipped: this.isSkipped,
      compared: this.compared ?? null,
      replicated: this.replicated ?? null,
      memoryForecast: this.memoryForecast ?? null,
      pruned: this.pruned ?? null,
      swapped: this.swapped ?? null,
      endMarker: this.endMarker ?? null,
      nodes: this.nodes ?? null,
    };
  }
}
