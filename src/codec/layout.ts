/**
 * Turns a template into a layout: what its commands look like for any record.
 *
 * Why it has this shape: all that is the same for each record is worked out
 * once and lies ready as bytes, so that the writer does nothing per record but
 * copy a stretch of fixed bytes, write a length, copy a field, and so on. Fixed
 * bytes that meet are one stretch: for `SET {k} {v}` there are three of them,
 * `*3␍␊$3␍␊SET␍␊$`, `␍␊$` and `␍␊`.
 *
 * What must change together: the operations here, and record_writer.ts, which
 * carries them out.
 *
 * @module
 */
import { ByteBuffer } from "../protocol/byte_buffer.ts";
import type { Header } from "./header.ts";
import type { Argument, Template } from "./template.ts";

/** What is done behind an operation's stretch of fixed bytes. */
export const Op = {
  /**
   * As Bulk, with the next operation's stretch as the first part of what has
   * the length. Most keys are like this, as `user:{id}`: a sum, a field and
   * CRLF instead, three operations, take 2 ns more.
   */
  Prefixed: 0,
  /** The field's length, CRLF, the field, CRLF. */
  Bulk: 1,
  /** The field. */
  Field: 2,
  /** For an empty field: the next operation is left out. */
  SkipEmpty: 3,
  /** A sum of lengths, CRLF. */
  Length: 4,
  /** A sum with 2 for each field that is not empty, CRLF. */
  Count: 5,
  /** Nothing. */
  Fixed: 6,
} as const;

/** How many numbers an operation has in {@linkcode Layout.code}. */
export const OP_SIZE = 4;

/** What the writer does for each record. */
export interface Layout {
  /**
   * The operations: for each where its stretch begins in `fixed`, how long
   * that is, one of {@linkcode Op}, and its operand: a column, or where its sum
   * begins in `sums`.
   */
  readonly code: Int32Array;
  /** The sums: for each a base, a count, and as many columns. */
  readonly sums: Int32Array;
  /** The fixed bytes; the writer may read a few behind any stretch. */
  readonly fixed: DataView;
  /** The most bytes that a record adds besides its fields' bytes. */
  readonly overhead: number;
  /** How often the column that is used most is used. */
  readonly uses: number;
}

/** Decimal digits of the largest length, and CRLF twice. */
const LENGTH_BYTES = 20;

/** What the template compiler may leave out. */
export interface LayoutOptions {
  /** Leave empty fields out of `{*}`. Default: false. */
  skipEmpty?: boolean | undefined;
}

/** Bytes behind the fixed ones: the writer copies eight at a time. */
const FIXED_SLACK = 8;

class Assembler {
  readonly code: number[] = [];
  readonly sums: number[] = [];
  readonly fixed = new ByteBuffer(256);
  readonly uses: number[];
  /** Where the stretch begins that is not part of an operation yet. */
  #from = 0;
  readonly #encoder = new TextEncoder();

  constructor(columns: number) {
    this.uses = new Array(columns).fill(0);
  }

  text(text: string): void {
    this.fixed.push(this.#encoder.encode(text));
  }

  bytes(bytes: Uint8Array): void {
    this.fixed.push(bytes);
  }

  /** Adds an operation with the fixed bytes gathered so far in front. */
  emit(op: number, operand = 0): void {
    this.code.push(this.#from, this.fixed.length - this.#from, op, operand);
    this.#from = this.fixed.length;
  }

  field(op: number, column: number): void {
    this.emit(op, column);
    this.uses[column]++;
  }

  sum(op: number, base: number, columns: readonly number[]): void {
    this.emit(op, this.sums.length);
    this.sums.push(base, columns.length, ...columns);
  }

  /** Adds the fixed bytes gathered so far on their own. */
  flush(): void {
    if (this.fixed.length > this.#from) this.emit(Op.Fixed);
  }

  layout(): Layout {
    this.flush();
    const { length } = this.fixed;
    this.fixed.push(new Uint8Array(FIXED_SLACK));
    return {
      code: Int32Array.from(this.code),
      sums: Int32Array.from(this.sums),
      fixed: new DataView(this.fixed.bytes.buffer),
      overhead: length + LENGTH_BYTES * (this.code.length / OP_SIZE),
      uses: this.uses.reduce((most, uses) => Math.max(most, uses), 0),
    };
  }
}

/** Compiles a template to a layout. */
export function compileLayout(
  template: Template,
  options: LayoutOptions = {},
): Layout {
  const { header } = template;
  const skipEmpty = options.skipEmpty ?? false;
  const out = new Assembler(header.length);
  for (const command of template.commands) {
    writeHead(out, command, skipEmpty);
    writeArguments(out, command, header, skipEmpty);
  }
  return out.layout();
}

/**
 * Compiles some of a command's arguments to a layout of their own.
 *
 * @param count What the command's array header says, where the arguments are
 * its first; none where they are not.
 */
export function compileArguments(
  words: readonly Argument[],
  header: Header,
  count?: number,
): Layout {
  const out = new Assembler(header.length);
  if (count !== undefined) out.text(`*${count}\r\n`);
  writeArguments(out, words, header, false);
  return out.layout();
}

function writeArguments(
  out: Assembler,
  words: readonly Argument[],
  { names }: Header,
  skipEmpty: boolean,
): void {
  for (const argument of words) {
    if (argument.kind === "pieces") {
      writePieces(out, argument.pieces);
      continue;
    }
    if (argument.kind === "members") {
      out.field(Op.Field, argument.column);
      continue;
    }
    for (const column of argument.columns) {
      if (skipEmpty) out.emit(Op.SkipEmpty, column);
      out.text(`$${names[column].length}\r\n`);
      out.bytes(names[column]);
      out.text("\r\n$");
      out.field(Op.Bulk, column);
    }
  }
}

function writeHead(
  out: Assembler,
  command: readonly Argument[],
  skipEmpty: boolean,
): void {
  const pairs = command.flatMap((a) => a.kind === "pairs" ? a.columns : []);
  const alone = command.filter((a) => a.kind === "pieces").length;
  const counts = command.flatMap((a) => a.kind === "members" ? [a.count] : []);
  if (counts.length > 0) {
    // The fields' sizes are the numbers of arguments.
    out.text("*");
    out.sum(Op.Length, alone, counts);
  } else if (skipEmpty && pairs.length > 0) {
    out.text("*");
    out.sum(Op.Count, alone, pairs);
  } else {
    out.text(`*${alone + 2 * pairs.length}\r\n`);
  }
}

function writePieces(
  out: Assembler,
  pieces: readonly (Uint8Array | number)[],
): void {
  const columns = pieces.filter((piece) => typeof piece === "number");
  const base = pieces.reduce<number>(
    (sum, piece) => sum + (typeof piece === "number" ? 0 : piece.length),
    0,
  );
  if (columns.length === 1 && pieces.length === 1) {
    out.text("$");
    out.field(Op.Bulk, columns[0]);
    return;
  }
  if (columns.length === 1 && pieces.at(-1) === columns[0]) {
    out.text("$");
    out.field(Op.Prefixed, columns[0]);
    for (const piece of pieces) if (typeof piece !== "number") out.bytes(piece);
    out.flush();
    return;
  }
  if (columns.length === 0) {
    out.text(`$${base}\r\n`);
  } else {
    out.text("$");
    out.sum(Op.Length, base, columns);
  }
  for (const piece of pieces) {
    if (typeof piece === "number") out.field(Op.Field, piece);
    else out.bytes(piece);
  }
  out.text("\r\n");
}
