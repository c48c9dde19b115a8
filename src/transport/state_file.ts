import { LockedError, StoppedError, UsageError } from "../errors.ts";
import { reasonOf, reasonToCreate } from "./reason.ts";

/**
 * A small file that is replaced as a whole: whoever reads it, after a crash
 * too, finds the old text or the new one, and never a part.
 *
 * The new text goes to `PATH.tmp` beside it, which is then renamed. Who holds
 * the file has it locked by the operating system, which forgets that when the
 * process ends, however it does. What is renamed is locked before, so whatever
 * is at the path is locked at any time.
 *
 * @example
 * ```ts
 * import { StateFile } from "./state_file.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * const file = new StateFile(path, "--state");
 * await file.write("one\n");
 * await file.write("two\n");
 * assertEquals(file.read(), "two\n");
 * await Deno.remove(path);
 * ```
 */
export class StateFile {
  /** Its path. */
  readonly path: string;
  readonly #temporary: string;
  readonly #flag: string;
  #held: Deno.FsFile | undefined;

  /**
   * Names the file.
   *
   * @param path Where it is, or will be.
   */
  constructor(path: string, flag: string) {
    this.path = path;
    this.#temporary = `${path}.tmp`;
    this.#flag = flag;
  }

  /**
   * Takes it for this process alone, until {@linkcode release}; where it is not
   * there, it is made, and is empty.
   *
   * @throws {LockedError} When another process holds it.
   * @throws {UsageError} When it cannot be made or locked.
   */
  hold(): void {
    const { path } = this;
    try {
      for (;;) {
        const options = { read: true, write: true, create: true };
        const file = Deno.openSync(path, options);
        const isMine = file.tryLockSync(true);
        // Whoever held it may have put another one there meanwhile.
        if (isMine && isStillAt(path, file)) {
          this.#held = file;
          return;
        }
        file.close();
        if (isMine) continue;
        throw new LockedError(
          `Cannot use ${this.#flag} ${path}: another respipe uses it now; ` +
            "nothing was sent",
          path,
        );
      }
    } catch (error) {
      if (error instanceof LockedError) throw error;
      throw new UsageError(
        `Cannot use ${this.#flag} ${path}: ` +
          reasonToCreate(error, this.#permissions),
        this.#flag,
      );
    }
  }

  /** Gives it back; one that has stayed empty is removed. */
  release(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    try {
      const isEmpty = held.statSync().size === 0;
      if (isEmpty && isStillAt(this.path, held)) Deno.removeSync(this.path);
    } catch {
      // An empty one is as good as none.
    } finally {
      held.close();
    }
  }

  /**
   * Reads it, and finds out whether it can be written.
   *
   * @returns The text; nothing where there is no such file, or it is held and
   * empty.
   * @throws {UsageError} When it cannot be read, or will not be written.
   */
  read(): string | undefined {
    const text = this.#readText();
    try {
      Deno.openSync(this.#temporary, { write: true, create: true }).close();
      Deno.removeSync(this.#temporary);
      return text;
    } catch (error) {
      this.release();
      throw new UsageError(
        `Cannot write ${this.#temporary} for ${this.#flag} ${this.path}: ` +
          reasonToCreate(error, this.#permissions),
        this.#flag,
      );
    }
  }

  /**
   * Replaces it.
   *
   * @param text All that is to be in it.
   * @throws {StoppedError} When it cannot be written; it is what it was then.
   */
  async write(text: string): Promise<void> {
    let file: Deno.FsFile | undefined;
    try {
      file = await Deno.open(this.#temporary, {
        write: true,
        create: true,
        truncate: true,
      });
      if (this.#held !== undefined) file.tryLockSync(true);
      const bytes = new TextEncoder().encode(text);
      for (let done = 0; done < bytes.length;) {
        done += await file.write(bytes.subarray(done));
      }
      // Else the new name might outlive a power cut, and the bytes not.
      await file.syncData();
      await Deno.rename(this.#temporary, this.path);
      if (this.#held !== undefined) [this.#held, file] = [file, this.#held];
    } catch (error) {
      throw new StoppedError(
        `Cannot write ${this.#flag} ${this.path}: ` +
          reasonToCreate(error, this.#permissions),
      );
    } finally {
      file?.close();
    }
  }

  #readText(): string | undefined {
    try {
      // Where a lock keeps others from reading, this one may read.
      if (this.#held !== undefined) return textIn(this.#held) || undefined;
      return Deno.readTextFileSync(this.path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw new UsageError(
        `Cannot read ${this.#flag} ${this.path}: ` +
          reasonOf(error, this.#permissions),
        this.#flag,
      );
    }
  }

  get #permissions(): string {
    const files = `${this.path},${this.#temporary}`;
    return `--allow-read=${files} --allow-write=${files}`;
  }
}

/** Whether an open file is the one at a path, as far as that is known. */
function isStillAt(path: string, file: Deno.FsFile): boolean {
  try {
    const [mine, now] = [file.statSync().ino, Deno.statSync(path).ino];
    return mine === now || mine === null || now === null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** All that is in a file which is open at its beginning. */
function textIn(file: Deno.FsFile): string {
  const bytes = new Uint8Array(file.statSync().size);
  for (let done = 0; done < bytes.length;) {
    done += file.readSync(bytes.subarray(done)) ?? bytes.length;
  }
  return new TextDecoder().decode(bytes);
}
