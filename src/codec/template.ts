import { UsageError } from "../errors.ts";
import { Header } from "./header.ts";
import type { JsonField } from "./json_fields.ts";
import {
  type Derived,
  derivedOf,
  parseArgument,
  type ParsedArgument,
} from "./placeholder.ts";
import { refuseCommand } from "./refuse_command.ts";

/** A part of an argument: fixed bytes, or a column counting from 0. */
export type Piece = Uint8Array | number;

/**
 * One word of a command: pieces in a row, or a pair for each column; or as many
 * arguments as a record has members, which are one field, and whose number is
 * the size of another.
 */
export type Argument =
  | { readonly kind: "pieces"; readonly pieces: readonly Piece[] }
  | { readonly kind: "pairs"; readonly columns: readonly number[] }
  | {
    readonly kind: "members";
    readonly column: number;
    readonly count: number;
  };

/** What each record becomes: one command or several, of given arguments. */
export interface Template {
  /** The commands in the order in which they are sent for each record. */
  readonly commands: readonly (readonly Argument[])[];
  /** The columns that it was compiled against, and the derived ones. */
  readonly header: Header;
  /** The fields that are made of a record; their columns are the last. */
  readonly derived: readonly Derived[];
}

/** A command template whose words were understood, before there is a header. */
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
   * @throws {UsageError} When a placeholder names no column, or one whose name
   * is empty or stands twice.
   */
  compile(header: Header): Template {
    const derived = new DerivedColumns(header.length);
    const commands = this.#commands.map((words) =>
      words.map((word) => resolve(word, header, derived))
    );
    if (derived.has("document")) {
      for (let column = 0; column < header.length; column++) {
        header.requireUsable(column);
      }
    }
    return derived.complete(commands, header);
  }

  /**
   * Resolves the placeholders for records that name their fields.
   *
   * @returns The template, whose columns are what it asks for, and the fields.
   */
  compileNames(): { template: Template; fields: readonly JsonField[] } {
    const fields: JsonField[] = [];
    const columns = new Map<string, number>();
    const add = (key: string, ...added: JsonField[]): void => {
      if (columns.has(key)) return;
      columns.set(key, fields.length);
      fields.push(...added);
    };
    const words = this.#commands.flat();
    for (const word of words) {
      if (word.kind === "pairs") {
        const { without } = word;
        add(keyOf(word), { kind: "members", without }, { kind: "count" });
      } else {
        for (const path of word.pieces) {
          if (typeof path !== "string" || derivedOf(path)) continue;
          add(path, { kind: "path", path });
        }
      }
    }
    const header = Header.named(
      fields.map((field) => field.kind === "path" ? field.path : "{*}"),
    );
    const derived = new DerivedColumns(header.length);
    const commands = this.#commands.map((words) =>
      words.map((word): Argument => {
        if (word.kind === "pairs") {
          const column = columns.get(keyOf(word))!;
          return { kind: "members", column, count: column + 1 };
        }
        const pieces = word.pieces.map((piece) =>
          typeof piece === "string"
            ? columns.get(piece) ?? derived.columnOf(piece)!
            : piece
        );
        return { kind: "pieces", pieces };
      })
    );
    return { template: derived.complete(commands, header), fields };
  }
}

/** What tells apart two `{*}` of a template; no path is such a text. */
function keyOf({ without }: { readonly without: readonly string[] }): string {
  return `{*-${without.join(",")}}`;
}

/** The columns of derived fields, behind those of a header. */
class DerivedColumns {
  readonly #first: number;
  readonly #names: string[] = [];
  readonly #derived: Derived[] = [];

  constructor(first: number) {
    this.#first = first;
  }

  /** The column of a derived field; none where the name is another one's. */
  columnOf(name: string): number | undefined {
    const derived = derivedOf(name);
    if (derived === undefined) return undefined;
    const known = this.#names.indexOf(name);
    if (known !== -1) return this.#first + known;
    this.#derived.push(derived);
    return this.#first + this.#names.push(name) - 1;
  }

  has(kind: Derived["kind"]): boolean {
    return this.#derived.some((derived) => derived.kind === kind);
  }

  complete(
    commands: readonly (readonly Argument[])[],
    header: Header,
  ): Template {
    const columns = this.#names.length === 0
      ? header
      : header.with(this.#names.map((name) => `{${name}}`));
    return { commands, header: columns, derived: this.#derived };
  }
}

function resolve(
  word: ParsedArgument,
  header: Header,
  derived: DerivedColumns,
): Argument {
  if (word.kind === "pieces") {
    const pieces = word.pieces.map((piece) => {
      if (typeof piece !== "string") return piece;
      // What a column is called is its field.
      const column = header.has(piece) ? undefined : derived.columnOf(piece);
      if (piece === "*json" && column !== undefined) {
        requireNames(header, piece);
      }
      return column ?? header.column(piece);
    });
    return { kind: "pieces", pieces };
  }
  requireNames(header, "*");
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

function requireNames(header: Header, placeholder: string): void {
  if (header.named) return;
  throw new UsageError(
    `Cannot resolve {${placeholder}}: the input has no header; name the ` +
      "columns with --columns",
  );
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
