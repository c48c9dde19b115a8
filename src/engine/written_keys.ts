import { ArgumentWalker } from "../protocol/argument_walker.ts";
import { traitsOf } from "../protocol/command_traits.ts";
import type { BatchOrigin } from "./batch.ts";
import { KeyHashes } from "./key_hashes.ts";
import type { Shipment } from "./shipment.ts";

/** Which arguments of a command are taken for keys. */
const enum Keys {
  /** The one behind the name. */
  First,
  /** Every second one: key value key value. */
  Pairs,
  /** All of them: what is no key does no harm but for its room. */
  All,
}

/**
 * Which keys a load writes: it reads the commands that are shipped.
 *
 * Where a command may write to more than one key, every argument counts as one:
 * rather a stale key is kept than a good one forgotten.
 */
export class WrittenKeys {
  /** Their hashes. */
  readonly hashes: KeyHashes = new KeyHashes();
  readonly #of: readonly Keys[];
  readonly #walker = new ArgumentWalker();

  /**
   * Knows of no key yet.
   *
   * @param commands The commands of each row, as a template has them.
   */
  constructor(commands: readonly (readonly string[])[]) {
    this.#of = commands.map((words) =>
      traitsOf(words).writesOneKey ? Keys.First : Keys.All
    );
  }

  /** Notes the keys of a shipment. */
  note({ origin, bytes, commands }: Shipment<BatchOrigin>): void {
    const walker = this.#walker;
    const isMade = origin.isShared &&
      origin.batch.format.coalescing?.sameKey === false;
    walker.begin(bytes);
    for (let i = 0; i < commands && walker.nextCommand(); i++) {
      const keys = isMade ? Keys.Pairs : this.#of[origin.ordinalOf(i)];
      for (let at = 0; walker.nextArgument(); at++) {
        if (
          keys === Keys.First
            ? at === 1
            : keys === Keys.Pairs
            ? at % 2 === 1
            : at > 0
        ) {
          this.hashes.add(bytes, walker.start, walker.start + walker.length);
        }
      }
    }
  }
}
