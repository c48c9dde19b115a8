import { hashed, hashOf } from "../transport/hashed.ts";
import { readStart, type Source, STANDARD_INPUT } from "../transport/source.ts";
import {
  type HeaderLine,
  isUrl,
  isUrlUnchanged,
  sourceName,
  type Validator,
} from "../transport/url_source.ts";
import { type Fingerprint, fingerprintOf } from "./checkpoint.ts";

/** Bytes of a source's start that are compared. */
const HEAD = 4096;

/** What a source is known by without reading it. */
export interface SourceMark {
  /** Its path. */
  readonly name: string;
  /** Its size in bytes; none of what is no file. */
  readonly size: number | null;
  /** When it was changed, ISO 8601; none of what is no file. */
  readonly modified: string | null;
  /** Its first bytes; none of what is no file. */
  readonly head: Fingerprint | null;
}

/** What comparing a source with the last complete load's has found. */
export interface SourceComparison {
  /** The file's path, the URL without its query, or `-`. */
  readonly source: string;
  /** Whether it is what was loaded; unknown where that cannot be told. */
  readonly result: "same" | "changed" | "unknown";
  /** What decided, such as `size and time`, `SHA-256` or `ETag`. */
  readonly by: string;
}

/** Looks at a source. */
export function markOf(path: string): SourceMark {
  const name = sourceName(path);
  const unknown = { name, size: null, modified: null, head: null };
  if (path === STANDARD_INPUT || isUrl(path)) return unknown;
  try {
    const { isFile, size, mtime } = Deno.statSync(path);
    if (!isFile) return unknown;
    const head = fingerprintOf(readStart(path, Math.min(HEAD, size)));
    return { name, size, modified: mtime?.toISOString() ?? null, head };
  } catch {
    // Whoever opens it will say what is wrong.
    return unknown;
  }
}

/** What an earlier load has kept of a source. */
interface KeptSource {
  readonly mark: SourceMark;
  /** None where nothing tells; undefined where it was not asked for. */
  readonly validator: Validator | null | undefined;
}

/**
 * Compares a source with what was loaded.
 *
 * A file of the same size and time is the same, as for make and rsync. One with
 * another time is hashed: a copy that is made anew each night is the same.
 *
 * @param then What the last complete load has kept; nothing without one.
 * @param headers What to send with the request for a URL.
 * @throws {InputError} When it cannot be read or reached.
 */
export async function compareSource(
  path: string,
  now: SourceMark,
  then: KeptSource | undefined,
  headers?: readonly HeaderLine[],
): Promise<SourceComparison> {
  const found = (
    result: SourceComparison["result"],
    by: string,
  ): SourceComparison => ({ source: now.name, result, by });
  if (now.size === null && !isUrl(path)) {
    return found(
      "unknown",
      `${
        path === STANDARD_INPUT ? "standard input" : "what is no file"
      } cannot be compared`,
    );
  }
  if (then === undefined) {
    return found("unknown", "no load of it has gone through yet");
  }
  const { mark, validator } = then;
  if (!isUrl(path)) {
    if (mark.size !== now.size) return found("changed", "size");
    if (mark.modified === now.modified) return found("same", "size and time");
    if (validator === undefined || validator === null) {
      return found("changed", "time, and no hash of it was kept");
    }
    const { kind, value } = await hashOf(path);
    return found(value === validator.value ? "same" : "changed", kind);
  }
  if (validator === undefined) {
    return found("unknown", "it was loaded without --if-changed last");
  }
  if (validator === null) {
    return found(
      "unknown",
      new URL(path).search === ""
        ? "the server gave no ETag or Last-Modified"
        : "the server gave no ETag, and there is a query",
    );
  }
  const isSame = await isUrlUnchanged(path, headers, validator);
  return found(isSame ? "same" : "changed", validator.kind);
}

/**
 * Finds out, while a source is read, what its content can be known by.
 *
 * @param source The source, of which nothing was read.
 * @param tell Told when that is known; none where nothing tells.
 */
export async function watchContent(
  source: Source,
  tell: (validator: Validator | null) => void,
): Promise<Source> {
  if (isUrl(source.name)) {
    tell(source.validator ?? null);
    return source;
  }
  // Of a pipe nothing could be compared.
  return source.seek === undefined ? source : await hashed(source, tell);
}
