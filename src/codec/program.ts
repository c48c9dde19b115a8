/**
 * Turns a template into a program for the row encoder.
 *
 * Why a program: all that is the same for each record is worked out once and
 * lies ready as bytes, so that the encoder does nothing per record but copy a
 * stretch of fixed bytes, write a length, copy a field, and so on. Fixed bytes
 * that meet are one stretch: for `SET {k} {v}` there are three of them,
 * `*3␍␊$3␍␊SET␍␊$`, `␍␊$` and `␍␊`.
 *
 * What must change together: the operations here, and the two that carry them
 * out, run_program.ts and specialize.ts.
 *
 * @module
 */
import { ByteBuffer } from "../protocol/byte_buffer.ts";
import type { Header } from "./header.ts";
import type { Argument, Template } from "./template.ts";

/**
 * The operations. Each is followed by its operands; `from, length` is a
 * stretch of {@linkcode Program.fixed}, written first.
 */
export const Op = {
  /** `from, length, column`: the field's length, CRLF, the field. */
  Bulk: 0,
  /** `from, length, column`: the field. */
  Field: 1,
  /** `from, length, base, count, column...`: base + the fields' lengths, CRLF. */
  Length: 2,
  /** `from, length, base, count, column...`: base + 2 for each field that is not empty, CRLF. */
  Count: 3,
  /** `from, length, column`: like Bulk with CRLF behind, nothing at all for an empty field. */
  Pair: 4,
  /** `from, length`: the stretch alone. */
  Fixed: 5,
} as const;

/** What the row encoder runs for each record. */
export interface Program {
  /** Operations and operands. */
  readonly code: Int32Array;
  /** The fixed bytes; each stretch begins on a multiple of 4. */
  readonly fixed: Uint8Array<ArrayBuffer>;
  /** The most bytes that a record adds besides its fields' bytes. */
  readonly overhead: number;
  /** How often the column that is used most is used. */
  readonly uses: number;
}

/** Decimal digits of the largest length, and CRLF. */
const LENGTH_BYTES = 18;

/** What the template compiler may leave out. */
export interface ProgramOptions {
  /** Leave empty fields out of `{*}`. Default: false. */
  skipEmpty?: boolean | undefined;
}

class Assembler {
  readonly code: number[] = [];
  readonly fixed = new ByteBuffer(256);
  readonly uses: number[];
  overhead = 0;
  readonly #stretch = new ByteBuffer(64);
  readonly #encoder = new TextEncoder();

  constructor(columns: number) {
    this.uses = new Array(columns).fill(0);
  }

  text(text: string): void {
    this.#stretch.push(this.#encoder.encode(text));
  }

  bytes(bytes: Uint8Array): void {
    this.#stretch.push(bytes);
  }

  /** Emits an operation with the fixed bytes gathered so far in front. */
  emit(op: number, operands: readonly number[] = []): void {
    const length = this.#stretch.length;
    while (this.fixed.length % 4 !== 0) this.fixed.push(new Uint8Array(1));
    this.code.push(op, this.fixed.length, length);
    for (const operand of operands) this.code.push(operand);
    this.fixed.push(this.#stretch.view());
    this.overhead += length + LENGTH_BYTES;
    this.#stretch.clear();
  }

  field(op: number, column: number): void {
    this.emit(op, [column]);
    this.uses[column]++;
  }

  /** Emits the fixed bytes gathered so far on their own. */
  flush(): void {
    if (this.#stretch.length > 0) this.emit(Op.Fixed);
  }

  end(): void {
    this.flush();
    // The encoder copies four bytes at a time, so it may read 3 past the end.
    this.fixed.push(new Uint8Array(8));
  }
}

/**
 * Compiles a template to a program.
 *
 * @param template The template, resolved against a header.
 * @param options What may be left out.
 * @returns The program.
 */
export function compileProgram(
  template: Template,
  options: ProgramOptions = {},
): Program {
  const { header } = template;
  const skipEmpty = options.skipEmpty ?? false;
  const out = new Assembler(header.length);
  for (const command of template.commands) {
    writeHead(out, command, skipEmpty);
    writeArguments(out, command, header, skipEmpty);
  }
  return assemble(out);
}

/**
 * Compiles some of a command's arguments to a program of their own.
 *
 * @param words The arguments.
 * @param header The columns.
 * @param count What the command's array header says, where the arguments are
 * its first; none where they are not.
 * @returns The program.
 */
export function compileArguments(
  words: readonly Argument[],
  header: Header,
  count?: number,
): Program {
  const out = new Assembler(header.length);
  if (count !== undefined) out.text(`*${count}\r\n`);
  writeArguments(out, words, header, false);
  return assemble(out);
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
    // A pair left out takes its fixed bytes along: only its own may be there.
    if (skipEmpty) out.flush();
    for (const column of argument.columns) {
      out.text(`$${names[column].length}\r\n`);
      out.bytes(names[column]);
      out.text("\r\n$");
      out.field(skipEmpty ? Op.Pair : Op.Bulk, column);
      if (!skipEmpty) out.text("\r\n");
    }
  }
}

function assemble(out: Assembler): Program {
  out.end();
  return {
    code: Int32Array.from(out.code),
    fixed: out.fixed.bytes.slice(0, out.fixed.length),
    overhead: out.overhead,
    uses: out.uses.reduce((most, uses) => Math.max(most, uses), 0),
  };
}

function writeHead(
  out: Assembler,
  command: readonly Argument[],
  skipEmpty: boolean,
): void {
  const pairs = command.flatMap((a) => a.kind === "pairs" ? a.columns : []);
  const alone = command.filter((a) => a.kind === "pieces").length;
  if (skipEmpty && pairs.length > 0) {
    out.text("*");
    out.emit(Op.Count, [alone, pairs.length, ...pairs]);
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
  } else {
    if (columns.length === 0) {
      out.text(`$${base}\r\n`);
    } else {
      out.text("$");
      out.emit(Op.Length, [base, columns.length, ...columns]);
    }
    for (const piece of pieces) {
      if (typeof piece === "number") out.field(Op.Field, piece);
      else out.bytes(piece);
    }
  }
  out.text("\r\n");
}
