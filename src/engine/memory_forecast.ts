import type { ConnectOptions } from "../transport/connect.ts";
import {
  infoFields,
  readServerMemory,
  type ServerMemory,
} from "../transport/server_info.ts";
import { formatCount } from "./counted.ts";
import type { LoadEnd } from "./load_end.ts";
import { SideConnection } from "./side_connection.ts";
import type { Summary } from "./summary.ts";
import type { Wait } from "./wait.ts";

/** Bytes of input below which a load is over before a warning is of use. */
const LEAST_INPUT = 8 * 1024 * 1024;

/** Of the input, how much must be in before the rest is judged by it. */
const SHARE = 1 / 50;

/** Records that must be in as well: a few say nothing. */
const LEAST_RECORDS = 10_000;

/** How long the server may take to tell, in ms. */
const PATIENCE = 2_000;

/** What the first records tell about the memory that all of them need. */
export interface MemoryForecast {
  /** Bytes that a record has taken on average. */
  readonly bytesPerRecord: number;
  /** Bytes that will be used when all are in. */
  readonly needed: number;
  /** The server's limit, in bytes. */
  readonly maxmemory: number;
  /** What it does when it is full. */
  readonly policy: string;
  /** The record at about which it will be full; none where all have room. */
  readonly fullAtRecord: number | null;
}

/** What it takes to make a forecast. */
interface MemoryForecastOptions {
  /** The server. */
  readonly server: ConnectOptions;
  /** The counts so far, and where the forecast is noted. */
  readonly summary: Summary;
  /** Where it waits. */
  readonly wait: Wait;
  /** Told once where there will not be enough. */
  readonly onNotice?: ((sentence: string) => void) | undefined;
}

/**
 * Looks, after the first records, whether the server has room for all of them.
 *
 * It stops nothing, and is a courtesy: where the server may not be asked, or has
 * no limit, or the input's size is not known, nothing is said. The nodes of a
 * cluster fill unevenly, so there is no forecast for one.
 */
export class MemoryWatch implements LoadEnd {
  readonly #options: MemoryForecastOptions;
  readonly #side: SideConnection;
  #isAsked = false;
  /** What was used before the load; none where there is nothing to forecast. */
  #before: number | undefined;

  /** Asks nobody yet. */
  constructor(options: MemoryForecastOptions) {
    this.#options = options;
    this.#side = new SideConnection({ ...options.server, retry: 0 });
  }

  beforeBatch(): Promise<void> | undefined {
    const { bytesIn, bytesExpected = 0, loaded, server } =
      this.#options.summary;
    if (!this.#isAsked) {
      this.#isAsked = true;
      // The login has asked already; a second connection would take its time.
      const memory = server?.cluster === true ? undefined : server?.memory;
      if (bytesExpected >= LEAST_INPUT && memory && memory.maxmemory > 0) {
        this.#before = memory.used;
      }
    }
    if (this.#before === undefined) return undefined;
    if (loaded < LEAST_RECORDS || bytesIn < SHARE * bytesExpected) {
      return undefined;
    }
    const before = this.#before;
    this.#before = undefined;
    return this.#judge(before);
  }

  conclude(): Promise<void> {
    return this.abandon();
  }

  abandon(): Promise<void> {
    this.#side.close();
    return Promise.resolve();
  }

  async #judge(before: number): Promise<void> {
    const { summary, wait, onNotice } = this.#options;
    const memory = await wait.for(this.#ask());
    this.#side.close();
    if (memory === undefined) return;
    const { used, maxmemory, policy } = memory;
    // What is in by now, as near as replies tell.
    const { loaded, records, bytesIn, bytesExpected = 0 } = summary;
    const all = Math.round(records * bytesExpected / bytesIn);
    const bytesPerRecord = Math.max(0, used - before) / loaded;
    const needed = Math.round(before + all * bytesPerRecord);
    const isEnough = needed <= maxmemory;
    const fullAtRecord = isEnough
      ? null
      : Math.max(0, Math.floor((maxmemory - before) / bytesPerRecord));
    summary.memoryForecast = {
      bytesPerRecord: Math.round(bytesPerRecord),
      needed,
      maxmemory,
      policy,
      fullAtRecord,
    };
    if (fullAtRecord === null) return;
    onNotice?.(
      `warning: the server will be full at about record ` +
        `${formatCount(fullAtRecord)} of ${
          formatCount(all)
        }: with all of them ` +
        `it needs about ${megabytes(needed)}, and maxmemory is ` +
        `${megabytes(maxmemory)} (maxmemory-policy ${policy})`,
    );
  }

  async #ask(): Promise<ServerMemory | undefined> {
    try {
      await this.#side.open();
      const [reply] = await this.#side.ask([["INFO", "memory"]], PATIENCE);
      return readServerMemory(reply);
    } catch {
      // The load itself finds out whether the server is there.
      return undefined;
    }
  }
}

function megabytes(bytes: number): string {
  return `${formatCount(bytes / 1_000_000)} MB`;
}

/**
 * Asks a full server for the figures behind its refusal.
 *
 * @returns Such as `5.02M of maxmemory 5.00M used, maxmemory-policy
 * noeviction`; nothing where it is not full, or may not be asked.
 */
export async function explainFull(
  reply: string,
  server: ConnectOptions | undefined,
): Promise<string | undefined> {
  // EXEC names what it refuses a transaction for.
  if (!/^(EXECABORT .*: )?OOM /.test(reply)) return undefined;
  if (server === undefined) return undefined;
  try {
    using side = new SideConnection({
      ...server,
      connectTimeout: PATIENCE,
      retry: 0,
      allowReplica: true,
      beforeConnect: undefined,
    });
    const [answer] = await side.ask([["INFO", "memory"]], PATIENCE);
    const info = infoFields(answer);
    const used = info?.get("used_memory_human");
    const most = info?.get("maxmemory_human");
    const policy = info?.get("maxmemory_policy");
    if (used === undefined || most === undefined) return undefined;
    return `${used} of maxmemory ${most} used, maxmemory-policy ${policy}`;
  } catch {
    // The figures are a courtesy: the refusal itself has been told already.
    return undefined;
  }
}
