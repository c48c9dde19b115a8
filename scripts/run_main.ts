/**
 * Runs a script and ends the process.
 *
 * @param main Takes the words behind the script's name and gives the exit code;
 * what it throws is printed without a stack, and is exit code 1
 */
export async function runMain(
  main: (args: string[]) => number | Promise<number>,
): Promise<never> {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
