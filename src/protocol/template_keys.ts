import type { ArgumentWalker } from "./argument_walker.ts";
import { traitsOf } from "./command_traits.ts";
import { keySlot, NO_SLOT } from "./key_slot.ts";

/** Finds the keys of a template's commands. */
export class TemplateKeys {
  /** Index of the last key that was found, in the walker's bytes. */
  start = 0;
  /** That key's length. */
  length = 0;
  /** Whether it is known to be the only one of its command. */
  isOnly = false;
  readonly #positions: readonly number[];
  readonly #areOnly: readonly boolean[];

  /**
   * Makes a finder.
   *
   * @param positions For each command of a record, which argument is its key;
   * 0 where it has none.
   * @param commands The commands' words.
   */
  constructor(
    positions: readonly number[],
    commands: readonly (readonly string[])[],
  ) {
    this.#positions = positions;
    this.#areOnly = commands.map((words) =>
      traitsOf(words).writesOneKey === true
    );
  }

  /** Walks over a record's command; gives its key's slot, or `NO_SLOT`. */
  slotOf(walker: ArgumentWalker, ordinal: number): number {
    const position = this.#positions[ordinal];
    let slot = NO_SLOT;
    for (let i = 0; walker.nextArgument(); i++) {
      if (i !== position || position === 0) continue;
      const { bytes, start, length } = walker;
      slot = keySlot(bytes, start, start + length);
      this.start = start;
      this.length = length;
    }
    this.isOnly = this.#areOnly[ordinal];
    return slot;
  }
}
