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
  let ahead = header === undefined ? "" : `${header}\n`;
  /** What a read had no room for. */
  let left = new Uint8Array();
  return {
    name: "rows",
    rows: 0,
    async read(into: Uint8Array): Promise<number | null> {
      // Not at once: a reader must not count on that.
      await Promise.resolve();
      await before?.(this.rows);
      if (left.length === 0) {
        let text = ahead;
        ahead = "";
        for (let i = 0; i < perRead && this.rows < count; i++) {
          const line = `${row(this.rows + 1)}\n`;
          if (text !== "" && text.length + line.length > into.length) break;
          text += line;
          this.rows++;
        }
        if (text === "") return null;
        left = encoder.encode(text);
      }
      const part = left.subarray(0, into.length);
      into.set(part);
      left = left.subarray(part.length);
      return part.length;
    },
    close: (): void => {},
  };
}
