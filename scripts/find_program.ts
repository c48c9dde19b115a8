/**
 * Finds the first of some programs that starts.
 *
 * @param names Their names, the favourite first
 * @returns The name of the one that there is
 */
export async function findProgram(
  ...names: string[]
): Promise<string | undefined> {
  for (const name of names) {
    try {
      const { success } = await new Deno.Command(name, {
        args: ["--version"],
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).output();
      if (success) return name;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}
