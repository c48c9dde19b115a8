import { stringify } from "@std/csv";
import { UsageError } from "../errors.ts";
import { LF } from "../protocol/ascii.ts";
import { FileSink } from "../transport/file_sink.ts";
import { isSameFile } from "../transport/same_file.ts";
import type { Reject } from "./reject.ts";

const COLUMNS = [
  "file",
  "record",
  "line",
  "offset",
  "command",
  "error",
  "failed",
];

/** Rows of the report that are written at once: each call has its price. */
const ROWS_AT_ONCE = 200;

const encoder = new TextEncoder();

/** A reject file and what its state depends on. */
interface RejectFile {
  readonly sink: FileSink;
  readonly kind: string;
  readonly header: Uint8Array;
  count: number;
  /** The last record had no line break: it was its source's very last. */
  open: boolean;
}

/**
 * The files that rejects go to: their original bytes under the original
 * header, to be mended and loaded again, and a report of what was wrong with
 * each.
 *
 * Sources whose formats or headers differ cannot share a file: the first one's
 * rejects go to `FILE`, the next one's to `FILE.2` (`FILE.2.jsonl` where they are
 * JSON Lines), and so on; a name that is an input's is passed over.
 */
export class RejectFiles {
  readonly #path: string;
  readonly #inputs: readonly string[];
  readonly #report: FileSink;
  #rows: (readonly string[])[] = [];
  readonly #files: RejectFile[] = [];
  readonly #first: FileSink;
  /** The number behind the last file's name. */
  #number = 1;

  /**
   * Creates the files, so that a path that cannot be written is found before
   * anything is sent. Those that stay empty are removed in the end.
   *
   * @param path Where the records go; the report goes to `PATH.errors.csv`.
   * @param inputs Paths that are read and must not be overwritten.
   * @throws {UsageError} When a file cannot be written, or is an input.
   */
  constructor(path: string, inputs: readonly string[]) {
    const report = `${path}.errors.csv`;
    for (const input of inputs) {
      for (const output of [path, report]) {
        if (!isSameFile(input, output)) continue;
        throw new UsageError(
          `Cannot write rejects to ${output}: it is an input file`,
          "--rejects",
        );
      }
    }
    this.#path = path;
    this.#inputs = inputs;
    this.#first = FileSink.create(path, "--rejects", inputs);
    try {
      this.#report = FileSink.create(report, "--rejects", inputs);
    } catch (error) {
      this.#first.close();
      throw error;
    }
  }

  /**
   * Writes one reject.
   *
   * @param reject The record and what was wrong with it.
   */
  add(reject: Reject): void {
    const file = this.#fileFor(reject);
    if (file.open) file.sink.write(Uint8Array.of(LF));
    file.sink.write(reject.bytes);
    file.open = reject.bytes.at(-1) !== LF;
    file.count++;
    this.#row([
      reject.source,
      String(reject.record),
      String(reject.line),
      String(reject.offset),
      reject.command ?? "",
      reject.error,
      reject.failed ?? "",
    ]);
  }

  /**
   * Closes the files and removes those that stayed empty.
   *
   * @returns The paths with their counts of records, to be shown.
   */
  close(): { path: string; records: number }[] {
    this.#writeRows();
    this.#report.close();
    if (this.#files.length === 0) this.#first.close();
    for (const { sink } of this.#files) sink.close();
    return this.#files.map(({ sink, count }) => ({
      path: sink.path,
      records: count,
    }));
  }

  #fileFor({ kind, header }: Reject): RejectFile {
    const known = this.#files.find((file) =>
      file.kind === kind && isSame(file.header, header)
    );
    if (known !== undefined) return known;
    const isFirst = this.#files.length === 0;
    const sink = isFirst
      ? this.#first
      : FileSink.create(this.#nextPath(kind), "--rejects");
    if (isFirst) this.#row(COLUMNS);
    sink.write(header);
    const file = { sink, kind, header, count: 0, open: false };
    this.#files.push(file);
    return file;
  }

  #nextPath(kind: string): string {
    const end = kind === "JSON Lines" ? ".jsonl" : "";
    for (;;) {
      const path = `${this.#path}.${++this.#number}${end}`;
      if (!this.#inputs.some((input) => isSameFile(input, path))) return path;
    }
  }

  #row(fields: readonly string[]): void {
    if (this.#rows.push(fields) === ROWS_AT_ONCE) this.#writeRows();
  }

  #writeRows(): void {
    if (this.#rows.length === 0) return;
    this.#report.write(
      encoder.encode(stringify(this.#rows, { headers: false })),
    );
    this.#rows = [];
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length &&
    one.every((byte, i) => byte === other[i]);
}
