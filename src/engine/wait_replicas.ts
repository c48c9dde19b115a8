/**
 * Waits for replicas, while a load runs and in its end.
 *
 * Why it has this shape: WAIT speaks of what its own connection has written, and
 * on a lane its reply would stand among those of the records. So it goes on
 * another connection, where it does one thing: it has the replicas acknowledge
 * now, instead of once a second. What counts are the offsets in INFO
 * replication: a replica has everything when it has acknowledged the offset at
 * which the primary was when it was asked.
 *
 * @module
 */
import { ConnectionError, StoppedError, UsageError } from "../errors.ts";
import type { ConnectOptions } from "../transport/connect.ts";
import { infoFields } from "../transport/server_info.ts";
import { counted } from "./counted.ts";
import type { LoadEnd } from "./load_end.ts";
import { SideConnection } from "./side_connection.ts";
import type { Summary } from "./summary.ts";
import type { Wait } from "./wait.ts";

/**
 * Bytes sent between two looks: a small part of what a primary holds for a slow
 * replica (client-output-buffer-limit, 64 MiB for a minute by default).
 */
const STEP = 4 * 1024 * 1024;

/** How long one WAIT may block, in ms. */
const BLOCK = 1_000;

/** How long to wait before a look that WAIT did not take time for, in ms. */
const PAUSE = 50;

/** How long an answer may take besides, in ms. */
const PATIENCE = 10_000;

/** What replicas have acknowledged. */
export interface Replicated {
  /** Replicas that had everything in the end, of the primary with the fewest. */
  readonly replicas: number;
  /** The most bytes of replication that were missing whenever it looked. */
  readonly largestLag: number;
}

/** What waiting for replicas needs. */
interface WaitReplicasOptions {
  /** How many replicas of each primary. */
  readonly count: number;
  /** The primaries. */
  readonly servers: () => Promise<readonly ConnectOptions[]>;
  /** How long they may take, in ms; 0 is for ever. */
  readonly timeout: number;
  /** Where bytes are counted, and the lag is told. */
  readonly summary: Summary;
  /** Where it waits. */
  readonly wait: Wait;
}

/** Where a primary and its replicas are in the stream of replication. */
interface Offsets {
  readonly primary: number;
  readonly replicas: readonly number[];
}

/** Has replicas keep up with a load. */
export class WaitReplicas implements LoadEnd {
  readonly #options: WaitReplicasOptions;
  #sides: SideConnection[] = [];
  /** Bytes that were sent at the last look. */
  #sent = 0;

  /**
   * Looks at nothing yet.
   *
   * @throws {UsageError} When it is no replica that is to be waited for.
   */
  constructor(options: WaitReplicasOptions) {
    this.#options = options;
    if (Number.isSafeInteger(options.count) && options.count > 0) return;
    throw new UsageError(
      `Cannot use --wait ${options.count}: must be 1 replica or more`,
      "--wait",
    );
  }

  /** Sees that there are enough replicas that keep up, before the load. */
  async prepare(): Promise<void> {
    const { wait, servers } = this.#options;
    const primaries = await wait.for(servers());
    this.#sides = primaries.map((server) => new SideConnection(server));
    await this.#look("nothing was sent");
  }

  beforeBatch(): Promise<void> | undefined {
    const { bytesOut } = this.#options.summary;
    if (bytesOut - this.#sent < STEP) return undefined;
    this.#sent = bytesOut;
    return this.#look("nothing more was sent");
  }

  async confirm(): Promise<void> {
    await this.#look("every record is in");
  }

  /** Waits until they have all of it. */
  async conclude(): Promise<void> {
    await this.#look("every record is in");
    await this.abandon();
  }

  abandon(): Promise<void> {
    for (const side of this.#sides) side.close();
    return Promise.resolve();
  }

  /** Waits until enough replicas have what every primary has now. */
  async #look(outcome: string): Promise<void> {
    const counts = await Promise.all(
      this.#sides.map((side) => this.#lookAt(side, outcome)),
    );
    const { summary } = this.#options;
    const largestLag = summary.replicated?.largestLag ?? 0;
    summary.replicated = { replicas: Math.min(...counts), largestLag };
  }

  async #lookAt(side: SideConnection, outcome: string): Promise<number> {
    const { count, timeout, summary, wait } = this.#options;
    const deadline = timeout === 0 ? Infinity : performance.now() + timeout;
    let goal: number | undefined;
    for (let seen = 0;;) {
      const left = deadline - performance.now();
      const began = performance.now();
      try {
        const { primary, replicas } = await this.#offsets(side);
        goal ??= primary;
        const wanted = goal;
        seen = replicas.filter((offset) => offset >= wanted).length;
        const lag = wanted -
          (replicas.toSorted((a, b) => b - a)[count - 1] ?? 0);
        if (replicas.length >= count) {
          const { largestLag = 0 } = summary.replicated ?? {};
          summary.replicated = {
            replicas: seen,
            largestLag: Math.max(largestLag, lag),
          };
        }
        if (seen >= count) return seen;
        if (left > 0) {
          const block = Math.ceil(Math.min(left, BLOCK));
          const patience = PATIENCE + block;
          await wait.for(
            side.ask([["WAIT", String(count), String(block)]], patience),
          );
        }
      } catch (error) {
        // A primary that is back may have its replicas back as well.
        if (!(error instanceof ConnectionError) || left <= 0) throw error;
      }
      if (left <= 0) {
        throw new StoppedError(
          `Stopped: ${seen} of ${counted(count, "replica")} (--wait) had ` +
            `acknowledged within ${timeout / 1000} s (--stall-timeout) what ` +
            `the primary has; ${outcome}`,
        );
      }
      if (performance.now() - began < PAUSE) await wait.pause(PAUSE);
    }
  }

  async #offsets(side: SideConnection): Promise<Offsets> {
    const { wait } = this.#options;
    const [reply] = await wait.for(
      side.ask([["INFO", "replication"]], PATIENCE),
    );
    const fields = infoFields(reply);
    const primary = Number(fields?.get("master_repl_offset"));
    if (fields === undefined || Number.isNaN(primary)) {
      const said = reply.kind === "error"
        ? `: ${JSON.stringify(reply.text)}`
        : "";
      throw new StoppedError(
        "Cannot wait for replicas: the server does not tell INFO replication" +
          said,
      );
    }
    const replicas: number[] = [];
    for (const [name, value] of fields) {
      if (!/^(slave|replica)\d+$/.test(name)) continue;
      const offset = /(?:^|,)state=online,offset=(\d+)/.exec(value)?.[1];
      if (offset !== undefined) replicas.push(Number(offset));
    }
    return { primary, replicas };
  }
}
