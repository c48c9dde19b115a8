/**
 * The error classes of respipe, one per way to end badly.
 *
 * A rejected record is none of them: it is data, counted and reported.
 *
 * @module
 */

/**
 * Wrong usage: a flag, a template or an option that cannot work.
 *
 * Found before the first byte is sent; exit code 2.
 *
 * @example
 * ```ts
 * import { UsageError } from "./errors.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new UsageError('Cannot parse port "x": not a number', "-p");
 * assertEquals(error.flag, "-p");
 * ```
 */
export class UsageError extends TypeError {
  /** The name shown in front of the message. */
  override readonly name = "UsageError";

  /**
   * Makes the error.
   *
   * @param message What is wrong and what would be right.
   * @param flag The flag that is wrong, where there is one.
   */
  constructor(message: string, readonly flag?: string) {
    super(message);
  }
}

/**
 * Where in the input something stands.
 */
export interface InputPosition {
  /** The file's path, or `-` for standard input. */
  source: string;
  /** The physical line, counting from 1; none where it is not known. */
  line?: number | undefined;
  /** The byte offset from the start of the source. */
  offset?: number | undefined;
}

/**
 * The input cannot be read, or is broken beyond one record; exit code 5.
 *
 * @example
 * ```ts
 * import { InputError } from "./errors.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new InputError("quote left open", { source: "a.csv", line: 7 });
 * assertEquals(error.position.line, 7);
 * ```
 */
export class InputError extends Error {
  /** The name shown in front of the message. */
  override readonly name = "InputError";

  /**
   * Makes the error.
   *
   * @param message What is wrong and what to do.
   * @param position Where it is wrong.
   * @param options The cause, where there is one.
   */
  constructor(
    message: string,
    readonly position: InputPosition,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * The server could not be reached, refused the handshake, or was lost; exit
 * code 4.
 *
 * @example
 * ```ts
 * import { ConnectionError } from "./errors.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new ConnectionError("refused", "127.0.0.1:6379");
 * assertEquals(error.address, "127.0.0.1:6379");
 * ```
 */
export class ConnectionError extends Error {
  /** The name shown in front of the message. */
  override readonly name = "ConnectionError";

  /**
   * Makes the error.
   *
   * @param message What happened and what to do.
   * @param address The server's address as a user would write it.
   * @param options The cause, where there is one.
   */
  constructor(
    message: string,
    readonly address: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * The server is not ready, but may be soon: it does not listen yet, is still
 * loading its data set, or is in the middle of a failover.
 */
export class NotReadyError extends ConnectionError {}

/** The server has closed the connection instead of answering. */
export class HungUpError extends NotReadyError {}

/**
 * The server sent something that is not RESP; sticky, exit code 4.
 *
 * @example
 * ```ts
 * import { ProtocolError } from "./errors.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new ProtocolError("no RESP", 12, new Uint8Array([72, 84]));
 * assertEquals(error.offset, 12);
 * ```
 */
export class ProtocolError extends SyntaxError {
  /** The name shown in front of the message. */
  override readonly name = "ProtocolError";

  /**
   * Makes the error.
   *
   * @param message What was expected and what came.
   * @param offset Bytes into the reply stream where it went wrong.
   * @param bytes The bytes found there, a short excerpt.
   */
  constructor(
    message: string,
    readonly offset: number,
    readonly bytes: Uint8Array,
  ) {
    super(message);
  }
}

/**
 * The load was stopped on purpose: too many rejects, or an error that would
 * hit every record; exit code 3.
 *
 * @example
 * ```ts
 * import { StoppedError } from "./errors.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new StoppedError("the server is full", "OOM command not ...");
 * assertEquals(error.reply, "OOM command not ...");
 * ```
 */
export class StoppedError extends Error {
  /** The name shown in front of the message. */
  override readonly name = "StoppedError";

  /**
   * Makes the error.
   *
   * @param message Why it was stopped, what that means, and what to do.
   * @param reply The server's own text, where that is the reason.
   */
  constructor(message: string, readonly reply?: string) {
    super(message);
  }
}

/**
 * Somebody interrupted the load; exit code 130 for SIGINT, 143 for SIGTERM.
 *
 * @example
 * ```ts
 * import { InterruptedError } from "./errors.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new InterruptedError("SIGTERM").signal, "SIGTERM");
 * ```
 */
export class InterruptedError extends Error {
  /** The name shown in front of the message. */
  override readonly name = "InterruptedError";

  /**
   * Makes the error.
   *
   * @param signal What interrupted it.
   */
  constructor(readonly signal: "SIGINT" | "SIGTERM") {
    super(`Interrupted by ${signal}`);
  }
}

/**
 * Another load holds the lock, or uses the file of `--state`; exit code 75.
 *
 * @example
 * ```ts
 * import { LockedError } from "./errors.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new LockedError("held by db1", "nightly");
 * assertEquals(error.key, "nightly");
 * ```
 */
export class LockedError extends Error {
  /** The name shown in front of the message. */
  override readonly name = "LockedError";

  /**
   * Makes the error.
   *
   * @param message Who holds the lock.
   * @param key The key that is the lock, or the file's path.
   */
  constructor(message: string, readonly key: string) {
    super(message);
  }
}
