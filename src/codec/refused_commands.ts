import { UsageError } from "../errors.ts";

/**
 * Commands after which replies no longer pair up with commands one to one, or
 * after which the connection is no longer what it was.
 */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ["SUBSCRIBE", "its replies are pushes"],
  ["PSUBSCRIBE", "its replies are pushes"],
  ["SSUBSCRIBE", "its replies are pushes"],
  ["UNSUBSCRIBE", "its replies are pushes"],
  ["PUNSUBSCRIBE", "its replies are pushes"],
  ["SUNSUBSCRIBE", "its replies are pushes"],
  ["MONITOR", "it never stops replying"],
  ["SYNC", "it turns the connection into a replication stream"],
  ["PSYNC", "it turns the connection into a replication stream"],
  ["REPLCONF", "some of its forms are never answered"],
  ["QUIT", "it closes the connection"],
  ["SHUTDOWN", "it stops the server"],
  ["RESET", "it ends the session that the load needs"],
  ["HELLO", "it changes the protocol under way"],
  ["AUTH", "the connection's user is set by --user and -a"],
]);

/**
 * Refuses templates whose replies could not be traced to their records.
 *
 * @param commands For each command its words, as the user wrote them.
 * @throws {UsageError} When a command's name comes from the data, when the
 * command breaks the pairing, or when MULTI and EXEC do not match.
 *
 * @example
 * ```ts
 * import { refuseCommand } from "./refused_commands.ts";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => refuseCommand([["MONITOR"]]));
 * ```
 */
export function refuseCommand(commands: readonly (readonly string[])[]): void {
  let open = false;
  for (const [name, option] of commands) {
    const upper = name.toUpperCase();
    const fixed = upper === "CLIENT" ? [name, option ?? ""] : [name];
    if (fixed.some(hasPlaceholder)) {
      throw new UsageError(
        `Cannot use ${JSON.stringify(fixed.join(" "))} as a command: the ` +
          "command's name must be fixed, so that each reply can be traced to " +
          "its record",
      );
    }
    const why = upper === "CLIENT" && option?.toUpperCase() === "REPLY"
      ? "replies are what tells that a record is in"
      : REFUSED.get(upper);
    if (why !== undefined) {
      throw new UsageError(
        `Cannot use ${
          why === REFUSED.get(upper) ? upper : "CLIENT REPLY"
        } in a template: ${why}`,
      );
    }
    if (upper === "MULTI") {
      if (open) throw new UsageError("Cannot use MULTI within MULTI");
      open = true;
    } else if (upper === "EXEC" || upper === "DISCARD") {
      if (!open) {
        throw new UsageError(`Cannot use ${upper} without MULTI before it`);
      }
      open = false;
    }
  }
  if (open) {
    throw new UsageError(
      "Cannot leave MULTI open: end each record's commands with --then EXEC",
    );
  }
}

function hasPlaceholder(word: string): boolean {
  return word.replaceAll("{{", "").includes("{");
}
