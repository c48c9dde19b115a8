import { parse, stringify } from "@std/csv";
import { UsageError } from "../errors.ts";
import { LF } from "../protocol/ascii.ts";
import { sameBytes } from "../protocol/byte_buffer.ts";
import { FileSink } from "../transport/file_sink.ts";
import { isSameFile } from "../transport/same_file.ts";
import type { KeptFile } from "./load_state.ts";
import type { KnownReject, Reject } from "./reject.ts";

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
const decoder = new TextDecoder();

/** The format whose files are told by their names, and how those end. */
const JSON_LINES = "JSON Lines";
const JSON_LINES_END = ".jsonl";
const OPEN_OBJECT = 0x7b;

/** A reject file and what its state depends on. */
interface RejectFile {
  readonly sink: FileSink;
  kind: string;
  /** None where an earlier load has written it, and this one did not yet. */
  header: Uint8Array | undefined;
  /** Records that were added to it, and those of them that are in it. */
  count: number;
  written: number;
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
   * Reads what was reported of rejects behind what is kept, before the files are
   * opened: what a load that was killed has written last.
   *
   * @param path Where the records went.
   * @param kept The files, and how much of them is kept.
   * @returns The rejects of which the server refused a command.
   */
  static behind(path: string, kept: readonly KeptFile[]): KnownReject[] {
    const report = `${path}.errors.csv`;
    const size = kept.find((file) => file.path === report)?.size ?? 0;
    let text: string;
    try {
      text = decoder.decode(Deno.readFileSync(report).subarray(size));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
    // The last row may have been torn.
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    const known: KnownReject[] = [];
    for (const row of parse(whole) as string[][]) {
      const [source, record, , , command, error, failed] = row;
      // Neither the header nor what the reader rejects, which it will again.
      if (!(Number(record) > 0) || command === "") continue;
      known.push({ source, record: Number(record), command, error, failed });
    }
    return known;
  }

  /**
   * Adds one reject.
   *
   * @param reject The record and what was wrong with it.
   * @param isLast Whether all that was added is to be written.
   * @throws {StoppedError} When that cannot be; nothing of it is in the records'
   * files then.
   */
  add(reject: Reject, isLast: boolean): void {
    try {
      this.#add(reject);
      if (isLast) this.#flush();
    } catch (error) {
      for (const { sink } of this.#files) sink.takeBack();
      throw error;
    }
  }

  #add(reject: Reject): void {
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
    return this.#files.filter(({ written }) => written > 0)
      .map(({ sink, written }) => ({ path: sink.path, records: written }));
  }

  #flush(): void {
    // The report comes first: what is in it can be recalled.
    this.#writeRows();
    this.#report.flush();
    for (const file of this.#files) {
      file.sink.flush();
      file.written = file.count;
    }
  }

  /**
   * Tells how far they are written.
   *
   * @returns The files with their sizes, to go on behind; also those of earlier
   * loads that this one has had no rejects for.
   */
  files(): KeptFile[] {
    const sinks = [this.#report, ...this.#files.map(({ sink }) => sink)];
    if (this.#files.length === 0) sinks.push(this.#first);
    const paths = new Set(sinks.map(({ path }) => path));
    return [
      ...sinks.map(({ path, size }) => ({ path, size })),
      ...this.#kept.filter(({ path }) => !paths.has(path)),
    ];
  }

  #fileFor({ kind, header }: Reject): RejectFile {
    for (const file of this.#files) {
      if (this.#takes(file, kind, header)) return file;
    }
    for (;;) {
      const isFirst = this.#files.length === 0;
      const sink = isFirst ? this.#first : this.#create(this.#nextPath(kind));
      if (isFirst && this.#report.size === 0) this.#row(COLUMNS);
      const isNew = sink.size === 0;
      if (isNew) sink.write(header);
      const file: RejectFile = {
        sink,
        kind,
        header: isNew ? header : undefined,
        count: 0,
        written: 0,
        open: false,
      };
      this.#files.push(file);
      if (this.#takes(file, kind, header)) return file;
    }
  }

  /** Whether records of a format, under a header, belong into a file. */
  #takes(file: RejectFile, kind: string, header: Uint8Array): boolean {
    if (file.header !== undefined) {
      return file.kind === kind && sameBytes(file.header, header);
    }
    const isNamed = file.sink.path.endsWith(JSON_LINES_END);
    const { start, last } = file.sink.kept(Math.max(1, header.length));
    // What an earlier load wrote there is told by how it begins.
    const isJson = isNamed || start[0] === OPEN_OBJECT;
    if (isJson !== (kind === JSON_LINES)) return false;
    if (!sameBytes(start.subarray(0, header.length), header)) return false;
    file.kind = kind;
    file.header = header;
    file.open = last !== LF;
    return true;
  }

  #create(path: string): FileSink {
    const keep = this.#kept.find((file) => file.path === path)?.size;
    return FileSink.create(path, "--rejects", this.#inputs, keep);
  }

  #nextPath(kind: string): string {
    const end = kind === JSON_LINES ? JSON_LINES_END : "";
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
