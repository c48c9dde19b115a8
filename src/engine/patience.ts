import type { ConnectionError, StoppedError } from "../errors.ts";
import { backoff } from "../transport/retry.ts";
import { counted } from "./counted.ts";
import { type RecordWords, ROW_WORDS } from "./record_words.ts";
import type { Summary } from "./summary.ts";
import type { Wait } from "./wait.ts";

/** How long a server is waited for once records are in, in ms. */
export const PATIENCE_UNDER_WAY = 30_000;

/** How long, and how, to be patient. */
export interface PatienceOptions {
  /** Where it says how long was waited. */
  readonly summary: Summary;
  /** Where it waits, and what ends it. */
  readonly wait: Wait;
  /** What the records are called. Default: as those of a load. */
  readonly words?: RecordWords | undefined;
  /**
   * How long a server is waited for, in ms. Default: 30 s once a record is
   * committed, 0 before.
   */
  readonly patience?: number | undefined;
  /** Pauses for so many ms; the clock's by default. */
  readonly pause?: (ms: number) => Promise<void>;
  /** Told in a sentence what is waited for, and when that is over. */
  readonly onNotice?: ((sentence: string) => void) | undefined;
}

/** Waits for what is in the way to pass, with pauses that grow. */
export class Patience {
  readonly #options: PatienceOptions;
  /** When the trouble began that nothing was committed since. */
  #since: number | undefined;
  #attempts = 0;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /** How long a server is waited for now, in ms. */
  get length(): number {
    const { patience, summary } = this.#options;
    const isUnderWay = summary.loaded + summary.rejected > 0;
    return patience ?? (isUnderWay ? PATIENCE_UNDER_WAY : 0);
  }

  /** Notes that records were committed: what was wrong is over. */
  end(): void {
    if (this.#attempts === 0) return;
    this.#attempts = 0;
    this.#since = undefined;
    this.#options.summary.waitingSince = undefined;
  }

  /**
   * Says how long what is in the way may go on, in ms; 0 or less is no more.
   *
   * @param least What the patience is at least, in ms.
   */
  left(least = 0): number {
    const now = performance.now();
    this.#since ??= now;
    return Math.max(this.length, least) - (now - this.#since);
  }

  /**
   * Pauses, and has it mended.
   *
   * @param trouble What has to pass; where it is missing, keys have moved, and
   * their new nodes serve them at once.
   * @param left How long that may take, in ms.
   * @param mend Mends it.
   */
  async mend(
    trouble: ConnectionError | StoppedError | undefined,
    left: number,
    mend: () => Promise<void>,
  ): Promise<void> {
    const { summary, wait, onNotice, words = ROW_WORDS } = this.#options;
    const { pause = (ms: number) => wait.pause(ms) } = this.#options;
    const began = performance.now();
    const isFirst = this.#attempts++ === 0;
    if (trouble === undefined) {
      if (!isFirst) await pause(backoff(this.#attempts));
      return mend();
    }
    if (isFirst) {
      onNotice?.(
        `${trouble.message}; trying again for up to ` +
          `${Math.ceil(left / 1000)} s (--retry)`,
      );
    }
    summary.waitingSince = this.#since;
    await pause(backoff(this.#attempts));
    await mend();
    const seconds = (performance.now() - began) / 1000;
    summary.secondsWaiting += seconds;
    if (!isFirst) return;
    onNotice?.(
      `Going on after ${seconds.toFixed(1)} s; ` +
        `${counted(summary.unknown, words.one)} were not settled`,
    );
  }
}
