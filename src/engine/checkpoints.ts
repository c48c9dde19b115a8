import type { Checkpoint } from "./checkpoint.ts";
import type { Wait } from "./wait.ts";
import { alsoSay } from "./wind_up.ts";

/** Between two looks whether the load has got on, in ms. */
const INTERVAL = 500;

/** Takes a checkpoint; nothing where nothing is committed yet. */
export type SaveCheckpoint = (
  checkpoint: Checkpoint | undefined,
) => Promise<void> | void;

/**
 * Has the checkpoint of a load saved as it gets on, and in the end.
 *
 * One save at a time: what a save is told is newer than what the one before was
 * told.
 */
export class Checkpoints {
  readonly #current: () => Checkpoint | undefined;
  readonly #save: SaveCheckpoint;
  readonly #wait: Wait;
  #timer: ReturnType<typeof setInterval> | undefined;
  #saved: Checkpoint | undefined;
  #saving: Promise<void> | undefined;

  /**
   * Says what to save; nothing is saved yet.
   *
   * @param current Tells how far the load is; the same object as long as it has
   * not got on.
   */
  constructor(
    current: () => Checkpoint | undefined,
    save: SaveCheckpoint,
    wait: Wait,
  ) {
    this.#current = current;
    this.#save = save;
    this.#wait = wait;
  }

  /**
   * Begins to look, and saves before anything is sent that the load runs.
   *
   * @throws What saving fails with.
   */
  async begin(): Promise<void> {
    await this.#save(undefined);
    this.#timer = setInterval(() => {
      if (this.#saving !== undefined) return;
      this.#saveNow().catch((error) => this.#wait.fail(error));
    }, INTERVAL);
  }

  /**
   * Saves how far the load got.
   *
   * @throws What saving fails with.
   */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#saving?.catch(() => {});
    await this.#saveNow();
  }

  /**
   * Does the same for a load that has failed already.
   *
   * @param failure What with; its message tells that saving failed, too.
   */
  async endWith(failure: unknown): Promise<void> {
    try {
      await this.end();
    } catch (error) {
      alsoSay(failure, error);
    }
  }

  #saveNow(): Promise<void> {
    const checkpoint = this.#current();
    if (checkpoint === undefined || checkpoint === this.#saved) {
      return Promise.resolve();
    }
    this.#saved = checkpoint;
    const saving = (async () => await this.#save(checkpoint))()
      .finally(() => this.#saving = undefined);
    return this.#saving = saving;
  }
}
