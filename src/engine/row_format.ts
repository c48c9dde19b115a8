import type { Coalescing } from "../codec/coalescing.ts";
import type { CsvReaderOptions } from "../codec/csv_reader.ts";
import type { Header } from "../codec/header.ts";
import type { PlainRun } from "../codec/plain_run.ts";
import type { RowEncoder } from "../codec/row_encoder.ts";

/** How records under one header are read and what they become. */
export interface RowCoding {
  /** The columns. */
  readonly header: Header;
  /** What another reader for the same records is made with. */
  readonly reading: CsvReaderOptions;
  /** How rows may share commands, where they may. */
  readonly coalescing: Coalescing | undefined;
  /** What makes commands of plain records, many at a time. */
  readonly run: PlainRun;
  /** What makes commands of a record. */
  readonly encoder: RowEncoder;
}

/** How the records of one source are read and what they become. */
export interface RowFormat extends RowCoding {
  /** The source's name in messages. */
  readonly source: string;
  /** The header as it stands in the source, with its line break; empty where
   * there is none. */
  readonly headerBytes: Uint8Array;
}
