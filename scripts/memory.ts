/**
 * Measures the memory of a load from standard input: a CSV of 2 GB goes through
 * a pipe into a throwaway server. Fails where the peak of resident memory is
 * above 100 MB for a binary, or 120 MB for `deno run`, which takes more itself.
 *
 * Usage: deno run -A scripts/dev.ts memory [GIGABYTES] [--bin PATH]
 *
 * Linux only: the peak is what the kernel keeps in /proc/PID/status.
 *
 * @module
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { driversCsv } from "./drivers.ts";
import { respipeArgs } from "./respipe_command.ts";
import { startServer } from "../tests/support/redis_server.ts";
import { runMain } from "./run_main.ts";

/** The most that a binary may take, in bytes. */
const BINARY_LIMIT = 100e6;

/** The most that respipe may take in `deno run`, in bytes. */
const SOURCES_LIMIT = 120e6;

// The same rows over and over: the keys repeat, so the server stays small.
const DISTINCT_ROWS = 100_000;

async function main(words: string[]): Promise<number> {
  const { positionals: [gigabytes = "2"], values: { bin } } = parseArgs({
    args: words,
    options: { bin: { type: "string" } },
    allowPositionals: true,
  });
  if (Deno.build.os !== "linux") {
    console.error("Cannot measure memory here: needs Linux");
    return 2;
  }
  const wanted = Number(gigabytes) * 1e9;
  if (!(wanted > 0)) {
    console.error(
      `Cannot parse GIGABYTES "${gigabytes}": must be more than 0`,
    );
    return 2;
  }
  await using server = await startServer();
  const { port } = server;
  const template = ["SET", "driver:{id}", "{name}"];
  const load = ["load", "-", "-p", `${port}`, "--", ...template];
  const [program, ...args] = bin === undefined
    ? [Deno.execPath(), ...respipeArgs([`--allow-net=127.0.0.1:${port}`], load)]
    : [resolve(Deno.env.get("INIT_CWD") ?? Deno.cwd(), bin), ...load];
  const limit = bin === undefined ? SOURCES_LIMIT : BINARY_LIMIT;
  const child = new Deno.Command(program, {
    args,
    stdin: "piped",
  }).spawn();

  let peak = 0;
  const poll = setInterval(() => {
    peak = Math.max(peak, peakMemory(child.pid));
  }, 50);
  const start = performance.now();
  const sent = await feed(child.stdin, wanted);
  const { code } = await child.status;
  const elapsed = (performance.now() - start) / 1000;
  clearInterval(poll);

  console.log(
    `memory: ${megabytes(sent)} in ${elapsed.toFixed(1)} s, ` +
      `${megabytes(sent / elapsed)}/s, peak memory ${megabytes(peak)}`,
  );
  if (code !== 0) {
    console.error(`memory: FAILED, respipe exited with code ${code}`);
    return 1;
  }
  if (peak === 0 || peak > limit) {
    console.error(`memory: FAILED, the limit is ${megabytes(limit)}`);
    return 1;
  }
  return 0;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Writes the table until `wanted` bytes are in; gives how many were. */
async function feed(
  stdin: WritableStream<Uint8Array>,
  wanted: number,
): Promise<number> {
  const rows = { rows: DISTINCT_ROWS, header: false };
  const chunks = [...driversCsv(rows)];
  const [header] = driversCsv({ rows: 0 });
  const writer = stdin.getWriter();
  try {
    await writer.write(header);
    let sent = header.length;
    while (sent < wanted) {
      for (const chunk of chunks) {
        await writer.write(chunk);
        sent += chunk.length;
      }
    }
    await writer.close();
    return sent;
  } catch {
    // respipe has ended before its input: its exit code says why.
    return 0;
  }
}

/** The peak resident memory of a process in bytes, 0 once it is gone. */
function peakMemory(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

if (import.meta.main) await runMain(main);
