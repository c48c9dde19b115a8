import { UsageError } from "../errors.ts";
import { traitsOf } from "../protocol/command_traits.ts";
import { STANDARD_INPUT } from "../transport/source.ts";
import type { LoadOptions } from "./load.ts";
import { Transactions, type TransactionsOptions } from "./transactions.ts";

/**
 * Makes what makes shipments transactions, where that is wanted.
 *
 * @param of What the transactions need of the load's other parts.
 * @returns The transactions, which have not looked at the server yet.
 * @throws {UsageError} When it does not go together with something else.
 */
export function openTransactions(
  load: LoadOptions,
  of: Omit<TransactionsOptions, "exactlyOnce" | "rows" | "sources">,
): Transactions | undefined {
  const { exactlyOnce, sources = [] } = load;
  if (exactlyOnce === undefined) return undefined;
  const why = reasonAgainst(load);
  if (why !== undefined) {
    throw new UsageError(`Cannot use --exactly-once: ${why}`, "--exactly-once");
  }
  const { commands, format, delimiter, quote } = load;
  const { header, columns, skipLines, skipEmpty } = load;
  return new Transactions({
    ...of,
    exactlyOnce,
    rows: {
      ...{ commands, format, delimiter, quote },
      ...{ header, columns, skipLines, skipEmpty },
    },
    sources: sources.length === 0
      ? [STANDARD_INPUT]
      : sources.map((one) => typeof one === "string" ? one : one.name),
  });
}

/** Why a load cannot be in transactions, if it cannot. */
function reasonAgainst(
  { exactlyOnce, from, atLeastOnce, onCheckpoint, checkpoint, ...load }:
    LoadOptions,
): string | undefined {
  if (exactlyOnce?.key === "") return "the key must have a name";
  const { commands } = load;
  if (commands.some((one) => traitsOf(one).transaction === "opens")) {
    return "the template has a transaction of its own, and transactions do " +
      "not nest";
  }
  const other = commands.find((one) => traitsOf(one).changesDatabase);
  if (other !== undefined) {
    return `${other[0].toUpperCase()} leads to another database than the ` +
      "key's, which goes with each transaction";
  }
  if (load.connection !== undefined) {
    return "it needs connections of its own: give a server instead of a " +
      "connection";
  }
  if (atLeastOnce) return "--at-least-once is its opposite";
  if (onCheckpoint !== undefined || checkpoint !== undefined) {
    return "without --state: the key says where to go on";
  }
  if (from !== undefined) {
    return "without --from-line: the key says where to go on";
  }
  if (load.swapDb !== undefined) {
    return "without --swap-db: a load that ends early leaves nothing to go on " +
      "with";
  }
  if (load.prune === undefined) return undefined;
  return "without --prune: a load that goes on does not know what was written " +
    "before";
}
