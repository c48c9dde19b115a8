import { Random } from "./random.ts";

/** Rows to measure with, of one shape. */
export interface BenchRows {
  /** The columns. */
  names: string[];
  /** A command that suits them. */
  command: string[];
  /** The rows without a header, as CSV. */
  bytes: Uint8Array<ArrayBuffer>;
  /** How many rows there are. */
  count: number;
}

const CITIES = ["Hanoi", "Zürich", '"Ho Chi Minh, City"', '"The ""Hague"""'];

const SHAPES: Record<string, (random: Random, id: number) => string> = {
  "kv": (random, id) => `key:${id},${random.int(1e9)}\n`,
  "drivers": (random, id) =>
    `${id},Driver ${random.int(1e5)},${random.pick(CITIES)},` +
    `${(random.int(18e5) / 1e4 - 90).toFixed(4)},` +
    `${(random.int(36e5) / 1e4 - 180).toFixed(4)},` +
    `${random.pick(["free", "busy", "off"])}\n`,
};

/**
 * Makes the rows that benchmarks run on, the same every time.
 *
 * @param size Bytes to make, about.
 * @returns Rows of two shapes: short keys and values, and a table whose cities
 * are often quoted.
 */
export function benchRows(size: number): Record<string, BenchRows> {
  const made: Record<string, BenchRows> = {};
  for (const [shape, row] of Object.entries(SHAPES)) {
    const random = new Random(1);
    let text = "";
    let count = 0;
    while (text.length < size) text += row(random, count++);
    const bytes = new TextEncoder().encode(text);
    made[shape] = shape === "kv"
      ? { names: ["k", "v"], command: ["SET", "{k}", "{v}"], bytes, count }
      : {
        names: ["id", "name", "city", "lat", "lng", "status"],
        command: ["HSET", "driver:{id}", "{*}"],
        bytes,
        count,
      };
  }
  return made;
}
