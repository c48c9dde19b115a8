/**
 * Measures the memory of a load from standard input: a CSV of 2 GB goes through
 * a pipe into a throwaway server. Fails above 150 MB of peak resident memory.
 *
 * Usage: deno run -A scripts/dev.ts memory [GIGABYTES]
 *
 * Linux only: the peak is what the kernel keeps in /proc/PID/status.
 *
 * @module
 */
import { driversCsv } from "./drivers.ts";
import { respipeArgs } from "./respipe_command.ts";
import { startServer } from "../tests/support/redis_server.ts";

/** The most that respipe may take, in bytes. */
const LIMIT = 150e6;

// The same rows over and over: the keys repeat, so the server stays small.
const DISTINCT_ROWS = 100_000;

async function main([gigabytes = "2"]: string[]): Promise<number> {
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
  const child = new Deno.Command(Deno.execPath(), {
    args: respipeArgs(
      [`--allow-net=127.0.0.1:${server.port}`],
      [
        "load",
        "-",
        "-p",
        `${server.port}`,
        "--",
        "SET",
        "driver:{id}",
        "{name}",
      ],
    ),
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
  if (peak === 0 || peak > LIMIT) {
    console.error(`memory: FAILED, the limit is ${megabytes(LIMIT)}`);
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

if (import.meta.main) Deno.exit(await main(Deno.args));
