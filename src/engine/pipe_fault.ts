import { InputError } from "../errors.ts";
import type { CommandScanner } from "../protocol/command_scanner.ts";
import { quotePiped } from "../protocol/quote.ts";

/** What a hazard comes to. */
export const UNPAIRED = "so replies could no longer be paired with commands";

/** A command of a piped input by its place. */
export interface CommandPlace {
  /** The source's name. */
  readonly source: string;
  /** Its ordinal, counting from 1. */
  readonly command: number;
  /** Bytes of the source before it. */
  readonly offset: number;
}

/**
 * Says that a command cannot be sent, and that nothing behind it was.
 *
 * @param place Where it stands.
 */
export function refusedCommand(
  { source, command, offset }: CommandPlace,
  name: string,
  why: string,
): InputError {
  return new InputError(
    `Cannot pipe command ${command} (${source}, byte ${offset}), which is ` +
      `${name}: ${why}; it and what follows it were not sent`,
    { source, offset },
  );
}

/**
 * Says that the input ends within a command.
 *
 * @param place Where that stands.
 * @param scanner What has found it.
 * @param bytes What is there of it, where nothing of it was sent.
 */
export function cutOff(
  { source, command, offset }: CommandPlace,
  { missing }: CommandScanner,
  bytes: Uint8Array,
): InputError {
  const held = bytes.length;
  const lack = missing > 2 ? `, ${bytesOf(missing - 2)} short` : "";
  const quoted = quotePiped(bytes, 0, held);
  const what = held > 0 && quoted !== "" ? `: ${quoted}` : "";
  const fate = held > 0
    ? `; it was not sent (${bytesOf(held)})`
    : "; it was too large to be held back: its beginning was sent, and the " +
      "server drops that";
  return new InputError(
    `The input ends within command ${command} (${source}, byte ${offset})` +
      lack + what + fate,
    { source, offset },
  );
}

function bytesOf(count: number): string {
  return count === 1 ? "1 byte" : `${count} bytes`;
}
