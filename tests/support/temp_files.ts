/**
 * A directory for a test's files, gone when the test ends.
 */
export class TempFiles implements Disposable {
  /** Its absolute path. */
  readonly path: string = Deno.makeTempDirSync({ prefix: "respipe_test_" });

  /**
   * Writes a file.
   *
   * @param name Its name.
   * @param content What is in it.
   * @returns Its absolute path.
   */
  write(name: string, content: string | Uint8Array): string {
    const path = `${this.path}/${name}`;
    Deno.writeFileSync(
      path,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
    return path;
  }

  /** Removes it with everything in it. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
