import { StoppedError, UsageError } from "../errors.ts";
import { reasonOf, reasonToCreate } from "./reason.ts";

/**
 * A small file that is replaced as a whole: whoever reads it, after a crash
 * too, finds the old text or the new one, and never a part.
 *
 * The new text goes to `PATH.tmp` beside it, which is then renamed.
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
   * Reads it, and finds out whether it can be written.
   *
   * @returns The text; nothing where there is no such file.
   * @throws {UsageError} When it cannot be read, or will not be written.
   */
  read(): string | undefined {
    const text = this.#readText();
    try {
      Deno.openSync(this.#temporary, { write: true, create: true }).close();
      Deno.removeSync(this.#temporary);
      return text;
    } catch (error) {
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
    try {
      const file = await Deno.open(this.#temporary, {
        write: true,
        create: true,
        truncate: true,
      });
      try {
        const bytes = new TextEncoder().encode(text);
        for (let done = 0; done < bytes.length;) {
          done += await file.write(bytes.subarray(done));
        }
        // Else the new name might outlive a power cut, and the bytes not.
        await file.syncData();
      } finally {
        file.close();
      }
      await Deno.rename(this.#temporary, this.path);
    } catch (error) {
      throw new StoppedError(
        `Cannot write ${this.#flag} ${this.path}: ` +
          reasonToCreate(error, this.#permissions),
      );
    }
  }

  #readText(): string | undefined {
    try {
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
