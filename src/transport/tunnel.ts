import { NotReadyError, UsageError } from "../errors.ts";
import { reasonOf } from "./reason.ts";

/** How long the command may take to end when asked to, in ms. */
const PATIENCE = 3_000;

/** Between two looks whether the port answers, in ms. */
const INTERVAL = 50;

/** Bytes of the command's standard error that are kept. */
const KEPT = 2_000;

/** How to wait for a way to open. */
export interface TunnelOptions {
  /** How long it may take, in ms. Default: 10,000; 0 is for ever. */
  connectTimeout?: number | undefined;
  /** The same, where it is longer. */
  retry?: number | undefined;
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
}

/**
 * A way to a server that a command opens and keeps open, such as a
 * port-forward: it listens on a local port as long as it runs.
 *
 * The command gets a process group of its own: a Ctrl-C on the terminal is for
 * respipe, which still has replies to wait for, and what the command itself
 * started ends with it. To signal a group takes Deno's permission to run
 * anything; with less only the command itself is ended.
 */
export class Tunnel implements AsyncDisposable {
  /** The local host. */
  readonly host = "127.0.0.1";
  /** The local port. */
  readonly port: number;
  readonly #command: readonly string[];
  readonly #options: TunnelOptions;
  readonly #kill = (): void => this.#send("SIGKILL");
  #child: Deno.ChildProcess;
  #stderr: ReadableStreamDefaultReader<Uint8Array>;
  #heard: Promise<void>;
  #said = "";
  #ended = false;

  private constructor(command: readonly string[], options: TunnelOptions) {
    this.port = freePort();
    this.#command = command.map((word) =>
      word.replaceAll("{port}", String(this.port))
    );
    this.#options = options;
    this.#child = start(this.#command);
    this.#stderr = this.#child.stderr.getReader();
    this.#heard = this.#attend();
    // Where the process ends by Deno.exit, nothing else is run any more.
    globalThis.addEventListener("unload", this.#kill);
  }

  /**
   * Starts the command and waits until its port answers.
   *
   * @param command The command's words; `{port}` in them becomes the port.
   * @returns The open way.
   * @throws {UsageError} When the command cannot be started.
   * @throws {ConnectionError} When it ends, or its port does not answer.
   */
  static async open(
    command: readonly string[],
    options: TunnelOptions = {},
  ): Promise<Tunnel> {
    const tunnel = new Tunnel(command, options);
    try {
      await tunnel.#opened();
      return tunnel;
    } catch (error) {
      await tunnel[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Starts the command anew where it has ended, for the same port, and waits
   * until that answers.
   *
   * @throws {NotReadyError} When it ends again, or its port does not answer.
   */
  async reopen(): Promise<void> {
    if (!this.#ended) return;
    await this.#end();
    this.#child = start(this.#command);
    this.#stderr = this.#child.stderr.getReader();
    this.#heard = this.#attend();
    await this.#opened();
  }

  /**
   * What the command has said last on its standard error.
   *
   * @returns The last lines, joined by slashes; empty where there are none.
   */
  get lastWords(): string {
    return this.#said.trim().split(/\s*\n\s*/).slice(-3).join(" / ");
  }

  /** Ends the command: first it is asked, after a while it is made to. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#send("SIGTERM");
    const timer = setTimeout(() => this.#send("SIGKILL"), PATIENCE);
    await this.#child.status;
    clearTimeout(timer);
    await this.#end();
    globalThis.removeEventListener("unload", this.#kill);
  }

  /** Ends what the command has left: that may keep its streams open. */
  async #end(): Promise<void> {
    this.#send("SIGKILL");
    await this.#stderr.cancel();
  }

  async #opened(): Promise<void> {
    const { connectTimeout = 10_000, retry = 0, signal } = this.#options;
    const [program] = this.#command;
    const limit = connectTimeout === 0
      ? Infinity
      : Math.max(connectTimeout, retry);
    const deadline = performance.now() + limit;
    const address = `${this.host}:${this.port}`;
    for (;;) {
      signal?.throwIfAborted();
      if (this.#ended) {
        const { code } = await this.#child.status;
        await Promise.race([
          this.#heard,
          new Promise((wake) => setTimeout(wake, INTERVAL * 4)),
        ]);
        throw new NotReadyError(
          `Cannot go through --via ${program}: it ended with code ${code}` +
            this.#quoted(),
          address,
        );
      }
      try {
        const conn = await Deno.connect({
          hostname: this.host,
          port: this.port,
        });
        conn.close();
        return;
      } catch (error) {
        if (error instanceof Deno.errors.NotCapable) {
          throw new UsageError(
            `Cannot go through --via ${program}: ` +
              reasonOf(error, `--allow-net=${this.host}`),
            "--via",
          );
        }
      }
      if (performance.now() > deadline) {
        throw new NotReadyError(
          `Cannot go through --via ${program}: its port ${address} does not ` +
            `answer within ${limit / 1000} s${this.#quoted()}`,
          address,
        );
      }
      await new Promise((wake) => setTimeout(wake, INTERVAL));
    }
  }

  #quoted(): string {
    const { lastWords } = this;
    return lastWords === "" ? "" : `; it said ${JSON.stringify(lastWords)}`;
  }

  /** Notes what the command says, and its end. */
  async #attend(): Promise<void> {
    const stderr = this.#stderr;
    this.#ended = false;
    this.#child.status.then(() => this.#ended = true);
    const decoder = new TextDecoder();
    for (;;) {
      const { value } = await stderr.read();
      if (value === undefined) return;
      const text = this.#said + decoder.decode(value, { stream: true });
      this.#said = text.slice(-KEPT);
    }
  }

  #send(signal: Deno.Signal): void {
    try {
      // A negative id is the group's.
      if (Deno.build.os === "windows") this.#child.kill(signal);
      else Deno.kill(-this.#child.pid, signal);
    } catch {
      try {
        // One's own child may be signalled without further leave.
        this.#child.kill(signal);
      } catch {
        // It has ended by itself.
      }
    }
  }
}

function start([program, ...args]: readonly string[]): Deno.ChildProcess {
  try {
    return new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      detached: Deno.build.os !== "windows",
    }).spawn();
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? "there is no such program"
      : reasonOf(error, `--allow-run=${program}`);
    throw new UsageError(`Cannot start --via ${program}: ${why}`, "--via");
  }
}

function freePort(): number {
  try {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    return listener.addr.port;
  } catch (error) {
    throw new UsageError(
      `Cannot use --via: ${reasonOf(error, "--allow-net=127.0.0.1")}`,
      "--via",
    );
  }
}
