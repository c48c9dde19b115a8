import { InputError, UsageError } from "../errors.ts";
import { reasonOf } from "./reason.ts";
import {
  type HeaderLine,
  isUrl,
  openUrl,
  type Validator,
} from "./url_source.ts";

/**
 * Where input bytes come from: a file, standard input, or whatever a caller of
 * the library reads from.
 */
export interface Source {
  /** What to call it in messages: the path, or `-` for standard input. */
  readonly name: string;
  /** How many bytes it has, where that is known. */
  readonly size?: number | undefined;
  /**
   * How many bytes were taken so far from where they come from, where that is
   * not what `read` has given: packed ones. `size` counts those too.
   */
  readonly bytesTaken?: number | undefined;
  /** What its content can be known by later, where its server says so. */
  readonly validator?: Validator | undefined;
  /**
   * Reads some bytes.
   *
   * @param into Where to put them.
   * @returns How many there were, or `null` at the end.
   */
  read(into: Uint8Array): Promise<number | null>;
  /**
   * Has the next read begin at an offset, in bytes; where it is missing, what
   * comes before has to be read.
   */
  seek?: ((offset: number) => Promise<void>) | undefined;
  /** Lets go of it. */
  close(): void;
}

/** How a source's bytes may be packed. */
export type Packing = "gzip" | "zstd";

/** The path that stands for standard input. */
export const STANDARD_INPUT = "-";

/**
 * Opens a file, a URL or standard input.
 *
 * @param path The file's path, a URL of `http:` or `https:`, or `-`.
 * @param headers What to send with the request for a URL.
 * @returns The source. Its `read` throws {@linkcode InputError} too.
 * @throws {InputError} When it cannot be opened, or is a directory.
 *
 * @example
 * ```ts
 * import { openSource } from "./source.ts";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => openSource("no/such.csv"), Error, "no such file");
 * ```
 */
export async function openSource(
  path: string,
  headers?: readonly HeaderLine[],
): Promise<Source> {
  if (isUrl(path)) return await openUrl(path, headers);
  if (path === STANDARD_INPUT) return fromReader(path, Deno.stdin, undefined);
  try {
    const file = await Deno.open(path, { read: true });
    const { isDirectory, isFile, size } = await file.stat();
    if (isFile) {
      return fromReader(path, file, size, async (offset) => {
        await file.seek(offset, Deno.SeekMode.Start);
      });
    }
    if (!isDirectory) return fromReader(path, file, undefined);
    file.close();
  } catch (error) {
    throw cannotRead(path, error);
  }
  throw new InputError(`Cannot read ${path}: it is a directory`, {
    source: path,
  });
}

/** Makes a source of another one, of which a part is its own. */
export function around(source: Source, own: Partial<Source>): Source {
  return {
    name: source.name,
    size: source.size,
    validator: source.validator,
    get bytesTaken(): number | undefined {
      return source.bytesTaken;
    },
    seek: source.seek && ((offset) => source.seek!(offset)),
    read: (into) => source.read(into),
    close: () => source.close(),
    ...own,
  };
}

/**
 * Tells whether a path leads to a file that can be opened again and again.
 *
 * Without opening it: that alone would take a named pipe's data away.
 *
 * @returns False for a named pipe, a device and the like.
 * @throws {InputError} When there is nothing, or it may not be looked at.
 */
export async function isRegularFile(path: string): Promise<boolean> {
  try {
    const { isFile, isDirectory } = await Deno.stat(path);
    return isFile || isDirectory;
  } catch (error) {
    throw cannotRead(path, error);
  }
}

/**
 * Reads the first bytes of a file.
 *
 * @returns The bytes; fewer where it has no more.
 */
export function readStart(path: string, count: number): Uint8Array {
  using file = Deno.openSync(path, { read: true });
  const bytes = new Uint8Array(count);
  let done = 0;
  while (done < count) {
    const read = file.readSync(bytes.subarray(done));
    if (read === null) break;
    done += read;
  }
  return bytes.subarray(0, done);
}

/**
 * Reads a small file that is no input.
 *
 * @throws {UsageError} When it cannot be read.
 */
export function readTextOf(flag: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new UsageError(
      `Cannot read ${flag} ${path}: ` +
        reasonOf(error, `--allow-read=${path}`),
      flag,
    );
  }
}

function cannotRead(path: string, error: unknown): InputError {
  const scheme = /^[a-z][a-z0-9+.-]+:(?=\/\/)/i.exec(path)?.[0];
  if (scheme !== undefined) {
    // Not quoted: it may hold a password.
    return new InputError(
      `Cannot read a URL of "${scheme}": must be http: or https:`,
      { source: scheme },
      { cause: error },
    );
  }
  return new InputError(
    `Cannot read ${path}: ${reasonOf(error, `--allow-read=${path}`)}`,
    { source: path },
    { cause: error },
  );
}

function fromReader(
  name: string,
  reader: {
    read(into: Uint8Array): Promise<number | null>;
    close(): void;
  },
  size: number | undefined,
  seek?: (offset: number) => Promise<void>,
): Source {
  let offset = 0;
  return {
    name,
    size,
    seek: seek && (async (to): Promise<void> => {
      await seek(to);
      offset = to;
    }),
    async read(into: Uint8Array): Promise<number | null> {
      try {
        const count = await reader.read(into);
        offset += count ?? 0;
        if (count === null && offset < (size ?? 0)) {
          throw new InputError(
            `Cannot read on in ${name}: it was ${size} bytes long and is ` +
              `only ${offset} now; it was cut while it was being read`,
            { source: name, offset },
          );
        }
        return count;
      } catch (error) {
        if (error instanceof InputError) throw error;
        throw new InputError(
          `Cannot read on in ${name} after ${offset} bytes: ` +
            reasonOf(error, `--allow-read=${name}`),
          { source: name, offset },
          { cause: error },
        );
      }
    },
    close(): void {
      if (name !== STANDARD_INPUT) reader.close();
    },
  };
}

/**
 * Adds up the sizes of files.
 *
 * @returns Their bytes in all; nothing where one has no known size, as
 * standard input has not, or cannot be looked at.
 *
 * @example
 * ```ts
 * import { totalSize } from "./source.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await totalSize(["-"]), undefined);
 * ```
 */
export async function totalSize(
  paths: readonly string[],
): Promise<number | undefined> {
  let total = 0;
  for (const path of paths) {
    // Not the file of that name.
    if (path === STANDARD_INPUT) return undefined;
    try {
      const { isFile, size } = await Deno.stat(path);
      if (!isFile) return undefined;
      total += size;
    } catch {
      // Whoever reads it will say what is wrong with it.
      return undefined;
    }
  }
  return total;
}
