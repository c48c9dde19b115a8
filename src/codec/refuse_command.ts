import { UsageError } from "../errors.ts";
import { traitsOf } from "../protocol/command_traits.ts";
import { hasPlaceholder } from "./placeholder.ts";

/**
 * Refuses templates whose replies could not be traced to their records.
 *
 * @param commands For each command its words, as the user wrote them.
 * @throws {UsageError} When a command's name is empty or comes from the data,
 * when the command breaks the pairing or the connection, or when MULTI and EXEC
 * do not match.
 */
export function refuseCommand(commands: readonly (readonly string[])[]): void {
  let open = false;
  for (const words of commands) {
    const name = words[0].toUpperCase();
    if (name === "") {
      throw new UsageError(
        'Cannot use "" as a command: its name is empty (a variable that is ' +
          "not set?)",
      );
    }
    const fixed = words.slice(0, name === "CLIENT" ? 2 : 1);
    if (fixed.some(hasPlaceholder)) {
      throw new UsageError(
        `Cannot use ${JSON.stringify(fixed.join(" "))} as a command: the ` +
          "command's name must be fixed, so that each reply can be traced to " +
          "its record",
      );
    }
    const { hazard, session, transaction } = traitsOf(words);
    const why = hazard ?? session;
    if (why !== undefined) {
      throw new UsageError(
        `Cannot use ${fixed.join(" ").toUpperCase()} in a template: ${why}`,
      );
    }
    if (transaction === undefined) continue;
    if (transaction === "closes" && !open) {
      throw new UsageError(`Cannot use ${name} without MULTI before it`);
    }
    if (transaction === "opens" && open) {
      throw new UsageError("Cannot use MULTI within MULTI");
    }
    open = transaction === "opens";
  }
  if (open) {
    throw new UsageError(
      "Cannot leave MULTI open: end each record's commands with --then EXEC",
    );
  }
}
