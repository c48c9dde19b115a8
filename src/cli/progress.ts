import { drawLine, eraseLine, printError } from "./output.ts";
import { formatProgress, formatProgressLog } from "./progress_line.ts";
import { type ProgressCounts, ProgressMeter } from "./progress_meter.ts";

/** Between two redrawn lines, in ms. */
const REDRAW = 100;
/** Between two lines of a log, in ms. */
const LOG = 10_000;
/** Columns where nobody says how many there are. */
const COLUMNS = 80;

/** How progress is shown. */
interface ProgressOptions {
  /** A line that is redrawn, or further and further lines. */
  readonly style: "line" | "log";
  /** Gives the counts; called whenever they are shown. */
  readonly counts: () => ProgressCounts;
  /** Between two lines, in ms. Default: 100, or 10 s in a log. */
  readonly interval?: number | undefined;
}

/**
 * Shows progress on standard error until it is disposed of, which erases the
 * line.
 *
 * It asks for the counts when its timer says so: what is counted costs nothing
 * more for being shown.
 */
export class Progress implements Disposable {
  readonly #options: ProgressOptions;
  readonly #meter = new ProgressMeter();
  readonly #timer: ReturnType<typeof setInterval>;

  /** Begins to show it. */
  constructor(options: ProgressOptions) {
    const { style, interval = style === "line" ? REDRAW : LOG } = options;
    this.#options = options;
    this.#timer = setInterval(() => this.#show(), interval);
    this.#meter.look(options.counts(), performance.now());
  }

  /** Erases the line, and shows no more. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    eraseLine();
  }

  #show(): void {
    const { style, counts } = this.#options;
    const state = this.#meter.look(counts(), performance.now());
    if (state === undefined) return;
    if (style === "log") printError(formatProgressLog(state));
    // In the last column some terminals would begin a new line.
    else drawLine(formatProgress(state, columns() - 1, !Deno.noColor));
  }
}

/** Asked for each line: windows are resized. */
function columns(): number {
  try {
    return Deno.consoleSize().columns || COLUMNS;
  } catch {
    return COLUMNS;
  }
}
