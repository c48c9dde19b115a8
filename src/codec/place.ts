/** A place in a source, between two records. */
export interface Place {
  /** Records before this place, without the header. */
  readonly records: number;
  /** The physical line here, counting from 1. */
  readonly line: number;
  /** Bytes before this place. */
  readonly offset: number;
}
