import { UsageError } from "../errors.ts";
import { sameBytes } from "../protocol/byte_buffer.ts";
import type { RecordView } from "./record.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const latin1 = new TextDecoder("windows-1252");
const encoder = new TextEncoder();

/** A name as text: UTF-8, or what is not UTF-8 as the usual 8-bit letters. */
function labelOf(name: Uint8Array): string {
  try {
    return utf8.decode(name);
  } catch {
    return latin1.decode(name);
  }
}

/** How many column names a message lists before it says how many more. */
const LISTED = 30;

/** Of a longer name a message has only the start: it may be a whole file. */
const LONGEST_NAME = 60;

function shortened(label: string): string {
  return label.length > LONGEST_NAME
    ? `${label.slice(0, LONGEST_NAME)}...`
    : label;
}

/** Where names come from. */
interface Origin {
  /** The user gave them. */
  readonly isGiven?: true;
  /** The delimiter, where the names' line alone has told it. */
  readonly delimiter?: string | undefined;
}

/**
 * The columns of a source: their names as bytes, and as text for people.
 *
 * The bytes go to the server as they stand in the file, whatever their
 * encoding; only messages and look-ups use the text.
 *
 * @example
 * ```ts
 * import { Header } from "./header.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(Header.named(["id", "name"]).column("name"), 1);
 * ```
 */
export class Header {
  /** Each column's name as it stands in the input. */
  readonly names: readonly Uint8Array[];
  /** Each column's name as text. */
  readonly labels: readonly string[];
  /** Whether the columns have names at all. */
  readonly named: boolean;

  readonly #origin: Origin;
  /** For each label the first and the last column that has it. */
  readonly #columns = new Map<string, { first: number; last: number }>();

  private constructor(
    names: readonly Uint8Array[],
    named: boolean,
    origin: Origin = {},
  ) {
    this.names = names;
    this.#origin = origin;
    this.labels = names.map(labelOf);
    this.named = named;
    this.labels.forEach((label, column) => {
      const known = this.#columns.get(label);
      if (known === undefined) {
        this.#columns.set(label, { first: column, last: column });
      } else {
        known.last = column;
      }
    });
  }

  /**
   * Takes the names from a source's first record.
   *
   * @param record The record.
   * @param delimiter The delimiter, where the record is what told it.
   * @returns The header.
   */
  static fromRecord(record: RecordView, delimiter?: string): Header {
    const names: Uint8Array[] = [];
    for (let i = 0; i < record.fieldCount; i++) names.push(record.field(i));
    return new Header(names, true, { delimiter });
  }

  /**
   * Takes a line that is no record as the name of one column, for messages.
   *
   * @param line The line; of a long one only the start is taken.
   * @returns The header.
   */
  static ofLine(line: Uint8Array): Header {
    return new Header([line.slice(0, 200)], true);
  }

  /**
   * Takes names that the user gave.
   *
   * @param names The columns from left to right.
   * @returns The header.
   */
  static named(names: readonly string[]): Header {
    return new Header(
      names.map((name) => encoder.encode(name)),
      true,
      { isGiven: true },
    );
  }

  /**
   * Makes the header of a source that has none: columns have numbers only.
   *
   * @param count How many columns there are.
   * @returns The header.
   */
  static numbered(count: number): Header {
    return new Header(
      Array.from({ length: count }, () => new Uint8Array()),
      false,
    );
  }

  /**
   * How many columns there are.
   *
   * @returns Their number.
   */
  get length(): number {
    return this.names.length;
  }

  /**
   * Compares it with another one.
   *
   * @param other The other header.
   * @returns Whether both have the same columns in the same order.
   */
  equals(other: Header): boolean {
    return this.named === other.named && this.length === other.length &&
      this.names.every((name, column) => sameBytes(name, other.names[column]));
  }

  /**
   * Adds columns on the right, for what is no field of the input.
   *
   * @param labels What to call them in messages.
   * @returns The header with all of them.
   */
  with(labels: readonly string[]): Header {
    const added = labels.map((label) => encoder.encode(label));
    const names = [...this.names, ...added];
    return new Header(names, this.named, this.#origin);
  }

  /**
   * Tells whether a column has a name.
   *
   * @param name The name.
   * @returns Whether there is one, or more than one.
   */
  has(name: string): boolean {
    return this.named && this.#columns.has(name);
  }

  /**
   * Finds a column.
   *
   * @param reference A name, or a number counting from 1.
   * @returns The column, counting from 0.
   * @throws {UsageError} When there is no such column, or two of that name.
   */
  column(reference: string): number {
    if (/^[1-9][0-9]*$/.test(reference)) {
      const number = Number(reference);
      if (number <= this.length) return number - 1;
      throw new UsageError(
        `Cannot resolve {${reference}}: there ` +
          (this.length === 1
            ? "is only 1 column"
            : `are only ${this.length} columns`) +
          this.#list(),
      );
    }
    if (!this.named) {
      throw new UsageError(
        `Cannot resolve {${reference}}: the input has no header; write ` +
          `{1} to {${this.length}}, or name the columns with --columns`,
      );
    }
    const column = this.#columns.get(reference)?.first;
    if (column === undefined) {
      throw new UsageError(
        `Cannot resolve {${reference}}: there is no such column` +
          `${this.#near(reference)}${this.#list()}`,
      );
    }
    this.requireUsable(column);
    return column;
  }

  /**
   * Checks that a column's name is there and is its own.
   *
   * @param column The column, counting from 0.
   * @throws {UsageError} When the name is empty or stands twice.
   */
  requireUsable(column: number): void {
    const label = this.labels[column];
    if (label === "") {
      throw new UsageError(
        `Cannot use column ${column + 1}: its name in the header is empty; ` +
          `write {${column + 1}}, or leave it out with {*-${column + 1}}, or ` +
          `name the columns with ${this.#naming}`,
      );
    }
    const { first, last } = this.#columns.get(label)!;
    if (first === last) return;
    const { isGiven } = this.#origin;
    throw new UsageError(
      `Cannot use column ${JSON.stringify(shortened(label))}: ` +
        `${isGiven ? "--columns" : "the header"} names it twice ` +
        `(columns ${first + 1} and ${last + 1}); write {${first + 1}} or ` +
        `{${last + 1}}, or ` +
        (isGiven
          ? "give each a name of its own"
          : `name the columns with ${this.#naming}`),
    );
  }

  /** How to have other names: what the header has told is to be said then. */
  get #naming(): string {
    const { delimiter } = this.#origin;
    return "--columns A,B,... --skip-lines 1" +
      (delimiter === undefined
        ? ""
        : ` --delimiter ${delimiter === "\t" ? "tab" : `'${delimiter}'`}`);
  }

  #near(reference: string): string {
    const wanted = reference.trim().toLowerCase();
    const near = this.labels.find((l) => l.trim().toLowerCase() === wanted);
    return near === undefined ? "" : ` (did you mean {${near}}?)`;
  }

  #list(): string {
    if (!this.named) return "";
    const shown = this.labels.slice(0, LISTED).map(shortened).join(", ");
    const more = this.length - LISTED;
    return `; the columns are: ${shown}` +
      (more > 0 ? ` and ${more} more` : "");
  }
}
