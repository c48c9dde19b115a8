/**
 * What frames a load: done before the first record is sent, and behind the
 * last reply. One object for each flag that asks for such a thing.
 */
export interface LoadEnd {
  /** Done before the load connects; its failure ends the load. */
  prepare?(): Promise<void>;
  /**
   * Looks whether what {@linkcode prepare} has set up still holds, before
   * anything is concluded.
   */
  confirm?(): Promise<void>;
  /** Done when every record is in that may be. */
  conclude?(): Promise<void>;
  /** Done in place of that when the load has ended early; it must not throw. */
  abandon?(): Promise<void>;
  /** Records that a batch may have. */
  readonly mostRecords?: number;
  /**
   * Called in front of each batch of records.
   *
   * @returns What to wait for, and what ends the load where it fails; nothing
   * where it can go on at once.
   */
  beforeBatch?(): Promise<void> | undefined;
}
