import type { RedisServer } from "../tests/support/redis_server.ts";
import { shellLine } from "./respipe_command.ts";

/** What is compared with what. */
export interface Comparison {
  /** The program: `redis-cli` or `valkey-cli`. */
  cli: string;
  /** The server; what it holds is lost. */
  server: RedisServer;
  /** A folder for the encoded file. */
  folder: string;
  /** The arguments for deno that run `respipe encode`. */
  encode: readonly string[];
}

/** How long one way of loading the same rows took. */
export interface Timing {
  /** The way, as one would type it. */
  what: string;
  /** Wall time in ms. */
  ms: number;
}

/**
 * Loads the rows that `respipe encode` makes with `redis-cli --pipe`.
 *
 * Each way starts with an empty server. A shell connects the two, so that the
 * bytes between them do not pass through this process.
 *
 * @param comparison What to run
 * @returns The timings, each as soon as it is known
 */
export async function* compareWithRedisCli(
  { cli, server, folder, encode }: Comparison,
): AsyncGenerator<Timing> {
  const encoder = shellLine([Deno.execPath(), ...encode]);
  const file = `${folder}/encoded.resp`;
  const pipe = `${cli} -p ${server.port} --pipe`;

  await server.command("FLUSHALL");
  const together = await timed(`${encoder} | ${pipe}`);
  if (together === undefined) return;
  yield { what: `respipe encode | ${cli} --pipe`, ms: together };

  await server.command("FLUSHALL");
  if (await timed(`${encoder} >${shellLine([file])}`) === undefined) return;
  const alone = await timed(`${pipe} <${shellLine([file])}`);
  if (alone === undefined) return;
  yield { what: `${cli} --pipe <FILE, encoded before`, ms: alone };
}

/** The wall time of a shell line, unless it fails. */
async function timed(line: string): Promise<number | undefined> {
  const start = performance.now();
  const { success } = await new Deno.Command("sh", {
    args: ["-c", line],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  return success ? performance.now() - start : undefined;
}
