/** What is counted while a command runs. */
export interface ProgressCounts {
  /** The source that is being read; nothing before the first. */
  readonly source: string | undefined;
  /** Bytes read. */
  readonly bytes: number;
  /** Bytes there are in all, where that is known. */
  readonly bytesExpected: number | undefined;
  /** Records or replies that are done with. */
  readonly done: number;
  /** How many there will be at the most, where that is known. */
  readonly limit?: number | undefined;
  /** What is counted in `done`. */
  readonly unit: "record" | "reply";
  /** Rejects, or error replies. */
  readonly errors: number;
  /** Since when a lost server is waited for, in ms; none while it serves. */
  readonly waitingSince?: number | undefined;
  /** How many nodes of a cluster there are; none on one server. */
  readonly nodes?: number | undefined;
}

/** How far a command is, and how fast it goes. */
export interface ProgressState
  extends Pick<ProgressCounts, "bytes" | "done" | "unit" | "errors" | "nodes"> {
  /** The source that is being read. */
  readonly source: string;
  /** Seconds since the last look at which there was no source, or the first. */
  readonly elapsed: number;
  /** The part that is done, from 0 to 1, where the whole is known. */
  readonly fraction: number | undefined;
  /** How many records or replies were done with per second of late. */
  readonly donePerSecond: number;
  /** Bytes per second of late. */
  readonly bytesPerSecond: number;
  /** Seconds that it will take still, where that can be told. */
  readonly secondsLeft: number | undefined;
  /** Seconds for which a lost server is waited for; none while it serves. */
  readonly waiting?: number | undefined;
}

/** "Of late": speeds are those of so many ms. */
const WINDOW = 3_000;

interface Sample {
  readonly time: number;
  readonly bytes: number;
  readonly done: number;
  readonly fraction: number;
}

/**
 * Makes speeds and a time left of counts that are looked at now and then.
 *
 * Speeds are those of the last three seconds, so that a load that stalls is
 * seen to.
 */
export class ProgressMeter {
  readonly #samples: Sample[] = [];
  #started = 0;

  /**
   * Takes the counts.
   *
   * @returns How far it is; nothing before there is something to compare with.
   */
  look(counts: ProgressCounts, now: number): ProgressState | undefined {
    const { source, bytes, done } = counts;
    const fraction = fractionOf(counts);
    const samples = this.#samples;
    // Connecting is no part of the speed.
    if (source === undefined) samples.length = 0;
    if (samples.length === 0) this.#started = now;
    samples.push({ time: now, bytes, done, fraction: fraction ?? 0 });
    while (samples.length > 2 && samples[1].time <= now - WINDOW) {
      samples.shift();
    }
    if (source === undefined) return undefined;
    const [first] = samples;
    const seconds = (now - first.time) / 1000;
    if (seconds <= 0) return undefined;
    // What a server has not answered is taken back when it is lost.
    const perSecond = (from: number, to: number): number =>
      Math.max(0, to - from) / seconds;
    const pace = perSecond(first.fraction, fraction ?? 0);
    const { waitingSince } = counts;
    const isWaiting = waitingSince !== undefined;
    return {
      source,
      elapsed: (now - this.#started) / 1000,
      bytes,
      fraction,
      done,
      unit: counts.unit,
      donePerSecond: perSecond(first.done, done),
      bytesPerSecond: perSecond(first.bytes, bytes),
      errors: counts.errors,
      nodes: counts.nodes,
      secondsLeft: fraction === undefined || pace === 0 || isWaiting
        ? undefined
        : (1 - fraction) / pace,
      waiting: isWaiting ? Math.max(0, now - waitingSince) / 1000 : undefined,
    };
  }
}

/** By bytes, or by records where there is a limit that comes first. */
function fractionOf(
  { bytes, bytesExpected, done, limit }: ProgressCounts,
): number | undefined {
  const parts: number[] = [];
  if (bytesExpected !== undefined && bytesExpected > 0) {
    parts.push(bytes / bytesExpected);
  }
  if (limit !== undefined && limit > 0) parts.push(done / limit);
  return parts.length === 0 ? undefined : Math.min(1, Math.max(...parts));
}
