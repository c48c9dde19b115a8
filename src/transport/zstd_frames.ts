/**
 * Where the frames of zstd data end (RFC 8878, section 3).
 *
 * The runtime's decoder stops behind the first frame and takes a cut one for
 * whole; so frames are told apart here, by their headers alone, and each is
 * given to a decoder of its own. What the decoder throws while it makes more
 * than one chunk of text of a piece, nobody can catch; so pieces end where a
 * block does, and the checksum is one of its own: mistakes come first then.
 *
 * @module
 */

/** A frame begins with this word; little-endian, as all numbers here. */
const FRAME = 0xfd2fb528;

/** A frame with data that is not for us: the last four bits do not matter. */
const SKIPPABLE = 0x184d2a50;

/** Bytes of the dictionary's id and of the content's size, by their flags. */
const ID_BYTES = [0, 1, 2, 4];
const SIZE_BYTES = [0, 2, 4, 8];

const MAGIC = 0;
const SKIPPED_SIZE = 1;
const DESCRIPTOR = 2;
const BLOCK = 3;
/** In front of the frame's checksum, and behind all of it. */
const CHECKSUM = 4;
const TAIL = 5;

/** Walks over zstd data in pieces of any length. */
export class ZstdFrames {
  /** Whether all bytes so far are whole frames. */
  isBetween = true;
  /** What is wrong; nothing more can be walked over then. */
  fault: string | undefined;
  #state = MAGIC;
  /** Bytes to pass over before the next number. */
  #pass = 0;
  /** Bytes that the next number still lacks, and how many it has. */
  #missing = 4;
  #known = 0;
  #number = 0;
  #hasChecksum = false;

  /**
   * Walks on, to the end of a block, of the frame, or of the input.
   *
   * @returns Index behind the last byte that belongs to the current frame; the
   * frame is whole where {@linkcode isBetween} says so.
   */
  walk(bytes: Uint8Array, at: number, end: number): number {
    while (this.fault === undefined) {
      const passed = Math.min(this.#pass, end - at);
      this.#pass -= passed;
      at += passed;
      if (this.#pass > 0) return at;
      if (this.#state === TAIL) {
        this.isBetween = true;
        this.#expect(MAGIC, 4);
        return at;
      }
      if (this.#state === CHECKSUM) this.#expect(TAIL, 0, 4);
      if (passed > 0) return at;
      while (this.#missing > 0) {
        if (at === end) return at;
        this.isBetween = false;
        this.#number += bytes[at++] * 2 ** (8 * this.#known++);
        this.#missing--;
      }
      this.#take(this.#number);
    }
    return at;
  }

  /** Understands a number that is whole. */
  #take(number: number): void {
    switch (this.#state) {
      case MAGIC:
        if (number === FRAME) this.#expect(DESCRIPTOR, 1);
        else if (number - number % 16 === SKIPPABLE) {
          this.#expect(SKIPPED_SIZE, 4);
        } else this.fault = "what stands behind a frame is none";
        break;
      case SKIPPED_SIZE:
        this.#expect(TAIL, 0, number);
        break;
      case DESCRIPTOR: {
        const sizeFlag = number >> 6;
        const isSingleSegment = (number & 0x20) !== 0;
        const window = isSingleSegment ? 0 : 1;
        const size = sizeFlag === 0 && isSingleSegment
          ? 1
          : SIZE_BYTES[sizeFlag];
        this.#hasChecksum = (number & 4) !== 0;
        this.#expect(BLOCK, 3, window + ID_BYTES[number & 3] + size);
        break;
      }
      case BLOCK: {
        const isLast = (number & 1) !== 0;
        const type = number >> 1 & 3;
        // A run of one byte has the run's length there.
        const size = type === 1 ? 1 : number >> 3;
        if (type === 3) this.fault = "a block is of no known type";
        else if (!isLast) this.#expect(BLOCK, 3, size);
        else this.#expect(this.#hasChecksum ? CHECKSUM : TAIL, 0, size);
        break;
      }
    }
  }

  #expect(state: number, bytes: number, pass = 0): void {
    this.#state = state;
    this.#missing = bytes;
    this.#known = 0;
    this.#number = 0;
    this.#pass = pass;
  }
}
