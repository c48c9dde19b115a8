import { stringify } from "@std/csv";
import { UsageError } from "../errors.ts";
import { LF } from "../protocol/ascii.ts";
import { FileSink } from "../transport/file_sink.ts";
import { isSameFile } from "../transport/same_file.ts";
import type { KeptFile } from "./load_state.ts";
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
  /** None where an earlier load has written it, and this one did not yet. */
  header: Uint8Array | undefined;
  count: number;
  /** The last record had no line break: it was its source's very last. */
  open: boolean;
}

/**
 * The files that rejects go to: their original bytes under the original
 * header, to be mended and loaded again, and a report of what was wrong with
 * each.
 *
 * Sources whose headers differ cannot share a file: the first header's rejects
 * go to `FILE`, the next one's to `FILE.2`, and so on; a name that is an input's
 * is passed over.
 */
export class RejectFiles {
  readonly #path: string;
  readonly #inputs: readonly string[];
  readonly #kept: readonly KeptFile[];
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
   * @param kept Files of a load that goes on, which are appended to.
   * @throws {UsageError} When a file cannot be written, or is an input.
   */
  constructor(
    path: string,
    inputs: readonly string[],
    kept: readonly KeptFile[] = [],
  ) {
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
    this.#kept = kept;
    this.#first = this.#create(path);
    try {
      this.#report = this.#create(report);
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
    const file = this.#fileFor(reject.header);
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
    return this.#files.filter(({ count }) => count > 0)
      .map(({ sink, count }) => ({ path: sink.path, records: count }));
  }

  /**
   * Writes all that was added so far.
   *
   * @returns The files with their sizes, to go on behind.
   */
  flush(): KeptFile[] {
    this.#writeRows();
    const sinks = [this.#report, ...this.#files.map(({ sink }) => sink)];
    if (this.#files.length === 0) sinks.push(this.#first);
    for (const sink of sinks) sink.flush();
    return sinks.map(({ path, size }) => ({ path, size }));
  }

  #fileFor(header: Uint8Array): RejectFile {
    for (const file of this.#files) {
      if (this.#takes(file, header)) return file;
    }
    for (;;) {
      const isFirst = this.#files.length === 0;
      const sink = isFirst ? this.#first : this.#create(this.#nextPath());
      if (isFirst && this.#report.size === 0) this.#row(COLUMNS);
      const isNew = sink.size === 0;
      if (isNew) sink.write(header);
      const file: RejectFile = {
        sink,
        header: isNew ? header : undefined,
        count: 0,
        open: false,
      };
      this.#files.push(file);
      if (this.#takes(file, header)) return file;
    }
  }

  /** Whether records under a header belong into a file. */
  #takes(file: RejectFile, header: Uint8Array): boolean {
    if (file.header !== undefined) return isSame(file.header, header);
    const { start, last } = file.sink.kept(header.length);
    if (!isSame(start, header)) return false;
    file.header = header;
    file.open = last !== LF;
    return true;
  }

  #create(path: string): FileSink {
    const keep = this.#kept.find((file) => file.path === path)?.size;
    return FileSink.create(path, "--rejects", this.#inputs, keep);
  }

  #nextPath(): string {
    for (;;) {
      const path = `${this.#path}.${++this.#number}`;
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
