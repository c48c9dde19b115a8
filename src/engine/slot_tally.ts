import { ArgumentWalker } from "../protocol/argument_walker.ts";
import { keyPosition } from "../protocol/command_traits.ts";
import { keySlot, SLOTS } from "../protocol/key_slot.ts";

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
  readonly #positions: readonly number[];
  readonly #counts = new Float64Array(SLOTS);
  #withoutKey = 0;
  readonly #walker = new ArgumentWalker();

  /**
   * Makes an empty tally.
   *
   * @param commands The words of each command that a record becomes.
   */
  constructor(commands: readonly (readonly string[])[]) {
    this.#positions = commands.map(keyPosition);
  }

  /** Counts the commands of whole records. */
  add(bytes: Uint8Array): void {
    this.#walker.begin(bytes);
    for (let i = 0; this.#walker.nextCommand(); i++) {
      this.#command(this.#positions[i % this.#positions.length]);
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

  #command(position: number): void {
    const walker = this.#walker;
    for (let i = 0; walker.nextArgument(); i++) {
      if (i !== position || position === 0) continue;
      const { bytes, start, length } = walker;
      this.#counts[keySlot(bytes, start, start + length)]++;
    }
    if (position === 0 || position >= walker.count) this.#withoutKey++;
  }
}
