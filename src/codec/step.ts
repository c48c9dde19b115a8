/** What reading a record came to. */
export const Step = {
  /** The input is used up; the record, if one has begun, is not whole. */
  NeedInput: 0,
  /** The view shows the next record. */
  Record: 1,
  /** The record is malformed; The fault says how. */
  Reject: 2,
  /** Nothing more can be read; The fault says why. */
  Broken: 3,
} as const;

/** One of the values of {@linkcode Step}. */
export type Step = typeof Step[keyof typeof Step];

/** Why a record, or the rest of the input, cannot be read. */
export interface RecordFault {
  /** What is wrong, to be read after the place where it is. */
  readonly reason: string;
  /** The physical line where it is wrong, counting from 1. */
  readonly line: number;
  /** The byte where it is wrong, counting from 0 at the source's start. */
  readonly offset: number;
}
