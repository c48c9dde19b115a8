/**
 * Prints how many bytes of heap a record costs on its way from CSV to RESP.
 *
 * Run with a young generation so large that nothing is collected meanwhile:
 * what the heap has grown by is what was allocated. The first records, which
 * the engine interprets and then compiles, are not counted.
 *
 * @module
 */
import { encode, type Source } from "../../mod.ts";

const ROWS = 1_000_000;
const WARM_UP = 200_000;

/** Rows of two fields, made once and read again and again. */
function source(rows: number): Source {
  const lines = Array.from({ length: 1000 }, (_, i) => `Key${i},Value${i}\n`);
  const bytes = new TextEncoder().encode(lines.join(""));
  const header = new TextEncoder().encode("k,v\n");
  let left = rows / 1000;
  let started = false;
  return {
    name: "rows",
    read(into: Uint8Array): Promise<number | null> {
      if (!started) {
        started = true;
        into.set(header);
        return Promise.resolve(header.length);
      }
      if (left === 0) return Promise.resolve(null);
      left--;
      into.set(bytes);
      return Promise.resolve(bytes.length);
    },
    close(): void {},
  };
}

async function run(rows: number, coalesce: boolean): Promise<number> {
  const before = Deno.memoryUsage().heapUsed;
  const { loaded } = await encode({
    sources: [source(rows)],
    commands: [["SET", "{k}", "{v}"]],
    coalesce,
  }, () => Promise.resolve());
  if (loaded !== rows) throw new Error(`encoded ${loaded} of ${rows} rows`);
  return Deno.memoryUsage().heapUsed - before;
}

for (const coalesce of [false, true]) {
  // A second source makes the engine compile some of it anew.
  for (let i = 0; i < 4; i++) await run(WARM_UP, coalesce);
  console.log((await run(ROWS, coalesce)) / ROWS);
}
