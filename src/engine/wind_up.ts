import {
  ConnectionError,
  InputError,
  InterruptedError,
  ProtocolError,
  StoppedError,
  UsageError,
} from "../errors.ts";

/** How long the replies to what is in flight are waited for, in ms. */
export const PATIENCE = 5_000;

/** What there is to wind up, in a load and in a pipe alike. */
interface Unfinished {
  /**
   * Ends what came before broken input as if the input had ended there.
   *
   * @throws What ends it worse.
   */
  finish(): Promise<void>;
  /** Sends nothing more, and waits for the replies to what was sent. */
  drain(): Promise<void>;
  /** Settles the accounts; says how far it got. */
  close(): string;
  /** Says why a full server is full, where it tells. */
  explain?: ((reply: string) => Promise<string | undefined>) | undefined;
}

/**
 * Ends a run early without losing what is known.
 *
 * Input that breaks off: what came before it is finished. A stop or an
 * interruption: nothing more is sent, and the replies to what was are waited
 * for. A lost connection: there is nothing to wait for.
 *
 * @returns The error to throw: its message says how far the run got.
 */
export async function windUp(
  error: unknown,
  run: Unfinished,
): Promise<unknown> {
  if (error instanceof InputError || error instanceof UsageError) {
    try {
      await run.finish();
      run.close();
      return error;
    } catch (worse) {
      error = worse;
    }
  }
  await run.drain();
  const counts = run.close();
  const reply = error instanceof StoppedError ? error.reply : undefined;
  const why = reply === undefined ? undefined : await run.explain?.(reply);
  if (
    error instanceof StoppedError || error instanceof ConnectionError ||
    error instanceof InterruptedError || error instanceof ProtocolError
  ) error.message += `${why === undefined ? "" : ` (${why})`}; ${counts}`;
  return error;
}

/**
 * Adds to what a run has failed with what has gone wrong besides.
 *
 * @param besides An error, or a sentence.
 */
export function alsoSay(failure: unknown, besides: unknown): void {
  const text = besides instanceof Error ? besides.message : besides;
  if (!(failure instanceof Error) || typeof text !== "string") return;
  if (!failure.message.includes(text)) failure.message += `; ${text}`;
}
