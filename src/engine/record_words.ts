import type { Place } from "../codec/place.ts";

/** How a stream's records are spoken of. */
export interface RecordWords {
  /** What one of them is called. */
  readonly one: string;
  /** What becomes of one that the server has taken. */
  readonly done: string;
  /** Says where one stands. */
  at(source: string, place: Place): string;
}

/** The records of a load: people look them up by their lines. */
export const ROW_WORDS: RecordWords = {
  one: "record",
  done: "loaded",
  at: (source, { line }) => `${source}:${line}`,
};

/** The commands of a pipe, which may have no lines. */
export const COMMAND_WORDS: RecordWords = {
  one: "command",
  done: "executed",
  at: (source, { records, offset }) =>
    `command ${records + 1} (${source}, byte ${offset})`,
};
