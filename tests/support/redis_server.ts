/**
 * A real server for a test, on its own port, gone when the test ends.
 *
 * ```ts ignore
 * await using server = await startServer({ args: ["--maxmemory", "1mb"] });
 * assertEquals(await server.command("PING"), { kind: "simple", text: "PONG" });
 * ```
 *
 * @module
 */
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import type { Reply } from "../../src/protocol/reply.ts";
import { ReplyReader } from "../../src/protocol/reply_reader.ts";
import { isServerBefore, serverPrograms } from "./server_program.ts";
import { sleep } from "./sleep.ts";

/** How long a server may take to answer for the first time, in ms. */
const START_TIMEOUT = 20_000;
/** Between two attempts to reach it, in ms. */
const START_INTERVAL = 10;
/** What a server, or a Redis Sentinel, logs once it has its port. */
const HAS_PORT = /Server initialized|Sentinel ID is/;
/** How many ports are tried: another process may take one in between. */
const START_ATTEMPTS = 5;
const READ_SIZE = 64 * 1024;
/** Below the ports that systems give to connections, or on demand. */
const PORTS = { first: 12_000, count: 20_000 };

/** One argument of a command. */
export type Argument = string | Uint8Array;

/** How to start a server. */
export interface StartOptions {
  /** More of its command line; it wins over what the fixture sets. */
  args?: string[];
  /** Whether it takes the command DEBUG. Default: as the server has it. */
  mayDebug?: boolean;
  /** Its port; a free one by default. */
  port?: number;
}

/** A server that runs until it is disposed of. */
export class RedisServer implements AsyncDisposable {
  #connection: Deno.TcpConn | undefined;
  #reader = new ReplyReader();
  /** One exchange at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * Takes over a process.
   *
   * @param process The server.
   * @param port Its TCP port on 127.0.0.1.
   * @param directory Its working directory, removed at the end.
   */
  constructor(
    readonly process: Deno.ChildProcess,
    readonly port: number,
    readonly directory: string,
  ) {}

  /**
   * Sends one command and waits for its reply, bodies and items held whole.
   *
   * @param args The command.
   * @returns The reply; an error reply is a value here as well.
   */
  async command(...args: Argument[]): Promise<Reply> {
    return (await this.commands([args]))[0];
  }

  /**
   * Sends many commands at once on the fixture's own connection.
   *
   * @param list The commands.
   * @returns Their replies in order. Pushes are left out.
   */
  commands(list: Argument[][]): Promise<Reply[]> {
    const turn = this.#turn.then(() => this.#exchange(list));
    this.#turn = turn.catch(() => this.#disconnect());
    return turn;
  }

  async #exchange(list: Argument[][]): Promise<Reply[]> {
    if (this.#connection === undefined) {
      this.#connection = await Deno.connect({ port: this.port });
      this.#reader = new ReplyReader({ maxBody: Infinity, maxItems: Infinity });
    }
    const connection = this.#connection;
    // Written and read at once: a server that cannot get rid of its replies
    // stops reading commands.
    const [, replies] = await Promise.all([
      writeAll(connection, list),
      readReplies(connection, this.#reader, list.length),
    ]);
    return replies;
  }

  #disconnect(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** Stops the process in its tracks; connections stay open. */
  pause(): void {
    this.process.kill("SIGSTOP");
  }

  /** Lets it go on. */
  resume(): void {
    this.process.kill("SIGCONT");
  }

  /** Ends the process at once, as a crash would; connections are lost. */
  async kill(): Promise<void> {
    try {
      this.process.kill("SIGCONT");
      this.process.kill("SIGKILL");
    } catch (error) {
      // It may be gone already: that is what SHUTDOWN or an earlier kill does.
      const gone = error instanceof Deno.errors.NotFound ||
        error instanceof TypeError;
      if (!gone) throw error;
    }
    await this.process.status;
  }

  /** Ends the process and removes its directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#turn;
    this.#disconnect();
    await Deno.remove(this.directory, { recursive: true });
  }
}

async function writeAll(
  connection: Deno.TcpConn,
  list: Argument[][],
): Promise<void> {
  for (const args of list) {
    const bytes = encodeCommand(args);
    for (let at = 0; at < bytes.length;) {
      at += await connection.write(bytes.subarray(at));
    }
  }
}

async function readReplies(
  connection: Deno.TcpConn,
  reader: ReplyReader,
  count: number,
): Promise<Reply[]> {
  const replies: Reply[] = [];
  const buffer = new Uint8Array(READ_SIZE);
  while (replies.length < count) {
    const length = await connection.read(buffer);
    if (length === null) {
      throw new Error(
        `Cannot read reply ${replies.length + 1} of ${count}: ` +
          "the server closed the connection",
      );
    }
    reader.feed(buffer.subarray(0, length));
    for (let reply; (reply = reader.next()) !== undefined;) {
      if (reply.kind !== "push") replies.push(reply);
    }
  }
  return replies;
}

/**
 * Finds a TCP port of 127.0.0.1 that nobody listens on.
 *
 * The system gives it to nobody who asks for any port, as the proxies of other
 * tests do: who knocks until a server listens would reach one of them.
 *
 * @returns The port; another process may take it at any time.
 */
export function freePort(): number {
  for (;;) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/**
 * Starts `redis-server`, or `valkey-server` where there is no other, or what
 * the environment variable `REDIS_SERVER` names.
 *
 * @param options What is special about it.
 * @returns The server, once it answers.
 */
export function startServer(
  options: StartOptions = {},
): Promise<RedisServer> {
  return launchServer((port, directory) => [
    ...["--bind", "127.0.0.1", "--port", String(port)],
    ...["--save", "", "--appendonly", "no"],
    ...["--dir", directory, "--logfile", `${directory}/log`],
    // Older ones always take it.
    ...(options.mayDebug === true && !isServerBefore(7)
      ? ["--enable-debug-command", "yes"]
      : []),
    ...options.args ?? [],
  ], options.port);
}

/**
 * Starts the server's program, again with another port where one was taken.
 *
 * @param argsFor Gives its command line, by which it listens on the port of
 * 127.0.0.1, and logs to `log` in the directory.
 * @param port Its port; a free one by default.
 * @returns The server, once it answers.
 */
export async function launchServer(
  argsFor: (port: number, directory: string) => string[],
  port?: number,
): Promise<RedisServer> {
  let problem = "";
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    const its = port ?? freePort();
    const directory = await Deno.makeTempDir({ prefix: "respipe_test_" });
    const process = spawnServer(directory, argsFor(its, directory));
    const server = new RedisServer(process, its, directory);
    if (await answers(server)) return server;
    problem = await logOf(server);
    await server[Symbol.asyncDispose]();
    // Only a taken port is worth another attempt.
    if (!problem.includes("Address already in use")) break;
  }
  throw new Error(
    `Cannot start server: it does not answer; its log:\n${problem}`,
  );
}

/** Spawns the server, or removes its directory where there is none. */
function spawnServer(directory: string, args: string[]): Deno.ChildProcess {
  const names = serverPrograms();
  for (const name of names) {
    try {
      return new Deno.Command(name, {
        args,
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  Deno.removeSync(directory);
  throw new Error(`Cannot start server: found no ${names.join(" or ")}`);
}

/** Waits for any reply to PING, also for one that asks for a password. */
async function answers(server: RedisServer): Promise<boolean> {
  let running = true;
  server.process.status.then(() => running = false);
  const deadline = Date.now() + START_TIMEOUT;
  while (running && Date.now() < deadline) {
    try {
      await server.command("PING");
      // Where the port was taken, somebody else has answered.
      if (HAS_PORT.test(await logOf(server))) return true;
    } catch {
      // Not yet.
    }
    await sleep(START_INTERVAL);
  }
  return false;
}

async function logOf({ directory }: RedisServer): Promise<string> {
  return await Deno.readTextFile(`${directory}/log`).catch(() => "no log");
}
