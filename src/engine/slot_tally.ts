import { ArgumentWalker } from "../protocol/argument_walker.ts";
import { keyPosition } from "../protocol/command_traits.ts";
import { NO_SLOT, SLOTS } from "../protocol/key_slot.ts";
import { TemplateKeys } from "../protocol/template_keys.ts";

/** What commands do to a cluster's hash slots, as plain data. */
export interface SlotData {
  /** Hash slots that the commands touch, of 16384. */
  touched: number;
  /** Commands that have a key. */
  commands: number;
  /** Commands that have none. */
  withoutKey: number;
  /** The slot that most commands go to; none where no command has a key. */
  largest: {
    /** Its number. */
    slot: number;
    /** Commands that go to it. */
    commands: number;
    /** Their share in those that have a key, from 0 to 1. */
    share: number;
  } | null;
}

/**
 * Counts the hash slots that commands go to, so that a hash tag that puts all
 * into one slot is seen before the load.
 */
export class SlotTally {
  /** How many commands each record has. */
  readonly #each: number;
  readonly #keys: TemplateKeys;
  readonly #counts = new Float64Array(SLOTS);
  #withoutKey = 0;
  readonly #walker = new ArgumentWalker();

  /**
   * Makes an empty tally.
   *
   * @param commands The words of each command that a record becomes.
   */
  constructor(commands: readonly (readonly string[])[]) {
    this.#each = commands.length;
    this.#keys = new TemplateKeys(commands.map(keyPosition), commands);
  }

  /** Counts the commands of whole records. */
  add(bytes: Uint8Array): void {
    const walker = this.#walker;
    walker.begin(bytes);
    for (let i = 0; walker.nextCommand(); i++) {
      const slot = this.#keys.slotOf(walker, i % this.#each);
      if (slot === NO_SLOT) this.#withoutKey++;
      else this.#counts[slot]++;
    }
  }

  /** Takes the counts as plain data. */
  toJSON(): SlotData {
    let touched = 0;
    let commands = 0;
    let fullest = 0;
    for (let slot = 0; slot < SLOTS; slot++) {
      const count = this.#counts[slot];
      if (count > 0) touched++;
      commands += count;
      if (count > this.#counts[fullest]) fullest = slot;
    }
    const most = this.#counts[fullest];
    return {
      touched,
      commands,
      withoutKey: this.#withoutKey,
      largest: commands === 0
        ? null
        : { slot: fullest, commands: most, share: most / commands },
    };
  }
}
