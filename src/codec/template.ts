import { UsageError } from "../errors.ts";
import type { Header } from "./header.ts";
import { parseArgument, type ParsedArgument } from "./placeholder.ts";
import { refuseCommand } from "./refuse_command.ts";

/** A part of an argument: fixed bytes, or a column counting from 0. */
export type Piece = Uint8Array | number;

/** One word of a command: pieces in a row, or a pair for each column. */
export type Argument =
  | { readonly kind: "pieces"; readonly pieces: readonly Piece[] }
  | { readonly kind: "pairs"; readonly columns: readonly number[] };

/** What each record becomes: one command or several, of given arguments. */
export interface Template {
  /** The commands in the order in which they are sent for each record. */
  readonly commands: readonly (readonly Argument[])[];
  /** The columns that the template was compiled against. */
  readonly header: Header;
}

/**
 * A command template whose words were understood, before there is a header.
 *
 * @example
 * ```ts
 * import { CommandTemplate } from "./template.ts";
 * import { Header } from "./header.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const template = new CommandTemplate([["SET", "user:{id}", "{name}"]]);
 * const compiled = template.compile(Header.named(["id", "name"]));
 * assertEquals(compiled.commands[0].length, 3);
 * ```
 */
export class CommandTemplate {
  readonly #commands: readonly (readonly ParsedArgument[])[];

  /**
   * Understands the words of one command or of several.
   *
   * @param commands For each command its words, one an argument.
   * @throws {UsageError} When there is no command, a placeholder is malformed,
   * or a command would break the pairing of commands and replies.
   */
  constructor(commands: readonly (readonly string[])[]) {
    if (commands.length === 0 || commands.some((words) => words.length === 0)) {
      throw new UsageError(
        "Cannot compile the template: there is no command; write it after " +
          "--, as in: respipe load users.csv -- HSET 'user:{id}' '{*}'",
      );
    }
    refuseCommand(commands);
    this.#commands = commands.map((words) => words.map(parseArgument));
  }

  /**
   * Resolves the placeholders against a header.
   *
   * @param header The columns.
   * @returns The template with columns by number.
   * @throws {UsageError} When a placeholder names no column, or one whose name
   * is empty or stands twice.
   */
  compile(header: Header): Template {
    const commands = this.#commands.map((words) =>
      words.map((word) => resolve(word, header))
    );
    return { commands, header };
  }
}

function resolve(word: ParsedArgument, header: Header): Argument {
  if (word.kind === "pieces") {
    const pieces = word.pieces.map((piece) =>
      typeof piece === "string" ? header.column(piece) : piece
    );
    return { kind: "pieces", pieces };
  }
  if (!header.named) {
    throw new UsageError(
      "Cannot resolve {*}: the input has no header; name the columns with " +
        "--columns",
    );
  }
  const without = new Set(word.without.map((name) => header.column(name)));
  const columns: number[] = [];
  for (let column = 0; column < header.length; column++) {
    if (without.has(column)) continue;
    header.requireUsable(column);
    columns.push(column);
  }
  if (columns.length === 0) {
    throw new UsageError("Cannot resolve {*-...}: it leaves no column");
  }
  return { kind: "pairs", columns };
}

/**
 * Compiles a command template against column names.
 *
 * @param commands For each command its words, one an argument.
 * @param header The columns.
 * @returns What each record becomes.
 * @throws {UsageError} When the template is malformed or does not fit.
 *
 * @example
 * ```ts
 * import { compileTemplate, Header } from "@respipe/respipe";
 * import { assertThrows } from "@std/assert";
 *
 * const header = Header.named(["id", "name"]);
 * assertThrows(() => compileTemplate([["SET", "{uid}", "{name}"]], header));
 * ```
 */
export function compileTemplate(
  commands: readonly (readonly string[])[],
  header: Header,
): Template {
  return new CommandTemplate(commands).compile(header);
}
