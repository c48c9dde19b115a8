/** A record that did not make it: where it stood, its bytes, and why. */
export interface Reject {
  /** The file's path, or `-` for standard input. */
  readonly source: string;
  /** The record's ordinal in its source, counting from 1 after the header. */
  readonly record: number;
  /** The physical line on which the record begins, counting from 1. */
  readonly line: number;
  /** Bytes of the source before the record. */
  readonly offset: number;
  /** The command that failed, as redis-cli would quote it; none where the
   * record is malformed. */
  readonly command?: string | undefined;
  /** How many of its commands have failed, such as `2 of 3`; none where the
   * record is malformed. */
  readonly failed?: string | undefined;
  /** The server's text, or what is wrong with the record. */
  readonly error: string;
  /** The record's bytes as they stand in the source, with the line break. */
  readonly bytes: Uint8Array;
  /** What its source was found to be, such as `CSV`. */
  readonly kind: string;
  /** Its source's header as it stands there; empty where there is none. */
  readonly header: Uint8Array;
}

/**
 * Takes the records that do not make it, in the input's order.
 *
 * @param reject The record.
 * @param isLast Whether it is the last of those that are counted at once: what
 * is thrown until then leaves all of them uncounted.
 */
export type OnReject = (reject: Reject, isLast: boolean) => void;

/** What is known of a reject without its bytes. */
export type KnownReject = Pick<
  Reject,
  "source" | "record" | "command" | "error" | "failed"
>;
