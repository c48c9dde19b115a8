import type { Summary } from "../engine/summary.ts";
import { UsageError } from "../errors.ts";
import { isSameFile } from "../transport/same_file.ts";
import { StateFile } from "../transport/state_file.ts";
import { formatMetrics, lastSuccessIn } from "./metrics.ts";

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
   * @param inputs Paths that must not be replaced.
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
   * @param exitCode How the load ended.
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
