/**
 * The commands of one batch, or of one piece of a pipe, for one lane.
 *
 * It is a queue entry and no more: the flight counts its replies, the lane
 * writes its bytes, and only whoever made it knows what its origin means.
 */
export class Shipment<Origin> {
  /** Commands whose replies have come. */
  answered = 0;
  /** Whether the last byte was handed to the system. */
  isWritten = false;
  /** When its first byte was handed to the system, in ms; 0 until then. */
  sentAt = 0;

  /**
   * Makes a shipment.
   *
   * @param origin Where its commands come from.
   * @param bytes Their RESP; it must not change until it is written.
   * @param commands How many replies it is owed.
   * @param weight Bytes that it counts for in a window.
   */
  constructor(
    readonly origin: Origin,
    readonly bytes: Uint8Array,
    readonly commands: number,
    readonly weight: number = bytes.length,
  ) {}
}
