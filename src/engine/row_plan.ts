import { type Coalescing, planCoalescing } from "../codec/coalescing.ts";
import { DEFAULT_MAX_RECORD } from "../codec/csv_reader.ts";
import {
  type Dialect,
  type DialectOptions,
  parseDialect,
} from "../codec/dialect.ts";
import {
  DerivedFormat,
  type DocumentShape,
  documentShape,
} from "../codec/derived_reader.ts";
import { type Detected, detectFormat } from "../codec/detect.ts";
import { CsvFormat, type Format, JsonFormat } from "../codec/format.ts";
import { Header } from "../codec/header.ts";
import { RowEncoder } from "../codec/row_encoder.ts";
import { CommandTemplate, type Template } from "../codec/template.ts";
import { UsageError } from "../errors.ts";
import { areRepeatable, traitsOf } from "../protocol/command_traits.ts";

/**
 * The most that the largest record may be set to, in bytes: a record lies in
 * one buffer, and its offsets are 32-bit numbers.
 */
const LARGEST_RECORD = 1024 ** 3;

/** How records under one header are read and what they become. */
export interface RowCoding {
  /** The columns, derived ones included. */
  readonly header: Header;
  /** What makes readers for them. */
  readonly input: Format;
  /** How rows may share commands, where they may. */
  readonly coalescing: Coalescing | undefined;
  /** Whether a row's commands have a transaction, or are one. */
  readonly transaction: "within" | "whole" | undefined;
  /** What makes commands of a record. */
  readonly encoder: RowEncoder;
}

/** How the records of one source are read and what they become. */
export interface RowFormat extends RowCoding {
  /** The source's name in messages. */
  readonly source: string;
  /** Its header as it stands there; empty where there is none. */
  readonly headerBytes: Uint8Array;
}

/** How rows are read and what they become, as a caller says it. */
export interface RowOptions extends DialectOptions {
  /**
   * What the sources are. Default: what the end of a source's name or its first
   * line tells.
   */
  format?: "csv" | "jsonl" | undefined;
  /**
   * What each row becomes: for each command its words, one an argument. The
   * first word is the command's name.
   */
  commands: readonly (readonly string[])[];
  /** Whether each source begins with a header. Default: true. */
  header?: boolean | undefined;
  /** Names for the columns, where there is no header. */
  columns?: readonly string[] | undefined;
  /** Lines to pass over at the start of each source. Default: 0. */
  skipLines?: number | undefined;
  /** Records to read at the most, of all sources together. */
  limit?: number | undefined;
  /**
   * Where in the first source to begin: at the record on that line, counting
   * from 1. The header is read all the same. Default: at the first record.
   */
  from?: { readonly line: number } | undefined;
  /** Leave empty fields out of `{*}`. Default: false. */
  skipEmpty?: boolean | undefined;
  /** The most bytes a record may have. Default: 64 MiB. */
  maxRecord?: number | undefined;
  /**
   * Whether rows may share commands where that cannot change the outcome, as
   * rows of `SET k v` can share an MSET. Default: true in a load, else false.
   */
  coalesce?: boolean | undefined;
}

function requireCount(
  value: number | undefined,
  name: string,
  flag: string,
  least: number,
): void {
  if (value === undefined) return;
  if (!Number.isSafeInteger(value) || value < least) {
    throw new UsageError(
      `Cannot use ${value} as ${name}: must be a whole number, ` +
        `${least} or more`,
      flag,
    );
  }
}

/** Refuses what says how CSV is read, where nothing is read as CSV. */
function refuseDialect(options: RowOptions): void {
  const flags: Record<string, unknown> = {
    "--delimiter": options.delimiter,
    "--quote": options.quote,
    "--columns": options.columns,
    "--no-header": options.header === false ? true : undefined,
  };
  for (const [flag, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    throw new UsageError(
      `--format jsonl and ${flag} exclude each other: JSON Lines name their ` +
        `fields, and ${flag} is for CSV`,
      flag,
    );
  }
}

/**
 * The options for rows, checked, with all that can be worked out before a
 * source is opened.
 */
export class RowPlan {
  /** The commands, understood but not resolved. */
  readonly template: CommandTemplate;
  /** How fields are marked, where nothing tells that it is otherwise. */
  readonly dialect: Dialect;
  /** Lines to pass over at the start of each source. */
  readonly skipLines: number;
  /** Whether each source begins with a header. */
  readonly header: boolean;
  /** The columns, where the user named them. */
  readonly columns: Header | undefined;
  /** Records to read at the most; `Infinity` for all. */
  readonly limit: number;
  /** The line of the first record to read, in the first source. */
  readonly fromLine: number;
  /** Whether empty fields are left out of `{*}`. */
  readonly skipEmpty: boolean;
  /** Whether the commands may be sent again, in order. */
  readonly isRepeatable: boolean;
  /** Whether records have had different numbers of arguments. */
  hasVaried = false;
  readonly #options: RowOptions;
  readonly #transaction: RowCoding["transaction"];
  readonly #maxRecord: number;
  readonly #formats = new Map<string, CsvFormat>();
  /** What was made last, of which columns and format. */
  #last: { header: Header; input: Format; coding: RowCoding } | undefined;
  #namedCoding: RowCoding | undefined;

  /**
   * Checks the options.
   *
   * @throws {UsageError} When one of them cannot work.
   */
  constructor(options: RowOptions) {
    requireCount(options.skipLines, "the lines to skip", "--skip-lines", 0);
    requireCount(options.limit, "the limit", "--limit", 0);
    requireCount(options.from?.line, "the first line", "--from-line", 1);
    requireCount(options.maxRecord, "the largest record", "--max-record", 1);
    if ((options.maxRecord ?? 0) > LARGEST_RECORD) {
      throw new UsageError(
        `Cannot use ${options.maxRecord} as the largest record: must be ` +
          `${LARGEST_RECORD} bytes or less`,
        "--max-record",
      );
    }
    if (options.format === "jsonl") refuseDialect(options);
    this.template = new CommandTemplate(options.commands);
    this.isRepeatable = areRepeatable(options.commands);
    this.#transaction = transactionIn(options.commands);
    this.header = options.header ?? options.columns === undefined;
    if (options.columns !== undefined) {
      if (options.columns.length === 0 || options.columns.includes("")) {
        throw new UsageError(
          `Cannot use ${JSON.stringify(options.columns.join(","))} as ` +
            "columns: every column needs a name",
          "--columns",
        );
      }
      this.columns = Header.named(options.columns);
    }
    this.limit = options.limit ?? Infinity;
    this.fromLine = options.from?.line ?? 1;
    this.skipEmpty = options.skipEmpty ?? false;
    this.dialect = parseDialect(options);
    this.#options = options;
    this.#maxRecord = options.maxRecord ?? DEFAULT_MAX_RECORD;
    this.skipLines = options.skipLines ?? 0;
    // What needs no header can be resolved, and found wrong, at once.
    if (this.columns !== undefined) this.template.compile(this.columns);
  }

  /**
   * Finds out what a source is.
   *
   * @returns What its first line says; nothing while more bytes are needed.
   */
  detect(
    name: string,
    first: Uint8Array,
    isAll: boolean,
  ): Detected | undefined {
    const { format, delimiter, quote } = this.#options;
    const isCsv = delimiter !== undefined || quote !== undefined ||
      !this.header || this.columns !== undefined;
    // Of a URL the query is not shown.
    const [, end] = /\.([a-z]+)(?:\.(?:gz|zst))?(?:\?\.\.\.)?$/i.exec(name) ??
      [];
    const named = /^(jsonl|ndjson)$/i.test(end ?? "") ? "jsonl" : undefined;
    const detected = detectFormat(first, isAll, {
      format: format ?? named,
      mayBeJson: !isCsv,
      mayTellDelimiter: delimiter === undefined && this.header &&
        this.columns === undefined,
    });
    if (detected?.format !== "csv" || delimiter !== undefined) return detected;
    return /^tsv$/i.test(end ?? "") && detected.isRemark === undefined
      ? { format: "csv", delimiter: "tab" }
      : detected;
  }

  /**
   * CSV with a delimiter.
   *
   * @param found The delimiter that was found, where there is one; the user's
   * wins.
   */
  csv(found?: string): CsvFormat {
    const { quote } = this.#options;
    const delimiter = this.#options.delimiter ??
      (found === quote ? undefined : found);
    const key = delimiter ?? "";
    const known = this.#formats.get(key);
    if (known !== undefined) return known;
    const dialect = parseDialect({ delimiter, quote });
    const format = new CsvFormat(dialect, this.#maxRecord);
    this.#formats.set(key, format);
    return format;
  }

  /**
   * Resolves the template against a header.
   *
   * Sources with the same header get the same answer.
   *
   * @param input How their records are read.
   * @returns How the records are read and what they become.
   * @throws {UsageError} When the template does not fit.
   */
  codingFor(header: Header, input: Format = this.csv()): RowCoding {
    const known = this.#last;
    if (known?.input === input && known.header.equals(header)) {
      return known.coding;
    }
    const template = this.template.compile(header);
    const shape = documentShape(header, this.skipEmpty);
    const coding = this.#codingOf(template, input, shape);
    this.#last = { header, input, coding };
    return coding;
  }

  /**
   * Resolves the template for records that name their fields.
   *
   * @returns How the records are read and what they become.
   */
  namedCoding(): RowCoding {
    if (this.#namedCoding !== undefined) return this.#namedCoding;
    const { template, fields } = this.template.compileNames();
    const { skipEmpty } = this;
    const maxRecord = this.#maxRecord;
    const input = new JsonFormat({ fields, skipEmpty, maxRecord });
    this.hasVaried ||= fields.some(({ kind }) => kind === "members");
    return this.#namedCoding = this.#codingOf(template, input, undefined);
  }

  #codingOf(
    template: Template,
    input: Format,
    document: DocumentShape,
  ): RowCoding {
    const { skipEmpty } = this;
    const { header, derived } = template;
    return {
      header,
      input: derived.length === 0
        ? input
        : new DerivedFormat(input, derived, document),
      coalescing: skipEmpty ? undefined : planCoalescing(template),
      transaction: this.#transaction,
      encoder: new RowEncoder(template, { skipEmpty }),
    };
  }
}

function transactionIn(
  commands: RowOptions["commands"],
): RowCoding["transaction"] {
  const roles = commands.map(([name]) => traitsOf([name]).transaction);
  if (!roles.includes("opens")) return undefined;
  const isWhole = roles.lastIndexOf("opens") === 0 &&
    roles.indexOf("closes") === roles.length - 1;
  return isWhole ? "whole" : "within";
}
