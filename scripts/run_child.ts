/** How a child process is run. */
export interface ChildOptions {
  /** Its working directory: that of this process where it is not given. */
  cwd?: string;
  /** Variables to set besides those of this process. */
  env?: Record<string, string>;
  /** Hears every line of its standard output, which still gets through. */
  onLine?: (line: string) => void;
}

/**
 * Runs this very deno as a child process, with its output let through.
 *
 * SIGTERM is passed on: whoever stops the parent stops the child. SIGINT is
 * not, since a terminal sends Ctrl-C to both, but the parent outlives it to
 * see the child clean up.
 *
 * @param args The arguments for deno
 * @param options How to run it
 * @returns Its exit code, 1 where it was killed without one
 */
export async function runDeno(
  args: readonly string[],
  options: ChildOptions = {},
): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    stdin: "inherit",
    stdout: options.onLine === undefined ? "inherit" : "piped",
    stderr: "inherit",
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  }).spawn();
  const passOn = (): void => {
    try {
      child.kill("SIGTERM");
    } catch {
      // It is gone already.
    }
  };
  const outlive = (): void => {};
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", passOn);
  Deno.addSignalListener("SIGINT", outlive);
  try {
    if (options.onLine !== undefined) {
      await tee(child.stdout, options.onLine);
    }
    return (await child.status).code;
  } finally {
    if (Deno.build.os !== "windows") {
      Deno.removeSignalListener("SIGTERM", passOn);
    }
    Deno.removeSignalListener("SIGINT", outlive);
  }
}

async function tee(
  output: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of output) {
    await writeAll(chunk);
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(onLine);
  }
  if (rest !== "") onLine(rest);
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  let at = 0;
  while (at < bytes.length) {
    at += await Deno.stdout.write(bytes.subarray(at));
  }
}
