import { around, type Packing, type Source } from "./source.ts";
import { Utf16Source } from "./utf16_source.ts";

/** What a source's first bytes say about the others. */
type Mark = Packing | "UTF-16LE" | "UTF-16BE";

/** A source of text, and how it was found out to be one. */
export interface PlainText {
  /** The text as UTF-8, or in whatever encoding it has without a mark. */
  readonly source: Source;
  /** What was taken off, from the outside in, as `gzip`. */
  readonly found: readonly string[];
}

/** First bytes that are never those of a text in UTF-8. */
const MARKS: readonly (readonly [readonly number[], Mark])[] = [
  [[0x1f, 0x8b], "gzip"],
  [[0x28, 0xb5, 0x2f, 0xfd], "zstd"],
  [[0xff, 0xfe], "UTF-16LE"],
  [[0xfe, 0xff], "UTF-16BE"],
];

/** Bytes of the first read, which what reads the text gets too. */
const FIRST_READ = 64 * 1024;

/**
 * Finds out by a source's first bytes whether it is packed, or UTF-16, and
 * takes that off.
 *
 * @param source The source; it is closed with the one returned.
 * @throws {InputError} When it cannot be read.
 */
export async function plainText(source: Source): Promise<PlainText> {
  const [mark, whole] = await readMark(source);
  if (mark === undefined) return { source: whole, found: [] };
  if (mark === "UTF-16LE" || mark === "UTF-16BE") {
    return { source: new Utf16Source(whole, mark), found: [mark] };
  }
  // It costs start-up time, and few need it.
  const { UnpackedSource } = await import("./unpacked.ts");
  const inner = await plainText(new UnpackedSource(whole, mark));
  return { source: inner.source, found: [mark, ...inner.found] };
}

/** Reads as many bytes as tell; gives a source that begins with them. */
async function readMark(source: Source): Promise<[Mark | undefined, Source]> {
  const first = new Uint8Array(FIRST_READ);
  let count = 0;
  let mark: Mark | "unknown" | undefined;
  for (;;) {
    const more = await source.read(first.subarray(count));
    count += more ?? 0;
    mark = markOf(first.subarray(0, count));
    if (more === null || mark !== undefined) break;
  }
  const whole = withFirst(first.subarray(0, count), source);
  return [mark === "unknown" ? undefined : mark, whole];
}

/** The mark; none while more bytes are needed to tell. */
function markOf(first: Uint8Array): Mark | "unknown" | undefined {
  let mayCome = false;
  for (const [bytes, mark] of MARKS) {
    const known = Math.min(bytes.length, first.length);
    if (bytes.slice(0, known).some((byte, i) => byte !== first[i])) continue;
    if (known === bytes.length) return mark;
    mayCome = true;
  }
  return mayCome ? undefined : "unknown";
}

function withFirst(first: Uint8Array, source: Source): Source {
  let rest = first;
  return around(source, {
    read(into: Uint8Array): Promise<number | null> {
      if (rest.length === 0) return source.read(into);
      const count = Math.min(rest.length, into.length);
      into.set(rest.subarray(0, count));
      rest = rest.subarray(count);
      return Promise.resolve(count);
    },
    seek: source.seek && (async (offset): Promise<void> => {
      await source.seek!(offset);
      rest = rest.subarray(rest.length);
    }),
  });
}
