import { openedWithin, withIdleTimeout } from "../transport/idle_timeout.ts";
import { plainText } from "../transport/plain_text.ts";
import {
  isRegularFile,
  openSource,
  type Source,
  STANDARD_INPUT,
} from "../transport/source.ts";
import type { Batch } from "./batch.ts";
import { BatchPool } from "./batch_pool.ts";
import { Batcher } from "./batcher.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { LoadEnd } from "./load_end.ts";
import type { SourcePlace } from "./once_value.ts";
import { type RowOptions, RowPlan } from "./row_plan.ts";
import { type HeaderLine, isUrl, sourceName } from "../transport/url_source.ts";
import type { Summary } from "./summary.ts";

/** Where rows come from. */
export interface SourceOptions {
  /**
   * Paths of files, in order, URLs, `-` for standard input; or sources of the
   * caller's own. Default: standard input.
   */
  sources?: readonly (string | Source)[] | undefined;
  /** Headers that are sent with the request for a URL. */
  headers?: readonly HeaderLine[] | undefined;
  /**
   * How long a source may give nothing, in ms; 0 is for ever. Default: 0.
   */
  idleTimeout?: number | undefined;
  /** Gives what is read instead of a source that was opened. */
  watch?:
    | ((source: Source, index: number) => Source | Promise<Source>)
    | undefined;
  /**
   * Where to go on: what was committed by an earlier load of the same sources
   * is passed over.
   */
  checkpoint?: Checkpoint | undefined;
}

/** Where rows are to be read from. */
export interface GoOn {
  readonly checkpoint: Checkpoint | undefined;
  /** Records in front of that. */
  readonly settled: number;
  /** Up to here they are in already. */
  readonly isInUntil: SourcePlace | undefined;
}

/**
 * Bytes of input that a load reads at once. Larger chunks make a load no
 * faster (the server is the limit), and more of their bytes are in flight.
 */
export const LOAD_CHUNK = 64 * 1024;

/**
 * The batches of all sources, one source after the other.
 *
 * Yields a batch at a time; whoever takes it releases it to
 * {@linkcode Rows.pool}.
 */
export class Rows {
  /** Where the batches' buffers come from and go to. */
  pool: BatchPool;
  readonly #plan: RowPlan;
  readonly #sources: readonly (string | Source)[];
  readonly #summary: Summary;
  readonly #idleTimeout: number;
  readonly #headers: readonly HeaderLine[] | undefined;
  readonly #watch: SourceOptions["watch"];
  readonly #pacing: Pick<LoadEnd, "mostRecords" | "beforeBatch">;
  #checkpoint: Checkpoint | undefined;
  /** Records in front of that, of all sources together. */
  #settled = 0;
  /** Where a batch has to end that reaches so far. */
  #cut: GoOn["isInUntil"];
  #coalesce: boolean;
  #batcher: Batcher | undefined;

  /**
   * Checks the options; opens nothing.
   *
   * @param options Where rows come from and what they become.
   * @param summary Counts what is read.
   * @param pacing When to read on.
   * @throws {UsageError} When an option cannot work.
   */
  constructor(
    options: RowOptions & SourceOptions,
    summary: Summary,
    pacing: Pick<LoadEnd, "mostRecords" | "beforeBatch"> = {},
  ) {
    this.#pacing = pacing;
    this.pool = new BatchPool(LOAD_CHUNK);
    this.#plan = new RowPlan(options);
    this.#summary = summary;
    const { sources = [], idleTimeout = 0 } = options;
    this.#idleTimeout = idleTimeout;
    this.#headers = options.headers;
    this.#watch = options.watch;
    this.#checkpoint = options.checkpoint;
    this.#coalesce = options.coalesce ?? false;
    this.#sources = sources.length === 0 ? [STANDARD_INPUT] : sources;
  }

  /**
   * Says where to go on, before anything is read.
   *
   * @param from The place, and where a batch must end behind it.
   */
  goOn({ checkpoint, settled, isInUntil }: GoOn): void {
    this.#checkpoint = checkpoint;
    this.#settled = settled;
    this.#cut = isInUntil;
  }

  /** Says how many bytes are read at once, before anything is. */
  readAtOnce(bytes: number): void {
    this.pool = new BatchPool(bytes);
  }

  /** Gives every further row a command of its own. */
  stopCoalescing(): void {
    this.#coalesce = false;
    if (this.#batcher !== undefined) this.#batcher.coalesce = false;
  }

  /**
   * Whether every record makes commands with as many arguments.
   *
   * @returns False where empty fields are left out, and where `{*}` are the
   * members that each record has.
   */
  get sameShape(): boolean {
    return !this.#plan.skipEmpty && !this.#plan.hasVaried;
  }

  /** Whether the commands may be sent again, in order. */
  get isRepeatable(): boolean {
    return this.#plan.isRepeatable;
  }

  /**
   * Opens every file once, to find out before anything is sent whether it can
   * be read and whether the template fits its header.
   *
   * Standard input, pipes and a caller's own sources can be read only once, so
   * theirs is checked when their turn comes.
   *
   * @throws {UsageError} When the template does not fit a header.
   * @throws {InputError} When a file or its header cannot be read.
   */
  async check(): Promise<void> {
    let expected: number | undefined = 0;
    for (const [i, path] of this.#sources.entries()) {
      if (typeof path !== "string" || path === STANDARD_INPUT) {
        expected = undefined;
        continue;
      }
      // What comes over the network is not fetched twice.
      if (isUrl(path) || !await isRegularFile(path)) {
        expected = undefined;
        continue;
      }
      // What is committed already is not read again.
      if (i < (this.#checkpoint?.source ?? 0)) continue;
      const source = await openSource(path);
      let text: Source = source;
      try {
        const { size = 0 } = source;
        text = (await plainText(source)).source;
        const batcher = await Batcher.open(
          text,
          this.#plan,
          this.pool,
          this.#coalesce,
        );
        await this.#goOn(batcher, text, i);
        if (expected !== undefined) expected += size;
      } finally {
        text.close();
      }
    }
    this.#summary.bytesExpected = expected;
  }

  /**
   * Reads all sources.
   *
   * @yields Batches in the order of the input.
   * @throws {UsageError} When the template does not fit a source's header.
   * @throws {InputError} When a source cannot be read on.
   */
  async *batches(): AsyncGenerator<Batch, void, void> {
    let left = this.#plan.limit - this.#settled;
    for (const [i, from] of this.#sources.entries()) {
      if (left <= 0) return;
      if (i < (this.#checkpoint?.source ?? 0)) continue;
      const opened = typeof from === "string"
        ? await openedWithin(
          openSource(from, this.#headers),
          sourceName(from),
          this.#idleTimeout,
        )
        : from;
      const source = withIdleTimeout(
        await this.#watch?.(opened, i) ?? opened,
        this.#idleTimeout,
      );
      this.#summary.source = source.name;
      const { bytesIn, blankLines } = this.#summary;
      let batcher: Batcher | undefined;
      let text: Source = source;
      const count = (): void => {
        this.#summary.bytesIn = bytesIn +
          (text.bytesTaken ?? batcher?.bytesRead ?? 0);
        this.#summary.blankLines = blankLines + (batcher?.blankLines ?? 0);
      };
      try {
        const plain = await plainText(source);
        text = plain.source;
        batcher = await Batcher.open(
          text,
          this.#plan,
          this.pool,
          this.#coalesce,
          i === 0 && this.#checkpoint === undefined ? this.#plan.fromLine : 1,
        );
        this.#batcher = batcher;
        const { mostRecords = Infinity } = this.#pacing;
        const passed = await this.#goOn(batcher, text, i);
        if (this.#summary.bytesExpected !== undefined) {
          this.#summary.bytesExpected -= passed;
        }
        this.#summary.formats.push({
          source: source.name,
          format: [...plain.found, batcher.kind].join(", "),
        });
        const { hint } = batcher;
        if (hint !== undefined) {
          this.#summary.hint ??= `${source.name}: ${hint}`;
        }
        while (left > 0) {
          await this.#pacing.beforeBatch?.();
          const cut = this.#cut?.source === i
            ? this.#cut.records - batcher.records
            : 0;
          const most = Math.min(left, mostRecords, cut > 0 ? cut : Infinity);
          const batch = await batcher.next(most);
          count();
          if (batch === undefined) break;
          batch.source = i;
          left -= batch.records;
          yield batch;
        }
      } finally {
        count();
        text.close();
      }
    }
  }

  /**
   * Passes over what is committed of a source, where an earlier load left off.
   *
   * @returns Bytes that are not read; what is packed is read from its start.
   */
  async #goOn(batcher: Batcher, text: Source, source: number): Promise<number> {
    const place = this.#checkpoint;
    if (place?.source !== source) return 0;
    await batcher.goTo(place, place.tail);
    const { records, line } = place;
    // The key of an exactly-once load has told already.
    this.#summary.resumedAt ??= {
      source: text.name,
      record: records + 1,
      line,
    };
    return text.bytesTaken === undefined ? place.offset : 0;
  }
}
