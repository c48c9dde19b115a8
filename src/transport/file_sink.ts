import { StoppedError, UsageError } from "../errors.ts";
import { reasonOf, reasonToCreate } from "./reason.ts";
import { isFileAt } from "./same_file.ts";

/** Bytes that are gathered before they are written. */
const GATHERED = 64 * 1024;

/**
 * A file that output is gathered for.
 *
 * It is created at once, so that a path that cannot be written is found before
 * anything is sent, and removed again where nothing was written to it.
 */
export class FileSink {
  /** The file's path. */
  readonly path: string;
  readonly #file: Deno.FsFile;
  readonly #gathered = new Uint8Array(GATHERED);
  #length = 0;
  /** Bytes of the file, what was kept included; and those of the last flush. */
  #written: number;
  #flushed: number;
  #failure: StoppedError | undefined;

  private constructor(path: string, file: Deno.FsFile, kept: number) {
    this.path = path;
    this.#file = file;
    this.#written = this.#flushed = kept;
  }

  /**
   * Creates the file, or empties it, or has it go on behind its first bytes.
   *
   * @param inputs Paths that are read and must not be emptied. The open file
   * is compared with them, not what the path has led to before.
   * @param keep How many of its first bytes to keep, where it has them.
   * @throws {UsageError} When the file cannot be created, or is an input.
   */
  static create(
    path: string,
    flag: string,
    inputs: readonly string[] = [],
    keep = 0,
  ): FileSink {
    try {
      // Deno lets nobody look at a file that may only be written, and whether
      // it is an input must be seen before there is anything to take back.
      refuseUnseen(path);
      const file = Deno.openSync(path, {
        write: true,
        create: true,
        read: keep > 0,
      });
      const info = file.statSync();
      if (inputs.some((input) => isFileAt(info, input))) {
        file.close();
        throw new UsageError(
          `Cannot write rejects to ${path}: it is an input file`,
          flag,
        );
      }
      // Who has shortened it meanwhile, as what is mended is taken out, finds
      // the rest behind.
      const kept = info.isFile ? Math.min(keep, info.size) : 0;
      if (info.isFile) file.truncateSync(kept);
      if (kept > 0) file.seekSync(kept, Deno.SeekMode.Start);
      return new FileSink(path, file, kept);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new UsageError(
        `Cannot write ${path}: ` +
          reasonToCreate(error, `--allow-read=${path} --allow-write=${path}`),
        flag,
      );
    }
  }

  /**
   * Appends bytes.
   *
   * @param bytes What to write; it is copied.
   * @throws {StoppedError} When the file cannot be written any more. What
   * comes after that is dropped.
   */
  write(bytes: Uint8Array): void {
    if (this.#failure !== undefined) return;
    if (this.#length + bytes.length > GATHERED) this.#flush();
    if (bytes.length > GATHERED) {
      this.#writeAll(bytes);
    } else {
      this.#gathered.set(bytes, this.#length);
      this.#length += bytes.length;
    }
  }

  /** Bytes of the file when {@linkcode flush} was called last. */
  get size(): number {
    return this.#flushed;
  }

  /**
   * Tells how what was kept begins and ends.
   *
   * @param length How many bytes of its beginning to tell.
   * @returns Those bytes, and the last one; fewer, and none, where there are
   * no more.
   */
  kept(length: number): { start: Uint8Array; last: number | undefined } {
    const file = this.#file;
    const start = new Uint8Array(Math.min(length, this.#written));
    if (this.#written === 0) return { start, last: undefined };
    file.seekSync(0, Deno.SeekMode.Start);
    for (let done = 0; done < start.length;) {
      done += file.readSync(start.subarray(done)) ?? start.length;
    }
    const last = new Uint8Array(1);
    file.seekSync(this.#written - 1, Deno.SeekMode.Start);
    file.readSync(last);
    return { start, last: last[0] };
  }

  /**
   * Writes what was gathered.
   *
   * @throws {StoppedError} When it cannot be written, or could not before: what
   * is missing must not be taken for kept.
   */
  flush(): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#flush();
    this.#flushed = this.#written;
  }

  /** Takes back what was written behind the last flush. */
  takeBack(): void {
    this.#length = 0;
    if (!this.#file.statSync().isFile) return;
    this.#file.truncateSync(this.#flushed);
    this.#written = this.#flushed;
  }

  /**
   * Writes what is left and closes the file; an empty one is removed, but not
   * a device or a pipe.
   *
   * @throws {StoppedError} When what is left cannot be written; the file is
   * closed all the same.
   */
  close(): void {
    let isFile = false;
    try {
      if (this.#failure === undefined) this.#flush();
      isFile = this.#file.statSync().isFile;
    } finally {
      this.#file.close();
    }
    if (this.#written === 0 && isFile) Deno.removeSync(this.path);
  }

  #flush(): void {
    this.#writeAll(this.#gathered.subarray(0, this.#length));
    this.#length = 0;
  }

  #writeAll(bytes: Uint8Array): void {
    try {
      for (let done = 0; done < bytes.length;) {
        done += this.#file.writeSync(bytes.subarray(done));
      }
    } catch (error) {
      throw this.#failure = new StoppedError(
        `Cannot write to ${this.path}: ` +
          reasonOf(error, `--allow-write=${this.path}`) +
          "; the last rejected records are missing in it",
      );
    }
    this.#written += bytes.length;
  }
}

/** Throws where Deno does not permit to look at a path, file or not. */
function refuseUnseen(path: string): void {
  try {
    Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
  }
}
