import { type Measured, median } from "./bench_measure.ts";

/** A way to do something, and what each run of it took. */
export interface Row {
  /** What it is. */
  name: string;
  /** The runs. */
  runs: readonly Measured[];
  /** Bytes of CSV that it reads; makes its last column MB/s. */
  bytes?: number;
}

/**
 * Writes a table with a row for each way.
 *
 * @param title The title of the first column
 * @param rows The ways; the first is what the others are compared with
 * @param options `ratios: false` where the rows are not to be compared
 * @returns Markdown: medians, the spread of the wall time, and ratios to the
 * first row
 */
export function formatTable(
  title: string,
  rows: readonly Row[],
  { ratios = true }: { ratios?: boolean } = {},
): string {
  const hasRate = rows.some(({ bytes }) => bytes !== undefined);
  const head = [
    title,
    "wall",
    "min to max",
    ...(ratios ? ["ratio"] : []),
    "CPU",
    ...(ratios ? ["ratio"] : []),
    "peak memory",
    ...(hasRate ? ["CSV read"] : []),
  ];
  const lines = [head, head.map((_, at) => at === 0 ? "---" : "--:")];
  const [base] = rows;
  for (const row of rows) {
    const walls = row.runs.map(({ wall }) => wall);
    const wall = median(walls);
    lines.push([
      row.name.replaceAll("|", "\\|"),
      seconds(wall / 1000),
      `${fixed(Math.min(...walls) / 1000)} to ${
        seconds(Math.max(...walls) / 1000)
      }`,
      ...(ratios ? [ratio(wall, middle(base, "wall"))] : []),
      optional(middle(row, "cpu"), seconds),
      ...(ratios ? [ratio(middle(row, "cpu"), middle(base, "cpu"))] : []),
      optional(middle(row, "memory"), (it) => `${(it / 1e6).toFixed(0)} MB`),
      ...(hasRate
        ? [optional(row.bytes, (it) => `${(it / 1000 / wall).toFixed(0)} MB/s`)]
        : []),
    ]);
  }
  return lines.map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

/** The median of what was measured of a way, if it was. */
function middle(
  { runs }: Row,
  what: "wall" | "cpu" | "memory",
): number | undefined {
  const values = runs.map((run) => run[what]).filter((it) => it !== undefined);
  return values.length === 0 ? undefined : median(values);
}

function fixed(value: number): string {
  return value.toFixed(value < 0.2 ? 3 : 2);
}

function seconds(value: number): string {
  return `${fixed(value)} s`;
}

function ratio(value: number | undefined, base: number | undefined): string {
  return value === undefined || !base ? "-" : (value / base).toFixed(2);
}

function optional(
  value: number | undefined,
  format: (value: number) => string,
): string {
  return value === undefined ? "-" : format(value);
}
