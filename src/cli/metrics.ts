/**
 * What a load comes to, in Prometheus' text format, for the textfile collector
 * of node_exporter.
 *
 * Every number is that of the last load, so all are gauges. The time of the last
 * success outlives loads that fail: it is taken over from the file before.
 *
 * Source: "Exposition formats" at prometheus.io, the text-based format.
 *
 * @module
 */
import type { Summary, SummaryData } from "../engine/summary.ts";
import { UsageError } from "../errors.ts";
import { isSameFile } from "../transport/same_file.ts";
import { StateFile } from "../transport/state_file.ts";

/** One sample of a metric. */
interface Sample {
  /** Labels besides the job. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The number; none where there is nothing to say. */
  readonly value: number | undefined;
}

/** How a load ended. */
export interface Ending {
  /** What the series are called. */
  readonly job: string;
  /** The exit code. */
  readonly exitCode: number;
  /** The counts. */
  readonly data: SummaryData;
  /** When a load succeeded last before this one, in seconds since 1970. */
  readonly lastSuccess: number | undefined;
}

const SUCCESS = "respipe_last_success_timestamp_seconds";

/** Writes the metrics of a load. */
export function formatMetrics(ending: Ending): string {
  const { exitCode, data } = ending;
  const began = secondsOf(data.startedAt);
  const ended = secondsOf(data.endedAt ?? data.startedAt);
  const one = (value: number | undefined): Sample[] => [{ value }];
  const families: [name: string, help: string, samples: Sample[]][] = [
    [
      "respipe_last_start_timestamp_seconds",
      "When the last load began.",
      one(began),
    ],
    [
      "respipe_last_end_timestamp_seconds",
      "When the last load ended.",
      one(ended),
    ],
    [
      SUCCESS,
      "When a load ended last with every record in.",
      one(exitCode === 0 ? ended : ending.lastSuccess),
    ],
    [
      "respipe_last_exit_code",
      "The exit code of the last load; 0 is success.",
      one(exitCode),
    ],
    [
      "respipe_last_duration_seconds",
      "How long the last load took, with every wait.",
      one(Math.round((ended - began) * 1000) / 1000),
    ],
    [
      "respipe_last_records",
      "Records that the last load has read.",
      one(data.records),
    ],
    [
      "respipe_last_loaded_records",
      "Records of the last load that are in.",
      one(data.loaded),
    ],
    [
      "respipe_last_rejected_records",
      "Records of the last load that were rejected.",
      one(data.rejected),
    ],
    [
      "respipe_last_rejected_records_by_error",
      "The same by kind of error.",
      data.errors.map(({ error, count }) => ({
        labels: { error },
        value: count,
      })),
    ],
    [
      "respipe_last_unknown_records",
      "Records of the last load that may or may not be in.",
      one(data.unknown),
    ],
    [
      "respipe_last_may_be_lost_records",
      "Records of the last load that a server started anew may have forgotten.",
      one(data.mayBeLost),
    ],
    [
      "respipe_last_read_bytes",
      "Bytes of input that the last load has read.",
      one(data.bytesIn),
    ],
    [
      "respipe_last_sent_bytes",
      "Bytes of commands that the last load has sent.",
      one(data.bytesOut),
    ],
    [
      "respipe_last_reconnections",
      "How often the last load made a lost connection again.",
      one(data.reconnections),
    ],
    [
      "respipe_last_skipped",
      "Whether the last load had nothing to do: 1 or 0.",
      one(data.skipped ? 1 : 0),
    ],
    [
      "respipe_last_pruned_keys",
      "Stale keys that the last load has deleted.",
      one(data.pruned?.deleted ?? 0),
    ],
  ];
  return families.map(([name, help, samples]) => {
    const lines = samples
      .filter(({ value }) => value !== undefined)
      .map(({ labels, value }) =>
        `${name}${labelled({ job: ending.job, ...labels })} ${value}\n`
      );
    if (lines.length === 0) return "";
    return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join("")}`;
  }).join("");
}

/**
 * Finds the time of the last success in what {@linkcode formatMetrics} wrote.
 *
 * @returns Seconds since 1970; nothing where none is there.
 */
export function lastSuccessIn(text: string, job: string): number | undefined {
  const start = `${SUCCESS}${labelled({ job })} `;
  const line = text.split("\n").find((line) => line.startsWith(start));
  const value = Number(line?.slice(start.length));
  return Number.isFinite(value) ? value : undefined;
}

function labelled(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    const escaped = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')
      .replaceAll("\n", "\\n");
    return `${name}="${escaped}"`;
  });
  return `{${pairs.join(",")}}`;
}

function secondsOf(time: string): number {
  return Date.parse(time) / 1000;
}

/** Where metrics go, and under which name. */
export interface MetricsOptions {
  /** The file's path. */
  readonly path: string;
  /** What the series are called. */
  readonly job: string;
}

/**
 * The file of metrics, replaced as a whole: whoever reads it sees one load or
 * the next one.
 */
export class MetricsFile {
  readonly #file: StateFile;
  readonly #job: string;
  readonly #lastSuccess: number | undefined;

  /**
   * Looks at what the last load has left, and whether it can be replaced.
   *
   * @throws {UsageError} When it cannot be written, or is an input.
   */
  constructor(
    { path, job }: MetricsOptions,
    inputs: readonly string[],
  ) {
    if (inputs.some((input) => isSameFile(path, input))) {
      throw new UsageError(
        `Cannot write metrics to ${path}: it is an input file`,
        "--metrics",
      );
    }
    this.#job = job;
    this.#file = new StateFile(path, "--metrics");
    this.#lastSuccess = lastSuccessIn(this.#file.read() ?? "", job);
  }

  /**
   * Writes the metrics.
   *
   * @throws {StoppedError} When they cannot be written.
   */
  async write(summary: Summary, exitCode: number): Promise<void> {
    await this.#file.write(formatMetrics({
      job: this.#job,
      exitCode,
      data: summary.toJSON(),
      lastSuccess: this.#lastSuccess,
    }));
  }
}
