import type { Checkpoint } from "../engine/checkpoint.ts";
import type { LoadOptions as EngineOptions } from "../engine/load.ts";
import { type KeptFile, LoadState } from "../engine/load_state.ts";
import type { RejectFiles } from "../engine/reject_files.ts";
import type { Summary } from "../engine/summary.ts";
import type { EarlierRun, ExactlyOnceOptions } from "../engine/transactions.ts";
import type { LoadOptions } from "./options.ts";
import type { Notices } from "./output.ts";
import { openRejects, rejectsBehind, type WrittenFile } from "./rejects.ts";

/**
 * The files that a load keeps: how far it is (`--state`), and what was rejected
 * (`--rejects`). A load that goes on takes up both where the state, or with
 * `--exactly-once` the key, says that they were.
 */
export class LoadFiles {
  /** The state, where it is kept. */
  #state: LoadState | undefined;
  #rejects: RejectFiles | undefined;
  /** What the key of `--exactly-once` says. */
  #earlier: EarlierRun | undefined;
  /** What was committed last. */
  #latest: Checkpoint | undefined;
  /** Whether the state is this load's by now. */
  #isBegun = false;
  readonly #options: LoadOptions;
  readonly #summary: Summary;
  readonly #notices: Notices;

  constructor(options: LoadOptions, summary: Summary, notices: Notices) {
    this.#options = options;
    this.#summary = summary;
    this.#notices = notices;
  }

  /** Opens them; with `--if-changed` only where there is something to load. */
  async open(): Promise<void> {
    const { state, files, rows, atLeastOnce, ifChanged, exactlyOnce } =
      this.#options;
    if (state !== undefined) {
      const options = { sources: files, rows, atLeastOnce };
      this.#state = await LoadState.open(state, options);
      const { sentence } = this.#state;
      if (sentence !== undefined) this.#notices.say(sentence);
      if (ifChanged) await this.#compare(this.#state);
    }
    // With a key on the server that one says what is kept.
    if (this.#summary.isSkipped || exactlyOnce !== undefined) return;
    await this.#openRejects(this.#state?.rejects);
  }

  /** Records that earlier runs of the same load have rejected. */
  get rejectedBefore(): number {
    return this.#state?.rejected ?? this.#earlier?.rejected ?? 0;
  }

  /** The records that the load may still read, where it has a limit. */
  get limit(): number | undefined {
    const { limit } = this.#options.rows;
    const { loaded = 0, rejected = 0 } = this.#state ?? {};
    return limit && Math.max(0, limit - loaded - rejected);
  }

  /** What a load tells as it gets on, and goes on from. */
  forLoad(): Pick<
    EngineOptions,
    "checkpoint" | "watch" | "onReject" | "onCheckpoint" | "exactlyOnce"
  > {
    const { ifChanged, rejects, exactlyOnce } = this.#options;
    const state = this.#state;
    return {
      checkpoint: state?.from,
      watch: ifChanged
        ? (source, index) => state!.watch(source, index)
        : undefined,
      onReject: rejects === undefined
        ? undefined
        : (...reject) => this.#rejects?.add(...reject),
      onCheckpoint: state && ((checkpoint) => {
        this.#isBegun = true;
        this.#latest = checkpoint ?? this.#latest;
        return this.#save("running", checkpoint);
      }),
      exactlyOnce: exactlyOnce === undefined
        ? undefined
        : this.#underKey(exactlyOnce),
    };
  }

  /**
   * Saves the state and closes the reject files.
   *
   * @param failure What ended the load early.
   * @returns The reject files that were written; and what ended the load early,
   * or else what went wrong here.
   */
  async close(
    failure: unknown,
  ): Promise<{ written: WrittenFile[] | undefined; failure: unknown }> {
    const { isComplete, rejected, mayBeLost } = this.#summary;
    let written: WrittenFile[] | undefined;
    if (this.#isBegun) {
      const hasSucceeded = failure === undefined &&
        rejected + this.rejectedBefore === 0 && mayBeLost === 0 &&
        this.#options.rows.limit === undefined;
      try {
        const status = isComplete ? "complete" : "stopped";
        await this.#save(status, this.#latest, hasSucceeded);
      } catch (error) {
        failure ??= error;
      }
    }
    this.#state?.close();
    try {
      written = this.#rejects?.close();
    } catch (error) {
      failure ??= error;
    }
    return { written, failure };
  }

  async #openRejects(kept?: readonly KeptFile[]): Promise<void> {
    const { rejects, files } = this.#options;
    this.#rejects = await openRejects(rejects, files, kept);
  }

  #underKey(key: string): ExactlyOnceOptions {
    return {
      key,
      note: () => this.#rejects?.files() ?? null,
      onBegin: async (earlier) => {
        this.#earlier = earlier;
        if (earlier !== undefined) this.#notices.say(earlier.sentence);
        const kept = earlier?.note as KeptFile[] | null | undefined;
        const { rejects } = this.#options;
        const known = kept && await rejectsBehind(rejects, kept);
        await this.#openRejects(kept ?? undefined);
        return known ?? undefined;
      },
    };
  }

  async #save(
    status: Parameters<LoadState["save"]>[0],
    checkpoint: Checkpoint | undefined,
    hasSucceeded = false,
  ): Promise<void> {
    const rejects = this.#rejects?.files() ?? [];
    const summary = this.#summary;
    await this.#state?.save(status, summary, checkpoint, rejects, hasSucceeded);
  }

  /** Finds out whether there is something to load, and says why there is. */
  async #compare(state: LoadState): Promise<void> {
    const summary = this.#summary;
    summary.compared = await state.compare(this.#options.input.headers);
    const { source, result, by } = summary.compared.at(-1)!;
    summary.isSkipped = result === "same";
    if (summary.isSkipped) return;
    const what = result === "changed"
      ? "is loaded again"
      : "is loaded, changed or not";
    this.#notices.say(`${source} ${what} (--if-changed): ${by}`);
  }
}
