import type { Source } from "../../src/transport/source.ts";

/** How a source makes its rows. */
export interface RowSourceOptions {
  /** The header's line; none where there is no header. */
  header?: string;
  /** How many rows there are. Default: no end of them. */
  count?: number;
  /** Rows that come in one read at the most. Default: 500. */
  perRead?: number;
  /** Awaited in front of each read, with the rows so far: a slow producer. */
  before?: (rows: number) => Promise<void> | void;
}

/**
 * A source that makes its rows when they are read.
 *
 * @param row Makes a row's line without the line break, from its ordinal,
 * counting from 1.
 * @param options How many, and how fast.
 * @returns The source; `rows` says how many have been made.
 */
export function rowSource(
  row: (n: number) => string,
  options: RowSourceOptions = {},
): Source & { rows: number } {
  const { header, count = Infinity, perRead = 500, before } = options;
  const encoder = new TextEncoder();
  /** What comes first: the header, then what a read had no room for. */
  let ahead = encoder.encode(header === undefined ? "" : `${header}\n`);
  return {
    name: "rows",
    rows: 0,
    async read(into: Uint8Array): Promise<number | null> {
      // Not at once: a reader must not count on that.
      await Promise.resolve();
      await before?.(this.rows);
      let at = Math.min(ahead.length, into.length);
      into.set(ahead.subarray(0, at));
      ahead = ahead.subarray(at);
      for (let i = 0; i < perRead && this.rows < count; i++) {
        if (at === into.length) break;
        const line = encoder.encode(`${row(this.rows + 1)}\n`);
        const part = line.subarray(0, into.length - at);
        into.set(part, at);
        at += part.length;
        ahead = line.slice(part.length);
        this.rows++;
      }
      return at === 0 ? null : at;
    },
    close: (): void => {},
  };
}
